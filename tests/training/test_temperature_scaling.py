"""Temperature scaling: the stored temperature is the best one, and lies in the archive."""

import json
from pathlib import Path

import pytest
import torch
from allennlp.commands.train import train_model
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.models import load_archive
from conftest import CORPORA, REPOSITORY

import lowresource_ner  # noqa: F401  what the configs name is registered by the import


def params(settings, monkeypatch, config: str, **overrides: object) -> Params:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    path = REPOSITORY / "training_configs/cross_lingual" / config
    return Params.from_file(path, {"trainer.num_epochs": 4, "trainer.optimizer.lr": 5e-3, **overrides})


def development_loss(archive, temperature: float) -> float:
    """The mean loss a sentence at a temperature, one sentence at a time."""
    model, reader = archive.model.eval(), archive.dataset_reader
    total = 0.0
    for instance in reader.read(CORPORA / "en" / "dev.conll"):
        output = model.forward_on_instance(instance)
        logits = torch.tensor(output["logits"]).unsqueeze(0)
        tags = torch.tensor([[model.vocab.get_token_index(tag, "labels") for tag in instance["tags"].labels]])
        mask = torch.ones_like(tags, dtype=torch.bool)
        total += model.calibration_loss(logits, tags, mask, torch.tensor(temperature)).item()
    return total


@pytest.mark.parametrize("head", ["softmax", "crf"])
def test_the_archives_temperature_is_the_best_on_the_development_set(
    head, settings, monkeypatch, tmp_path: Path
) -> None:
    overrides = {"model.head": {"type": head}}
    train_model(params(settings, monkeypatch, "teacher_crf.jsonnet", **overrides), str(tmp_path / "run"))
    archive = load_archive(tmp_path / "run" / "model.tar.gz")
    found = float(archive.model.temperature)
    assert found != 1.0
    at_found = development_loss(archive, found)
    for factor in (0.9, 0.97, 1.03, 1.1):
        assert at_found < development_loss(archive, found * factor)
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["temperature"] == pytest.approx(found)
    # The checkpoints, of which best.th may be a hard link, are as training left them.
    checkpoints = sorted((tmp_path / "run").glob("model_state_*.th"))
    assert checkpoints
    assert all(float(torch.load(path, weights_only=True)["temperature"]) == 1.0 for path in checkpoints)


def test_without_validation_data_it_stops_before_training(settings, monkeypatch, tmp_path) -> None:
    config = params(settings, monkeypatch, "teacher_crf.jsonnet")
    del config["validation_data_path"]
    with pytest.raises(ConfigurationError, match="needs labelled validation data"):
        train_model(config, str(tmp_path / "run"))
