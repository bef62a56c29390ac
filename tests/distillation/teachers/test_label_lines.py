"""Lines of label files: numbers, words and nesting as other programs write them, and as nobody should."""

import json
import random
import warnings

import numpy
import pytest
from fuzz import label_files
from hypothesis import given, settings
from hypothesis import strategies as st

from lowresource_ner.distillation.teachers.label_lines import parse_label_line

SHORT = dict(ids=lambda value: str(value)[:30])
NEST = "[" * 100_000 + "]" * 100_000


def soft(rows: str) -> bytes:
    return f'{{"tokens": ["a"], "labels": ["O", "B-X"], "distributions": {rows}}}'.encode()


def entity(entity: str) -> bytes:
    return f'{{"tokens": ["a"], "entities": [{entity}]}}'.encode()


@pytest.mark.parametrize(
    "rows, expected",
    [
        ("[[1, 0]]", [[1, 0]]),
        ("[[-0, 1e0]]", [[0, 1]]),
        ("[[-0.0, 1]]", [[0, 1]]),
        ("[[0.25, 75e-2]]", [[0.25, 0.75]]),
        ("[[1e-400, 1]]", [[0, 1]]),
        ("[[0.9999, 0.0001]]", [[0.9999, 0.0001]]),
    ],
)
def test_numbers_that_are_probabilities(rows, expected) -> None:
    line = parse_label_line(soft(rows))
    assert line is not None and line.probabilities is not None
    numpy.testing.assert_allclose(line.probabilities, expected, rtol=1e-6)


@pytest.mark.parametrize(
    "rows, complaint",
    [
        (f"[[1{'0' * 400}, 0]]", "a number with hundreds of digits, which is not a probability; apply a softmax"),
        (f"[[-1{'0' * 400}, 0]]", "a number with hundreds of digits"),
        (f"[[1{'0' * 5000}, 0]]", "a number with thousands of digits; fix it"),
        ("[[1e400, 0]]", r"of word 1, \[inf, 0\], are not probabilities"),
        ("[[1e308, 1e308]]", "are not probabilities"),
        ("[[Infinity, -Infinity]]", "are not probabilities"),
        ("[[NaN, 1]]", "are not probabilities"),
        ("[[true, false]]", "1 lists .* of 2 numbers"),
        ('[["1", "0"]]', "1 lists .* of 2 numbers"),
        ("[[null, 1]]", "1 lists .* of 2 numbers"),
        ("[[[1], [0]]]", "1 lists .* of 2 numbers"),
        ("[{}]", "1 lists .* of 2 numbers"),
        (f"[[1, {NEST}]]", "nested too deeply"),
    ],
    **SHORT,
)
def test_numbers_that_are_not_probabilities_are_refused(rows, complaint) -> None:
    with warnings.catch_warnings(), pytest.raises(ValueError, match=complaint) as caught:
        warnings.simplefilter("error", RuntimeWarning)  # numpy's, of what overflows
        parse_label_line(soft(rows))
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "raw, complaint",
    [
        (b'{"tokens": ["a\\tb"], "tags": ["O"]}', r"word 1 of \"tokens\", 'a\\tb', holds a tab; fix it"),
        (b'{"tokens": ["a", "\\n"], "tags": ["O", "O"]}', "word 2 of .* holds a line feed"),
        (b'{"tokens": ["\\u0000"], "tags": ["O"]}', "holds a NUL"),
        (b'{"tokens": ["\\ud83d"], "tags": ["O"]}', "half of a surrogate pair"),
        (b'{"tokens": ["\xed\xa0\xbd"], "tags": ["O"]}', r"not UTF-8 \(byte 14, 0xed\)"),
        (b'{"tokens": ["M\xfcller"], "tags": ["O"]}', r"not UTF-8 \(byte 15, 0xfc\)"),
        (b'{"tokens": ["a"], "tags": ["O"], "tags": ["B-X"]}', "the key 'tags' occurs twice"),
        (entity('{"type": "X", "start_token": 0, "start_token": 1, "end_token": 1}'), "'start_token' occurs twice"),
        (entity('{"type": "X", "start_token": true, "end_token": 1}'), "is not an entity"),
        (entity('{"type": "X", "start_token": 0.0, "end_token": 1}'), "is not an entity"),
        (entity(f'{{"type": "X", "start_token": 0, "end_token": 1{"0" * 400}}}'), "out of range"),
        (entity(f'{{"type": "{"X" * 10**6}", "start_token": 0, "end_token": 1}}'), "is not an entity"),
        (entity(NEST), "nested too deeply"),
        (entity("[" * 500 + "]" * 500), "is not an entity"),
        (entity(json.dumps({"text": "a" * 10**6})), "is not an entity"),
        (b'{"tokens": ["a"], "x": ' + NEST.encode() + b"}", "nested too deeply"),
        (NEST.encode(), "nested too deeply"),
        (json.dumps({"tokens": ["a"], "tags": ["X" * 10**6]}).encode(), "is not a tag"),
        (b'{"tokens": ["a"], "tags": null, "entities": null}', "the sentence has no labels"),
        (b"\xff\xfe{\x00", "not UTF-8"),
        ('{"tokens": ["a"], "tags": ["O"]}'.encode("utf-16-le"), "this is not JSON"),
    ],
    **SHORT,
)
def test_other_invalid_lines(raw, complaint) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        parse_label_line(raw)
    message = str(caught.value)
    assert type(caught.value) is ValueError and len(message) < 1000 and message.encode("utf-8")


def test_keys_that_are_null_are_as_if_they_were_not_there() -> None:
    line = parse_label_line(
        b'\xef\xbb\xbf{"tokens": ["a"], "probabilities": null, "distributions": null, "tags": null, "entities": []}\r\n'
    )
    assert line is not None and (line.words, line.spans, line.tags) == (["a"], [], None)


@settings(derandomize=True, deadline=None, max_examples=120)
@given(st.integers(0, 2**64))
def test_files_whole_and_damaged(seed) -> None:
    label_files.check(random.Random(seed))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["O", "B-X"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)
KEYS = ["tokens", "tags", "entities", "labels", "distributions", "probabilities", "error"]


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=4), st.lists(st.text(min_size=1), min_size=1, max_size=2))
def test_any_values_of_the_keys(item, words) -> None:
    label_files.check_label_line(json.dumps({"tokens": words, **item}).encode())
    label_files.check_label_line(json.dumps({**item, "tokens": words}).encode())


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.binary(max_size=40))
def test_any_bytes(raw) -> None:
    label_files.check_label_line(raw)
    label_files.check_label_line(b'{"tokens": ["' + raw + b'"], "tags": ["O"]}')
