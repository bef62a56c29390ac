"""Text labelled ahead of training: the command, what it leaves in the store, and that a student finds it there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from allennlp.common.checks import ConfigurationError
from conftest import CORPORA, REPOSITORY

from lowresource_ner.commands.soft_labels import soft_labels
from lowresource_ner.data.raw_text import RawTextReader
from lowresource_ner.distillation import ArchiveTeacher, LabelFileTeacher
from lowresource_ner.distillation.soft_label_store import SoftLabelStore

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


def test_a_text_of_its_own_and_held_out_text(config, tmp_path) -> None:
    path = tmp_path / "own.txt"
    path.write_text("\n".join(f"Ana vive en Lima {number}" for number in range(30)), encoding="utf-8")
    overrides = {"dataset_reader.store": str(tmp_path / "store"), "dataset_reader.reader.held_out_share": 0.5}
    report = soft_labels(config, str(path), overrides=json.dumps(overrides))
    assert (report["sentences"], report["computed"]) == (30, 30)


def test_a_command_that_is_broken_off_goes_on(config, teacher, tmp_path) -> None:
    """Stopped by Ctrl-C after its first block, it leaves that in the store."""
    path = tmp_path / "many.txt"
    path.write_text("\n".join(f"Ana {number}" for number in range(8192 + 50)), encoding="utf-8")
    script = tmp_path / "interrupted.py"
    script.write_text(
        "import sys\n"
        "from lowresource_ner.distillation.teacher_board import TeacherBoard\n"
        "from lowresource_ner.commands.soft_labels import soft_labels\n"
        "fill = TeacherBoard.fill\n"
        "def stop(self, block):\n"
        "    if stop.blocks: raise KeyboardInterrupt\n"
        "    stop.blocks += 1\n"
        "    return fill(self, block)\n"
        "stop.blocks = 0\n"
        "TeacherBoard.fill = stop\n"
        "soft_labels(*sys.argv[1:3], overrides=sys.argv[3])\n"
    )
    overrides = json.dumps({"dataset_reader.store": str(tmp_path / "store")})
    done = subprocess.run(
        [sys.executable, str(script), config, str(path), overrides], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.returncode != 0 and "KeyboardInterrupt" in done.stderr
    report = soft_labels(config, str(path), overrides=overrides)
    assert (report["sentences"], report["computed"]) == (8242, 50)


def test_what_cannot_be_is_said_before_a_teacher_is_loaded(config, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TEACHER", str(tmp_path / "nowhere.tar.gz"))
    with pytest.raises(ConfigurationError, match="no place for the labels.*dataset_reader.store"):
        soft_labels(config)
    with pytest.raises(ConfigurationError, match="cannot be written"):
        soft_labels(config, output_file=str(tmp_path / "no" / "folder.jsonl"))
    teacher_config = os.path.join(os.path.dirname(CONFIG), "teacher.jsonnet")
    with pytest.raises(ConfigurationError, match="is a ConllNerReader, and soft-labels needs teacher_labelled"):
        soft_labels(teacher_config, output_file=str(tmp_path / "out.jsonl"))
    with pytest.raises(ConfigurationError, match="nowhere.tar.gz', which is no archive"):
        soft_labels(config, overrides=json.dumps({"dataset_reader.store": str(tmp_path / "store")}))
