"""The base class of teachers, which give probabilities to the labels of words."""

from itertools import chain
from pathlib import Path
from typing import Iterable, List, Optional, Sequence, Tuple

import numpy
from allennlp.common import Registrable
from allennlp.common.checks import ConfigurationError

_SENTENCES_AT_ONCE = 8192


class Teacher(Registrable):
    """
    Gives probabilities over its own labels to the words of sentences.

    Making a teacher is cheap and opens no file: a student's archive names its teachers, and must load where they are not. Models
    are loaded when something is asked that needs them. Loading and asking draw no random numbers from the training around them.

    Subclasses define `labels`, `tag_scheme`, `fingerprint` and `_label`.
    """

    is_stored = True
    """Whether its probabilities cost so much that they are worth keeping in a store."""

    @property
    def labels(self) -> List[str]:
        """The teacher's own tags, in the order of the columns of its probabilities. No weights are loaded for them."""
        raise NotImplementedError

    @property
    def tag_scheme(self) -> str:
        """The name of the scheme of its tags: IOB1, IOB2, IOBES or BILOU."""
        raise NotImplementedError

    @property
    def fingerprint(self) -> str:
        """
        A digest, in hexadecimal digits, of all that its probabilities depend on: weights, labels, tokenizer, options. Paths and
        dates are no part of it, and neither is what changes probabilities by rounding alone (the device, the size of batches).
        """
        raise NotImplementedError

    def label(self, sentences: Sequence[Sequence[str]]) -> List[Optional[numpy.ndarray]]:
        """
        Returns the probabilities of many sentences; the more there are in a call, the less is padded.

        # Parameters

        sentences : `Sequence[Sequence[str]]`
            The words of each sentence.

        # Returns

        `List[Optional[numpy.ndarray]]`
            For each sentence, in the order given, a float32 array (num_words, num_labels) whose rows have the sum 1. `None` only
            where a teacher was set up to pass over what it does not know.
        """
        with_words = [words for words in sentences if words]
        starts = range(0, len(with_words), _SENTENCES_AT_ONCE)
        labelled = chain.from_iterable(self._label(with_words[start : start + _SENTENCES_AT_ONCE]) for start in starts)
        nothing = numpy.zeros((0, len(self.labels)), numpy.float32)
        return [next(labelled) if words else nothing for words in sentences]

    def _label(self, sentences: Sequence[Sequence[str]]) -> List[Optional[numpy.ndarray]]:
        """What `label` returns, for sentences of at least one word."""
        raise NotImplementedError


FileVersions = Tuple[Tuple[str, int, int], ...]


def file_versions(paths: Iterable[Path]) -> FileVersions:
    """The path, time of change and size of each file, by which a later change is noticed."""
    return tuple((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in paths)


def check_versions(name: str, before: FileVersions, after: FileVersions) -> None:
    """
    Checks that a model's files are the same when it is loaded as they were when its fingerprint was taken. Otherwise its
    probabilities would be stored as those of the earlier model.

    # Raises

    `ConfigurationError`
        Where they are not; the message calls the model `name`.
    """
    if before != after:
        raise ConfigurationError(
            f"The files of {name} have changed since they were first looked at, a moment ago in this run. Is a training writing "
            "to it? Begin again when that has finished."
        )
