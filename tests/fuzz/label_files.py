"""Label files, made together with what they say, whole and damaged."""

import gzip
import json
import random
import re
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional

import numpy
from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.text_rules import type_fault, word_fault
from lowresource_ner.distillation.teachers.label_file_teacher import LabelFileTeacher
from lowresource_ner.distillation.teachers.label_lines import LabelLine, parse_label_line
from lowresource_ner.tagging import EntitySpan, get_scheme

WORDS = [
    "a",
    "Reno",
    "New York",
    "10\u00a0000",
    "\u2028",
    "\ufeffx",
    "😀",
    "e\u0301",
    '"',
    "\\",
    "#",
    "\x0b",
    "\x7f",
    "{",
    "中",
    "]",
]
TYPES = ["PER", "LOC", "work-of-art", "人名"]
ODD_TYPES = ["work of art", " PER", "PER-", "O", "-", "a\tb", "\u00a0", "\ud83d"]
"""They must be renamed."""

LONGEST_MESSAGE = 12_000
DEEP, MANY_DIGITS, TOO_MANY_DIGITS = "@deep@", "@many@", "@too many@"
_WRITTEN = {DEEP: "[" * 2000 + "]" * 2000, MANY_DIGITS: "1" * 400, TOO_MANY_DIGITS: "1" * 5000}
VALUES = [
    None,
    True,
    False,
    0,
    -1,
    -0.0,
    1e308,
    1e-320,
    float("nan"),
    float("inf"),
    2**63,
    "",
    "O",
    "B-",
    "B-X",
    "a\tb",
    "\0",
    "\ud83d",
]
VALUES += [[], {}, [[]], [1], [["O"]], {"start_token": 0}, DEEP, MANY_DIGITS, TOO_MANY_DIGITS]
PIECES = [
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xed\xa0\xbd",
    b"\\ud83d",
    b"\n",
    b"\r",
    b"NaN",
    b"1e400",
    b"-0",
    b'"',
    b"[",
    b"}",
    b",",
]


class Line(NamedTuple):
    """A line, and what it says: its words, and of each word the probabilities by label, after types are renamed."""

    item: Dict[str, Any]
    words: List[str]
    spans: Optional[List[EntitySpan]]
    """`None` where it has distributions."""


def check(rng: random.Random) -> None:
    """Makes one file, and asserts what must hold of it and of each of its lines."""
    label_map = _label_map(rng)
    scheme = rng.choice(["IOB2", "IOB1", "IOBES", "BILOU"])
    is_whole = rng.random() < 0.5
    types = [
        each for each in TYPES + ODD_TYPES if not is_whole or each in TYPES or each in label_map or "*" in label_map
    ]
    lines = [_line(rng, number, scheme, types) for number in range(rng.randint(1, 4))]
    written = [_written(rng, line.item if is_whole else _damaged(rng, line.item)) for line in lines]
    if not is_whole and rng.random() < 0.5:
        position = rng.randrange(len(written))
        written[position] = _with_other_bytes(rng, written[position])
    for raw in written:
        check_label_line(raw)
    options = {"label_map": label_map} if label_map or rng.random() < 0.5 else {}
    raw = b"".join(b"\n" * rng.randint(0, 1) + each + rng.choice([b"\n", b"\r\n"]) for each in written)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / rng.choice(["labels.jsonl", "labels.jsonl.gz"])
        path.write_bytes(gzip.compress(raw, 1) if path.suffix == ".gz" else raw)
        _check_file(LabelFileTeacher(str(path), missing="skip", **options), lines, label_map, is_whole)


def check_label_line(raw: bytes) -> None:
    """Asserts that a line is refused with a message, or says what a line may say, and the same when it is written again."""
    line = _or_message(lambda: parse_label_line(raw), ValueError)
    if line is None or isinstance(line, str):
        return
    assert line.words and all(word_fault(word) is None for word in line.words)
    if line.probabilities is not None:
        assert line.probabilities.shape == (len(line.words), len(line.labels))
        assert line.probabilities.dtype == numpy.float32 and (line.probabilities >= 0).all()
        numpy.testing.assert_allclose(line.probabilities.sum(axis=1), 1, rtol=0, atol=1e-4)
        assert not line.spans and line.tags is None
    assert line.tags is None or len(line.tags) == len(line.words)
    ends = [0, *(edge for span in line.spans for edge in (span.start, span.end)), len(line.words)]
    assert ends == sorted(ends) and all(span.start < span.end for span in line.spans)
    again = parse_label_line(_as_json(line))
    assert again is not None
    assert (again.words, again.spans, again.tags, again.labels) == (line.words, line.spans, line.tags, line.labels)
    if line.probabilities is not None and again.probabilities is not None:
        numpy.testing.assert_allclose(again.probabilities, line.probabilities, rtol=0, atol=1e-6)


def _check_file(teacher: LabelFileTeacher, lines: List[Line], label_map: Dict[str, str], is_whole: bool) -> None:
    labels = _or_message(lambda: teacher.labels, ConfigurationError)
    if isinstance(labels, str):
        assert not is_whole, labels
        assert re.match(rf"{re.escape(str(teacher.path))}(:\d+)?: ", labels), labels
        return
    assert not any(type_fault(label[2:]) for label in labels if label != "O")
    answers = teacher.label([line.words for line in lines])
    for line, answer in zip(lines, answers):
        if answer is not None:
            assert answer.shape == (len(line.words), len(labels))
            numpy.testing.assert_allclose(answer.sum(axis=1), 1, rtol=0, atol=1e-4)
        if is_whole:
            assert answer is not None
            expected = _expected(line, labels, teacher.tag_scheme, label_map)
            numpy.testing.assert_allclose(answer, expected, rtol=0, atol=1e-5)
    nobody = ["nobody", "said", "\ud83d"]
    assert teacher.label([nobody]) == [None]


def _expected(line: Line, labels: List[str], scheme: str, label_map: Dict[str, str]) -> numpy.ndarray:
    """(num_words, num_labels), with the labels' columns looked up one by one."""
    expected = numpy.zeros((len(line.words), len(labels)))
    if line.spans is None:
        for row, numbers in zip(expected, line.item["distributions"]):
            for label, number in zip(line.item["labels"], numbers):
                row[labels.index(_renamed_label(label, label_map))] += number
        return expected
    renamed = [EntitySpan(start, end, _renamed(each, label_map)) for start, end, each in line.spans]
    tags = get_scheme(scheme).tags([span for span in renamed if span.type != "O"], len(line.words))
    for row, tag in zip(expected, tags):
        row[labels.index(tag)] = 1
    return expected


def _renamed(entity_type: str, label_map: Dict[str, str]) -> str:
    return label_map[entity_type] if entity_type in label_map else label_map.get("*", entity_type)


def _renamed_label(label: str, label_map: Dict[str, str]) -> str:
    new = "O" if label == "O" else _renamed(label[2:], label_map)
    return "O" if new == "O" else label[:2] + new


def _or_message(call: Callable[[], Any], kind: type) -> Any:
    """What the call gives, or the message of its error, which must be of a kind and one that can be read and printed."""
    try:
        return call()
    except kind as error:
        message = str(error)
    assert re.search(r"[;.] \S", message) and len(message) < LONGEST_MESSAGE and message.encode("utf-8")
    return message


def _label_map(rng: random.Random) -> Dict[str, str]:
    names = rng.sample(TYPES + ODD_TYPES, rng.randint(0, 4)) + rng.choice([[], [], ["*"]])
    return {name: rng.choice(["X", "O", "PER", f"X{number}"]) for number, name in enumerate(names)}


def _line(rng: random.Random, number: int, scheme: str, types: List[str]) -> Line:
    """A sentence that no other line has."""
    words = [*rng.choices(WORDS, k=rng.randint(0, 5)), f"{number}"]
    spans, start = [], 0
    while start < len(words):
        end = min(len(words), start + rng.randint(1, 3))
        if rng.random() < 0.5:
            spans.append(EntitySpan(start, end, rng.choice(types)))
        start = end
    kind = rng.choice(["distributions", "tags", "entities"])
    if kind == "distributions":
        return _soft_line(rng, words, rng.sample(types, rng.randint(1, len(types))))
    entities = [{"start_token": span.start, "end_token": span.end, "type": span.type} for span in spans]
    labels = {"tags": get_scheme(scheme).tags(spans, len(words))} if kind == "tags" else {"entities": entities}
    return Line({"tokens": words, **labels}, words, spans)


def _soft_line(rng: random.Random, words: List[str], types: List[str]) -> Line:
    labels = get_scheme("IOBES").tag_set(types)
    rng.shuffle(labels)
    rows = []
    for _ in words:
        scores = [rng.random() ** 4 for _ in labels]
        rows.append([round(score / sum(scores), 7) for score in scores])
    return Line({"tokens": words, "labels": labels, "distributions": rows}, words, None)


def _written(rng: random.Random, item: Any) -> bytes:
    if isinstance(item, dict):
        keys = [*item, *rng.sample(["text", "id", "confidence"], rng.randint(0, 2))]
        rng.shuffle(keys)
        item = {key: item.get(key, float("nan")) for key in keys}
    text = json.dumps(item, ensure_ascii=rng.random() < 0.5)
    if re.search("[\ud800-\udfff]", text):
        text = json.dumps(item)
    for name, digits in _WRITTEN.items():
        text = text.replace(f'"{name}"', digits)
    return text.encode()


def _damaged(rng: random.Random, item: Any) -> Any:
    """With one value or key exchanged, repeated or left out, somewhere."""
    if not isinstance(item, (dict, list)) or not item or rng.random() < 0.1:
        return rng.choice(VALUES)
    copied: Any = dict(item) if isinstance(item, dict) else list(item)
    key = rng.choice(list(item)) if isinstance(item, dict) else rng.randrange(len(item))
    how = rng.random()
    if how < 0.1:
        del copied[key]
    elif how < 0.2 and isinstance(item, dict):
        copied[rng.choice(["tags", "entities", "probabilities", "distributions", "labels", "error"])] = copied.pop(key)
    elif how < 0.2:
        copied.insert(key, copied[key])
    else:
        copied[key] = _damaged(rng, copied[key])
    return copied if isinstance(item, list) or rng.random() < 0.9 else {**copied, "labels": rng.choice(VALUES)}


def _with_other_bytes(rng: random.Random, raw: bytes) -> bytes:
    for _ in range(rng.randint(1, 3)):
        start, end = sorted(rng.choices(range(len(raw) + 1), k=2))
        end = min(end, start + rng.choice([0, 1, 8]))
        raw = raw[:start] + rng.choice([*PIECES, b"", raw[start:end] * 2, rng.randbytes(3)]) + raw[end:]
    return raw


def _as_json(line: LabelLine) -> bytes:
    item: Dict[str, Any] = {"tokens": line.words}
    if line.probabilities is not None:
        item.update(labels=line.labels, distributions=line.probabilities.tolist())
    elif line.tags is not None:
        item["tags"] = line.tags
    else:
        item["entities"] = [dict(zip(("start_token", "end_token", "type"), span)) for span in line.spans]
    return json.dumps(item).encode()
