"""Every config that is shipped is built on the fixtures as `allennlp train` builds it, and takes a step."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import torch
from allennlp.commands.train import TrainModel
from allennlp.common import Params
from allennlp.common.util import prepare_environment
from conftest import REPOSITORY

import lowresource_ner  # noqa: F401  what the configs name is registered by the import

CONFIGS = sorted((REPOSITORY / "training_configs").glob("*/*.jsonnet"))


def test_all_configs_are_found() -> None:
    assert [path.stem for path in CONFIGS] == ["few_labels", "teacher", "teacher_crf"]


@pytest.fixture
def environment(settings, monkeypatch) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


def build(params: Params, folder: Path) -> TrainModel:
    prepare_environment(params)
    return TrainModel.from_params(params=params, serialization_dir=str(folder), local_rank=0)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_builds_and_takes_a_step(path: Path, environment, tmp_path) -> None:
    params = Params.from_file(path, {"trainer.num_epochs": 1})
    loop = build(params, tmp_path)
    loop.model.train()
    loss = loop.model(**next(iter(loop.trainer.data_loader)))["loss"]
    loss.backward()
    assert torch.isfinite(loss)
    trainable = [name for name, weight in loop.model.named_parameters() if weight.requires_grad]
    assert trainable and all(loop.model.get_parameter(name).grad is not None for name in trainable)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_opens_with_the_command_that_runs_it(path: Path) -> None:
    head = [line for line in path.read_text().split("\n\n")[0].splitlines() if line.startswith("//")]
    assert any(f"allennlp train training_configs/{path.parent.name}/{path.name}" in line for line in head)


def test_the_teacher_has_the_papers_numbers(environment) -> None:
    """Wu et al. (2020), section 4.2."""
    config = Params.from_file(REPOSITORY / "training_configs/cross_lingual/teacher.jsonnet").as_dict()
    encoder = config["model"]["text_field_embedder"]["token_embedders"]["encoder"]
    assert (encoder["max_length"], encoder["num_frozen_layers"]) == (128, 3)
    assert config["data_loader"]["batch_sampler"]["batch_size"] == 32
    trainer = config["trainer"]
    optimizer = trainer["optimizer"]
    assert (trainer["num_epochs"], trainer["grad_norm"]) == (3, 1.0)
    assert (optimizer["type"], optimizer["lr"], optimizer["eps"], optimizer["weight_decay"]) == (
        "adamw",
        5e-5,
        1e-8,
        0.01,
    )
    assert trainer["learning_rate_scheduler"] == {"type": "linear_warmup_share", "warmup_share": 0.1}


def test_weight_decay_spares_biases_and_layer_norm(environment, tmp_path) -> None:
    loop = build(Params.from_file(REPOSITORY / "training_configs/cross_lingual/teacher.jsonnet"), tmp_path)
    names = {id(weight): name for name, weight in loop.model.named_parameters()}
    groups = [
        ({names[id(weight)] for weight in group["params"]}, group["weight_decay"])
        for group in loop.trainer.optimizer.param_groups
    ]
    spared = {name for names, decay in groups if decay == 0 for name in names}
    trainable = {name for name, weight in loop.model.named_parameters() if weight.requires_grad}
    assert spared == {name for name in trainable if name.endswith("bias") or "LayerNorm" in name}
    assert set().union(*(names for names, _ in groups)) == trainable


@pytest.mark.parametrize("missing", ["NER_DATA", "SOURCE", "ENCODER", "SEED", "DEVICE"])
def test_a_variable_that_is_not_set_is_named(missing: str, environment, monkeypatch) -> None:
    path = REPOSITORY / "training_configs/cross_lingual/teacher.jsonnet"
    monkeypatch.delenv(missing)
    with pytest.raises(RuntimeError, match=missing):
        Params.from_file(path)
    monkeypatch.setenv(missing, "")
    with pytest.raises(RuntimeError, match=f"{missing} is empty.*defaults.sh"):
        Params.from_file(path)


def test_defaults_name_what_has_none(tmp_path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "NER_DATA"}
    script = f"source '{REPOSITORY}/training_configs/defaults.sh'"
    failed = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True)
    assert failed.returncode != 0 and "NER_DATA" in failed.stderr
    command = f"{script}; python3 -c 'import os, json; print(json.dumps(dict(os.environ)))'"
    done = subprocess.run(["bash", "-c", command], env={**environment, "NER_DATA": "x"}, capture_output=True, text=True)
    assert json.loads(done.stdout)["ENCODER"] == os.environ.get("ENCODER", "bert-base-multilingual-cased")
