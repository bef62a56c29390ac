"""The three updates of a step, against the same three written plainly; what each leaves alone; and recovery."""

import copy
import json
from pathlib import Path
from typing import Any, Dict, List, Set

import pytest
import torch
from allennlp.commands.train import TrainModel
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from conftest import REPOSITORY
from support.trainings import best_weights, differing, kill_and_recover, train, training_loop

from lowresource_ner.training import AdversarialUpdates

F = torch.nn.functional
CONFIG = REPOSITORY / "training_configs/cross_lingual/adversarial.jsonnet"
ADAMW = {"ner": 1e-3, "discriminator": 5e-3, "generator": 1e-4}


@pytest.fixture
def spanish(environment, monkeypatch) -> None:
    monkeypatch.setenv("TARGET", "es")


def build(folder: Path, overrides: Dict[str, Any]) -> TrainModel:
    return training_loop(Params.from_file(CONFIG, json.dumps({"trainer.num_epochs": 1, **overrides})), folder)


def two_steps(optimizer: str, rates: Dict[str, float]) -> Dict[str, Any]:
    """An epoch of two steps, always the same, at rates that do not change."""
    options = {"weight_decay": 0.1} if optimizer == "adamw" else {}
    return {
        "data_loader.shuffle": False,
        "data_loader.scheduler.batch_size": {"ner_source": 60, "text_target": 80},
        "trainer.optimizer": {"type": optimizer, "lr": rates["ner"], **options},
        "trainer.learning_rate_scheduler": None,
        "trainer.callbacks": [
            {
                "type": "adversarial_updates",
                **{
                    f"{name}_optimizer": {"type": optimizer, "lr": rates[name], **options}
                    for name in ("discriminator", "generator")
                },
            }
        ],
    }


def callback(loop: TrainModel) -> Any:
    return next(each for each in loop.trainer._callbacks if isinstance(each, AdversarialUpdates))


# ------------------------------------------------------------------------------------------- the updates


@pytest.mark.slow
def test_two_steps_are_the_three_updates_in_turn(spanish, tmp_path) -> None:
    """Dropout is on: both draw the same numbers only if the encoder is passed through as often, in the same order."""
    loop = build(tmp_path, two_steps("adamw", ADAMW))
    loop.model.double()
    batches = list(loop.trainer.data_loader)
    assert [batch["module_name"][0] for batch in batches] == ["ner_source", "text_target"] * 2
    expected: Any = copy.deepcopy(loop.model).train()
    torch.manual_seed(5)
    plain_updates(expected, batches)
    torch.manual_seed(5)
    loop.trainer.train()
    before = build(tmp_path / "before", {}).model.double()
    moved = set()
    for name, weight in loop.model.named_parameters():
        torch.testing.assert_close(weight, expected.get_parameter(name), rtol=1e-9, atol=1e-11, msg=name)
        if not torch.equal(weight, before.get_parameter(name)):
            moved.add(name.split(".")[0])
    assert moved == {"_embedder", "_head", "discriminator"}


def plain_updates(model: Any, batches: List[Dict[str, Any]]) -> None:
    encoder = [weight for weight in model._embedder.parameters() if weight.requires_grad]
    layers = model.discriminator
    discriminator = [layers.hidden.weight, layers.hidden.bias, layers.output.weight, layers.output.bias]
    for weight in discriminator:
        weight.requires_grad_(True)
    weights = {"ner": [*encoder, *model._head.parameters()], "discriminator": discriminator, "generator": encoder}
    optimizers = {name: torch.optim.AdamW(weights[name], lr=ADAMW[name], weight_decay=0.1) for name in weights}

    def update(name: str, loss: torch.Tensor) -> None:
        for weight, gradient in zip(weights[name], torch.autograd.grad(loss, weights[name], retain_graph=True)):
            weight.grad = gradient
        optimizers[name].step()

    def probabilities(vectors: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        w1, b1, w2, b2 = (weight.clone() for weight in discriminator)
        return torch.sigmoid(F.relu(vectors @ w1.T + b1) @ w2.T + b2)[..., 0][mask]

    for source, target in zip(batches[::2], batches[1::2]):
        update("ner", model(**source)["loss"])
        encoded = [(model._embedder(batch["tokens"]), batch["tokens"]["encoder"]["mask"]) for batch in (source, target)]
        judged = [probabilities(vectors.detach(), mask) for vectors, mask in encoded]
        update("discriminator", -judged[0].log().mean() - (1 - judged[1]).log().mean())
        judged = [probabilities(vectors, mask) for vectors, mask in encoded]
        update("generator", -(1 - judged[0]).log().mean() - judged[1].log().mean())


@pytest.mark.slow
@pytest.mark.parametrize(
    "learning, moves",
    [
        ("ner", {"_embedder", "_head"}),
        ("discriminator", {"discriminator"}),
        ("generator", {"_embedder"}),
    ],
)
def test_what_an_update_leaves_alone(spanish, tmp_path, learning: str, moves: Set[str]) -> None:
    rates = {name: 0.5 if name == learning else 0.0 for name in ADAMW}
    loop = build(tmp_path, two_steps("sgd", rates))
    before = copy.deepcopy(loop.model.state_dict())
    loop.trainer.train()
    moved = {name for name, value in loop.model.state_dict().items() if not torch.equal(value, before[name])}
    assert {name.split(".")[0] for name in moved} == moves
    frozen = {name for name, weight in loop.model._embedder.named_parameters("_embedder") if not weight.requires_grad}
    assert len(frozen) > 20 and not frozen & moved


@pytest.mark.slow
def test_rates_follow_the_trainers_schedule(spanish, tmp_path) -> None:
    loop = build(tmp_path, {"trainer.num_epochs": 4})
    updates = callback(loop)
    seen = []
    on_batch = updates.on_batch

    def watched(trainer, *args, is_training=True, **kwargs):
        on_batch(trainer, *args, is_training=is_training, **kwargs)
        if is_training:
            optimizers = [trainer.optimizer, *(updates._optimizers[name] for name in ("discriminator", "generator"))]
            seen.append([optimizer.param_groups[0]["lr"] for optimizer in optimizers])

    updates.on_batch = watched
    loop.trainer.train()
    assert len(seen) == 16
    for step, rates in enumerate(seen, start=1):
        # No warm-up: 5 % of 16 steps is none.
        assert rates == pytest.approx([rate * (1 - step / 16) for rate in (6e-5, 5e-3, 6e-7)], abs=1e-12)


# ------------------------------------------------------------------------------------- what does not fit


@pytest.mark.parametrize(
    "overrides, message",
    [
        ({"trainer.num_gradient_accumulation_steps": 1}, "is 1, but a step has two batches.*Set it to 2"),
        ({"model.text_field_embedder.token_embedders.encoder.num_frozen_layers": 4}, "entirely frozen"),
    ],
)
def test_what_does_not_fit_stops_before_training(spanish, tmp_path, overrides, message) -> None:
    with pytest.raises(ConfigurationError, match=message):
        build(tmp_path, overrides).trainer.train()


def test_a_target_with_labels_is_refused(spanish, settings, tmp_path) -> None:
    """That they would be used is not the point: nobody should have to look."""
    indexers = {"encoder": {"type": "subwords", "model_name": settings["ENCODER"]}}
    overrides = {
        "dataset_reader.readers.text_target": {"type": "conll_ner", "token_indexers": indexers},
        "train_data_path.text_target": f"{settings['NER_DATA']}/es/train.conll",
    }
    with pytest.raises(ConfigurationError, match="'text_target' would read the target's labels.*'labelled': false"):
        build(tmp_path, overrides).trainer.train()


def test_other_modules_other_models_and_several_devices_are_refused(spanish, tmp_path) -> None:
    loop = build(tmp_path, {})
    updates, trainer = callback(loop), loop.trainer
    updates._source = "ner_sauce"
    with pytest.raises(ConfigurationError, match="'ner_sauce' and 'text_target'.*the data has ner_source, text_target"):
        updates.on_start(trainer)
    updates._source = "ner_source"
    trainer._scaler = torch.amp.GradScaler("cpu")
    with pytest.raises(ConfigurationError, match="'use_amp'.*bfloat16"):
        updates.on_start(trainer)
    trainer._scaler = None
    trainer._distributed = True
    with pytest.raises(ConfigurationError, match="on one device"):
        updates.on_start(trainer)
    trainer._distributed = False
    trainer.model = torch.nn.Linear(1, 1)
    with pytest.raises(ConfigurationError, match="trains an adversarial_tagger, not Linear"):
        updates.on_start(trainer)


# --------------------------------------------------------------------------------------- real commands


def test_killed_and_recovered_equals_unbroken(allennlp, tmp_path) -> None:
    """Killed in the middle of the second epoch, after a checkpoint and a step."""
    overrides = {
        "trainer.num_epochs": 3,
        "trainer.checkpointer": {"save_every_num_batches": 3},
        # 7 steps an epoch; the target's text goes on from epoch to epoch.
        "data_loader.scheduler.batch_size": {"ner_source": 18, "text_target": 25},
        "trainer.callbacks": [
            {
                "type": "adversarial_updates",
                "discriminator_optimizer": {"type": "adamw", "lr": 5e-3},
                "generator_optimizer": {"type": "adamw", "lr": 1e-3},
                "learning_rate_scheduler": {"type": "linear_warmup_share", "warmup_share": 0.3},
            },
            *({"type": name} for name in ("random_state", "keep_last_epoch", "kill_at_batch")),
        ],
    }
    train(allennlp, CONFIG, tmp_path / "unbroken", overrides, TARGET="es")
    kill_and_recover(allennlp, CONFIG, tmp_path / "run", overrides, 11, TARGET="es")
    assert differing(best_weights(tmp_path / "unbroken"), best_weights(tmp_path / "run")) == []
