"""What a config of an archive may name, and what it may not."""

import json
import sys

import pytest
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.models import Model
from conftest import REPOSITORY

from lowresource_ner.archive_configs import archive_config, check_config, entries, imports_code, registered_classes

CONFIGS = sorted((REPOSITORY / "training_configs").glob("*/*.jsonnet"))
PATHS = {
    "ARCHIVE": "runs/stm/model.tar.gz",
    "TEACHER": "runs/teacher/model.tar.gz",
    "TEACHERS": "en=runs/en/model.tar.gz,de=runs/de/model.tar.gz",
    "SOURCES": "en,de",
    "SIMILARITY": "runs/similarity/model.tar.gz",
    "WEIGHTS": "uniform",
    "DISCRIMINATOR": "runs/adversarial/model.tar.gz",
}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_configs_that_are_shipped_name_what_is_registered(path, environment, monkeypatch):
    for name, value in PATHS.items():
        monkeypatch.setenv(name, value)
    config = Params.from_file(path).as_dict(quiet=True)
    check_config(config, "model.tar.gz")
    with pytest.raises(ConfigurationError, match="'model.type' is 'os.system'"):
        check_config({**config, "model": {**config["model"], "type": "os.system"}}, "model.tar.gz")


def test_the_configs_are_there():
    assert len(CONFIGS) >= 23


def test_a_model_of_another_package_passes_once_that_is_included(monkeypatch):
    config = {"model": {"type": "tagger_of_others"}, "dataset_reader": {"type": "conll_ner"}}
    with pytest.raises(ConfigurationError, match="'tagger_of_others', and no class .* --include-package"):
        check_config(config, "model.tar.gz")

    class TaggerOfOthers(Model):
        __module__ = "others.models"

    monkeypatch.setitem(Model._registry[Model], "tagger_of_others", (TaggerOfOthers, None))
    check_config(config, "model.tar.gz")
    assert registered_classes()["tagger_of_others"] == {"others"}
    assert registered_classes()["mbert_tagger"] == {"lowresource_ner"}


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """A folder that Python finds modules in: a stranger's without an __init__, a package, and a folder of files."""
    (tmp_path / "stranger_run" / "inner").mkdir(parents=True)
    (tmp_path / "stranger_run" / "inner" / "evil.py").write_text("raise AssertionError('imported')")
    (tmp_path / "own_package").mkdir()
    (tmp_path / "own_package" / "__init__.py").write_text("raise AssertionError('imported')")
    (tmp_path / "my-module.py").write_text("raise AssertionError('imported')")
    (tmp_path / "runs").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))


IMPORTED = ["subprocess.Popen", "os.path.join", "builtins.eval", "__main__.x", "sys.", "json.gz", "own_package.a/b.c"]
IMPORTED += ["stranger_run.inner.evil.Model", "my-module.Model", "antigravity.x"]
NOT_IMPORTED = [
    "./json.gz",
    "/tmp/json.gz",
    "json",
    "xlm-roberta-base",
    "google/bert_uncased.v2",
    "no_such_module.Class",
    "",
]
NOT_IMPORTED += [
    "runs.old/model.tar.gz",
    "runs.conll",
    "runs/os.path",
    ".",
    "..",
    "a..b",
    ".os.path",
    "https://a.b/c.d",
    "2.10.1",
]
NOT_IMPORTED += ["stranger_run.Model", ".*weight.*"]


@pytest.mark.parametrize("name", IMPORTED + NOT_IMPORTED)
def test_what_would_be_imported_is_told_from_other_texts(name, modules):
    """No module is imported for it; those of the folder would raise an error."""
    before = set(sys.modules)
    assert imports_code(name) == (name in IMPORTED)
    assert set(sys.modules) == before


def test_paths_of_data_are_no_classes_and_what_is_dropped_on_loading_is_not_looked_at():
    config = {
        "train_data_path": {"en": "test.conll"},
        "test_data_path": "json.gz",
        "model": {
            "type": "mbert_tagger",
            "initializer": {"regexes": [["token.weight", {"type": "pretrained", "weights_file_path": "x.th"}]]},
            "embedder": {"pretrained_file": "code.txt"},
        },
    }
    check_config(config, "model.tar.gz")
    assert "initializer" in config["model"]
    with pytest.raises(ConfigurationError, match="'model.file' is 'test.conll', .* './' and its name"):
        check_config({"model": {"file": "test.conll"}}, "model.tar.gz")


def test_a_config_is_read_as_it_was_trained_with(tmp_path):
    """AllenNLP writes some sections first; Jsonnet gave them to the training in the order of their names."""
    config = {
        "dataset_reader": {"type": "conll_ner"},
        "model": {"type": "mbert_tagger", "a": {"trainer": 1.5, "b": 1}},
        "a": None,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert json.dumps(archive_config(tmp_path)) == json.dumps(Params.from_file(tmp_path / "config.json").as_dict())


def test_overrides_are_the_users_own_and_may_be_jsonnet(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text(
        '{"model": {"type": "mbert_tagger", "x": 1}, "dataset_reader": {"type": "subprocess.Popen"}}'
    )
    monkeypatch.setenv("NUMBER", "7")
    overrides = '{"model.x": std.parseInt(std.extVar("NUMBER")), "dataset_reader.type": "conll_ner"}'
    config = archive_config(tmp_path, overrides)
    assert config["model"]["x"] == 7 and config["dataset_reader"]["type"] == "conll_ner"
    with pytest.raises(ConfigurationError, match="is 'subprocess.Popen'"):
        archive_config(tmp_path)


def test_all_entries_come_with_their_places():
    config = {"a": [{"b": 1}, []], "c": {}}
    assert [(".".join(place), value) for place, value in entries(config)] == [
        ("", config),
        ("a", [{"b": 1}, []]),
        ("a.0", {"b": 1}),
        ("a.0.b", 1),
        ("a.1", []),
        ("c", {}),
    ]
