"""Counts the sentences that a student learns from."""

from dataclasses import dataclass
from typing import Dict


@dataclass
class TextCounts:
    """
    The number of sentences in a text or in a process's share of it, and how many are left out.

    # Parameters

    sentences : `int`
    passed_over : `int`
        Sentences that a teacher skips.
    learned : `int`
        Sentences that the student learns from.
    words_of_weight_0 : `int`
        Words of these sentences that do not count.
    """

    sentences: int = 0
    passed_over: int = 0
    learned: int = 0
    words_of_weight_0: int = 0

    def __str__(self) -> str:
        return (
            f"{self.learned} of {self.sentences} sentences are learned from. The teachers skipped {self.passed_over}; selections "
            f"left out {self._not_selected}, and {self.words_of_weight_0} words of the others."
        )

    @property
    def any_left_out(self) -> bool:
        return self.learned < self.sentences or self.words_of_weight_0 > 0

    def as_dict(self) -> Dict[str, int]:
        return {
            "sentences": self.sentences,
            "passed_over_by_teachers": self.passed_over,
            "not_selected": self._not_selected,
            "learned_from": self.learned,
            "words_of_weight_0": self.words_of_weight_0,
        }

    @property
    def _not_selected(self) -> int:
        return self.sentences - self.passed_over - self.learned
