"""Words of raw text, with offsets that slice it."""

import pytest
from allennlp.common.checks import ConfigurationError
from hypothesis import given
from hypothesis import strategies as st

from lowresource_ner.data import WordTokenizer

TOKENIZER = WordTokenizer()


@given(st.text(max_size=60))
def test_offsets_slice_the_text_and_nothing_but_space_is_lost(text: str) -> None:
    tokens = TOKENIZER.tokenize(text)
    position = 0
    for token in tokens:
        assert token.text == text[token.idx : token.idx_end] and token.text
        assert text[position : token.idx].strip() == ""
        position = token.idx_end
    assert text[position:].strip() == ""


@pytest.mark.parametrize(
    "text, words",
    [
        ("Dkt. Nyerere alienda Dar es Salaam.", ["Dkt", ".", "Nyerere", "alienda", "Dar", "es", "Salaam", "."]),
        ("北京大学在中国。", list("北京大学在中国。")),
        ("東京タワーへ", ["東", "京", "タ", "ワー", "へ"]),
        ("ที่นี่ Bangkok", ["ที่", "นี่", "Bangkok"]),
        ("ソニーの3D（新）", ["ソ", "ニー", "の", "3D", "（", "新", "）"]),
        ("U.S.A. (1999)", ["U.S.A.", "(", "1999", ")"]),
        ("", []),
        (" \t\n ", []),
    ],
)
def test_words_by_hand(text: str, words: list) -> None:
    assert [token.text for token in TOKENIZER.tokenize(text)] == words


def test_a_language_brings_its_abbreviations() -> None:
    assert "z.B." in [token.text for token in WordTokenizer("de").tokenize("Städte, z.B. Bonn")]


def test_a_language_without_rules_is_an_error_that_says_what_to_take() -> None:
    with pytest.raises(ConfigurationError, match="'sw'.*'xx'"):
        WordTokenizer("sw")
