"""What the checkpoints of the shipped configs are selected by."""

from pathlib import Path
from typing import Any, Dict

import pytest
from allennlp.common import Params
from conftest import CORPORA, REPOSITORY

from lowresource_ner.experiments.checkpoint_choice import (
    NOTHING,
    checkpoint_choice,
    validated_on,
    validation_key,
    without_target_labels,
)

OWNERS = {CORPORA / "en": "source", CORPORA / "bio": "target"}
ON_TARGET, ON_SOURCE = "target development F1", "source development F1"
EXPECTED = {
    "cross_domain": {
        "co_lm": ON_TARGET,
        "co_ner": ON_TARGET,
        "co_ner_transformer": ON_TARGET,
        "crf_tagger": ON_TARGET,
        "fine_tune": ON_TARGET,
        "label_embedding": ON_TARGET,
        "mix_data": ON_TARGET,
        "multi_task": ON_TARGET,
        "multi_task_ner": ON_TARGET,
        "pgn": ON_TARGET,
        "pgn_combined": ON_TARGET,
        "pgn_transformer": ON_TARGET,
        "pgn_transformer_uda": ON_SOURCE,
        "pgn_uda": ON_SOURCE,
        "stm_source": ON_SOURCE,
        "stm_target": ON_TARGET,
        "stm_transformer": ON_TARGET,
    },
    "cross_lingual": {
        "adversarial": NOTHING,
        "few_labels": ON_SOURCE,
        "similarity": NOTHING,
        "student_hard": NOTHING,
        "student_held_out": "distillation loss on held-out target text, no labels",
        "student_multi_source": NOTHING,
        "student_selected": NOTHING,
        "student_soft": NOTHING,
        "teacher": NOTHING,
        "teacher_biaffine": ON_SOURCE,
        "teacher_crf": ON_SOURCE,
        "voting": "nothing (no training)",
    },
}


@pytest.fixture
def config(environment, monkeypatch):
    for name in ("ARCHIVE", "TEACHER", "DISCRIMINATOR", "SIMILARITY"):
        monkeypatch.setenv(name, "model.tar.gz")
    monkeypatch.setenv("TEACHERS", "en=model.tar.gz,de=model.tar.gz")
    monkeypatch.setenv("SOURCES", "en,de")
    monkeypatch.setenv("WEIGHTS", "uniform")

    def read(name: str) -> Dict[str, Any]:
        return Params.from_file(REPOSITORY / f"training_configs/{name}.jsonnet").as_dict(quiet=True)

    return read


@pytest.mark.parametrize("folder", sorted(EXPECTED))
def test_shipped_configs(config, folder: str) -> None:
    choices = {name: checkpoint_choice(config(f"{folder}/{name}"), OWNERS) for name in EXPECTED[folder]}
    assert choices == EXPECTED[folder]


def test_the_last_epoch_is_kept_if_labels_of_the_target_would_select(config) -> None:
    pgn = config("cross_domain/pgn")
    changed = without_target_labels(pgn, OWNERS)
    callbacks = pgn["trainer"]["callbacks"]
    assert changed == {"trainer.callbacks": [*callbacks, {"type": "keep_last_epoch"}]}
    pgn["trainer"]["patience"] = 3
    assert without_target_labels(pgn, OWNERS) == {**changed, "trainer.patience": None}
    pgn["trainer"]["callbacks"] = changed["trainer.callbacks"]
    assert checkpoint_choice(pgn, OWNERS) == NOTHING
    assert validated_on(pgn, OWNERS) == "target"
    for name in (
        "cross_domain/pgn_uda",
        "cross_lingual/teacher",
        "cross_lingual/student_held_out",
        "cross_lingual/voting",
    ):
        assert without_target_labels(config(name), OWNERS) == {}, name


def test_the_metric_names_one_of_several_development_sets() -> None:
    trainer = {"validation_metric": "+ner_source_f1"}
    paths = {"ner_source": str(CORPORA / "en/dev.conll"), "ner_target": str(CORPORA / "bio/dev.conll")}
    config = {"trainer": trainer, "validation_data_path": paths}
    assert (checkpoint_choice(config, OWNERS), validation_key(config)) == (ON_SOURCE, "validation_ner_source_f1")
    trainer["validation_metric"] = "+f1"
    assert checkpoint_choice(config, OWNERS) == "source and target development F1"
    assert "trainer.callbacks" in without_target_labels(config, OWNERS)
    trainer["validation_metric"] = ["-loss", "+ner_target_accuracy"]
    assert checkpoint_choice(config, OWNERS) == "target development loss and ner target accuracy"
    assert validation_key(config) == "validation_f1"


def test_allennlps_own_f1() -> None:
    trainer = {"validation_metric": "+f1-measure-overall"}
    config = {"trainer": trainer, "validation_data_path": str(CORPORA / "bio/dev.conll")}
    assert checkpoint_choice(config, OWNERS) == ON_TARGET
    assert validation_key(config) == "validation_f1-measure-overall"


def test_without_development_data_nothing_is_selected() -> None:
    assert checkpoint_choice({"trainer": {"num_epochs": 3}}, OWNERS) == NOTHING
    of_another = {"trainer": {}, "validation_data_path": "corpora/ai/dev.conll"}
    assert checkpoint_choice(of_another, {Path("corpora/en"): "source"}) == "ai development loss"
