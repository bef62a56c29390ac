"""Derives a bilingual dictionary from word alignments."""

from collections import Counter, defaultdict
from typing import Dict, FrozenSet, Iterator, List, Sequence, Tuple

from lowresource_ner.projection.word_alignment import Link


class DerivedDictionary:
    """
    Counts how words are translated in aligned text.

    A source word counts as translated where its target words are linked to no other source word and stand side by side, at most
    `max_words` of them; they are then its translation, in their order. Other occurrences are not counted. All words are put in
    small letters, unless `keep_case`, and a word must have a letter, so that numbers and punctuation are not in the dictionary.

    Memory grows with the number of different pairs of words.

    # Parameters

    max_words : `int`, optional (default = `3`)
    keep_case : `bool`, optional (default = `False`)
    """

    def __init__(self, max_words: int = 3, keep_case: bool = False) -> None:
        self._max_words = max_words
        self._keep_case = keep_case
        self._counts: Dict[str, Dict[str, int]] = defaultdict(Counter)

    def add(self, source: Sequence[str], target: Sequence[str], links: FrozenSet[Link]) -> None:
        """Counts the translations in a pair of sentences."""
        targets: Dict[int, List[int]] = defaultdict(list)
        num_sources = Counter(target for _, target in links)
        for source_word, target_word in sorted(links):
            targets[source_word].append(target_word)
        for source_word, words in targets.items():
            is_own = all(num_sources[word] == 1 for word in words)
            if is_own and len(words) <= self._max_words and words[-1] - words[0] == len(words) - 1:
                translation = " ".join(target[word] for word in words)
                self._count(source[source_word], translation)

    def entries(self, min_count: int = 2, min_probability: float = 0.1) -> Iterator[Tuple[str, str]]:
        """
        Yields words and their translations, the words in alphabetical order, and the most frequent translation first.

        # Parameters

        min_count : `int`
            How often a word must be translated so.
        min_probability : `float`
            The least share of the word's counted occurrences.
        """
        for word, translations in sorted(self._counts.items()):
            total = sum(translations.values())
            for translation, count in sorted(translations.items(), key=lambda item: (-item[1], item[0])):
                if count >= min_count and count >= min_probability * total:
                    yield word, translation

    def _count(self, word: str, translation: str) -> None:
        if not self._keep_case:
            word, translation = word.lower(), translation.lower()
        if any(map(str.isalpha, word)) and any(map(str.isalpha, translation)):
            self._counts[word][translation] += 1
