"""Extracts a bilingual dictionary from word alignments."""

from collections import Counter, defaultdict
from typing import Dict, FrozenSet, Iterator, List, Sequence, Tuple

from lowresource_ner.projection.word_alignment import Link


class DerivedDictionary:
    """
    Counts the translations of words in aligned text.

    The target words linked to a source word are counted as its translation if they are contiguous, at most `max_words`, and
    linked to no other source word. Other occurrences of the source word are ignored, and so are words and translations without
    letters, such as numbers and punctuation.

    Memory use grows with the number of distinct pairs of a word and a translation.

    # Parameters

    max_words : `int`, optional (default = `3`)
        The maximum number of words of a translation.
    keep_case : `bool`, optional (default = `False`)
        Whether to keep the case of words. By default, they are lowercased.
    """

    def __init__(self, max_words: int = 3, keep_case: bool = False) -> None:
        self._max_words = max_words
        self._keep_case = keep_case
        self._counts: Dict[str, Dict[str, int]] = defaultdict(Counter)

    def add(self, source: Sequence[str], target: Sequence[str], links: FrozenSet[Link]) -> None:
        """Counts the translations in a sentence pair."""
        targets: Dict[int, List[int]] = defaultdict(list)
        num_sources = Counter(target for _, target in links)
        for source_word, target_word in sorted(links):
            targets[source_word].append(target_word)
        for source_word, words in targets.items():
            is_exclusive = all(num_sources[word] == 1 for word in words)
            if is_exclusive and len(words) <= self._max_words and words[-1] - words[0] == len(words) - 1:
                translation = " ".join(target[word] for word in words)
                self._count(source[source_word], translation)

    def entries(self, min_count: int = 2, min_probability: float = 0.1) -> Iterator[Tuple[str, str]]:
        """
        Yields pairs of a word and a translation, sorted by word, with the most frequent translation of a word first.

        # Parameters

        min_count : `int`
            The minimum count of a translation.
        min_probability : `float`
            The minimum relative frequency of a translation among all counted translations of the word.
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
