"""Words of raw text, with offsets that slice it; what spaCy is given of long texts."""

import re
from functools import cache
from typing import List

import pytest
import regex
import spacy
from allennlp.common.checks import ConfigurationError
from hypothesis import given, settings
from hypothesis import strategies as st

from lowresource_ner.data import WordTokenizer
from lowresource_ner.data.tokenizers.word_tokenizer import MAX_PIECE, MAX_RUN, MAX_STRETCH

TOKENIZER = WordTokenizer()


@settings(deadline=None)
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


@cache
def tokenizer(language: str) -> WordTokenizer:
    return WordTokenizer(language)


@cache
def plain_spacy(language: str) -> spacy.Language:
    return spacy.blank(language)


def words_of_spacy(language: str, text: str) -> List[str]:
    return [word.text for word in plain_spacy(language)(text) if not word.is_space]


PARTS = [
    "http://a.b/c?d=e&f",
    "z.B.",
    "don't",
    "...",
    "😀",
    "a-b",
    "1,5km",
    "(",
    ")",
    "!",
    "“",
    "_",
    "EE.",
    "UU.",
    ":-)",
    "é",
    "\u0301",
    "-",
]
RUNS = st.lists(
    st.sampled_from(PARTS) | st.text("abz019.,-'()!/:@%$ßΩи", min_size=1, max_size=8), min_size=1, max_size=60
).map(lambda parts: "".join(parts)[:MAX_RUN])


@pytest.mark.parametrize("language", ["xx", "en", "de", "es"])
@settings(max_examples=60, deadline=None, derandomize=True)
@given(runs=st.lists(RUNS, max_size=4), space=st.sampled_from([" ", "  ", "\u00a0", "\t"]))
def test_words_are_those_of_spacy_where_no_run_is_long(language: str, runs: List[str], space: str) -> None:
    text = space.join(runs)
    assert [token.text for token in tokenizer(language).tokenize(text)] == words_of_spacy(language, text)


@pytest.mark.parametrize(
    "text", ["a" * MAX_RUN, "!" * MAX_RUN, ("a-" * MAX_RUN)[:MAX_RUN], "http://a.b/" + "c" * (MAX_RUN - 11)]
)
def test_a_run_of_the_longest_length_is_whole(text: str) -> None:
    assert [token.text for token in TOKENIZER.tokenize(f"({text[:-2]}) {text}")] == words_of_spacy(
        "xx", f"({text[:-2]}) {text}"
    )


class Spy:
    """A tokenizer of spaCy that writes down what it is given."""

    def __init__(self, language: str) -> None:
        self.tokenizer = plain_spacy(language).tokenizer
        self.texts: List[str] = []

    def __call__(self, text: str) -> spacy.tokens.Doc:
        self.texts.append(text)
        return self.tokenizer(text)


UNITS = [
    "a",
    " ",
    "'",
    "...",
    "http://",
    "(",
    "a-",
    "1,",
    "😀",
    "_",
    "中",
    "中\u0301",
    "\u0301",
    "\u200d",
    "\u200f",
    "'s",
    " \u00a0",
    "\t",
    "a ",
]
UNITS += ["!" * MAX_RUN + " ", "!" * (MAX_RUN + 1) + " "]


@pytest.mark.parametrize("unit", UNITS)
def test_spacy_is_given_bounded_pieces_of_any_line(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What spaCy takes for a character grows with the length of the run that it stands in, and with nothing else."""
    length = 1 << 14
    text = (unit * length)[:length]
    spy = Spy("xx")
    monkeypatch.setattr(TOKENIZER._spacy, "tokenizer", spy)
    tokens = TOKENIZER.tokenize(text)
    assert "".join(spy.texts) == text
    assert max(map(len, re.findall(r"\S+", " ".join(spy.texts))), default=0) <= MAX_RUN
    assert len(spy.texts) <= 2 + length // (MAX_PIECE // 2)
    assert "".join(token.text for token in tokens) == "".join(text.split())
    assert all(text[token.idx : token.idx_end] == token.text for token in tokens)
    if len(unit) < MAX_RUN and not any(character.isspace() for character in unit):
        assert max(map(len, spy.texts)) <= MAX_PIECE


def test_a_text_of_any_length_is_given_in_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a million characters, which spaCy's `make_doc` refuses."""
    run = "." * MAX_RUN
    text = " ".join([run] * 4100)
    assert len(text) > 1_050_000
    spy = Spy("xx")
    monkeypatch.setattr(TOKENIZER._spacy, "tokenizer", spy)
    assert [token.text for token in TOKENIZER.tokenize(text)] == [run] * 4100
    assert "".join(spy.texts) == text and max(map(len, spy.texts)) <= MAX_STRETCH


CHINESE = st.text("中国大学京", min_size=2, max_size=9)
OTHERS = st.sampled_from(["，", "。", "「", "」", "10.5％", "3D", "km", "(", "タワー"])
MIXED = st.lists(st.tuples(CHINESE, OTHERS).map("".join), min_size=50, max_size=150)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(MIXED)
def test_a_page_without_spaces_has_the_words_that_it_has_as_a_whole(parts: List[str]) -> None:
    """spaCy leaves most of it in one piece, and every character of it that is a word, or punctuation, ends one."""
    text = "".join(parts)
    pieces = r"[\p{Han}\p{Katakana}]\u30fc?|[\p{P}\p{S}]|[a-zA-Z0-9]+"
    assert [token.text for token in TOKENIZER.tokenize(text)] == regex.findall(pieces, text)


@pytest.mark.parametrize("cluster", ["e\u0301", "👩\u200d", "ក\u17d2"])
def test_no_run_is_cut_before_a_mark(cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Spy("xx")
    monkeypatch.setattr(TOKENIZER._spacy, "tokenizer", spy)
    TOKENIZER.tokenize(cluster * 999)
    assert len(spy.texts) > 10 and all(piece[0] == cluster[0] for piece in spy.texts)


def test_long_runs_are_cut_beside_punctuation(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "https://example.org/" + "&".join(f"key{number}=value{number}" for number in range(40))
    spy = Spy("xx")
    monkeypatch.setattr(TOKENIZER._spacy, "tokenizer", spy)
    assert TOKENIZER.tokenize(text)[0].text == "https://example.org/key0=value0&key1=value1&key2=value2&key3="
    assert not any(before[-1].isalnum() and after[0].isalnum() for before, after in zip(spy.texts, spy.texts[1:]))
    assert [token.text for token in TOKENIZER.tokenize("a" * 300)] == ["a" * 64] * 4 + ["a" * 44]
