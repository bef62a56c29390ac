"""The optimizer is replaced after the epoch that passes the threshold, also if the training is interrupted and recovered."""

import json
import logging
import signal
from typing import Any, Dict, List, Optional

import numpy
import pytest
import torch
from allennlp.commands.train import train_model
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.data import Instance, Vocabulary
from allennlp.data.data_loaders import SimpleDataLoader
from allennlp.data.fields import ArrayField
from allennlp.models import Model
from allennlp.training import GradientDescentTrainer, Trainer
from allennlp.training.callbacks import TrainerCallback
from allennlp.training.gradient_descent_trainer import OptState
from conftest import REPOSITORY
from support.trainings import best_weights, differing, train

from lowresource_ner.training import SwitchOptimizer

NUM_BATCHES, BATCH_SIZE, NUM_EPOCHS = 5, 4, 5
CONFIG = REPOSITORY / "training_configs/cross_lingual/teacher.jsonnet"

# Neither fits the fresh optimizer: the groups, the state, the schedules.
RMSPROP = {
    "optimizer": {"type": "rmsprop", "lr": 0.05},
    "learning_rate_scheduler": {"type": "inverse_time_decay", "decay": 0.1},
}
MOMENTUM = {
    "optimizer": {"type": "rmsprop", "lr": 0.05, "momentum": 0.5},
    "momentum_scheduler": {"type": "inverted_triangular", "cool_down": 2, "warm_up": 2},
}
GROUPS = {
    "optimizer": {"type": "adamw", "lr": 0.05, "parameter_groups": [[["bias$"], {"weight_decay": 0.0}]]},
    "learning_rate_scheduler": {"type": "linear_warmup_share"},
}
FRESH = {"type": "sgd", "lr": 0.02, "momentum": 0.9}


class Regressor(Model):
    """Counts the validations that it has been through, as `+seen` and as `-left`."""

    def __init__(self) -> None:
        super().__init__(Vocabulary())
        generator = torch.Generator().manual_seed(3)
        self.layer = torch.nn.Linear(3, 1)
        self.register_buffer("seen", torch.zeros(()))
        with torch.no_grad():
            self.layer.weight.copy_(torch.randn(1, 3, generator=generator))
            self.layer.bias.zero_()

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> Dict[str, torch.Tensor]:
        return {"loss": (self.layer(x) - y).square().mean()}

    def get_metrics(self, reset: bool = False) -> Dict[str, float]:
        if reset and not self.training:
            self.seen += 1
        return {"seen": float(self.seen), "left": -float(self.seen)}


class Interruption(Exception):
    pass


class Interrupt(TrainerCallback):
    def __init__(self, after: int) -> None:
        super().__init__("")
        self._left = after

    def on_batch(self, *args: Any, is_training: bool = True, **kwargs: Any) -> None:
        self._left -= is_training
        if self._left == 0:
            raise Interruption


def instances() -> List[Instance]:
    generator = numpy.random.default_rng(5)
    x = generator.normal(size=(NUM_BATCHES * BATCH_SIZE, 3)).astype("float32")
    y = (x @ [[1.0], [-2.0], [0.5]] + 0.3).astype("float32")
    return [Instance({"x": ArrayField(row), "y": ArrayField(target)}) for row, target in zip(x, y)]


def trainer_for(
    folder, switch: Optional[dict] = None, validation: bool = True, **options: Any
) -> GradientDescentTrainer:
    model = Regressor()
    loaders = [SimpleDataLoader(instances(), BATCH_SIZE, vocab=model.vocab) for _ in range(2)]
    switch = {"type": "switch_optimizer", "metric": "+seen", "threshold": 1.5, "optimizer": FRESH, **(switch or {})}
    params = {
        "num_epochs": NUM_EPOCHS,
        "callbacks": [switch],
        "cuda_device": -1,
        "validation_metric": "+seen",
        **options,
    }
    trainer = Trainer.from_params(
        Params(json.loads(json.dumps(params))),
        model=model,
        serialization_dir=str(folder),
        data_loader=loaders[0],
        validation_data_loader=loaders[1] if validation else None,
    )
    assert isinstance(trainer, GradientDescentTrainer)
    return trainer


def weights(trainer: GradientDescentTrainer) -> torch.Tensor:
    return torch.cat([trainer.model.layer.weight.detach().flatten(), trainer.model.layer.bias.detach()])


def momenta(trainer: GradientDescentTrainer) -> List[torch.Tensor]:
    return [state["momentum_buffer"] for state in trainer.optimizer.state.values()]


def by_hand(epochs_before: int) -> torch.Tensor:
    """RMSprop whose rate decays after each epoch, then SGD whose rate does not: torch's own, without a trainer."""
    model = Regressor()
    loader = SimpleDataLoader(instances(), BATCH_SIZE, vocab=model.vocab)
    optimizer: torch.optim.Optimizer = torch.optim.RMSprop(model.parameters(), lr=0.05)
    for epoch in range(NUM_EPOCHS):
        if epoch < epochs_before:
            optimizer.param_groups[0]["lr"] = 0.05 / (1 + 0.1 * epoch)
        elif epoch == epochs_before:
            optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
        for batch in loader:
            optimizer.zero_grad()
            model(**batch)["loss"].backward()
            optimizer.step()
    return torch.cat([model.layer.weight.detach().flatten(), model.layer.bias.detach()])


@pytest.mark.parametrize(
    "metric, threshold, epochs_before",
    [
        ("+seen", 0.5, 1),
        ("+seen", 2.0, 3),  # the second epoch reaches the threshold and does not exceed it
        ("-left", -1.5, 2),
        ("-left", -1.0, 2),
        ("+seen", 9.0, NUM_EPOCHS),
        ("+left", -1.5, 1),
    ],
)
def test_the_optimizer_is_replaced_after_the_right_epoch(metric, threshold, epochs_before, tmp_path, caplog) -> None:
    trainer = trainer_for(tmp_path, {"metric": metric, "threshold": threshold}, **RMSPROP)
    with caplog.at_level(logging.INFO, "lowresource_ner"):
        trainer.train()
    torch.testing.assert_close(weights(trainer), by_hand(epochs_before))
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("lowresource_ner")]
    value = epochs_before if metric == "+seen" else -epochs_before
    expected = (
        f"After epoch {epochs_before - 1} validation {metric[1:]} is {value}.0000, beyond {threshold}: a new SgdOptimizer "
        "replaces RmsPropOptimizer and its schedules."
    )
    assert lines == ([expected] if epochs_before < NUM_EPOCHS else [])


# The switch is after batch 10. Checkpoints are written after batches 2 and 4 of each epoch and at its end.
@pytest.mark.parametrize(
    "interrupted_at, checkpoint",
    [
        (8, "e1_b2"),  # before the switch
        (10, "e1_b4"),  # at the last batch before it
        (11, "e2_b0"),  # after it: the checkpoint is that of the switch
        (13, "e2_b2"),  # in the middle of the next epoch
        (24, "e4_b2"),
    ],
)
@pytest.mark.parametrize("configured", [RMSPROP, MOMENTUM, GROUPS], ids=["rmsprop", "momentum", "groups"])
def test_interrupted_and_recovered_equals_unbroken(configured, interrupted_at, checkpoint, tmp_path) -> None:
    options = {**configured, "checkpointer": {"save_every_num_batches": 2}}
    unbroken = trainer_for(tmp_path / "unbroken", **options)
    broken, recovered = (trainer_for(tmp_path / "run", **options) for _ in range(2))
    unbroken.train()
    broken._callbacks.append(Interrupt(interrupted_at))
    with pytest.raises(Interruption):
        broken.train()
    model_state, _ = recovered._checkpointer.find_latest_checkpoint()
    assert model_state.endswith(f"{checkpoint}.th")
    recovered.train()
    assert torch.equal(weights(recovered), weights(unbroken))
    assert type(recovered.optimizer) is type(unbroken.optimizer)
    assert recovered.optimizer.param_groups[0]["momentum"] == 0.9
    assert recovered.optimizer.param_groups[0]["lr"] == 0.02
    assert len(momenta(recovered)) == 2
    assert all(torch.equal(*pair) for pair in zip(momenta(recovered), momenta(unbroken)))


def test_checkpoints_hold_no_state_of_the_retired_optimizer(tmp_path) -> None:
    trainer_for(tmp_path, **RMSPROP).train()
    states = {epoch: torch.load(tmp_path / f"training_state_e{epoch}_b0.th", weights_only=True) for epoch in (4, 5)}
    assert all(state["optimizer"]["state"] == {} for state in states.values())
    assert all(len(state["callbacks"][0]["optimizer"]["state"]) == 2 for state in states.values())


def test_the_gradient_scaler_goes_on(tmp_path) -> None:
    plain, scaled = (trainer_for(tmp_path / name, **RMSPROP) for name in ("plain", "scaled"))
    scaler = scaled._scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=7)
    plain.train()
    scaled.train()
    assert scaled._scaler is scaler
    assert scaler.get_scale() == 1024.0 * 2 ** (NUM_EPOCHS * NUM_BATCHES // 7)
    assert scaler._per_optimizer_states[id(scaled.optimizer)]["stage"] is OptState.READY
    assert torch.equal(weights(plain), weights(scaled))


def test_the_trial_before_training_freezes_nothing(tmp_path) -> None:
    fresh = {**FRESH, "parameter_groups": [[["bias$"], {"requires_grad": False}]]}
    trainer = trainer_for(tmp_path, {"optimizer": fresh}, **RMSPROP)
    trainer._callbacks.append(Interrupt(2 * NUM_BATCHES))
    with pytest.raises(Interruption):
        trainer.train()
    assert trainer.model.layer.bias.requires_grad and trainer.model.layer.bias.item() != 0
    recovered = trainer_for(tmp_path, {"optimizer": fresh}, **RMSPROP)
    recovered.train()
    assert not recovered.model.layer.bias.requires_grad
    assert len(momenta(recovered)) == 1


def test_a_fault_in_the_optimizers_config_shows_before_training(tmp_path) -> None:
    trainer = trainer_for(tmp_path, {"optimizer": {"type": "sgd", "lr": 0.1, "momentums": 0.9}}, **RMSPROP)
    with pytest.raises(ConfigurationError, match="momentums"):
        trainer.train()
    assert torch.equal(weights(trainer)[:3], Regressor().layer.weight.flatten())


def test_without_validation_data_it_stops_before_training(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="switch_optimizer needs validation data"):
        trainer_for(tmp_path, validation=False, **RMSPROP).train()


def test_an_unknown_metric_is_refused(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="'f1', which does not exist. The metrics are left, loss, seen."):
        trainer_for(tmp_path, {"metric": "+f1"}, **RMSPROP).train()


def test_a_metric_without_a_direction() -> None:
    with pytest.raises(ConfigurationError, match="Write '\\+f1' if higher is better"):
        SwitchOptimizer("", metric="f1", threshold=0.5, optimizer=None)  # type: ignore[arg-type]


def test_killed_and_recovered_equals_unbroken(allennlp, environment, tmp_path) -> None:
    """By the real command: 15 batches an epoch, the switch after the first, a checkpoint every 5 batches."""
    switch = {"type": "switch_optimizer", "metric": "+f1", "threshold": -1.0, "optimizer": FRESH}
    callbacks: List[Dict[str, Any]] = [{"type": "random_state"}, {"type": "keep_last_epoch"}, switch]
    overrides = {
        "trainer.num_epochs": 2,
        "trainer.callbacks": callbacks,
        "trainer.optimizer.lr": 1e-3,
        "trainer.checkpointer": {"save_every_num_batches": 5},
        "data_loader.batch_sampler.batch_size": 8,
    }
    train_model(Params.from_file(CONFIG, json.dumps(overrides)), str(tmp_path / "unbroken"))

    overrides["trainer.callbacks"] = [*callbacks, {"type": "kill_at_batch"}]
    killed = train(allennlp, CONFIG, tmp_path / "run", overrides, check=False, KILL_AT_BATCH="25")
    assert killed.returncode == -signal.SIGKILL
    assert killed.stdout.count("replaces") == 1
    assert (tmp_path / "run/training_state_e1_b5.th").exists()
    recovered = train(allennlp, CONFIG, tmp_path / "run", overrides, "--recover")
    assert recovered.stdout.count("replaces") == 0, "the switch was made before"
    assert differing(best_weights(tmp_path / "unbroken"), best_weights(tmp_path / "run")) == []
