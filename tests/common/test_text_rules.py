"""What a word and an entity type may be."""

import re

import pytest

from lowresource_ner.common.text_rules import split_words, suggested_type, type_fault, word_fault


def test_words_are_separated_by_ascii_spaces_and_tabs_alone() -> None:
    assert split_words("  a\tb \t 10\u00a0000  c\u2028d\x0b ") == ["a", "b", "10\u00a0000", "c\u2028d\x0b"]
    assert split_words(" \t ") == []


@pytest.mark.parametrize("word", ["a", "New York", "\u00a0", " ", "#", "-DOCSTART-", "\ufeffa", "😀", "a\x0bb"])
def test_what_can_be_a_word(word) -> None:
    assert word_fault(word) is None


@pytest.mark.parametrize(
    "word, fault",
    [
        ("", "empty"),
        ("a\tb", "a tab"),
        ("a\n", "a line feed"),
        ("\ra", "a carriage return"),
        ("\0", "a NUL"),
        ("cut \ud83d", "half of a surrogate pair .* at character 5"),
    ],
)
def test_what_cannot(word, fault) -> None:
    assert re.search(fault, word_fault(word) or "")


@pytest.mark.parametrize("name", ["PER", "person-artist", "B-1", "работа", "人名", "a/b", "_"])
def test_what_can_be_a_type(name) -> None:
    assert type_fault(name) is None and suggested_type(name) == name


@pytest.mark.parametrize(
    "name, fault, suggestion",
    [
        ("", "is empty", "O"),
        ("O", 'is "O"', "O"),
        ("work of art", "white space", "work-of-art"),
        (" PER", "white space", "PER"),
        ("a\u00a0b", "white space", "a-b"),
        ("PER-", "hyphen", "PER"),
        ("-", "hyphen", "O"),
        ("a\x00b", "control", "a-b"),
        ("x" * 1001, "over 1000 characters", "x" * 1000),
    ],
)
def test_what_can_be_none_and_what_may_stand_for_it(name, fault, suggestion) -> None:
    assert fault in (type_fault(name) or "")
    assert suggested_type(name) == suggestion and (suggestion == "O" or type_fault(suggestion) is None)
