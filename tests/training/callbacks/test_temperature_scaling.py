"""Temperature scaling: the stored temperature is the best one, and lies in the archive."""

import json
from pathlib import Path

import pytest
import torch
from allennlp.commands.train import train_model
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.models import load_archive
from conftest import CORPORA, REPOSITORY, conll_blocks
from seqeval.metrics import f1_score
from seqeval.metrics.sequence_labeling import get_entities

import lowresource_ner  # noqa: F401  what the configs name is registered by the import


def params(config: str, **overrides: object) -> Params:
    path = REPOSITORY / "training_configs/cross_lingual" / config
    return Params.from_file(path, {"trainer.num_epochs": 4, "trainer.optimizer.lr": 5e-3, **overrides})


def development_loss(archive, temperature: float, path: Path = CORPORA / "en" / "dev.conll") -> float:
    """The loss at a temperature, one sentence at a time."""
    model, reader = archive.model.eval(), archive.dataset_reader
    total = 0.0
    for instance in reader.read(path):
        output = model.forward_on_instance(instance)
        logits = torch.tensor(output["logits"]).unsqueeze(0)
        tags = torch.tensor([[model.vocab.get_token_index(tag, "labels") for tag in instance["tags"].labels]])
        mask = torch.ones_like(tags, dtype=torch.bool)
        total += model.calibration_loss(logits, tags, mask, torch.tensor(temperature)).item()
    return total


@pytest.mark.slow
@pytest.mark.parametrize("head", ["softmax", "crf", "biaffine"])
def test_the_archives_temperature_is_the_best_on_the_development_set(head, environment, tmp_path: Path) -> None:
    overrides = {"model.head": {"type": head}}
    train_model(params("teacher_crf.jsonnet", **overrides), str(tmp_path / "run"))
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


def test_without_validation_data_it_stops_before_training(environment, tmp_path) -> None:
    config = params("teacher_crf.jsonnet")
    del config["validation_data_path"]
    with pytest.raises(ConfigurationError, match="needs labelled validation data"):
        train_model(config, str(tmp_path / "run"))


def test_two_processes_score_and_calibrate_on_all_of_an_uneven_development_set(allennlp, tmp_path: Path) -> None:
    """Five sentences in batches of two: one worker has two of them. The scores are those of one process, by seqeval."""
    blocks = conll_blocks(CORPORA / "en" / "dev.conll")[:5]
    path = tmp_path / "dev.conll"
    path.write_text("\n\n".join("\n".join(map("\t".join, block)) for block in blocks), encoding="utf-8")
    overrides = {
        "distributed": {"cuda_devices": [-1, -1]},
        "trainer.cuda_device": None,
        "trainer.num_epochs": 3,
        "trainer.optimizer.lr": 5e-3,
        "data_loader.batch_sampler.batch_size": 16,
        "validation_data_loader.batch_sampler.batch_size": 2,
        "validation_data_path": str(path),
    }
    config = REPOSITORY / "training_configs/cross_lingual/teacher_crf.jsonnet"
    # Anew: the workers that AllenNLP starts import all for themselves, as well.
    completed = allennlp("train", config, "-s", tmp_path / "run", "-o", json.dumps(overrides), anew=True)
    assert "finishing validation early" not in completed.stdout + completed.stderr
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    archive = load_archive(tmp_path / "run" / "model.tar.gz")
    gold = [[tag for _, tag in block] for block in blocks]
    archive.model.eval()
    found = [archive.model.forward_on_instance(each)["tags"] for each in archive.dataset_reader.read(path)]
    assert metrics["validation_support"] == sum(len(get_entities(tags)) for tags in gold) > 5
    assert 0 < f1_score(gold, found) == pytest.approx(metrics["best_validation_f1"])

    temperature = float(archive.model.temperature)
    assert 0.05 < temperature < 20 and temperature != 1.0
    at_found = development_loss(archive, temperature, path)
    for factor in (0.97, 1.03):
        assert at_found < development_loss(archive, temperature * factor, path)
