"""Detects the tag scheme of sentences."""

from typing import Dict, Sequence

from lowresource_ner.tagging.invalid_tag_sequence import InvalidTagSequence
from lowresource_ner.tagging.tag_scheme import SCHEMES, TagScheme


class SchemeDetector:
    """Finds the scheme that all sequences satisfy, from one pass and in constant memory.

    If several do, IOB2 comes before IOB1, IOBES and BILOU: sequences of nothing but O, or no sequence at all, are IOB2, and so
    are entities of one word that all begin with B-. Entities that all begin with I- are IOB1.
    """

    def __init__(self) -> None:
        self._num_sequences = 0
        self._num_invalid = {name: 0 for name in SCHEMES}
        self._first_errors: Dict[str, InvalidTagSequence] = {}

    def add(self, tags: Sequence[str]) -> None:
        """Adds the tags of a sentence."""
        for name, scheme in SCHEMES.items():
            error = scheme.first_error(tags)
            if error is not None:
                self._num_invalid[name] += 1
                error.sequence = self._num_sequences
                self._first_errors.setdefault(name, error)
        self._num_sequences += 1

    def best(self) -> TagScheme:
        """The scheme that the fewest sequences violate."""
        return SCHEMES[min(self._num_invalid, key=lambda name: self._num_invalid[name])]

    def result(self) -> TagScheme:
        """The scheme that all sequences satisfy. If there is none, raises an `InvalidTagSequence` with its `sequence` set."""
        best = self.best()
        error = self._first_errors.get(best.name)
        if error is None:
            return best
        broken = f"{self._num_invalid[best.name]} of {self._num_sequences} sequences"
        reason = f"no tag scheme fits all sequences; {best.name} comes closest, which {broken} break: {error.reason}"
        raise InvalidTagSequence(error.position, error.tag, reason, error.sequence)
