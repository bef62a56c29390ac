"""`allennlp configs`: the list, and copies that are complete and overwrite nothing. (test_packaging.py has it from the wheel.)"""

import re
import sys
from pathlib import Path
from typing import Dict

import pytest
from allennlp.commands import main
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from conftest import REPOSITORY

from lowresource_ner.configs import config_names, config_summary, configs_folder, copy_config

CONFIGS = REPOSITORY / "training_configs"
NAMES = sorted(f"{path.parent.name}/{path.stem}" for path in CONFIGS.glob("*/*.jsonnet"))


@pytest.fixture
def variables(settings) -> Dict[str, str]:
    """All that any config reads."""
    more = dict.fromkeys(["TEACHER", "ARCHIVE", "DISCRIMINATOR", "SIMILARITY"], "model.tar.gz")
    return {**settings, **more, "TEACHERS": "en=a.tar.gz,de=b.tar.gz", "SOURCES": "en,de", "WEIGHTS": "learned"}


def configs(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["allennlp", "configs", *map(str, arguments)])
    main("allennlp")


def files_below(folder: Path) -> Dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_folder_is_that_of_the_repository() -> None:
    assert configs_folder() == CONFIGS
    assert config_names() == NAMES and len(NAMES) > 20


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_copy_reads_as_the_original(name: str, variables, tmp_path) -> None:
    copy = copy_config(name, tmp_path / "copies")
    assert copy == tmp_path / "copies" / f"{name}.jsonnet"
    original = Params.from_file(CONFIGS / f"{name}.jsonnet", ext_vars=variables)
    assert Params.from_file(copy, ext_vars=variables).as_dict(quiet=True) == original.as_dict(quiet=True)
    copied = files_below(tmp_path / "copies")
    assert copied.items() <= files_below(CONFIGS).items() and {f"{name}.jsonnet", "defaults.sh"} <= copied.keys()


def test_a_summary_is_the_first_sentence() -> None:
    """On one line, and wherever it ends: "et al." does not end it."""
    summaries = {name: config_summary(name) for name in NAMES}
    teacher = "The teacher of Wu et al. (2020, arXiv:2004.12440): multilingual BERT with a linear layer, "
    assert summaries["cross_lingual/teacher"] == f"{teacher}trained on a labelled language."
    assert summaries["cross_domain/fine_tune"] == "FineTune: a BiLSTM-CRF trained on the source, then on the target."
    for name, summary in summaries.items():
        comment = re.sub("^//", "", (CONFIGS / f"{name}.jsonnet").read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert " ".join(comment.split()).startswith(summary) and summary.endswith(".") and len(summary) > 40


def test_the_list_has_a_line_for_each(monkeypatch, capsys) -> None:
    configs(monkeypatch, "list")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(maxsplit=1) for line in lines] == [[name, config_summary(name)] for name in NAMES]


def test_nothing_is_overwritten_unless_it_is_asked_for(monkeypatch, tmp_path, capsys) -> None:
    configs(monkeypatch, "copy", "teacher", tmp_path)
    assert f"allennlp train {tmp_path}/cross_lingual/teacher.jsonnet -s runs/teacher" in capsys.readouterr().out
    before = files_below(tmp_path)
    # A second one shares its files with the first.
    configs(monkeypatch, "copy", "cross_lingual/teacher_crf", tmp_path)
    assert before.items() < files_below(tmp_path).items()
    mine = tmp_path / "lib" / "resumable.libsonnet"
    mine.write_text("{}")
    before = files_below(tmp_path)
    with pytest.raises(SystemExit, match=f"would be overwritten: {mine}. Name another folder, or give --force"):
        configs(monkeypatch, "copy", "similarity", tmp_path)
    assert files_below(tmp_path) == before
    configs(monkeypatch, "copy", "similarity", tmp_path, "--force")
    assert mine.read_bytes() == (CONFIGS / "lib" / "resumable.libsonnet").read_bytes()
    assert files_below(tmp_path).items() <= files_below(CONFIGS).items()


def test_errors_are_explained(monkeypatch, tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="no config 'teecher'. `allennlp configs list` shows the names"):
        copy_config("teecher", tmp_path)
    with pytest.raises(SystemExit, match="no config 'lib/student'"):
        configs(monkeypatch, "copy", "lib/student", tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match="file"):
        configs(monkeypatch, "copy", "teacher", tmp_path / "file")
    with pytest.raises(SystemExit) as stop:
        configs(monkeypatch)
    assert stop.value.code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
