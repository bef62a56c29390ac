"""Text labelled ahead of training: the command, what it leaves in the store, and that a student finds it there."""

import argparse
import json
import os
from pathlib import Path

import numpy
import pytest
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from conftest import CORPORA, REPOSITORY
from hypothesis import given, settings
from hypothesis import strategies as st
from support.forked_python import run_python
from support.full_disk import no_file_over

from lowresource_ner.commands import soft_labels as command
from lowresource_ner.commands.soft_labels import next_size, soft_labels
from lowresource_ner.common.text_rules import word_fault
from lowresource_ner.data.dataset_readers.raw_text import RawTextReader
from lowresource_ner.distillation import ArchiveTeacher, LabelFileTeacher
from lowresource_ner.distillation.store.soft_label_store import SoftLabelStore
from lowresource_ner.distillation.teachers.label_lines import format_label_line, parse_label_line
from lowresource_ner.tagging import get_scheme

CONFIG = str(REPOSITORY / "training_configs/cross_lingual/student_soft.jsonnet")
TEXT = CORPORA / "es" / "raw.txt"


@pytest.fixture
def config(environment, teacher: Path, monkeypatch) -> str:
    monkeypatch.setenv("TARGET", "es")
    monkeypatch.setenv("TEACHER", str(teacher))
    return CONFIG


def sentences() -> list:
    return [list(sentence.words) for sentence in RawTextReader().sentences(TEXT)]


def stored(folder: Path, teacher: ArchiveTeacher) -> list:
    return SoftLabelStore(folder, teacher.fingerprint, teacher.labels).get_many(sentences())


def test_the_command_fills_the_store(config, allennlp, teacher, tmp_path) -> None:
    store, output = tmp_path / "store", tmp_path / "labels.jsonl"
    overrides = json.dumps({"dataset_reader.store": str(store)})
    done = allennlp("soft-labels", CONFIG, "-o", overrides, "--output-file", output, TARGET="es", TEACHER=str(teacher))
    report = json.loads(done.stdout.strip().splitlines()[-1])
    words = sentences()
    assert (report["sentences"], report["words"]) == (len(words), sum(map(len, words)))
    assert report["computed"] == len({tuple(each) for each in words}) and report["kept"] == len(words)
    assert report["words_per_second"] > 0 and "words/s" in done.stderr
    archive = ArchiveTeacher(str(teacher))
    for found, answer in zip(stored(store, archive), archive.label(words)):
        numpy.testing.assert_allclose(found, answer, atol=1e-3)
    # What was written says the same, to the teacher that reads it.
    file = LabelFileTeacher(str(output))
    columns = [file.labels.index(label) for label in archive.labels]
    for found, answer in zip(file.label(words), archive.label(words)):
        numpy.testing.assert_allclose(found[:, columns], answer, atol=2e-3)
    again = soft_labels(config, overrides=overrides)
    assert again["computed"] == 0 and again["sentences"] == report["sentences"]


def test_of_several_modules_the_one_with_teachers_is_labelled(config, teacher, tmp_path) -> None:
    student = Params.from_file(config).as_dict(quiet=True)
    modules = {
        "dataset_reader": {
            "type": "multitask",
            "readers": {"lm": {"type": "raw_text"}, "ner": student["dataset_reader"]},
        },
        "train_data_path": {"lm": str(CORPORA / "sea" / "raw.txt"), "ner": student["train_data_path"]},
    }
    path, store = tmp_path / "modules.json", tmp_path / "store"
    path.write_text(json.dumps(modules))
    report = soft_labels(str(path), overrides=json.dumps({"dataset_reader.readers.ner.store": str(store)}))
    assert report["sentences"] == len(sentences())
    assert all(found is not None for found in stored(store, ArchiveTeacher(str(teacher))))
    del modules["dataset_reader"]["readers"]["ner"]
    path.write_text(json.dumps(modules))
    with pytest.raises(ConfigurationError, match="is a MultiTaskDatasetReader.*multitask with one such reader"):
        soft_labels(str(path), output_file=str(tmp_path / "out.jsonl"))


def test_a_text_of_its_own_and_held_out_text(config, tmp_path) -> None:
    path = tmp_path / "own.txt"
    path.write_text("\n".join(f"Ana vive en Lima {number}" for number in range(30)), encoding="utf-8")
    overrides = {"dataset_reader.store": str(tmp_path / "store"), "dataset_reader.reader.held_out_share": 0.5}
    report = soft_labels(config, str(path), overrides=json.dumps(overrides))
    assert (report["sentences"], report["computed"]) == (30, 30)


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM"])
def test_a_command_that_is_broken_off_goes_on(config, teacher, tmp_path, how) -> None:
    """Stopped after its first block, it leaves that in the store."""
    path = tmp_path / "many.txt"
    path.write_text("\n".join(f"Ana {number}" for number in range(256 + 50)), encoding="utf-8")
    script = tmp_path / "interrupted.py"
    script.write_text(
        "import os, signal\n"
        "from allennlp.commands import main\n"
        "from lowresource_ner.distillation.teacher_ensemble import TeacherEnsemble\n"
        # A process that was started in the background ignores Ctrl-C, and so do its children.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "fill = TeacherEnsemble.fill\n"
        "def stop(self, block):\n"
        f"    if stop.blocks: os.kill(os.getpid(), signal.{how})\n"
        "    stop.blocks += 1\n"
        "    return fill(self, block)\n"
        "stop.blocks = 0\n"
        "TeacherEnsemble.fill = stop\n"
        "main()\n"
    )
    overrides = json.dumps({"dataset_reader.store": str(tmp_path / "store")})
    command = [script, "soft-labels", config, "--data", path, "-o", overrides]
    done = run_python(command, REPOSITORY, os.environ)
    assert done.returncode == 130 and "the same command continues from here" in done.stderr, done.stderr
    report = soft_labels(config, str(path), overrides=overrides)
    assert (report["sentences"], report["computed"]) == (306, 50)


def test_blocks_take_about_ten_seconds() -> None:
    assert next_size(256, 10.0) == 256 and next_size(256, 20.0) == 128
    assert next_size(256, 0.001) == 1024 and next_size(8000, 0.001) == 8192
    assert next_size(256, 1000.0) == 64 and next_size(1, 1000.0) == 1


WORDS = st.lists(st.text(min_size=1, max_size=6).filter(lambda word: word_fault(word) is None), min_size=1, max_size=5)


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=60)
@given(WORDS, st.sampled_from([1, 4, 50, 2000]), st.integers(0, 2**32), st.sampled_from([numpy.float32, numpy.float16]))
def test_what_is_written_is_read_as_it_is(words, num_types, seed, kind) -> None:
    """For every word that can be in a text, and for any number of labels."""
    labels = get_scheme("IOB2").tag_set(map(str, range(num_types)))
    scores = numpy.random.default_rng(seed).random((len(words), len(labels))) ** 8
    probabilities = (scores / scores.sum(axis=1, keepdims=True)).astype(kind)
    line = parse_label_line(format_label_line(words, labels, probabilities).encode() + b"\n")
    assert line is not None and line.words == words and line.labels == tuple(labels)
    numpy.testing.assert_allclose(line.probabilities, probabilities, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    "word, fault", [("a\tb", "word 2 holds a tab"), ("\ud83d", "word 2 holds half"), ("", "2 is empty")]
)
def test_words_that_could_not_be_read_again_are_not_written(word, fault) -> None:
    with pytest.raises(
        ConfigurationError, match=f"The labels of the sentence 'Ana .* cannot be written: .*{fault}"
    ) as caught:
        format_label_line(["Ana", word], ["O"], numpy.ones((2, 1)))
    assert str(caught.value).encode("utf-8")


@pytest.mark.parametrize("number", [numpy.nan, numpy.inf])
def test_probabilities_that_are_not_finite_are_not_written(number) -> None:
    with pytest.raises(
        ConfigurationError, match=r"sentence 'Ana' cannot be written: a teacher's probability is not finite"
    ):
        format_label_line(["Ana"], ["O", "B-PER"], numpy.array([[number, 0]]))


def test_a_file_that_is_there_stays_until_the_new_one_is_whole(config, tmp_path) -> None:
    output = tmp_path / "labels.jsonl"
    output.write_text('{"tokens": ["Ana"], "tags": ["B-PER"]}\n', encoding="utf-8")
    before = output.read_bytes()
    lacking = json.dumps({"dataset_reader.teachers": {"llm": {"type": "label_file", "path": str(output)}}})
    with pytest.raises(ConfigurationError, match="labels.jsonl' is also read by this command. Give another"):
        soft_labels(config, output_file=str(output), overrides=lacking)
    other = tmp_path / "other.jsonl"
    other.write_bytes(before)
    mine = tmp_path / "other.jsonl.part"
    mine.write_text("of the user")
    with pytest.raises(ConfigurationError, match="there is no line for the sentence"):
        soft_labels(config, output_file=str(other), overrides=lacking)
    assert output.read_bytes() == before == other.read_bytes()
    assert sorted(tmp_path.iterdir()) == [output, other, mine] and mine.read_text() == "of the user"


@pytest.mark.parametrize("name", ["student.jsonnet", "teacher/config.json", "store/labels.jsonl"])
def test_nothing_that_is_read_is_overwritten(config, tmp_path, monkeypatch, name) -> None:
    """The config, a teacher that is the folder of a run, and the store."""
    own = tmp_path / "student.jsonnet"
    own.write_text(f"import '{config}'", encoding="utf-8")
    for folder in ("teacher", "store"):
        (tmp_path / folder).mkdir()
    monkeypatch.setenv("TEACHER", str(tmp_path / "teacher"))
    overrides = json.dumps({"dataset_reader.store": str(tmp_path / "store")})
    with pytest.raises(ConfigurationError, match=f"{name}' (is also read by this command|lies in the folder)"):
        soft_labels(str(own), output_file=str(tmp_path / name), overrides=overrides)


def test_labels_on_standard_output_stand_alone(config, tmp_path, capfd) -> None:
    path = tmp_path / "own.txt"
    path.write_text("Ana vive en Lima .\n", encoding="utf-8")
    command._label_from_args(argparse.Namespace(config=config, data=str(path), output_file="-", overrides=""))
    printed = capfd.readouterr()
    assert json.loads(printed.out)["tokens"] == ["Ana", "vive", "en", "Lima", "."]
    assert json.loads(printed.err.splitlines()[-1])["kept"] == 1


def test_a_full_disk_leaves_the_earlier_file_and_what_is_in_the_store(config, tmp_path, monkeypatch) -> None:
    def write_to_full_disk(*arguments) -> int:
        with no_file_over(1000):
            return write(*arguments)

    write = command._write_block
    monkeypatch.setattr(command, "_write_block", write_to_full_disk)
    output = tmp_path / "labels.jsonl"
    output.write_text("earlier")
    overrides = json.dumps({"dataset_reader.store": str(tmp_path / "store")})
    with pytest.raises(ConfigurationError, match="labels.jsonl' cannot be written: .* Free space"):
        soft_labels(config, output_file=str(output), overrides=overrides)
    assert output.read_text() == "earlier" and sorted(path.name for path in tmp_path.iterdir()) == [
        output.name,
        "store",
    ]
    assert soft_labels(config, overrides=overrides)["computed"] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"selections": [{"type": "language_independence", "archive_file": "nowhere.tar.gz"}]},
        {"weights": {"type": "similarity", "archive_file": "nowhere.tar.gz"}},
    ],
    ids=["selections", "weights"],
)
def test_other_archives_are_opened_before_a_sentence_is_labelled(config, tmp_path, wrong) -> None:
    overrides = {
        "dataset_reader.store": str(tmp_path / "store"),
        **{f"dataset_reader.{k}": v for k, v in wrong.items()},
    }
    with pytest.raises(ConfigurationError, match="nowhere.tar.gz"):
        soft_labels(config, overrides=json.dumps(overrides))
    assert not (tmp_path / "store").exists()


def test_what_cannot_be_is_said_before_a_teacher_is_loaded(config, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TEACHER", str(tmp_path / "nowhere.tar.gz"))
    with pytest.raises(ConfigurationError, match="labels would not be written anywhere.*dataset_reader.store"):
        soft_labels(config)
    with pytest.raises(ConfigurationError, match="cannot be written"):
        soft_labels(config, output_file=str(tmp_path / "no" / "folder.jsonl"))
    teacher_config = os.path.join(os.path.dirname(CONFIG), "teacher.jsonnet")
    with pytest.raises(ConfigurationError, match="is a ConllNerReader, and soft-labels needs teacher_labelled"):
        soft_labels(teacher_config, output_file=str(tmp_path / "out.jsonl"))
    with pytest.raises(ConfigurationError, match="nowhere.tar.gz', which is not an archive"):
        soft_labels(config, overrides=json.dumps({"dataset_reader.store": str(tmp_path / "store")}))
