"""What a config of an archive may name, and what it may not."""

import json
import sys

import pytest
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.models import Model
from conftest import REPOSITORY

from lowresource_ner.archives.configs import (
    archive_config,
    check_config,
    entries,
    imports_code,
    registered_classes,
    unbuilt_faults,
)

CONFIGS = sorted(path for path in (REPOSITORY / "training_configs").glob("*/*.jsonnet") if path.parent.name != "tables")
PATHS = {
    "ARCHIVE": "runs/stm/model.tar.gz",
    "TEACHER": "runs/teacher/model.tar.gz",
    "TEACHERS": "en=runs/en/model.tar.gz,de=runs/de/model.tar.gz",
    "SOURCES": "en,de",
    "SIMILARITY": "runs/similarity/model.tar.gz",
    "WEIGHTS": "uniform",
    "DISCRIMINATOR": "runs/adversarial/model.tar.gz",
}


@pytest.mark.slow
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_configs_that_are_shipped_name_what_is_registered(path, environment, monkeypatch):
    if path.stem == "crf_tagger":
        pytest.importorskip("allennlp_models.tagging", reason="an extra: make baselines")
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


IMPORTED = ["subprocess.Popen", "os.path.join", "builtins.eval", "__main__.__name__", "json.loads", "own_package.a/b.c"]
IMPORTED += ["stranger_run.inner.evil.Model", "my-module.Model", "antigravity.x", "antigravity..x"]
NOT_IMPORTED = [
    "test.txt",
    "types.txt",
    "platform.jsonl",
    "token.vec",
    "token.weight",
    "json.gz",
    "own_package.txt",
    "token.*",
    "transformers.embeddings.*",
    "json.no_such_module.Class",
    "__main__.x",
    "sys.",
    "os.path.join.x",
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
    assert {"json", "os.path", "token", "types", "platform", "transformers"} <= before
    assert imports_code(name) == (name in IMPORTED)
    assert set(sys.modules) == before


def test_what_is_not_built_on_loading_is_not_refused():
    config = {
        "train_data_path": {"en": "own.conll"},
        "trainer": {"optimizer": {"type": "torch.optim.Adafactor", "parameter_groups": [[["os.abort"], {"lr": 1}]]}},
        "model": {
            "type": "mbert_tagger",
            "initializer": {"regexes": [["token.weight", {"type": "pretrained", "weights_file_path": "x.th"}]]},
            "embedder": {"pretrained_file": "code.txt"},
        },
    }
    check_config(config, "model.tar.gz")
    assert "initializer" in config["model"]
    assert {".".join(place) for place, _ in unbuilt_faults(config)} == {
        "trainer.optimizer.type",
        "trainer.optimizer.parameter_groups.0.0.0",
    }
    with pytest.raises(
        ConfigurationError, match="'model.file' is 'os.abort', .* --overrides '{\"model.file\": \"./NAME\"}'"
    ):
        check_config({"model": {"file": "os.abort"}}, "model.tar.gz")


@pytest.mark.parametrize("section", ["data_loader", "validation_data_loader", "evaluation", "vocabulary"])
def test_what_allennlps_evaluate_builds_is_refused(section):
    with pytest.raises(ConfigurationError, match=f"'{section}.type' is 'os.system'"):
        check_config({section: {"type": "os.system"}}, "model.tar.gz")


def test_counts_have_a_bound_and_sizes_have_none():
    config = {"num_layers": 1000, "num_embeddings": 250_000, "layer_size": 5000, "num_labels": 3}
    check_config({"model": config, "trainer": {"num_layers": 10**9}}, "model.tar.gz")
    with pytest.raises(ConfigurationError, match="'model.a.num_layers' is '1001', and no model has more than 1,000"):
        check_config({"model": {"a": {"num_layers": 1001}}}, "model.tar.gz")
    with pytest.raises(ConfigurationError, match="'model.block_sizes.1' is '1000000000'"):
        check_config({"model": {"block_sizes": [4, 10**9]}}, "model.tar.gz")


def test_the_vocabulary_of_an_archive_may_come_from_files():
    check_config({"vocabulary": {"type": "from_files", "directory": "old/vocabulary"}}, "model.tar.gz")
    with pytest.raises(ConfigurationError, match="'dataset_reader.vocab.type' is 'extend'"):
        check_config({"dataset_reader": {"vocab": {"type": "extend", "directory": "other.tar.gz"}}}, "model.tar.gz")


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


def test_the_values_of_a_config_are_counted(tmp_path):
    """For each that might be the path of a class Python's folders are looked through."""
    (tmp_path / "config.json").write_text(json.dumps({"model": [f"q{number}.b" for number in range(100_000)]}))
    with pytest.raises(ConfigurationError, match="it has more than 100,000 values"):
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
