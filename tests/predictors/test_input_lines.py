"""Lines of input, by a predictor without a model: each is answered or reported with its number, whatever stands in it."""

import gzip
import json
import random
from pathlib import Path
from typing import Any, List

import pytest
from allennlp.common.checks import ConfigurationError
from allennlp.data import Token, Tokenizer
from fuzz import predictor_input
from fuzz.predictor_input import stand_in

from lowresource_ner.common.text_rules import MAX_LINE_BYTES
from lowresource_ner.data.conll.parser import read_conll
from lowresource_ner.predictors import NerConllPredictor, NerPredictor
from lowresource_ner.predictors.input_line import MAX_DEPTH

GOOD = '{"text": "Mara sang in Reno."}'


@pytest.fixture(autouse=True)
def _fresh_stand_ins() -> None:
    """A predictor counts its lines, and warns once."""
    stand_in.cache_clear()


def outputs(predictor: Any, lines: List[str]) -> List[str]:
    """As `allennlp predict` asks for them."""
    inputs = [predictor.load_line(line) for line in lines]
    json.dumps(inputs)  # as it does for the console
    return [predictor.dump_line(answer) for answer in predictor.predict_batch_json(inputs)]


def outputs_of_file(predictor: Any, path: Path) -> List[str]:
    """The same with `--use-dataset-reader`."""
    instances = list(predictor._dataset_reader.read(str(path)))
    return [predictor.dump_line(answer) for answer in predictor.predict_batch_instance(instances)]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("[" * 2000 + "]" * 2000, "nested too deep; give at most 100"),
        ('{"text": "Mara", "meta": ' + "[" * 2000 + "]" * 2000 + "}", "nested too deep"),
        ('{"text": "Mara", "meta": ' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}", "nested too deep"),
        ('{"text": "Mara", "id": ' + "7" * 5000 + "}", "a number has 5000 digits; write it as a string"),
        ('{"text": "Mara", "id": -1e400}', "the number -1e400 is too large"),
        ('{"text": "Mara", "id": NaN}', "NaN is not JSON; write null"),
        ('{"text": "Mara", "id": [-Infinity]}', "-Infinity is not JSON"),
        ('{"text": "Mara", "id": "cut \\ud83d"}', '"id" holds half of a surrogate pair'),
        ('{"text": "Mara", "\\ud83d": 1}', r'"\ud83d" holds half of a surrogate pair'),
        ('{"text": "Mara", "id": {"a": ["\\ude00"]}}', '"id" holds half of a surrogate pair'),
        ('{"text": "a cut emoji \\ud83d"}', '"text" holds half of a surrogate pair'),
        ('{"tokens": ["a", "\\ud83d"]}', "word 2 of \"tokens\", '\\ud83d', holds half of a surrogate pair"),
        ('{"text": "a\\u0000b"}', '"text" holds a NUL at character 2'),
        ('{"tokens": ["a\\u0000"]}', "holds a NUL"),
        ('{"tokens": ["a", "b\\tc"]}', "word 2 of \"tokens\", 'b\\tc', holds a tab"),
        ('{"tokens": ["a\\nb"], "text": "zzz"}', "holds a line feed"),
        ('{"tokens": ["a", ""]}', "is empty"),
        ('{"tokens": ["1"], "text": 1}', '"text" must be a string, and this is int'),
        ('{"tokens": ["a", "b"], "text": "a c"}', "word 2, 'b', is not found in the text"),
        ('{"tokens": null, "text": null}', 'neither "tokens"'),
        ('{"text": "a", "text": "b"}', 'the key "text" occurs twice'),
        ('{"text": "a", "meta": {"x": 1, "x": 1}}', 'the key "x" occurs twice'),
        ('{"text": "' + "é" * (MAX_LINE_BYTES // 2) + 'x"}', f"{MAX_LINE_BYTES + 1} bytes in UTF-8"),
        ('{"tokens": ["' + "x" * MAX_LINE_BYTES + '", "y"]}', f"{MAX_LINE_BYTES + 2} bytes in UTF-8"),
        (
            '{"text": "Jos\udce9"}',
            "byte 0xe9 after 13 characters is not UTF-8",
        ),  # from PYTHONIOENCODING=utf-8:surrogateescape
        ('["a list"]', "a JSON object"),
        ('{"sentence": "Mara"}', 'nor "text" (a string); rename "sentence" to "text"'),
        ("Mara sang.", "for lines of plain text use `allennlp tag` with --input-format text"),
    ],
)
def test_a_bad_line_is_reported_and_the_others_are_answered(caplog, line: str, complaint: str) -> None:
    first, bad, last = map(json.loads, outputs(stand_in(), [GOOD, line, GOOD]))
    assert first == last and first["tokens"] == ["Mara", "sang", "in", "Reno", "."]
    assert set(bad) == {"line", "error"} and bad["line"] == 2 and complaint in bad["error"]
    assert "line 2: " in caplog.text and bad["error"] in caplog.text
    comment = outputs(stand_in(NerConllPredictor), [GOOD, line])[1]
    assert comment == f"# line 2: {bad['error']}\n\n" and bad["error"].isprintable()


@pytest.mark.parametrize(
    ("line", "tokens"),
    [
        ('{"tokens": ["Mara"], "text": null}', ["Mara"]),
        ('{"tokens": null, "text": "Mara"}', ["Mara"]),
        ('{"tokens": ["\\u00a0", "10\\u00a0000", " ", " y"]}', ["\xa0", "10\xa0000", " ", " y"]),
        ('{"tokens": ["Mara", "sang"], "text": "Mara  sang"}', ["Mara", "sang"]),
        ('{"tokens": []}', []),
        ('{"text": " \\u00a0\\t\\r\\n"}', []),
        ('\ufeff{"text": "a"}\r\n', ["a"]),
    ],
)
def test_lines_that_can_be_used(line: str, tokens: List[str]) -> None:
    answer = json.loads(outputs(stand_in(), [line])[0])
    assert answer["tokens"] == tokens and len(answer["tags"]) == len(tokens)


def test_what_is_handed_through_is_the_same() -> None:
    others = {
        "id": int("7" * 4300),
        "é": [None, True, -1.5e300, {"": "\u2028"}],
        "deep": json.loads("[" * 99 + "]" * 99),
    }
    answer = json.loads(outputs(stand_in(), [json.dumps({"text": "Mara", **others})])[0])
    assert {key: answer[key] for key in others} == others


def test_an_answer_has_no_error_and_no_line_of_its_own(caplog) -> None:
    line = json.dumps({"text": "mara", "line": 7, "error": "e", "tags": ["X"], "id": 3})
    answers = [json.loads(answer) for answer in outputs(stand_in(), [line, line])]
    assert answers[0] == answers[1] and answers[0]["id"] == 3 and answers[0]["tags"] == ["O"]
    assert not {"line", "error"} & set(answers[0])
    assert [record.getMessage().split('"')[1] for record in caplog.records] == ["error", "line", "tags"]
    assert "first met at line 1" in caplog.text


def test_offsets_of_words_without_a_text_count_every_space() -> None:
    answer = stand_in().predict_json({"tokens": ["Ana", " ", " ", "Ana", "Reno"]})
    assert answer["text"] == "Ana     Ana Reno"
    assert [(entity["start_char"], entity["end_char"]) for entity in answer["entities"]] == [(0, 3), (8, 11), (12, 16)]


def test_numbers_that_are_none_are_told() -> None:
    """As a model gives them that has diverged."""
    good, bad = map(json.loads, outputs(stand_in(), [GOOD, '{"text": "a \U0001f600"}']))
    assert "tokens" in good and bad["line"] == 2
    assert bad["error"].startswith("the answer cannot be written: Out of range float values")
    assert stand_in().num_errors == 1


@pytest.mark.parametrize(
    ("item", "complaint"),
    [
        ({"text": "The mark -DOCSTART- begins a document"}, "the token '-DOCSTART-' marks the beginning of a document"),
        ({"tokens": ["x", " y"]}, "the token ' y' begins or ends with a space"),
        ({"tokens": ["Straße", "ß"]}, "the tag 'B-work of art' has an entity type that holds white space"),
        ({"text": ""}, "the text has no words"),
    ],
)
def test_what_conll_cannot_hold_is_a_comment_in_its_place(tmp_path, item: dict, complaint: str) -> None:
    lines = [GOOD, json.dumps(item), GOOD]
    first, comment, last = outputs(stand_in(NerConllPredictor), lines)
    assert first == last == "Mara\tB-PER\nsang\tO\nin\tO\nReno\tB-PER\n.\tO\n\n"
    assert (
        comment.startswith("# line 2: ")
        and comment.endswith("\n\n")
        and comment.count("\n") == 2
        and complaint in comment
    )
    path = tmp_path / "out.conll"
    path.write_text(first + comment + last, encoding="utf-8")
    assert [len(sentence.tokens) for sentence in read_conll(path)] == [5, 5]


def test_words_like_comments_and_other_files_are_words(tmp_path) -> None:
    words = ["%PDF-1.4", "#", "#tag", "\ufeffa", "10\u00a0000", "# x", "New York"]
    (block,) = outputs(stand_in(NerConllPredictor), [json.dumps({"tokens": words})])
    path = tmp_path / "out.conll"
    path.write_text(block, encoding="utf-8")
    assert [sentence.tokens for sentence in read_conll(path)] == [tuple(words)]


def test_words_of_a_tokenizer_that_are_none_are_told() -> None:
    """AllenNLP's tokenizer of characters makes words of tabs, that of bytes gives no words at all."""
    for tokenizer, complaint in (("character", "holds a tab"), ('{"byte_encoding": "utf-8"}', "Unexpected null text")):
        options = {"type": "character", **json.loads(tokenizer)} if tokenizer[0] == "{" else tokenizer
        predictor = NerPredictor(stand_in()._model, stand_in()._dataset_reader, tokenizer=options)
        predictor._tagger = stand_in()._tagger
        answers = [
            json.loads(answer) for answer in outputs(predictor, ['{"text": ""}', '{"text": "a\\tb"}', '{"text": ""}'])
        ]
        assert answers[0]["tokens"] == answers[2]["tokens"] == []
        assert answers[1]["line"] == 2 and complaint in answers[1]["error"]


BYTES = [
    b'{"text": "Mara"}',
    b"",
    b'{"text": "Jos\xe9"}',
    b'{"text": "a\rb"}',
    b'\xef\xbb\xbf{"text": "Jos\xc3\xa9 \xe2\x80\xa8 Reno"}\r',
    b" \t",
    b'{"text": "Mara"}',
]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_the_predictor_reads_files_itself(tmp_path, suffix: str) -> None:
    path = tmp_path / f"input.jsonl{suffix}"
    content = b"\n".join(BYTES)
    path.write_bytes(gzip.compress(content) if suffix else content)
    answers = [json.loads(line) for line in outputs_of_file(stand_in(input_format="json"), path)]
    assert [answer.get("tokens") for answer in answers] == [["Mara"], None, None, ["José", "Reno"], ["Mara"]]
    assert [answer.get("line") for answer in answers] == [None, 3, 4, None, None], "as editors count"
    assert "byte 0xe9 after 13 characters is not UTF-8" in answers[1]["error"] and "not JSON" in answers[2]["error"]


def test_lines_of_text_end_at_line_feeds_alone(tmp_path) -> None:
    path = tmp_path / "input.txt"
    path.write_bytes("\ufeffMara\u2028Reno\rTobi\r\n\ufeffa\u0085b\n\n\0".encode())
    answers = [json.loads(line) for line in outputs_of_file(stand_in(input_format="text"), path)]
    assert [answer.get("tokens") for answer in answers] == [["Mara", "Reno", "Tobi"], ["a", "b"], None]
    assert answers[2]["line"] == 4 and "NUL" in answers[2]["error"]


def test_words_that_are_separated_by_spaces() -> None:
    predictor = stand_in(input_format="tokens")
    answer, bad = map(json.loads, outputs(predictor, ["Ana  sang\tin 10\u00a0000 's .\r\n", "a \rb"]))
    assert answer["tokens"] == ["Ana", "sang", "in", "10\u00a0000", "'s", "."]
    assert answer["text"] == "Ana  sang\tin 10\u00a0000 's ." and answer["entities"][0]["end_char"] == 3
    assert bad["line"] == 2 and "holds a carriage return" in bad["error"]
    assert predictor.num_errors == 1


def test_a_line_that_is_far_too_long_is_passed_over(tmp_path) -> None:
    path = tmp_path / "input.txt"
    path.write_bytes(b"a\n" + b"x" * (40 * MAX_LINE_BYTES) + b"\nb\n")
    first, long, last = [json.loads(line) for line in outputs_of_file(stand_in(input_format="text"), path)]
    assert first["tokens"] == ["a"] and last["tokens"] == ["b"]
    assert long["line"] == 2 and "longer than 16777216 bytes" in long["error"]


def test_files_that_cannot_be_read_are_named(tmp_path) -> None:
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"a\nb\n" * 1000)[:30])
    for name in ("nowhere.jsonl", "", "cut.gz"):
        with pytest.raises(ConfigurationError, match=rf"{tmp_path / name}:\d+: the file cannot be read"):
            outputs_of_file(stand_in(input_format="json"), tmp_path / name)


def test_random_lines() -> None:
    for seed in range(300):
        predictor_input.check(random.Random(seed))


class Fussy(Tokenizer):
    """Fails at one word, as spaCy's does at a million characters."""

    def tokenize(self, text: str) -> List[Token]:
        if "fail" in text:
            raise OverflowError("too much")
        return [Token(word) for word in text.split()]


def test_a_tokenizer_that_fails_spoils_its_line_alone() -> None:
    predictor = stand_in()
    predictor._tokenizer = Fussy()
    lines = [GOOD, '{"text": "to fail"}', '{"tokens": ["fail"]}', GOOD]
    answers = [json.loads(line) for line in outputs(predictor, lines)]
    assert [answer.get("tokens") for answer in answers] == [
        ["Mara", "sang", "in", "Reno."],
        None,
        ["fail"],
        answers[0]["tokens"],
    ]
    assert answers[1] == {"line": 2, "error": "the tokenizer cannot split this text: OverflowError: too much"}
    with pytest.raises(ValueError, match="OverflowError: too much"):
        predictor.predict_json({"text": "to fail"})
