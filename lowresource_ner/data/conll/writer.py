"""Writes CoNLL files."""

import contextlib
import os
import uuid
from array import array
from typing import IO, Iterable, Iterator, Sequence, Tuple, Union

from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.quoting import quoted
from lowresource_ner.common.text_rules import MAX_LINE_BYTES, type_fault, word_fault
from lowresource_ner.data.conll import column_warnings
from lowresource_ner.data.conll.format import ConllFormat
from lowresource_ner.data.conll.layout import DEFAULT_COMMENT_PREFIX, DOCUMENT_MARK, is_boundary
from lowresource_ner.data.conll.parser import ANY_FORMAT, read_conll
from lowresource_ner.data.file_kinds import kind_by_first_bytes
from lowresource_ner.data.text_lines import BYTE_ORDER_MARK, ConllError, opener
from lowresource_ner.tagging import OUTSIDE, is_tag, split_tag


def write_conll(
    sentences: Iterable[Tuple[Sequence[str], Sequence[str]]],
    file_or_path: Union[str, os.PathLike, IO[str]],
    delimiter: str = "\t",
    format: ConllFormat = ANY_FORMAT,
) -> None:
    """
    Writes tokens and tags in two columns, with a blank line after each sentence.

    Refuses anything that `read_conll` would not read back as the same tokens and tags. When a file is read, its columns,
    comments, header and language prefixes are inferred from many of its lines, so a new file is read back before it replaces an
    old one. In a stream, each line is checked only by itself.

    # Parameters

    sentences : `Iterable[Tuple[Sequence[str], Sequence[str]]]`
        Tokens and tags of each sentence, taken one at a time.
    file_or_path : `Union[str, PathLike, IO[str]]`
        An open text file, or a path. The file at a path appears when it is complete, in UTF-8, and is compressed if its name ends
        in .gz, .bz2 or .xz.
    delimiter : `str`, optional (default = `"\t"`)
        A tab or a space.
    format : `ConllFormat`, optional
        The options with which the file will be read. `ConllFormat(delimiter="tab", language_prefix=False, header=False,
        comment_prefix=None)` leaves nothing to be inferred.

    # Raises

    `ConllError`
        For a token or tag that would not be read back: a token that is not a word (see `word_fault`), contains the delimiter,
        begins or ends with a space, is -DOCSTART- or, between spaces, begins with "#"; a tag with white space, or with an invalid
        entity type (see `type_fault`). For a sentence without tokens, or not with one tag for each; at a path, without any
        sentence. And where the file as a whole would be read differently, for instance because all tokens begin with "en:". The
        line is that of the output. An earlier file at the path is kept.
    """
    if delimiter not in ("\t", " "):
        raise ConfigurationError(f"'delimiter' is {delimiter!r}; use a tab or a space.")
    if not isinstance(file_or_path, (str, os.PathLike)):
        _write(sentences, file_or_path, str(getattr(file_or_path, "name", "<stream>")), delimiter)
        return
    path = os.fspath(file_or_path)
    if _is_device(path):
        with _opened(path, path, "wt") as stream:
            _write(sentences, stream, path, delimiter)
        return
    with _replacing(path) as temporary:
        with _opened(path, temporary, "xt") as stream:
            written = _write(sentences, stream, path, delimiter)
        _read_back(path, temporary, written, format)


def _write(
    sentences: Iterable[Tuple[Sequence[str], Sequence[str]]], stream: IO[str], path: str, delimiter: str
) -> "array[int]":
    """Writes the sentences and returns a hash of each."""
    written = array("q")
    number = 1
    for tokens, tags in sentences:
        if not tokens or len(tokens) != len(tags):
            raise ConllError(
                path, number, f"a sentence of {len(tokens)} tokens and {len(tags)} tags; give each token one tag"
            )
        for token, tag in zip(tokens, tags):
            _check_cells(path, number, token, tag, delimiter)
            # A byte order mark at the start of a line is removed when it is read, and the token keeps its own.
            mark = BYTE_ORDER_MARK if token.startswith(BYTE_ORDER_MARK) else ""
            line = f"{mark}{token}{delimiter}{tag}\n".encode()
            if len(line) > MAX_LINE_BYTES:
                raise ConllError(path, number, f"the line is longer than {MAX_LINE_BYTES} bytes; shorten the token")
            if number == 1 and kind_by_first_bytes(line):
                stream.write("\n")  # no other kind of file begins with a blank line
                number += 1
            stream.write(line.decode("utf-8"))
            number += 1
        stream.write("\n")
        number += 1
        written.append(_hash(tokens, tags))
    return written


def _check_cells(path: str, number: int, token: str, tag: str, delimiter: str) -> None:
    for what, cell, reason in (("token", token, _why_not_token(token, delimiter)), ("tag", tag, _why_not_tag(tag))):
        if reason:
            raise ConllError(
                path, number, f"the {what} {quoted(cell)} {reason}, so it would not be read back; replace it"
            )


def _why_not_token(token: str, delimiter: str) -> str:
    fault = word_fault(token)
    if fault is not None:
        return fault
    if delimiter in token:
        return "holds a delimiter"
    if token.strip(" ") not in ("", token):
        return "begins or ends with a space"
    if is_boundary(token) and token.startswith(DOCUMENT_MARK):
        return "marks the beginning of a document"
    if delimiter == " " and token.startswith(DEFAULT_COMMENT_PREFIX):
        return "may be taken for a comment where the delimiter is a space"
    return ""


def _why_not_tag(tag: str) -> str:
    """A tag without a prefix is a type, as in corpora of bare types."""
    if tag == OUTSIDE:
        return ""
    entity_type = split_tag(tag)[1] if is_tag(tag) else tag
    fault = type_fault(entity_type or "")
    if fault is None:
        return ""
    return fault if entity_type == tag else f"has an entity type that {fault}"


def _hash(tokens: Sequence[str], tags: Sequence[str]) -> int:
    return hash((tuple(tokens), tuple(tags)))


def _read_back(path: str, temporary: str, written: Sequence[int], format: ConllFormat) -> None:
    """Raises an error if the sentences that are read differ from those that were written."""
    if not written:
        raise ConllError(path, 0, "there is no sentence to write; give one at least")
    remaining = iter(written)
    line = 1
    try:
        with _without_warnings():
            for sentence in read_conll(temporary, format):
                line = sentence.lines[0]
                if _hash(sentence.tokens, sentence.tags or ()) != next(remaining, None):
                    raise ConllError(path, line, "its words or tags would differ")
        if next(remaining, None) is not None:
            raise ConllError(path, line, "sentences after this one would be missing")
    except ConllError as error:
        raise ConllError(
            path,
            error.line,
            f"what is written would not be read back ({error.complaint}); say how it will be read, for instance with "
            'ConllFormat(delimiter="tab", language_prefix=False, header=False, comment_prefix=None)',
        ) from error


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Silences the reader's warnings, which belong to the file at its final path."""
    was_disabled = column_warnings.logger.disabled
    column_warnings.logger.disabled = True
    try:
        yield
    finally:
        column_warnings.logger.disabled = was_disabled


def _is_device(path: str) -> bool:
    target = os.path.realpath(path)
    return path.startswith("/dev/") or (os.path.exists(target) and not os.path.isfile(target))


@contextlib.contextmanager
def _replacing(path: str) -> Iterator[str]:
    """A temporary path: its file replaces the one at `path` if no error is raised, and is deleted otherwise."""
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{uuid.uuid4().hex}.{name}")
    try:
        yield temporary
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


@contextlib.contextmanager
def _opened(path: str, temporary: str, mode: str) -> Iterator[IO[str]]:
    if os.path.isdir(path):
        raise ConllError(path, 0, "this is a directory; give the path of a file")
    try:
        stream = opener(path)(temporary, mode, encoding="utf-8", newline="\n")
    except OSError as error:
        raise ConllError(path, 0, f"the file cannot be written ({error.strerror}); check its folder") from error
    with stream:
        yield stream
