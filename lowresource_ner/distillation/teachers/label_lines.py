"""Parses and formats the lines of label files."""

import itertools
import json
from collections import Counter
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy
from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.quoting import quoted
from lowresource_ner.common.text_rules import MAX_TYPE_CHARACTERS, word_fault
from lowresource_ner.tagging import EntitySpan, InvalidTagSequence, get_scheme

_ANY_SCHEME = get_scheme("IOB2")
"""In lenient decoding, as by conlleval, the scheme does not matter."""

_SUM_TOLERANCE = 0.01

_BYTE_ORDER_MARK = "\ufeff"


class LabelLine(NamedTuple):
    """
    A sentence and its labels, hard or soft.

    # Parameters

    words : `List[str]`
    spans : `List[EntitySpan]`
        The entities; empty if the labels are soft.
    tags : `Optional[List[str]]`
        The tags in the line, of an unknown scheme; `None` if it has entities or soft labels.
    labels : `Tuple[str, ...]`
        The labels of the columns of `probabilities`.
    probabilities : `Optional[numpy.ndarray]`
        (num_words, num_labels) float32, rows sum to 1; `None` if the labels are hard.
    number : `int`
        The number of the line in its file, from 1; 0 if it is not from a file.
    """

    words: List[str]
    spans: List[EntitySpan]
    tags: Optional[List[str]] = None
    labels: Tuple[str, ...] = ()
    probabilities: Optional[numpy.ndarray] = None
    number: int = 0

    @property
    def types(self) -> List[str]:
        """The types of the entities."""
        return [span.type for span in self.spans]


def parse_label_line(raw: bytes) -> Optional[LabelLine]:
    """
    Parses a line. If it has several kinds of labels, distributions are preferred to tags, and tags to entities.

    # Returns

    `Optional[LabelLine]`
        `None` for a line without words, or with a predictor's error message.

    # Raises

    `ValueError`
        If the line is invalid.
    """
    item = _object(raw)
    if "error" in item and "tokens" not in item:
        return None
    words = _words(item)
    if not words:
        return None
    rows = _rows(item)
    if rows is not None:
        labels = _labels(item)
        return LabelLine(words, [], labels=labels, probabilities=_probabilities(rows, len(words), labels))
    if item.get("tags") is not None:
        return _tagged(words, item["tags"])
    if item.get("entities") is not None:
        return LabelLine(words, _spans(item["entities"], len(words)))
    raise ValueError(
        'the sentence has no labels; give "tags", "distributions" with their "labels", or "entities" (an empty list if there are '
        "none)"
    )


def format_label_line(words: Sequence[str], labels: Sequence[str], probabilities: numpy.ndarray) -> str:
    """
    Formats a sentence as a line that `parse_label_line` can read. Probabilities are rounded.

    # Parameters

    words : `Sequence[str]`
    labels : `Sequence[str]`
    probabilities : `numpy.ndarray`
        (num_words, num_labels)

    # Raises

    `ConfigurationError`
        If a number is not finite, or a word is invalid (`word_fault`), since the line could not be read again.
    """
    faults = (f"word {number} {fault}" for number, fault in enumerate(map(word_fault, words), start=1) if fault)
    fault = next(faults, None if numpy.isfinite(probabilities).all() else "a teacher's probability is not finite")
    if fault is not None:
        raise ConfigurationError(
            f"The labels of the sentence {quoted(' '.join(words))} cannot be written: {fault}. Remove the sentence from the "
            "text or, if a probability is the problem, check the weights of the teachers."
        )
    # Rounded so that the sums of many labels' probabilities stay near 1.
    digits = max(5, 3 + len(str(len(labels))))
    line = {
        "tokens": words,
        "tags": [labels[index] for index in probabilities.argmax(axis=1)],
        "labels": labels,
        "distributions": [[round(float(value), digits) for value in row] for row in probabilities],
    }
    return json.dumps(line, ensure_ascii=False)


def _object(raw: bytes) -> Dict[str, Any]:
    try:
        item = json.loads(raw.decode("utf-8").removeprefix(_BYTE_ORDER_MARK), object_pairs_hook=_without_repetition)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"the line is not UTF-8 (byte {error.start + 1}, 0x{raw[error.start]:02x}); convert the file, for example with iconv"
        ) from error
    except RecursionError as error:
        raise ValueError("the line is nested too deeply; fix it") from error
    except json.JSONDecodeError as error:
        raise ValueError(
            f"this is not JSON ({error.msg}, character {error.pos + 1}); write each sentence as one JSON object on one line (`jq "
            "-c .` joins the lines of objects)"
        ) from error
    except _RepeatedKey as error:
        raise ValueError(f"the key {quoted(error.key)} occurs twice in an object; keep one of them") from error
    except ValueError as error:  # an integer of more digits than sys.get_int_max_str_digits()
        raise ValueError("the line contains a number with thousands of digits; fix it") from error
    if not isinstance(item, dict):
        raise ValueError(
            f"expected an object, got {type(item).__name__}; write each sentence as one JSON object on one line "
            "(`jq -c '.[]'` makes lines of an array)"
        )
    return item


class _RepeatedKey(Exception):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _without_repetition(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    item = dict(pairs)
    if len(item) < len(pairs):
        raise _RepeatedKey(Counter(key for key, _ in pairs).most_common(1)[0][0])
    return item


def _words(item: Dict[str, Any]) -> List[str]:
    words = item.get("tokens")
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError('"tokens" is missing or not a list of words; give the words of the sentence')
    for number, word in enumerate(words, start=1):
        fault = word_fault(word)
        if fault is not None:
            raise ValueError(
                f'word {number} of "tokens", {quoted(word)}, {fault}; fix it, since no text has such a word'
            )
    return words


def _rows(item: Dict[str, Any]) -> Optional[List[Any]]:
    """
    Returns the numbers of each word if the line has soft labels. "probabilities" may also be one number per word, as in the
    output of the predictor `ner`.
    """
    for key in ("distributions", "probabilities"):
        rows = item.get(key)
        if rows is not None and (key == "distributions" or _has_rows(rows)):
            if not isinstance(rows, list):
                raise ValueError(f'"{key}" is {type(rows).__name__}; give a list with a list of numbers for each word')
            return rows
    if item.get("probabilities") is not None and item.get("tags") is None and item.get("entities") is None:
        raise ValueError(
            '"probabilities" has one number per word, but there are no "tags"; give the probability of every label for every word'
        )
    return None


def _has_rows(value: Any) -> bool:
    return not isinstance(value, list) or any(isinstance(row, list) for row in value)


def _labels(item: Dict[str, Any]) -> Tuple[str, ...]:
    labels = item.get("labels")
    if not isinstance(labels, list) or not labels or not all(isinstance(label, str) for label in labels):
        raise ValueError(
            '"labels" is missing or not a list of tags; give the tags of the numbers of a word, in their order'
        )
    return tuple(labels)


def _probabilities(rows: Sequence[Any], num_words: int, labels: Sequence[str]) -> numpy.ndarray:
    """(num_words, num_labels)"""
    if len(rows) != num_words or not all(_is_row(row, len(labels)) for row in rows):
        raise ValueError(
            f"the distributions are not {num_words} lists (one per word) of {len(labels)} numbers (one per label); fix the line"
        )
    try:
        values = numpy.array(rows, dtype=numpy.float64)
    except OverflowError as error:
        raise ValueError(
            "the distributions contain a number with hundreds of digits, which is not a probability; apply a softmax to scores"
        ) from error
    with numpy.errstate(over="ignore", invalid="ignore"):
        sums = values.sum(axis=1)
        wrong = ~((values >= 0).all(axis=1) & (abs(sums - 1) <= _SUM_TOLERANCE))  # True where a number is not finite
    if wrong.any():
        word = int(wrong.argmax())
        raise ValueError(
            f"the numbers of word {word + 1}, {quoted(rows[word])}, are not probabilities, which are at least 0 and sum to 1; "
            "apply a softmax to scores"
        )
    return (values / sums[:, None]).astype(numpy.float32)


def _is_row(row: Any, num_labels: int) -> bool:
    return isinstance(row, list) and len(row) == num_labels and set(map(type, row)) <= {int, float}


def _tagged(words: List[str], tags: Any) -> LabelLine:
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise ValueError('"tags" is not a list of tags; give one for each word')
    if len(tags) != len(words):
        raise ValueError(f"there are {len(words)} tokens and {len(tags)} tags; give one tag for each token")
    try:
        return LabelLine(words, _ANY_SCHEME.spans(tags, repair=True), tags)
    except InvalidTagSequence as error:
        raise ValueError(f"{quoted(error.tag)} is not a tag: {error.reason}; fix it") from error


def _spans(entities: Any, num_words: int) -> List[EntitySpan]:
    if not isinstance(entities, list):
        raise ValueError('"entities" is not a list; give a list of objects with "start_token", "end_token" and "type"')
    spans = sorted(map(_span, entities))
    for before, span in itertools.pairwise([EntitySpan(0, 0, ""), *spans]):
        if not 0 <= span.start < span.end <= num_words:
            raise ValueError(
                f"the entity {quoted(tuple(span))} is out of range: there are {num_words} tokens, counted from 0, and the end is "
                "exclusive; fix it"
            )
        if span.start < before.end:
            raise ValueError(
                f"the entities {quoted(tuple(before))} and {quoted(tuple(span))} overlap, but only flat entities can be tagged; "
                "remove one of them"
            )
    return spans


def _span(entity: Any) -> EntitySpan:
    if isinstance(entity, dict):
        start, end, entity_type = (entity.get(key) for key in ("start_token", "end_token", "type"))
        if type(start) is int and type(end) is int and isinstance(entity_type, str):
            if 0 < len(entity_type) <= MAX_TYPE_CHARACTERS:
                return EntitySpan(start, end, entity_type)
    raise ValueError(
        f'{quoted(entity)} is not an entity; give "start_token" and "end_token" (integers from 0, the end exclusive) and "type"'
    )
