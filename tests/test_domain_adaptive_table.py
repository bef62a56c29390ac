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
from lowresource_ner.experiments.tables.table_file import table_from

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
            "overrides": {"model.pretrained_file": None, "trainer.optimizer.lr": 0.0},
        },
        "not_adapted": {"config": "few_labels", "variables": {"SOURCE": "$TARGET"}, "seeds": [13, 14]},
    },
    "overrides": {"dataset_reader.sample": 8, "trainer.num_epochs": 1},
    "rows": ["not_adapted", "domain_adaptive"],
    "seeds": [13],
}
EMBEDDINGS = "embeddings.word_embeddings.weight"


@pytest.fixture(scope="module")
def runs(allennlp, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("domain_adaptive")
    path = folder / "table.json"
    path.write_text(json.dumps(TABLE))
    output = allennlp("ner-table", path, "--runs", folder / "runs", forks_steps=True).stdout
    assert output.count(": started\n") == 8
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
    report = json.loads((runs / "adapted_encoder-biomedicine-13" / "pretraining.json").read_text())
    assert report["settings"]["masking"] == "spans" and report["settings"]["seed"] == 13 and report["steps"] == 3
    assert report["settings"]["text"] == [str(CORPORA / "bio" / "raw.txt")]
    adapted = encoder_weights(load_file(runs / "adapted_encoder-biomedicine-13" / "model.safetensors"))
    on_source, on_target = (
        encoder_weights(archive_weights(runs / f"{system}-biomedicine-13" / "model.tar.gz"))
        for system in ("on_source", "domain_adaptive")
    )
    before = load_file(TINY_ENCODER / "model.safetensors")
    assert not torch.equal(adapted[EMBEDDINGS], before[EMBEDDINGS])
    config = json.loads((runs / "on_source-biomedicine-13" / "config.json").read_text())
    encoder = config["model"]["text_field_embedder"]["token_embedders"]["encoder"]["model_name"]
    assert encoder == str(runs / "adapted_encoder-biomedicine-13")
    # A training moves each weight by its learning rate at most, the target's by nothing, which has the rate 0.
    step = (on_source[EMBEDDINGS] - adapted[EMBEDDINGS]).abs().max()
    assert 0 < step < 1e-3 < (on_source[EMBEDDINGS] - before[EMBEDDINGS]).abs().max() + 1e-3
    assert on_target.keys() == on_source.keys() and len(on_target) > 20
    assert all(torch.equal(weight, on_source[name]) for name, weight in on_target.items())


def test_the_report_has_the_seeds_of_each_row(runs) -> None:
    corpus = json.loads((runs / "table.json").read_text())["corpora"]["biomedicine"]
    assert {name: row["seeds"] for name, row in corpus["systems"].items()} == {
        "not_adapted": [13, 14],
        "domain_adaptive": [13],
    }
    assert corpus["systems"]["not_adapted"]["p_seeds"] + corpus["systems"]["domain_adaptive"]["p_seeds"] == [13]
    table = (runs / "table.md").read_text(encoding="utf-8")
    assert "| not_adapted | 13, 14 |" in table and "| domain_adaptive | 13 |" in table


def test_nothing_is_run_again_unless_the_text_changes(runs, environment, capfd, monkeypatch, tmp_path) -> None:
    assert run_steps(TablePlan(table_from(TABLE), runs).steps, runs)
    output = capfd.readouterr().out
    assert output.count(": up to date\n") == 8 and "started" not in output
