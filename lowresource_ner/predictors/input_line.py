"""Parses and checks the lines of a predictor's input."""

import json
import math
import re
from collections import Counter
from typing import Any, Dict, Iterable, List, NoReturn, Tuple

from allennlp.common.util import JsonDict

from lowresource_ner.common.text_rules import MAX_LINE_BYTES, split_words, surrogate_fault
from lowresource_ner.predictors.request import check_words

INPUT_FORMATS = ("json", "text", "tokens")
"""One JSON object a line; one sentence or paragraph of plain text a line; one sentence a line, its words separated by spaces."""

MAX_DEPTH = 100
"""The deepest nesting of brackets. Python's own limit depends on the caller, so what was read might not be writable."""

_UNDECODED = re.compile("[\udc80-\udcff]")
_NOT_PRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class InputLine(Dict[str, Any]):
    """
    The contents of a line, or, if it is invalid, "line" and "error": its number, and what is wrong with it.

    # Parameters

    number : `int`
        The line's number, from 1.
    contents : `JsonDict`
    is_valid : `bool`, optional (default = `True`)
    """

    def __init__(self, number: int, contents: JsonDict, is_valid: bool = True) -> None:
        super().__init__(contents)
        self.number = number
        self.is_valid = is_valid


def read_input_line(number: int, line: str, input_format: str) -> InputLine:
    """
    Parses a line. Never raises an error: an invalid line gives an `InputLine` that says what is wrong.

    # Parameters

    number : `int`
        The line's number, from 1.
    line : `str`
        Bytes that are not UTF-8 are decoded with `errors="surrogateescape"`.
    input_format : `str`
        One of `INPUT_FORMATS`.
    """
    line = line.rstrip("\r\n").removeprefix("\ufeff")
    try:
        _check_bytes(line)
        contents = _parsed(line) if input_format == "json" else {"text": line}
        if input_format == "tokens":
            contents["tokens"] = split_words(line)
        check_input(contents)
        return InputLine(number, contents)
    except ValueError as error:
        return invalid_line(number, str(error))


def invalid_line(number: int, complaint: str) -> InputLine:
    """An invalid line, with what is wrong with it."""
    return InputLine(number, {"line": number, "error": on_one_line(complaint)}, is_valid=False)


def on_one_line(message: str) -> str:
    r"""The message on one line; line ends, control characters and halves of surrogate pairs are escaped as in Python (`\n`)."""
    return _NOT_PRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), message)


def check_input(inputs: Any) -> None:
    """Raises a `ValueError` if this is not a valid input of a predictor."""
    if not isinstance(inputs, dict):
        raise ValueError(f'a JSON object with "tokens" or "text" was expected, and this is {type(inputs).__name__}')
    tokens, text = inputs.get("tokens"), inputs.get("text")
    if tokens is None and text is None:
        remedy = '; rename "sentence" to "text"' if "sentence" in inputs else ""
        raise ValueError(f'the object has neither "tokens" (a list of words) nor "text" (a string){remedy}')
    if text is not None:
        _check_text(text)
    if tokens is not None:
        if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
            raise ValueError('"tokens" must be a list of words, each of them a string')
        check_words(tokens, '"tokens"')
        _check_size(" ".join(tokens))


def _check_text(text: Any) -> None:
    if not isinstance(text, str):
        raise ValueError(f'"text" must be a string, and this is {type(text).__name__}')
    if "\0" in text:
        raise ValueError(f'"text" holds a NUL at character {text.index(chr(0)) + 1}')
    fault = surrogate_fault(text)
    if fault is not None:
        raise ValueError(f'"text" {fault}')
    _check_size(text)


def _check_size(text: str) -> None:
    size = len(text.encode("utf-8"))
    if size > MAX_LINE_BYTES:
        raise ValueError(f"the text has {size} bytes in UTF-8; give at most {MAX_LINE_BYTES} a line, such as a chapter")


def _check_bytes(line: str) -> None:
    found = _UNDECODED.search(line)
    if found is not None:
        raise ValueError(
            f"byte 0x{ord(found[0]) - 0xDC00:02x} after {found.start()} characters is not UTF-8; convert the file, for example "
            "with `iconv -f LATIN1 -t UTF-8`"
        )


def _parsed(line: str) -> Any:
    """The contents of the line, if they can be written as well. (Numbers are Python's, of some 17 digits.)"""
    try:
        contents = _DECODER.decode(line)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"this is not JSON ({error}); for lines of plain text use `allennlp tag` with --input-format text"
        ) from error
    except RecursionError as error:
        raise _too_deep() from error
    _check_depth(contents)
    if isinstance(contents, dict):
        for key, value in contents.items():
            if key not in ("text", "tokens") and surrogate_fault(json.dumps([key, value], ensure_ascii=False)):
                raise ValueError(f"{json.dumps(key)[:80]} holds half of a surrogate pair (a cut emoji, for instance)")
    return contents


def _check_depth(contents: Any) -> None:
    level = [contents]
    for _ in range(MAX_DEPTH):
        level = [child for value in level for child in _children(value) if isinstance(child, (dict, list))]
        if not level:
            return
    raise _too_deep()


def _children(value: Any) -> Iterable[Any]:
    """The values in an object or array."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _too_deep() -> ValueError:
    return ValueError(f"brackets are nested too deep; give at most {MAX_DEPTH} within each other")


def _object(pairs: List[Tuple[str, Any]]) -> JsonDict:
    contents = dict(pairs)
    if len(contents) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {json.dumps(twice)[:80]} occurs twice in an object; keep one")
    return contents


def _integer(digits: str) -> int:
    try:
        return int(digits)
    except ValueError as error:
        raise ValueError(f"a number has {len(digits.lstrip('-'))} digits; write it as a string") from error


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"the number {digits[:80]} is too large; write it as a string")
    return number


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON; write null")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_no_number
)
