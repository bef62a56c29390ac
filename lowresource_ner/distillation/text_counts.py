"""Counts how much of a text a student learns from."""

from typing import Dict


class TextCounts:
    """
    How many sentences a text has, and how many of them teachers and selections leave out. A process that reads a share of the
    text counts its share.
    """

    def __init__(self) -> None:
        self.sentences = 0
        self.passed_over = 0
        """Those that a teacher gives no labels."""
        self.learned = 0
        """Those that the student learns from."""
        self.words_of_weight_0 = 0
        """Of the sentences that it learns from."""

    def __str__(self) -> str:
        return (
            f"of {self.sentences} sentences {self.learned} are learned from. The teachers passed over {self.passed_over}, and "
            f"selections left out {self._not_selected} and {self.words_of_weight_0} words of the others."
        )

    @property
    def something_is_left_out(self) -> bool:
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
