"""Sentences of running text, against spaCy's own component, and of streams without an end."""

import itertools
import unicodedata
from typing import List

import pytest
import spacy
from allennlp.data import Token
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc

from lowresource_ner.data.tokenizers.sentence_splitter import MAX_SENTENCE_WORDS, WordSentenceSplitter

SPACY = spacy.blank("xx")
SENTENCIZER = SPACY.add_pipe("sentencizer")
SPLITTER = WordSentenceSplitter()


def tokens(words: List[str]) -> List[Token]:
    return [Token(word) for word in words]


def split(words: List[str]) -> List[List[str]]:
    return [[token.text for token in sentence] for sentence in SPLITTER.split(tokens(words))]


def split_by_spacy(words: List[str]) -> List[List[str]]:
    """The sentences that the sentencizer finds in the whole, and of each the opening punctuation at its end given to the next."""
    ends = []
    for sentence in SENTENCIZER(Doc(SPACY.vocab, words=words)).sents:
        end = sentence.end
        while end > 0 and all(each in "¿¡" or unicodedata.category(each) in ("Ps", "Pi") for each in words[end - 1]):
            end -= 1
        ends.append(end)
    ends[-1] = len(words)
    return [words[start:end] for start, end in zip([0, *ends], ends) if start < end]


WORDS = [
    "Lima",
    "a",
    ".",
    ".",
    "?",
    "!",
    "...",
    "…",
    "。",
    "؟",
    "¿",
    "¡",
    "(",
    ")",
    "“",
    "”",
    "«",
    "»",
    '"',
    "'s",
    "-",
    ",",
    "$",
    "😀",
    "1.",
    "!?",
]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(WORDS) | st.text(min_size=1, max_size=3), min_size=1, max_size=40))
def test_sentences_are_those_of_spacy(words: List[str]) -> None:
    assert split(words) == split_by_spacy(words)


def test_nothing_in_nothing_out() -> None:
    assert SPLITTER.split([]) == []


def test_a_stream_is_not_read_further_than_the_word_after_a_sentence() -> None:
    stream = iter(tokens(["Lima", ".", "(", "Yes", "no"]))
    sentence = next(SPLITTER.stream(stream))
    assert [token.text for token in sentence] == ["Lima", "."]
    assert [token.text for token in stream] == ["no"]


@pytest.mark.parametrize("word", ["Lima", ".", "("])
def test_a_sentence_without_an_end_is_cut(word: str) -> None:
    endless = SPLITTER.stream(itertools.repeat(Token(word)))
    assert [len(next(endless)) for _ in range(3)] == [MAX_SENTENCE_WORDS] * 3
    words = [str(number) for number in range(MAX_SENTENCE_WORDS + 5)]
    assert split(words) == [words[:MAX_SENTENCE_WORDS], words[MAX_SENTENCE_WORDS:]]
