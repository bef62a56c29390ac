"""The base class of teachers, which label text with probabilities."""

from itertools import chain
from pathlib import Path
from typing import Iterable, List, Optional, Sequence, Tuple

import numpy
from allennlp.common import Registrable
from allennlp.common.checks import ConfigurationError

_SENTENCES_AT_ONCE = 8192


class Teacher(Registrable):
    """
    Labels the words of sentences with probabilities.

    The constructor opens no file, since a student's archive names its teachers, but must load where their files do not exist.
    Models are loaded when they are first needed. Teachers do not change the state of the global random number generators.

    Subclasses define `labels`, `tag_scheme`, `fingerprint` and `_label`.
    """

    is_stored = True
    """Whether its probabilities are expensive enough to be kept in a store."""

    @property
    def labels(self) -> List[str]:
        """The teacher's tags, in the order of the columns of its probabilities. Does not load weights."""
        raise NotImplementedError

    @property
    def tag_scheme(self) -> str:
        """The scheme of its tags: IOB1, IOB2, IOBES or BILOU."""
        raise NotImplementedError

    @property
    def fingerprint(self) -> str:
        """
        A hexadecimal digest of everything that its probabilities depend on: weights, labels, tokenizer, options. Not included are
        paths, dates, and settings that affect only rounding (device, batch size).
        """
        raise NotImplementedError

    def label(self, sentences: Sequence[Sequence[str]]) -> List[Optional[numpy.ndarray]]:
        """
        Returns the probabilities of sentences. Calls with many sentences are more efficient.

        # Parameters

        sentences : `Sequence[Sequence[str]]`
            The words of each sentence.

        # Returns

        `List[Optional[numpy.ndarray]]`
            For each sentence a float32 array (num_words, num_labels) whose rows sum to 1; `None` if the teacher is configured to
            skip sentences that it cannot label.
        """
        with_words = [words for words in sentences if words]
        starts = range(0, len(with_words), _SENTENCES_AT_ONCE)
        labelled = chain.from_iterable(self._label(with_words[start : start + _SENTENCES_AT_ONCE]) for start in starts)
        nothing = numpy.zeros((0, len(self.labels)), numpy.float32)
        return [next(labelled) if words else nothing for words in sentences]

    def _label(self, sentences: Sequence[Sequence[str]]) -> List[Optional[numpy.ndarray]]:
        """Returns the probabilities of sentences with at least one word."""
        raise NotImplementedError


FileVersions = Tuple[Tuple[str, int, int], ...]


def file_versions(paths: Iterable[Path]) -> FileVersions:
    """Returns the path, modification time and size of each file, to detect later changes."""
    return tuple((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in paths)


def check_versions(name: str, before: FileVersions, after: FileVersions) -> None:
    """
    Checks that the files of a model have not changed between computing its fingerprint and loading it. Otherwise its
    probabilities would be stored as those of the earlier model.

    # Raises

    `ConfigurationError`
        If they have changed.
    """
    if before != after:
        raise ConfigurationError(
            f"The files of {name} have changed since this run began. Is a training writing to it? Start again when that has "
            "finished."
        )
