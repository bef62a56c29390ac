"""One line of a label file: a sentence and what somebody says of its words."""

import json
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy

from lowresource_ner.data.tag_schemes import EntitySpan, InvalidTagSequence, get_scheme

_ANY_SCHEME = get_scheme("IOB2")
"""Reading as conlleval does, the letters of all schemes mean the same in each."""

_SUM_TOLERANCE = 0.01


class LabelLine(NamedTuple):
    """
    What a line says, as hard labels or as soft ones.

    # Parameters

    words : `List[str]`
    spans : `List[EntitySpan]`
        The entities; empty where the labels are soft.
    tags : `Optional[List[str]]`
        As the line has them, in a scheme that it does not name; `None` where it lists entities, or soft labels.
    labels : `Tuple[str, ...]`
        Of the columns of `distributions`.
    distributions : `Optional[numpy.ndarray]`
        (num_words, num_labels) float32, each row with the sum 1; `None` where the labels are hard.
    """

    words: List[str]
    spans: List[EntitySpan]
    tags: Optional[List[str]] = None
    labels: Tuple[str, ...] = ()
    distributions: Optional[numpy.ndarray] = None

    @property
    def types(self) -> List[str]:
        """The types of its entities."""
        return [span.type for span in self.spans]


def parse_label_line(raw: bytes) -> Optional[LabelLine]:
    """
    Reads a line. Where it says several things, the one that says most is taken: distributions before tags before entities.

    # Returns

    `Optional[LabelLine]`
        `None` for a line that there is nothing to learn from: a sentence without words, or one that a predictor answered with an
        error.

    # Raises

    `ValueError`
        What is wrong with the line, a semicolon, and what to do about it.
    """
    item = _object(raw)
    if "error" in item and "tokens" not in item:
        return None
    words = _words(item)
    if not words:
        return None
    distributions = _soft(item)
    if distributions is not None:
        labels = _labels(item)
        return LabelLine(words, [], labels=labels, distributions=_checked(distributions, len(words), labels))
    if "tags" in item:
        return _hard(words, item["tags"])
    if "entities" in item:
        return LabelLine(words, _spans(item["entities"], len(words)))
    raise ValueError(
        'the sentence has no labels; give "tags", "distributions" with their "labels", or "entities" (an empty list where there '
        "are "
        "none)"
    )


def _object(raw: bytes) -> Dict[str, Any]:
    try:
        item = json.loads(raw)
    except UnicodeDecodeError as error:
        raise ValueError("the line is not UTF-8; convert the file, for example with iconv") from error
    except RecursionError as error:
        raise ValueError("the line nests too deep to be a sentence's labels; mend it") from error
    except json.JSONDecodeError as error:
        raise ValueError(
            f"this is no JSON ({error.msg}, character {error.pos + 1}); write each sentence as one JSON object on one line (`jq "
            "-c .` makes lines of objects that are spread over several)"
        ) from error
    if not isinstance(item, dict):
        raise ValueError(
            f"an object was expected, and this is {type(item).__name__}; write each sentence as one JSON object on one line "
            "(`jq -c '.[]'` makes lines of an array)"
        )
    return item


def _words(item: Dict[str, Any]) -> List[str]:
    words = item.get("tokens")
    if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
        raise ValueError('"tokens" is missing or no list of words; give the words of the sentence, none of them empty')
    return words


def _soft(item: Dict[str, Any]) -> Optional[List[Any]]:
    """
    The distributions of a line, if it has any. "probabilities" may also be one number a word, as the predictor `ner` gives
    those of its tags.
    """
    for key in ("distributions", "probabilities"):
        rows = item.get(key)
        if rows is not None and (key == "distributions" or _has_rows(rows)):
            if not isinstance(rows, list):
                raise ValueError(f'"{key}" is {type(rows).__name__}; give a list with a list of numbers for each word')
            return rows
    if "probabilities" in item and "tags" not in item and "entities" not in item:
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


def _checked(rows: Sequence[Any], num_words: int, labels: Sequence[str]) -> numpy.ndarray:
    """(num_words, num_labels)"""
    try:
        values = numpy.array(rows, dtype=numpy.float64)
    except (ValueError, TypeError):
        values = numpy.empty(0)
    if values.shape != (num_words, len(labels)):
        raise ValueError(
            f"the distributions are not {num_words} lists (one a word) of {len(labels)} numbers (one a label); give them so"
        )
    sums = values.sum(axis=1)
    wrong = ~((values >= 0).all(axis=1) & (abs(sums - 1) <= _SUM_TOLERANCE))  # True where a number is not finite
    if wrong.any():
        word = int(wrong.argmax())
        raise ValueError(
            f"the numbers of word {word + 1}, {rows[word]}, are no probabilities: these are at least 0 and have the sum 1; "
            "apply a softmax to scores"
        )
    return (values / sums[:, None]).astype(numpy.float32)


def _hard(words: List[str], tags: Any) -> LabelLine:
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise ValueError('"tags" is no list of tags; give one for each word')
    if len(tags) != len(words):
        raise ValueError(f"there are {len(words)} tokens and {len(tags)} tags; give one tag for each token")
    try:
        return LabelLine(words, _ANY_SCHEME.spans(tags, repair=True), tags)
    except InvalidTagSequence as offence:
        raise ValueError(f"{offence.tag!r} is no tag: {offence.reason}; mend it") from offence


def _spans(entities: Any, num_words: int) -> List[EntitySpan]:
    if not isinstance(entities, list):
        raise ValueError('"entities" is no list; give a list of objects with "start_token", "end_token" and "type"')
    spans = sorted(map(_span, entities))
    _ANY_SCHEME.tags(spans, num_words)  # says where they overlap or leave the sentence
    return spans


def _span(entity: Any) -> EntitySpan:
    if isinstance(entity, dict):
        start, end, entity_type = (entity.get(key) for key in ("start_token", "end_token", "type"))
        if type(start) is int and type(end) is int and isinstance(entity_type, str) and entity_type:
            return EntitySpan(start, end, entity_type)
    raise ValueError(
        f'{json.dumps(entity, ensure_ascii=False)[:200]} is no entity; give "start_token" and "end_token" (whole numbers from 0, '
        'the end exclusive) and "type"'
    )
