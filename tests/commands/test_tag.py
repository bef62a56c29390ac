"""`allennlp tag`: the output of `allennlp predict`, whole or not at all. One process but for a kill."""

import bz2
import gzip
import io
import json
import os
import shutil
import signal
import sys
import tarfile
from pathlib import Path
from typing import Callable

import pytest
import torch
from allennlp.commands import main
from allennlp.common.checks import ConfigurationError
from conftest import CORPORA, REPOSITORY
from support.forked_python import run_python
from support.full_disk import no_file_over

from lowresource_ner.commands import tag as command
from lowresource_ner.commands.tag import tag
from lowresource_ner.predictors import NerPredictor

LINES = (CORPORA / "sw" / "raw.txt").read_text(encoding="utf-8").splitlines()[:20]
BATCH = ["--batch-size", "7"]


@pytest.fixture
def run(monkeypatch) -> Callable[..., None]:
    """`allennlp`, called in this process. Signals are handled as in a terminal: a process in the background may ignore them."""
    handlers = {each: signal.signal(each, signal.default_int_handler) for each in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.chdir(REPOSITORY)

    def allennlp(*arguments: object) -> None:
        monkeypatch.setattr(sys, "argv", ["allennlp", *map(str, arguments)])
        main()

    yield allennlp
    for each, handler in handlers.items():
        signal.signal(each, handler)


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "source.txt"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def earlier(tmp_path) -> Path:
    """An output in a folder of its own, which holds nothing else."""
    (tmp_path / "out").mkdir()
    path = tmp_path / "out" / "out.jsonl"
    path.write_text("earlier")
    return path


def nothing_lost(earlier: Path) -> bool:
    return earlier.read_text() == "earlier" and list(earlier.parent.iterdir()) == [earlier]


def json_lines(path: Path) -> list:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def same_output(run, tmp_path, tag_arguments: list, predict_arguments: list) -> bytes:
    """What `tag` writes, which is what `predict` writes."""
    outputs = [tmp_path / "of_tag", tmp_path / "of_predict"]
    run("tag", *tag_arguments, "--output-file", outputs[0], *BATCH)
    run("predict", *predict_arguments, "--silent", "--output-file", outputs[1], *BATCH)
    found, expected = (output.read_bytes() for output in outputs)
    assert found == expected
    return found


# The same output


@pytest.mark.parametrize(
    "predictor, suffix, pack",
    [("ner", "", bytes), ("ner", ".gz", gzip.compress), ("ner_conll", ".bz2", bz2.compress)],
)
def test_plain_text(run, teacher, source, tmp_path, predictor, suffix, pack) -> None:
    text = tmp_path / f"text{suffix}"
    text.write_bytes(pack(source.read_bytes()))
    found = same_output(
        run,
        tmp_path,
        [teacher, text, "--input-format", "text", "--predictor", predictor],
        [teacher, text, "--predictor-args", '{"input_format": "text"}', "--predictor", predictor],
    )
    assert found.count(b"\n\n" if predictor == "ner_conll" else b"\n") == len(LINES)


def test_json_lines(run, teacher, tmp_path) -> None:
    path = tmp_path / "text.jsonl"
    lines = [{"text": line, "id": number} for number, line in enumerate(LINES)]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines) + "{broken\n", encoding="utf-8")
    options = ["--predictor-args", '{"distributions": true, "split_sentences": true}']
    found = same_output(run, tmp_path, [teacher, path, *options], [teacher, path, "--predictor", "ner", *options])
    *answers, broken = map(json.loads, found.decode().splitlines())
    assert [answer["id"] for answer in answers] == list(range(20)) and broken["line"] == 21


def test_separated_words(run, teacher, tmp_path) -> None:
    separated, objects = tmp_path / "words.txt", tmp_path / "words.jsonl"
    words = [line.split() for line in LINES]
    separated.write_text("".join("  ".join(each) + "\n" for each in words), encoding="utf-8")
    items = [{"text": "  ".join(each), "tokens": each} for each in words]
    objects.write_text("".join(f"{json.dumps(item)}\n" for item in items), encoding="utf-8")
    options = ["--input-format", "tokens"]
    found = same_output(run, tmp_path, [teacher, separated, *options], [teacher, objects, "--predictor", "ner"])
    assert [json.loads(line)["tokens"] for line in found.decode().splitlines()] == words


def test_a_conll_file_whose_tags_stand_beside(run, teacher, tmp_path) -> None:
    path = CORPORA / "sw" / "test.conll"
    options = ["--use-dataset-reader", "--predictor", "ner"]
    found = same_output(run, tmp_path, [teacher, path], [teacher, path, *options])
    assert found.count(b'"gold_tags"') == found.count(b"\n") == 28


@pytest.mark.parametrize("is_stdin", [False, True])
def test_standard_output_has_the_lines_of_the_output_file_alone(
    run, teacher, tmp_path, monkeypatch, capfd, is_stdin
) -> None:
    content = "".join(f"{json.dumps({'text': line})}\n" for line in LINES[:5]).encode()
    path, output = tmp_path / "text.jsonl", tmp_path / "out.jsonl"
    path.write_bytes(content)
    run("tag", teacher, path, "--output-file", output)
    for options in ([], ["--output-file", "-"]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))
        capfd.readouterr()
        run("tag", teacher, "-" if is_stdin else path, *options)
        printed = capfd.readouterr()
        assert printed.out.encode() == output.read_bytes() and printed.out.count("\n") == 5
        assert printed.err.endswith("5 tagged, 0 with an error\n")
    assert sorted(tmp_path.iterdir()) == [output, path]


@pytest.mark.parametrize(
    "content, status", [('{"sentence": "Ana"}\n["Ana"]\n', 1), ('{"sentence": "Ana"}\n{"text": "Ana"}\n', 0), ("\n", 0)]
)
def test_a_command_fails_where_there_is_no_answer_but_errors(run, teacher, tmp_path, content, status) -> None:
    path, output = tmp_path / "text.jsonl", tmp_path / "out.jsonl"
    path.write_text(content)
    arguments = ["tag", teacher, path, "--output-file", output]
    if status:
        with pytest.raises(SystemExit, match=f"^{status}$"):
            run(*arguments)
    else:
        run(*arguments)
    assert len(json_lines(output)) == len(content.split("\n")) - 1 - content.startswith("\n")


def test_bytes_that_are_not_utf8_spoil_their_line_alone(run, teacher, tmp_path, capsys) -> None:
    path, output = tmp_path / "text.txt", tmp_path / "out.jsonl"
    path.write_bytes(b"Ana vive en Lima .\n\nJos\xe9\nKofi\n")
    run("tag", teacher, path, "--input-format", "text", "--output-file", output)
    first, bad, last = json_lines(output)
    assert first["tokens"] == ["Ana", "vive", "en", "Lima", "."] and last["tokens"] == ["Kofi"]
    assert bad["line"] == 3 and "byte 0xe9 after 3 characters is not UTF-8" in bad["error"]
    printed = capsys.readouterr()
    assert printed.err.endswith(f"2 tagged, 1 with an error: {output}\n") and printed.out == ""


def test_other_weights(teacher, source, tmp_path) -> None:
    """Where those of the last layer are zero, all labels are alike."""
    with tarfile.open(teacher) as tar:
        tar.extract("weights.th", tmp_path, filter="data")
    weights = torch.load(tmp_path / "weights.th", weights_only=True)
    last = [value.zero_() for name, value in weights.items() if name.startswith("_head.projection")]
    torch.save(weights, tmp_path / "zero.th")
    output = tmp_path / "out.jsonl"
    report = tag(str(teacher), str(source), str(output), "text", weights_file=str(tmp_path / "zero.th"))
    assert report == {"outputs": 20, "errors": 0}
    num_labels = len(last[0])
    found = {p for answer in json_lines(output) for p in answer["probabilities"]}
    assert found == {round(1 / num_labels, 6)}


# Nothing is lost


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_broken_off_leaves_the_earlier_output(
    run, teacher, source, earlier, monkeypatch, capsys, how
) -> None:
    answer, calls = NerPredictor.answer, []

    def stop(self, requests) -> list:
        calls.append(len(requests))
        if len(calls) == 2:
            os.kill(os.getpid(), how)
        return answer(self, requests)

    monkeypatch.setattr(NerPredictor, "answer", stop)
    with pytest.raises(SystemExit, match="^130$"):
        run("tag", teacher, source, "--input-format", "text", "--output-file", earlier, *BATCH)
    assert calls == [7, 7] and nothing_lost(earlier)
    assert capsys.readouterr().err.endswith(f"\nInterrupted; '{earlier}' is unchanged.\n")


def test_a_kill_leaves_the_earlier_output(teacher, source, earlier, tmp_path) -> None:
    """In the middle of the output, after a part of it has come to the disk."""
    script = tmp_path / "killed.py"
    script.write_text(
        "import glob, os, signal, sys\n"
        "from allennlp.commands import main\n"
        "from lowresource_ner.predictors import NerPredictor\n"
        "answer = NerPredictor.answer\n"
        "def kill(self, requests):\n"
        f"    if any(map(os.path.getsize, glob.glob('{earlier.parent}/.*.part'))):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return answer(self, requests)\n"
        "NerPredictor.answer = kill\n"
        "main()\n"
    )
    options = ["--input-format", "text", "--output-file", earlier, "--batch-size", "1"]
    done = run_python([script, "tag", teacher, source, *options], REPOSITORY, os.environ)
    assert done.returncode == -signal.SIGKILL, done.stderr
    (part,) = set(earlier.parent.iterdir()) - {earlier}
    assert part.stat().st_size > 0 and earlier.read_text() == "earlier"
    tag(str(teacher), str(source), str(earlier), "text")
    assert [answer["text"] for answer in json_lines(earlier)] == LINES


def test_input_that_ends_in_an_error_leaves_the_earlier_output(teacher, source, earlier, tmp_path) -> None:
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(source.read_bytes())[:-20])
    with pytest.raises(ConfigurationError, match=r"cut.gz:\d+: the file cannot be read"):
        tag(str(teacher), str(cut), str(earlier), "text", batch_size=1)
    assert nothing_lost(earlier)


def test_a_full_disk_is_told_and_leaves_the_earlier_output(teacher, source, earlier, monkeypatch) -> None:
    def run_on_full_disk(self) -> None:
        with no_file_over(1000):
            run(self)

    run = command._Run.run
    monkeypatch.setattr(command._Run, "run", run_on_full_disk)
    with pytest.raises(ConfigurationError, match="out.jsonl' cannot be written: File too large. Free space"):
        tag(str(teacher), str(source), str(earlier), "text")
    assert nothing_lost(earlier)


def test_two_that_write_one_file_do_not_meet(teacher, source, earlier, tmp_path, monkeypatch) -> None:
    """One runs while the other is at work, which ends last."""
    other = tmp_path / "other.txt"
    other.write_text("Ana\nKofi\n")
    answer = NerPredictor.answer

    def meanwhile(self, requests) -> list:
        monkeypatch.setattr(NerPredictor, "answer", answer)
        assert tag(str(teacher), str(other), str(earlier), "text")["outputs"] == 2
        assert [each["text"] for each in json_lines(earlier)] == ["Ana", "Kofi"]
        return answer(self, requests)

    monkeypatch.setattr(NerPredictor, "answer", meanwhile)
    tag(str(teacher), str(source), str(earlier), "text")
    assert [each["text"] for each in json_lines(earlier)] == LINES
    assert list(earlier.parent.iterdir()) == [earlier]


# What cannot be is said at once


@pytest.mark.parametrize(
    "options, message",
    [
        ({"output_file": "nowhere/out.jsonl"}, "nowhere/out.jsonl' cannot be written: No such file or directory"),
        ({"output_file": "."}, "cannot be written"),
        ({"output_file": ""}, "cannot be written"),
        ({"output_file": "source.txt"}, "source.txt' is also read by this command"),
        ({"output_file": "weights.th", "weights_file": "weights.th"}, "weights.th' is also read by this command"),
        ({"archive": "run", "output_file": "run/config.json"}, "config.json' lies in the folder '.*run', which"),
        ({"weights_file": "nowhere.th"}, "There is no file '.*nowhere.th', the --weights-file"),
        ({"input_file": "run"}, "run' is a folder. Give a file to tag"),
        ({"input_file": "run", "input_format": None}, "run' is a folder. Give a file to tag"),
        ({"input_file": "run", "input_format": "conll"}, "run' is a folder. Give a file to tag"),
        ({"batch_size": 0}, "--batch-size is 0. Give the number of lines at once, from 1"),
        ({"batch_size": -1}, "--batch-size is -1"),
        ({"cuda_device": 99}, "--cuda-device is 99, and .* here.* Leave it out to use the CPU"),
        ({"input_file": "nowhere.txt"}, "There is no file '.*nowhere.txt' to tag"),
        ({"input_format": None}, "source.txt' does not tell its format. Add --input-format text"),
        ({"input_format": "csv"}, "'csv' is not one of json, text, tokens, conll"),
        ({"predictor": "nowhere"}, "'nowhere' is not a registered name"),
        ({"predictor": "sentence_tagger"}, "'sentence_tagger' is not a predictor of this package"),
        (
            {"predictor_args": {"input_format": "text"}},
            "'input_format' cannot be given in --predictor-args. Give --input-format",
        ),
        ({"predictor_args": {"split": True}}, "'ner' does not take these --predictor-args: .*'split'"),
    ],
)
def test_before_the_archive_is_loaded(source, tmp_path, options, message) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "weights.th").touch()
    given = {"archive": "nowhere.tar.gz", "input_file": "source.txt", "input_format": "text", **options}
    paths = ("archive", "input_file", "output_file", "weights_file")
    with pytest.raises(ConfigurationError, match=message):
        tag(**{name: str(tmp_path / value) if name in paths else value for name, value in given.items()})


@pytest.mark.parametrize("archive, text", [("https://x.org/model.tar.gz", "-"), ("nowhere", "https://x.org/a.jsonl")])
def test_addresses_are_shown_as_they_are(archive, text) -> None:
    with pytest.raises(
        ConfigurationError, match="^'https://x.org/.*' is an address, and tag reads files. Download it first"
    ):
        tag(archive, text)


def test_standard_input_is_no_conll_file() -> None:
    with pytest.raises(ConfigurationError, match="Write it to a file first"):
        tag("nowhere.tar.gz", "-", input_format="conll")


@pytest.mark.parametrize("text, message", [("{'a': 1}", "is not JSON"), ("[1]", "is not a JSON object")])
def test_options_that_are_no_json_object(run, text, message) -> None:
    with pytest.raises(ConfigurationError, match=f"--predictor-args {message}"):
        run("tag", "nowhere.tar.gz", "text.jsonl", "--predictor-args", text)


@pytest.mark.parametrize(
    "name, expected",
    [("a.jsonl", "json"), ("A.JSON", "json"), ("a.conll.gz", "conll"), ("x/a.jsonl.xz", "json"), ("-", "json")],
)
def test_formats_by_name(name, expected) -> None:
    assert command._format_by_name(name) == expected


def test_an_archive_of_a_stranger_runs_nothing(teacher, source, earlier, tmp_path) -> None:
    folder, trace = tmp_path / "archive", tmp_path / "trace"
    with tarfile.open(teacher) as tar:
        tar.extractall(folder, filter="data")
    config = json.loads((folder / "config.json").read_text())
    config["validation_dataset_reader"] = {"type": "subprocess.Popen", "args": [shutil.which("touch"), str(trace)]}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigurationError, match="subprocess.Popen"):
        tag(str(folder), str(source), str(earlier), "text")
    assert not trace.exists() and nothing_lost(earlier)
