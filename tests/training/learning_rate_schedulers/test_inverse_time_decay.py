"""The schedule's values are those of the formula, an epoch long each, and go on after a recovery."""

import pytest
import torch
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.training.learning_rate_schedulers import LearningRateScheduler

from lowresource_ner.training import InverseTimeDecay


def schedule(optimizer: torch.optim.Optimizer, **options) -> LearningRateScheduler:
    """As the trainer makes it."""
    params = Params({"type": "inverse_time_decay", **options})
    scheduler = LearningRateScheduler.from_params(params, optimizer=optimizer, num_epochs=5, num_steps_per_epoch=3)
    assert isinstance(scheduler, InverseTimeDecay)
    return scheduler


def sgd() -> torch.optim.Optimizer:
    first, second = (torch.nn.Parameter(torch.zeros(1)) for _ in range(2))
    return torch.optim.SGD([{"params": [first]}, {"params": [second], "lr": 1.0}], lr=0.015)


def rates(optimizer: torch.optim.Optimizer) -> list:
    return [group["lr"] for group in optimizer.param_groups]


def test_the_rate_of_each_epoch() -> None:
    optimizer = sgd()
    scheduler = schedule(optimizer)
    found = []
    for epoch in range(4):
        for batch in range(3):
            scheduler.step_batch(3 * epoch + batch + 1)
            found.append(rates(optimizer))
        scheduler.step(0.5)
    by_hand = [[0.015, 1.0], [0.015 / 1.05, 1 / 1.05], [0.015 / 1.1, 1 / 1.1], [0.015 / 1.15, 1 / 1.15]]
    assert found == [pytest.approx(by_hand[epoch]) for epoch in range(4) for _ in range(3)]


def test_it_goes_on_after_a_recovery(tmp_path) -> None:
    unbroken, broken, recovered = sgd(), sgd(), sgd()
    first, second, third = (schedule(optimizer, decay=0.3) for optimizer in (unbroken, broken, recovered))
    for _ in range(4):
        first.step(0.5)
    for _ in range(2):
        second.step(0.5)
    torch.save([broken.state_dict(), second.state_dict()], tmp_path / "state.th")
    # As the trainer does, in its order.
    optimizer_state, scheduler_state = torch.load(tmp_path / "state.th", weights_only=True)
    recovered.load_state_dict(optimizer_state)
    third.load_state_dict(scheduler_state)
    assert rates(recovered) == rates(broken)
    for _ in range(2):
        third.step(0.5)
    assert rates(recovered) == rates(unbroken)


@pytest.mark.parametrize("decay", [0, -0.05, float("nan")])
def test_an_invalid_decay_is_refused(decay) -> None:
    with pytest.raises(ConfigurationError, match="'decay' of inverse_time_decay is"):
        schedule(sgd(), decay=decay)
