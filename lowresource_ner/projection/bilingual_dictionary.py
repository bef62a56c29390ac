"""Bilingual word dictionaries."""

import random
from typing import Dict, Iterable, List, Sequence, Tuple

from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.text_rules import split_words, word_fault
from lowresource_ner.data.text_lines import ConllError, numbered_lines

CHOICES = ("first", "random")


class BilingualDictionary:
    """
    Bilingual dictionary in MUSE's format (Conneau et al. 2018, arXiv:1710.04087): each line has a word and one of its
    translations, separated by a tab or, if the line has no tab, by white space. A translation may have several words. A word with
    several translations has one line for each.

    A word is looked up as it is and, if it is not found, in lower case. A translation found in lower case takes on the casing of
    the word: its first letter is capitalised, or all of it if the word is longer than one character and in upper case.

    # Parameters

    entries : `Iterable[Tuple[str, Sequence[str]]]`
        Pairs of a word and the words of one of its translations.
    choice : `str`, optional (default = `"first"`)
        How to choose among several translations: "first" takes the first in the file; "random" draws one uniformly for each
        occurrence of the word.
    seed : `int`, optional (default = `13`)
        The random seed for "random".

    # Raises

    `ConfigurationError`
        If `choice` is unknown.
    """

    def __init__(self, entries: Iterable[Tuple[str, Sequence[str]]], choice: str = "first", seed: int = 13) -> None:
        if choice not in CHOICES:
            raise ConfigurationError(f"The choice of translations is '{choice}'; it is one of {', '.join(CHOICES)}.")
        self._translations: Dict[str, List[Tuple[str, ...]]] = {}
        for word, translation in entries:
            known = self._translations.setdefault(word, [])
            if tuple(translation) not in known:
                known.append(tuple(translation))
        self._is_random = choice == "random"
        self._random = random.Random(seed)

    @classmethod
    def read(cls, path: str, choice: str = "first", seed: int = 13) -> "BilingualDictionary":
        """
        Reads a dictionary from a file, which may be compressed (gz, bz2, xz).

        # Raises

        `ConfigurationError`
            If a line is malformed (the message gives file and line), or the file has no entries.
        """
        dictionary = cls(_entries(path), choice, seed)
        if not len(dictionary):
            raise ConfigurationError(f"{path}: there are no entries in this dictionary. Check the path.")
        return dictionary

    def __len__(self) -> int:
        """The number of words that have a translation."""
        return len(self._translations)

    def translate(self, word: str) -> Tuple[str, ...]:
        """Returns the words of a translation; an empty tuple if the word is unknown."""
        found = self._translations.get(word)
        if found is not None:
            return self._chosen(found)
        found = self._translations.get(word.lower())
        return () if found is None else _in_case_of(word, self._chosen(found))

    def _chosen(self, translations: Sequence[Tuple[str, ...]]) -> Tuple[str, ...]:
        return self._random.choice(translations) if self._is_random else translations[0]


def _entries(path: str) -> Iterable[Tuple[str, Sequence[str]]]:
    for number, line in numbered_lines(path, "utf-8"):
        if not line.strip():
            continue
        cells = line.split("\t") if "\t" in line else line.split(None, 1)
        words = split_words(cells[1]) if len(cells) == 2 else []
        fault = next((fault for fault in map(word_fault, [cells[0].strip(), *words]) if fault), None)
        if not words or fault:
            raise ConllError(
                path,
                number,
                "a line of a dictionary has a word, a tab or a space, and its translation; correct the line"
                + (f" (a word {fault})" if fault and words else ""),
            )
        yield cells[0].strip(), words


def _in_case_of(word: str, translation: Tuple[str, ...]) -> Tuple[str, ...]:
    if len(word) > 1 and word.isupper():
        return tuple(each.upper() for each in translation)
    if word[:1].isupper():
        return (translation[0][:1].upper() + translation[0][1:], *translation[1:])
    return translation
