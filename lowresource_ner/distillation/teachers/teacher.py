"""Who labels text for a student."""

from pathlib import Path
from typing import Iterable, Iterator, List, Optional, Sequence, Tuple

import numpy
from allennlp.common import Registrable
from allennlp.common.checks import ConfigurationError

_SENTENCES_AT_ONCE = 8192


class Teacher(Registrable):
    """
    Gives the words of sentences probability distributions over its own labels.

    Making one is cheap and looks at no file: a student's archive names its teachers, and must load where they are not. Models are
    loaded when something is asked that needs them. Loading and asking draw on no random numbers of the training around them.

    A teacher of another kind says what its `labels`, `tag_scheme` and `fingerprint` are and defines `_label`.
    """

    is_stored = True
    """Whether its answers cost so much that they are worth keeping in a store."""

    path: Optional[str] = None
    """The file that it has its answers from, where they are not a model's."""

    @property
    def labels(self) -> List[str]:
        """The teacher's own tags, in the order of the columns of its answers. No weights are loaded for them."""
        raise NotImplementedError

    @property
    def tag_scheme(self) -> str:
        """The name of the scheme of its tags: IOB1, IOB2, IOBES or BILOU."""
        raise NotImplementedError

    @property
    def fingerprint(self) -> str:
        """
        A digest, in hexadecimal digits, of all that its answers depend on: weights, labels, tokenizer, options. It knows nothing
        of paths and dates, and nothing of what changes answers by rounding alone (the device, the size of batches).
        """
        raise NotImplementedError

    def label(self, sentences: Sequence[Sequence[str]]) -> List[Optional[numpy.ndarray]]:
        """
        The distributions of many sentences; the more there are in a call, the less is padded.

        # Parameters

        sentences : `Sequence[Sequence[str]]`
            The words of each sentence.

        # Returns

        `List[Optional[numpy.ndarray]]`
            For each sentence, in the order given, a float32 array (num_words, num_labels) whose rows have the sum 1. `None` only
            where a teacher was set up to pass over what it does not know.
        """
        with_words = [words for words in sentences if words]
        answers = self._answers(with_words)
        nothing = numpy.zeros((0, len(self.labels)), numpy.float32)
        return [next(answers) if words else nothing for words in sentences]

    def _answers(self, sentences: Sequence[Sequence[str]]) -> Iterator[Optional[numpy.ndarray]]:
        for start in range(0, len(sentences), _SENTENCES_AT_ONCE):
            yield from self._label(sentences[start : start + _SENTENCES_AT_ONCE])

    def _label(self, sentences: Sequence[Sequence[str]]) -> List[Optional[numpy.ndarray]]:
        """What `label` returns, of sentences with one word at least."""
        raise NotImplementedError


FileVersions = Tuple[Tuple[str, int, int], ...]


def file_versions(paths: Iterable[Path]) -> FileVersions:
    """Path, time of change and size of files: enough to see that one of them is not what it was a while ago."""
    return tuple((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in paths)


def check_versions(name: str, before: FileVersions, after: FileVersions) -> None:
    """
    # Raises

    `ConfigurationError`
        Where the files of the model `name` are others when it is loaded than when its fingerprint was taken: its answers would
        be stored as those of what it was.
    """
    if before != after:
        raise ConfigurationError(
            f"The files of {name} have changed since they were first looked at, a moment ago in this run. Is a training writing "
            "to it? Begin again when that has finished."
        )
