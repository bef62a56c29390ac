"""Reads and writes the lines of label files: a sentence and the labels of its words."""

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
"""Reading as conlleval does, the letters of all schemes mean the same in each."""

_SUM_TOLERANCE = 0.01

_BYTE_ORDER_MARK = "\ufeff"


class LabelLine(NamedTuple):
    """
    A sentence and its labels, hard or soft.

    # Parameters

    words : `List[str]`
    spans : `List[EntitySpan]`
        The entities; empty where the labels are soft.
    tags : `Optional[List[str]]`
        The tags as the line has them, in a scheme that it does not name; `None` where it lists entities, or soft labels.
    labels : `Tuple[str, ...]`
        Those of the columns of `probabilities`.
    probabilities : `Optional[numpy.ndarray]`
        (num_words, num_labels) float32, each row with the sum 1; `None` where the labels are hard.
    number : `int`
        The number of the line in its file, from 1; 0 where it was read from no file.
    """

    words: List[str]
    spans: List[EntitySpan]
    tags: Optional[List[str]] = None
    labels: Tuple[str, ...] = ()
    probabilities: Optional[numpy.ndarray] = None
    number: int = 0

    @property
    def types(self) -> List[str]:
        """The types of its entities."""
        return [span.type for span in self.spans]


def parse_label_line(raw: bytes) -> Optional[LabelLine]:
    """
    Reads a line. Of several kinds of labels on it, the one that says most is taken: distributions before tags before entities.

    # Returns

    `Optional[LabelLine]`
        `None` for a line without labels: a sentence without words, or one that a predictor answered with an error.

    # Raises

    `ValueError`
        What is wrong with the line, and what to do about it.
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
        'the sentence has no labels; give "tags", "distributions" with their "labels", or "entities" (an empty list where there '
        "are none)"
    )


def format_label_line(words: Sequence[str], labels: Sequence[str], probabilities: numpy.ndarray) -> str:
    """
    Writes a sentence as a line from which `parse_label_line` reads the same words and, rounded, the same probabilities.

    # Parameters

    words : `Sequence[str]`
    labels : `Sequence[str]`
    probabilities : `numpy.ndarray`
        (num_words, num_labels)

    # Raises

    `ConfigurationError`
        For what cannot be read again: numbers that are not finite, and words that no text may have (`word_fault`).
    """
    faults = (f"word {number} {fault}" for number, fault in enumerate(map(word_fault, words), start=1) if fault)
    fault = next(faults, None if numpy.isfinite(probabilities).all() else "the teachers' answer is not finite (NaN)")
    if fault is not None:
        raise ConfigurationError(
            f"The labels of the sentence {quoted(' '.join(words))} cannot be written: {fault}. Take it out of the text; where it "
            "is the answer, have a look at the teachers' weights first."
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
        raise ValueError("the line nests too deep to be a sentence's labels; mend it") from error
    except json.JSONDecodeError as error:
        raise ValueError(
            f"this is no JSON ({error.msg}, character {error.pos + 1}); write each sentence as one JSON object on one line (`jq "
            "-c .` makes lines of objects that are spread over several)"
        ) from error
    except _RepeatedKey as error:
        raise ValueError(f"the key {quoted(error.key)} stands twice in an object; keep one of them") from error
    except ValueError as error:  # Python makes no whole numbers of more digits than sys.get_int_max_str_digits() says
        raise ValueError("the line holds a number of thousands of digits; mend it") from error
    if not isinstance(item, dict):
        raise ValueError(
            f"an object was expected, and this is {type(item).__name__}; write each sentence as one JSON object on one line "
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
        raise ValueError('"tokens" is missing or no list of words; give the words of the sentence')
    for number, word in enumerate(words, start=1):
        fault = word_fault(word)
        if fault is not None:
            raise ValueError(
                f'word {number} of "tokens", {quoted(word)}, {fault}; mend it, since no text has such a word'
            )
    return words


def _rows(item: Dict[str, Any]) -> Optional[List[Any]]:
    """
    The numbers of each word, if the line has soft labels. "probabilities" may also be one number a word, as the predictor `ner`
    gives those of its tags.
    """
    for key in ("distributions", "probabilities"):
        rows = item.get(key)
        if rows is not None and (key == "distributions" or _has_rows(rows)):
            if not isinstance(rows, list):
                raise ValueError(f'"{key}" is {type(rows).__name__}; give a list with a list of numbers for each word')
            return rows
    if item.get("probabilities") is not None and item.get("tags") is None and item.get("entities") is None:
        raise ValueError(
            '"probabilities" has one number a word and there are no "tags"; give the probability of every label at every word'
        )
    return None


def _has_rows(value: Any) -> bool:
    return not isinstance(value, list) or any(isinstance(row, list) for row in value)


def _labels(item: Dict[str, Any]) -> Tuple[str, ...]:
    labels = item.get("labels")
    if not isinstance(labels, list) or not labels or not all(isinstance(label, str) for label in labels):
        raise ValueError(
            '"labels" is missing or no list of tags; give the tags that the numbers of a word are the probabilities of, in their '
            "order"
        )
    return tuple(labels)


def _probabilities(rows: Sequence[Any], num_words: int, labels: Sequence[str]) -> numpy.ndarray:
    """(num_words, num_labels)"""
    if len(rows) != num_words or not all(_is_row(row, len(labels)) for row in rows):
        raise ValueError(
            f"the distributions are not {num_words} lists (one a word) of {len(labels)} numbers (one a label); give them so"
        )
    try:
        values = numpy.array(rows, dtype=numpy.float64)
    except OverflowError as error:
        raise ValueError(
            "the distributions hold a number of hundreds of digits, which is no probability; apply a softmax to scores"
        ) from error
    with numpy.errstate(over="ignore", invalid="ignore"):
        sums = values.sum(axis=1)
        wrong = ~((values >= 0).all(axis=1) & (abs(sums - 1) <= _SUM_TOLERANCE))  # True where a number is not finite
    if wrong.any():
        word = int(wrong.argmax())
        raise ValueError(
            f"the numbers of word {word + 1}, {quoted(rows[word])}, are no probabilities: these are at least 0 and have the sum "
            "1; apply a softmax to scores"
        )
    return (values / sums[:, None]).astype(numpy.float32)


def _is_row(row: Any, num_labels: int) -> bool:
    return isinstance(row, list) and len(row) == num_labels and set(map(type, row)) <= {int, float}


def _tagged(words: List[str], tags: Any) -> LabelLine:
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise ValueError('"tags" is no list of tags; give one for each word')
    if len(tags) != len(words):
        raise ValueError(f"there are {len(words)} tokens and {len(tags)} tags; give one tag for each token")
    try:
        return LabelLine(words, _ANY_SCHEME.spans(tags, repair=True), tags)
    except InvalidTagSequence as error:
        raise ValueError(f"{quoted(error.tag)} is no tag: {error.reason}; mend it") from error


def _spans(entities: Any, num_words: int) -> List[EntitySpan]:
    if not isinstance(entities, list):
        raise ValueError('"entities" is no list; give a list of objects with "start_token", "end_token" and "type"')
    spans = sorted(map(_span, entities))
    for before, span in itertools.pairwise([EntitySpan(0, 0, ""), *spans]):
        if not 0 <= span.start < span.end <= num_words:
            raise ValueError(
                f"the entity {quoted(tuple(span))} is out of range: there are {num_words} tokens, counted from 0, and the end is "
                "exclusive; mend it"
            )
        if span.start < before.end:
            raise ValueError(
                f"the entities {quoted(tuple(before))} and {quoted(tuple(span))} overlap, and tags hold flat entities only; take "
                "one of them out"
            )
    return spans


def _span(entity: Any) -> EntitySpan:
    if isinstance(entity, dict):
        start, end, entity_type = (entity.get(key) for key in ("start_token", "end_token", "type"))
        if type(start) is int and type(end) is int and isinstance(entity_type, str):
            if 0 < len(entity_type) <= MAX_TYPE_CHARACTERS:
                return EntitySpan(start, end, entity_type)
    raise ValueError(
        f'{quoted(entity)} is no entity; give "start_token" and "end_token" (whole numbers from 0, the end exclusive) and "type"'
    )
