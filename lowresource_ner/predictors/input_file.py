"""Reads the lines of a predictor's input file."""

import contextlib
import sys
from contextlib import AbstractContextManager
from typing import IO, Any, Iterator, Optional, Tuple

from allennlp.common.checks import ConfigurationError
from allennlp.data import DatasetReader, Instance
from allennlp.data.fields import MetadataField

from lowresource_ner.common.text_rules import MAX_LINE_BYTES
from lowresource_ner.data.text_lines import READING_ERRORS, opener
from lowresource_ner.predictors.input_line import InputLine, invalid_line, read_input_line

_FIELD = "input_line"
# The longest line: its text may be written in escape sequences, and it may have other keys.
_MAX_BYTES = 16 * MAX_LINE_BYTES


class InputFileReader(DatasetReader):
    """
    Reads the lines of a file for a predictor under `allennlp predict --use-dataset-reader`, and makes an instance of each.
    Otherwise AllenNLP opens the file, and stops with an error at the first byte that is not UTF-8, before a predictor sees the
    line.

    # Parameters

    input_format : `str`
        One of `INPUT_FORMATS`.
    reader : `DatasetReader`
        The archive's reader, for all other instances.

    # Raises

    `ConfigurationError`
        If the file cannot be opened or decompressed.
    """

    def __init__(self, input_format: str, reader: DatasetReader) -> None:
        super().__init__()
        self._input_format = input_format
        self._reader = reader

    def text_to_instance(self, *inputs: Any) -> Instance:
        return self._reader.text_to_instance(*inputs)

    def apply_token_indexers(self, instance: Instance) -> None:
        if input_line_of(instance) is None:
            self._reader.apply_token_indexers(instance)

    def _read(self, file_path: Any) -> Iterator[Instance]:
        for line in input_lines(str(file_path), self._input_format):
            yield Instance({_FIELD: MetadataField(line)})


def input_line_of(instance: Instance) -> Optional[InputLine]:
    """The line in an instance of `InputFileReader`; `None` for other instances."""
    field = instance.fields.get(_FIELD)
    return field.metadata if isinstance(field, MetadataField) else None


def input_lines(path: str, input_format: str) -> Iterator[InputLine]:
    """
    Yields the lines of a file that are not blank. Lines end only at line feeds and are counted as editors count them. An invalid
    line does not stop the reading.

    # Parameters

    path : `str`
        A file, which may be compressed (gz, bz2, xz), or "-" for standard input.
    input_format : `str`
        One of `INPUT_FORMATS`.

    # Raises

    `ConfigurationError`
        If the file cannot be opened or decompressed.
    """
    for number, raw in _numbered_lines(path):
        line = raw.decode("utf-8", errors="surrogateescape")
        if len(raw) > _MAX_BYTES:
            yield invalid_line(number, f"the line is longer than {_MAX_BYTES} bytes; break it up")
        elif line.strip():
            yield read_input_line(number, line, input_format)


def _numbered_lines(path: str) -> Iterator[Tuple[int, bytes]]:
    """Yields the lines with their numbers; a line that is too long is cut."""
    number = 0
    try:
        with _opened(path) as stream:
            while raw := stream.readline(_MAX_BYTES + 1):
                number += 1
                yield number, raw
                _skip_rest(raw, stream)
    except READING_ERRORS as error:
        raise ConfigurationError(
            f"{path}:{number + 1}: the file cannot be read ({error}); check the path, or download it again"
        ) from error


def _opened(path: str) -> "AbstractContextManager[IO[bytes]]":
    return contextlib.nullcontext(sys.stdin.buffer) if path == "-" else opener(path)(path, "rb")


def _skip_rest(raw: bytes, stream: IO[bytes]) -> None:
    while len(raw) > _MAX_BYTES and not raw.endswith(b"\n"):
        raw = stream.readline(_MAX_BYTES + 1)
