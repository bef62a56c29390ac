"""A table with domain-adaptive pretraining: an encoder, a tagger of the source that starts from it, one of the target."""

import json
from pathlib import Path
from typing import Any, Dict

import pytest
import torch
from conftest import CORPORA, TINY_ENCODER, archive_weights
from safetensors.torch import load_file

from lowresource_ner.experiments.running import run_steps
from lowresource_ner.experiments.tables.plan import TablePlan
from lowresource_ner.experiments.tables.table_file import read_table

TABLE: Dict[str, Any] = {
    "corpora": {"biomedicine": {"SOURCE": "en", "TARGET": "bio"}},
    "systems": {
        "adapted_encoder": {
            "pretraining": {
                "encoder": "$ENCODER",
                "text": ["$NER_DATA/$TARGET/raw.txt"],
                "masking": "spans",
                "steps": 3,
                "batch_tokens": 256,
                "evaluate_every": 2,
            }
        },
        "on_source": {"config": "teacher", "after": {"ENCODER": "adapted_encoder"}},
        "domain_adaptive": {
            "config": "few_labels",
            "after": {"ENCODER": "on_source"},
            "variables": {"SOURCE": "$TARGET"},
            # No tag of the source is one of the target.
            "overrides": {"model.pretrained_file": None},
            "seeds": [14],
        },
    },
    # Taggers do not change the encoders that they start from.
    "overrides": {"dataset_reader.sample": 8, "trainer.num_epochs": 1, "trainer.optimizer.lr": 0.0},
    "rows": ["domain_adaptive"],
    "seeds": [13, 14],
}
EMBEDDINGS = "embeddings.word_embeddings.weight"


@pytest.fixture(scope="module")
def runs(allennlp, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("domain_adaptive")
    path = folder / "table.json"
    path.write_text(json.dumps(TABLE))
    output = allennlp("ner-table", path, "--runs", folder / "runs", forks_steps=True).stdout
    assert output.count(": started\n") == 4
    return folder / "runs"


def encoder_weights(weights: Dict[str, torch.Tensor]) -> Dict[str, torch.Tensor]:
    """By their names within the encoder, without the head of the masked language model."""
    found = {}
    for name, weight in weights.items():
        for prefix in ("bert.", "_embedder.token_embedder_encoder.transformer."):
            if name.startswith(prefix):
                found[name.removeprefix(prefix)] = weight
    return found


def test_each_system_starts_from_the_one_before(runs) -> None:
    folder = runs / "adapted_encoder-biomedicine-14"
    report = json.loads((folder / "pretraining.json").read_text())
    settings = report["settings"]
    assert (settings["masking"], settings["seed"], settings["steps"], report["steps"]) == ("spans", 14, 3, 3)
    assert settings["text"] == [str(CORPORA / "bio" / "raw.txt")]
    adapted = encoder_weights(load_file(folder / "model.safetensors"))
    assert not torch.equal(adapted[EMBEDDINGS], load_file(TINY_ENCODER / "model.safetensors")[EMBEDDINGS])
    labels = []
    for system in ("on_source", "domain_adaptive"):
        archive = runs / f"{system}-biomedicine-14" / "model.tar.gz"
        weights = encoder_weights(archive_weights(archive))
        assert len(weights) > 20 and all(torch.equal(weight, adapted[name]) for name, weight in weights.items())
        labels.append(set((archive.parent / "vocabulary" / "labels.txt").read_text().split()))
    assert labels[0] & labels[1] == {"O"}


def test_the_row_is_evaluated_with_its_own_seeds_on_the_target_alone(runs) -> None:
    corpus = json.loads((runs / "table.json").read_text())["corpora"]["biomedicine"]
    (row,) = corpus["systems"].values()
    assert row["seeds"] == [14] and row["checkpoint"] == "nothing (last epoch)"
    assert corpus["data"] == str(CORPORA / "bio" / "test.conll")


def test_nothing_is_run_again(runs, environment, capfd) -> None:
    assert run_steps(TablePlan(read_table(runs.parent / "table.json"), runs).steps, runs)
    output = capfd.readouterr().out
    assert output.count(": up to date\n") == 4 and "started" not in output
