"""The mean of a loss over batches of any size, in one process and in two."""

import json
from datetime import timedelta

import pytest
import torch
from support.forked_python import started

from lowresource_ner.metrics.mean_loss import MeanLoss

# Sums and what they are of: the last batch is small, and its losses are great.
BATCHES = [(30.0, 100), (8.0, 40), (9.5, 1), (0.0, 0)]


def count(metric, batches):
    for total, number in batches:
        metric(torch.tensor(total, requires_grad=True), torch.tensor(number))
    return metric


def test_each_weighs_the_same() -> None:
    metric = count(MeanLoss("loss_x"), BATCHES)
    assert metric.get_metric() == {"loss_x": pytest.approx(47.5 / 141)}
    # Asked for, it goes on.
    count(metric, [(2.5, 9)])
    assert metric.get_metric() == {"loss_x": pytest.approx(50 / 150)}


def test_reset_and_nothing() -> None:
    metric = MeanLoss("loss_x")
    assert metric.get_metric() == {}
    count(metric, BATCHES[-1:])
    assert metric.get_metric() == {}
    count(metric, BATCHES[:1])
    assert metric.get_metric(reset=True) == {"loss_x": pytest.approx(0.3)}
    assert metric.get_metric() == {}
    count(metric, BATCHES[1:2])
    assert metric.get_metric(reset=True) == {"loss_x": pytest.approx(0.2)}


def worker(rank, folder):
    """One of two processes: the first has all the batches but one, the second has that one, and then none."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2, timeout=timedelta(minutes=2)
    )
    try:
        metric = MeanLoss("loss_x")
        found = []
        for shares in ((BATCHES[1:], BATCHES[:1]), (BATCHES, []), ([], [])):
            count(metric, shares[rank])
            found.append(metric.get_metric(reset=True))
        (folder / f"{rank}.json").write_text(json.dumps(found))
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_give_the_mean_of_one(tmp_path) -> None:
    other = started(worker, 1, tmp_path)
    worker(0, tmp_path)
    other.join()
    assert other.exitcode == 0
    for rank in range(2):
        found = json.loads((tmp_path / f"{rank}.json").read_text())
        assert found == [{"loss_x": pytest.approx(47.5 / 141)}] * 2 + [{}]
