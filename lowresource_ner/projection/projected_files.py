"""Formats projected sentences for output files."""

import bz2
import gzip
import io
import lzma
import os
from typing import Callable, Dict, List, Optional, Sequence

from allennlp.common.checks import ConfigurationError

from lowresource_ner.data.conll.writer import write_conll
from lowresource_ner.data.text_lines import ConllError
from lowresource_ner.distillation.teachers.label_lines import format_label_line
from lowresource_ner.projection.target_labels import TargetLabels
from lowresource_ner.tagging import TagScheme

_COMPRESS: Dict[str, Callable[[bytes], bytes]] = {
    # No timestamp, so that the output is reproducible.
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
"""These formats allow concatenation, so that each chunk of a file can be compressed separately."""

CONLL, LABELS, WORDS = ".conll", ".jsonl", ".txt"


def format_of(path: str) -> str:
    """
    Determines the format of an output file from its suffix, ignoring the suffix of compression: `CONLL`, `LABELS` or `WORDS`.

    # Raises

    `ConfigurationError`
        If the suffix is unknown.
    """
    stem, suffix = os.path.splitext(path.lower())
    found = os.path.splitext(stem)[1] if suffix in _COMPRESS else suffix
    if found not in (CONLL, LABELS, WORDS):
        raise ConfigurationError(
            f"The format of '{path}' cannot be determined from its name. Use the suffix .conll (one word and its tag per line), "
            ".jsonl (soft labels for the teacher label_file) or .txt (words only), followed by .gz, .bz2 or .xz for compression."
        )
    return found


def compressed(path: str, text: str) -> bytes:
    """Encodes a chunk of the file at `path`, compressed as its suffix indicates."""
    data = text.encode("utf-8")
    compress = _COMPRESS.get(os.path.splitext(path.lower())[1])
    return data if compress is None or not data else compress(data)


class SentenceFormats:
    """
    Formats sentences for one or more output files.

    # Parameters

    paths : `Sequence[str]`
    scheme : `TagScheme`
        The tag scheme of CoNLL files.
    labels : `Sequence[str]`
        The labels of the columns of the probabilities.
    """

    def __init__(self, paths: Sequence[str], scheme: TagScheme, labels: Sequence[str]) -> None:
        self._scheme = scheme
        self._labels = list(labels)
        formats = {CONLL: self._conll, LABELS: self._label_line, WORDS: self._words}
        self._format_each = [formats[format_of(path)] for path in paths]

    def format(self, sentence: TargetLabels) -> Optional[List[str]]:
        """Returns the text for each file, or `None` if a word, such as -DOCSTART-, cannot be written to a CoNLL file."""
        try:
            return [format(sentence) for format in self._format_each]
        except ConllError:
            return None

    def _conll(self, sentence: TargetLabels) -> str:
        text = io.StringIO()
        write_conll([(sentence.words, self._scheme.tags(sentence.spans, len(sentence.words)))], text)
        return text.getvalue()

    def _label_line(self, sentence: TargetLabels) -> str:
        line = format_label_line(sentence.words, self._labels, sentence.probabilities)
        return f'{line[:-1]}, "score": {sentence.score:.4f}}}\n'

    @staticmethod
    def _words(sentence: TargetLabels) -> str:
        return " ".join(sentence.words) + "\n"
