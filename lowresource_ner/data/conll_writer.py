"""The writer of CoNLL files."""

import os
import uuid
from contextlib import contextmanager
from typing import IO, Iterable, Iterator, Sequence, Tuple, Union

from allennlp.common.checks import ConfigurationError

from lowresource_ner.data.conll_layout import DOCUMENT_MARK, is_boundary
from lowresource_ner.data.conll_lines import BYTE_ORDER_MARK, ConllError, opener
from lowresource_ner.data.text_rules import MAX_LINE_BYTES

_FORBIDDEN = {"\n": "a line feed", "\r": "a carriage return", "\0": "a NUL"}
_COMMENT_PREFIX = "#"


def write_conll(
    sentences: Iterable[Tuple[Sequence[str], Sequence[str]]],
    file_or_path: Union[str, os.PathLike, IO[str]],
    delimiter: str = "\t",
) -> None:
    """Writes tokens and tags in two columns and a blank line after each sentence.

    `read_conll` reads back the same tokens and tags. Only where all tokens begin with the same two or three small
    letters and a colon it needs `language_prefix=False`; where all hold the same number of spaces, `delimiter="tab"`.

    # Parameters

    sentences : `Iterable[Tuple[Sequence[str], Sequence[str]]]`
        Tokens and tags of each sentence, taken one at a time.
    file_or_path : `Union[str, PathLike, IO[str]]`
        An open text file, or a path. At a path nothing is seen until all is written, in UTF-8, and packed if its name
        ends in .gz, .bz2 or .xz.
    delimiter : `str`, optional (default = `"\\t"`)
        A tab or a space.

    # Raises

    `ConllError`
        Where a token or tag would not be read back as it is: it is empty, holds a line end, the delimiter or a NUL,
        begins or ends with a space, is -DOCSTART- or, between spaces, begins with "#"; or where a sentence has no token
        or not one tag for each. The line is that in the output. At a path, what was there before stays.
    """
    if delimiter not in ("\t", " "):
        raise ConfigurationError(f"'delimiter' is {delimiter!r}; use a tab or a space.")
    if not isinstance(file_or_path, (str, os.PathLike)):
        _write(sentences, file_or_path, str(getattr(file_or_path, "name", "<stream>")), delimiter)
        return
    path = os.fspath(file_or_path)
    with _replacing(path) as stream:
        _write(sentences, stream, path, delimiter)


def _write(
    sentences: Iterable[Tuple[Sequence[str], Sequence[str]]], stream: IO[str], path: str, delimiter: str
) -> None:
    number = 1
    for tokens, tags in sentences:
        if not tokens or len(tokens) != len(tags):
            raise ConllError(
                path, number, f"a sentence of {len(tokens)} tokens and {len(tags)} tags; give each token one tag"
            )
        for token, tag in zip(tokens, tags):
            line = f"{token}{delimiter}{tag}\n"
            _check_cells(path, number, (token, tag), delimiter, line)
            if number == 1 and token.startswith(BYTE_ORDER_MARK):
                stream.write(BYTE_ORDER_MARK)
            stream.write(line)
            number += 1
        stream.write("\n")
        number += 1


def _check_cells(path: str, number: int, cells: Tuple[str, str], delimiter: str, line: str) -> None:
    token, tag = cells
    reason = _why_not_token(token, delimiter)
    if reason:
        raise ConllError(path, number, f"the token {token[:80]!r} {reason}, so it would not be read back; replace it")
    if not tag or set(tag) & {" ", "\t", *_FORBIDDEN}:
        raise ConllError(
            path, number, f"the tag {tag!r} is empty or holds a space, so it would not be read back; replace it"
        )
    if len(line.encode("utf-8", "replace")) > MAX_LINE_BYTES:
        raise ConllError(path, number, f"the line is longer than {MAX_LINE_BYTES} bytes; shorten the token")


def _why_not_token(token: str, delimiter: str) -> str:
    if not token:
        return "is empty"
    held = [name for character, name in _FORBIDDEN.items() if character in token]
    if "\t" in token or delimiter in token:
        held.append("a delimiter")
    if held:
        return f"holds {' and '.join(held)}"
    if token.strip(" ") not in ("", token):
        return "begins or ends with a space"
    if is_boundary(token) and token.startswith(DOCUMENT_MARK):
        return "marks the beginning of a document"
    if delimiter == " " and token.startswith(_COMMENT_PREFIX):
        return "may be taken for a comment where the delimiter is a space"
    try:
        token.encode("utf-8")
    except UnicodeEncodeError:
        return "holds half a surrogate pair, which UTF-8 does not encode"
    return ""


@contextmanager
def _replacing(path: str) -> Iterator[IO[str]]:
    """Opens a file for writing that takes its place at `path` when all went well, and vanishes otherwise."""
    target = os.path.realpath(path)
    if os.path.isdir(target):
        raise ConllError(path, 0, "this is a directory; give the path of a file")
    is_device = path.startswith("/dev/") or (os.path.exists(target) and not os.path.isfile(target))
    folder, name = os.path.split(target)
    temporary = path if is_device else os.path.join(folder, f".{uuid.uuid4().hex}.{name}")
    try:
        stream = opener(path)(temporary, "wt" if is_device else "xt", encoding="utf-8", newline="\n")
    except OSError as error:
        raise ConllError(path, 0, f"the file cannot be written ({error.strerror}); check its folder") from error
    try:
        with stream:
            yield stream
        if not is_device:
            os.replace(temporary, target)
    except BaseException:
        if not is_device:
            os.unlink(temporary)
        raise
