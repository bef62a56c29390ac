"""The last epoch is kept although another one was better, and the schedule has the papers' shape."""

import json

import pytest
import torch
from allennlp.commands.train import train_model
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from conftest import REPOSITORY

from lowresource_ner.training import LinearWarmupShare


@pytest.mark.slow
@pytest.mark.parametrize("callbacks, kept", [(["keep_last_epoch"], 2), ([], 0)])
def test_which_epoch_is_kept(callbacks, kept, environment, tmp_path) -> None:
    overrides = {
        "trainer.callbacks": [{"type": name} for name in callbacks],
        "trainer.num_epochs": 3,
        # The number of gold entities is the same after every epoch, so none is better than the first.
        "trainer.validation_metric": "-support",
    }
    config = Params.from_file(REPOSITORY / "training_configs/cross_lingual/teacher.jsonnet", overrides)
    train_model(config, str(tmp_path / "run"))
    assert json.loads((tmp_path / "run/metrics.json").read_text())["best_epoch"] == kept
    best = torch.load(tmp_path / "run/best.th", weights_only=True)
    last = torch.load(max((tmp_path / "run").glob("model_state_*.th"), key=_epoch), weights_only=True)
    assert all(torch.equal(best[name], last[name]) for name in best) == bool(callbacks)


def test_patience_is_refused(environment, tmp_path) -> None:
    path = REPOSITORY / "training_configs/cross_lingual/teacher.jsonnet"
    with pytest.raises(ConfigurationError, match="cannot be combined"):
        train_model(Params.from_file(path, {"trainer.patience": 2}), str(tmp_path / "run"))


def _epoch(path) -> int:
    return int(path.stem.split("_e")[1].split("_")[0])


def test_warm_up_over_a_share_of_all_steps_then_down_to_nothing() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = LinearWarmupShare(optimizer, num_epochs=2, num_steps_per_epoch=10, warmup_share=0.2)
    rates = []
    for step in range(1, 21):
        scheduler.step_batch(step)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert rates[4:] == pytest.approx([1 - step / 16 for step in range(1, 17)])


def test_invalid_shares_and_unknown_numbers_of_steps_are_refused() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    with pytest.raises(ConfigurationError, match="'warmup_share' is 2"):
        LinearWarmupShare(optimizer, num_epochs=2, num_steps_per_epoch=10, warmup_share=2)
    with pytest.raises(ConfigurationError, match="batches_per_epoch"):
        LinearWarmupShare(optimizer, num_epochs=2, num_steps_per_epoch=None)
