"""One update is the weighted sum of the modules' losses, on one process and on two, with and without interruption."""

import json
import shutil
from pathlib import Path
from typing import Any, Dict, List

import pytest
import torch
from allennlp.commands.train import TrainModel
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from conftest import CORPORA, REPOSITORY, conll_blocks
from seqeval.metrics.sequence_labeling import get_entities
from support.trainings import FORKED_WORKERS, best_weights, differing, kill_and_recover, train, training_loop

from lowresource_ner.training.callbacks.module_updates import ModuleUpdates

CONFIG = REPOSITORY / "training_configs/cross_domain/pgn.jsonnet"
MODULES = ["lm_source", "ner_source", "lm_target", "ner_target"]
WEIGHTS = {"lm_source": 0.5, "ner_source": 1.0, "lm_target": 0.25, "ner_target": 2.0}
NO_DROPOUT = {
    "model.dropout": 0.0,
    "model.text_field_embedder.token_embedders.characters.dropout": 0.0,
}


def build(folder: Path, overrides: Dict[str, Any]) -> TrainModel:
    return training_loop(Params.from_file(CONFIG, json.dumps({"trainer.num_epochs": 1, **overrides})), folder)


def callbacks(weights: Dict[str, Any], *others: Dict[str, Any]) -> Dict[str, Any]:
    return {"trainer.callbacks": [{"type": "module_updates", "loss_weights": weights}, *others]}


def updater(loop: TrainModel) -> ModuleUpdates:
    return next(each for each in loop.trainer._callbacks if isinstance(each, ModuleUpdates))


def dense(gradient: torch.Tensor) -> torch.Tensor:
    return gradient.to_dense() if gradient.is_sparse else gradient


def first_step(loop: TrainModel) -> List[Dict[str, Any]]:
    batches = iter(loop.trainer.data_loader)
    return [next(batches) for _ in loop.trainer.data_loader.scheduler.modules]


def plain_gradients(
    loop: TrainModel, batches: List[Dict[str, Any]], weights: Dict[str, float]
) -> Dict[str, torch.Tensor]:
    """By one call of autograd on the sum of all losses, each module's parameters generated within its own graph."""
    torch.manual_seed(5)  # of the language models' samples
    loop.model.zero_grad()
    total = sum(weights[batch["module_name"][0]] * loop.model(**batch)["loss"] for batch in batches)
    total.backward()
    return {
        name: dense(weight.grad).clone() for name, weight in loop.model.named_parameters() if weight.grad is not None
    }


@pytest.mark.parametrize("lstm_parameters", ["parameter_generator", "shared"])
def test_gradient_is_that_of_the_weighted_sum(environment, tmp_path, lstm_parameters) -> None:
    loop = build(tmp_path, {**NO_DROPOUT, **callbacks(WEIGHTS), "model.lstm_parameters": {"type": lstm_parameters}})
    loop.model.double().train()
    batches = first_step(loop)
    expected = plain_gradients(loop, batches, WEIGHTS)
    callback = updater(loop)
    callback.on_start(loop.trainer)
    for _ in range(2):  # the second step finds the memory of the first
        torch.manual_seed(5)
        loop.trainer.optimizer.zero_grad()
        callback.begin_update(batches)
        for batch in batches:
            assert callback.on_backward(loop.trainer, loop.model(**batch), False)
        found = {name: weight.grad for name, weight in loop.model.named_parameters() if weight.grad is not None}
        assert found.keys() == expected.keys() and len(found) > 10
        for name, gradient in found.items():
            torch.testing.assert_close(dense(gradient), expected[name], rtol=1e-10, atol=1e-12, msg=name)


@pytest.mark.slow
def test_stock_trainer_takes_that_step(environment, tmp_path) -> None:
    """The trainer's own loop, of which this is one epoch of one step: w - lr · gradient, the L2 term left out."""
    overrides = {
        **NO_DROPOUT,
        **callbacks(WEIGHTS),
        "data_loader.scheduler.batch_size": {"ner_source": 1000},
        "trainer.optimizer": {"type": "lazy_sgd", "lr": 0.5},
        "trainer.learning_rate_scheduler": None,
    }
    loop = build(tmp_path, overrides)
    loop.model.double().train()
    assert len(loop.trainer.data_loader) == 4
    gradients = plain_gradients(loop, first_step(loop), WEIGHTS)
    before = {name: weight.detach().clone() for name, weight in loop.model.named_parameters()}
    loop.model.zero_grad()
    torch.manual_seed(5)
    loop.trainer.train()
    assert len(gradients) > 10
    for name, gradient in gradients.items():
        after = loop.model.get_parameter(name).detach()
        torch.testing.assert_close(after, before[name] - 0.5 * gradient, rtol=1e-9, atol=1e-11, msg=name)


@pytest.mark.slow
def test_amp_scales_and_unscales(environment, tmp_path) -> None:
    """As on a GPU, with torch's gradient scaler for the CPU: the same weights, and the same norms in the log."""
    results = []
    for scaled in (False, True):
        shutil.rmtree(tmp_path)
        loop = build(tmp_path, {**NO_DROPOUT, **callbacks(WEIGHTS)})
        loop.model.double()
        if scaled:
            loop.trainer._scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
        loop.trainer.train()
        metrics = json.loads((tmp_path / "metrics_epoch_0.json").read_text())
        norms = torch.tensor([metrics[f"training_{name}_gradient_norm"] for name in MODULES])
        results.append((loop.model.state_dict(), norms))
    (plain, plain_norms), (scaled_weights, scaled_norms) = results
    torch.testing.assert_close(scaled_norms, plain_norms, rtol=1e-6, atol=0)
    for name, weight in plain.items():
        torch.testing.assert_close(scaled_weights[name], weight, rtol=1e-8, atol=1e-10, msg=name)


def test_norms_are_those_of_the_generated_parameters(environment, tmp_path) -> None:
    loop = build(tmp_path, {**NO_DROPOUT, **callbacks(WEIGHTS)})
    loop.model.double().train()
    batches = first_step(loop)
    torch.manual_seed(5)
    expected = {}
    for batch in batches:
        name = batch["module_name"][0]
        parameters = loop.model.lstm_parameters
        theta = parameters.generate([loop.model.branch(name).pair])[0].detach().requires_grad_()
        parameters.forward, kept = (lambda pair, theta=theta: theta), parameters.forward
        (WEIGHTS[name] * loop.model(**batch)["loss"]).backward()
        parameters.forward = kept
        expected[f"{name}_gradient_norm"] = float(theta.grad.norm())
    loop.model.get_metrics(reset=True)
    callback = updater(loop)
    callback.on_start(loop.trainer)
    callback.begin_update(batches)
    torch.manual_seed(5)
    for batch in batches:
        callback.on_backward(loop.trainer, loop.model(**batch), False)
    metrics = loop.model.get_metrics()
    assert {name: metrics[name] for name in expected} == pytest.approx(expected, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name, cls", [("rmsprop", torch.optim.RMSprop), ("adam", torch.optim.Adam)])
def test_optimizers_that_need_dense_gradients_get_them(environment, tmp_path, name, cls) -> None:
    overrides = {
        **NO_DROPOUT,
        **callbacks(WEIGHTS),
        "data_loader.scheduler.batch_size": {"ner_source": 1000},
        "trainer.optimizer": {"type": name, "lr": 1e-3, "weight_decay": 1e-2},
        "trainer.learning_rate_scheduler": None,
    }
    loop = build(tmp_path, overrides)
    loop.model.double().train()
    gradients = plain_gradients(loop, first_step(loop), WEIGHTS)
    expected = {name: weight.detach().clone().requires_grad_() for name, weight in loop.model.named_parameters()}
    for weight_name, gradient in gradients.items():
        expected[weight_name].grad = gradient
    cls(expected.values(), lr=1e-3, weight_decay=1e-2).step()
    loop.model.zero_grad()
    torch.manual_seed(5)
    loop.trainer.train()
    assert len(gradients) > 10
    for weight_name, weight in loop.model.named_parameters():
        torch.testing.assert_close(weight, expected[weight_name], rtol=1e-7, atol=1e-9, msg=weight_name)


def test_gradient_clipping_works_with_sparse_embeddings(environment, tmp_path) -> None:
    loop = build(tmp_path, {**callbacks({}), "trainer.grad_norm": 0.5, "trainer.grad_clipping": 0.1})
    loop.trainer.train()
    assert torch.isfinite(loop.model.lstm_parameters.weight).all()


# --------------------------------------------------------------------------------------------- weights


@pytest.mark.slow
def test_weights_by_epoch(environment, tmp_path) -> None:
    points = {"lm_target": [[1, 1.0], [3, 0.5]], "ner_target": 2}
    loop = build(tmp_path, {**callbacks(points), "trainer.num_epochs": 5})
    callback = updater(loop)
    seen = []
    on_batch = callback.on_batch
    callback.on_batch = lambda *args, **kwargs: (seen.append(dict(callback._weights)), on_batch(*args, **kwargs))
    loop.trainer.train()
    steps = len(seen) // 10  # training batches in an epoch; validation makes batches, too, and changes no weight
    assert steps > 0
    by_epoch = sorted({each["lm_target"] for each in seen}, reverse=True)
    assert by_epoch == [1.0, 0.75, 0.5]
    assert {each["ner_target"] for each in seen} == {2.0} and {each["lm_source"] for each in seen} == {1.0}


@pytest.mark.slow
@pytest.mark.parametrize(
    "weights, message",
    [
        ({"lm_source": 0}, "loss weight of 'lm_source' is 0"),
        ({"lm_source": -1.5}, "above 0"),
        ({"lm_source": [[0, 1.0], [3, 0.0]]}, "above 0"),
        ({"lm_source": [[3, 1.0], [1, 0.5]]}, "ascending"),
        ({"lm_source": []}, "above 0"),
        ({"ner_sauce": 1.0}, "ner_sauce.*the trained ones are lm_source, ner_source"),
    ],
)
def test_invalid_loss_weights_are_refused(environment, tmp_path, weights, message) -> None:
    with pytest.raises(ConfigurationError, match=message):
        build(tmp_path, callbacks(weights)).trainer.train()


# ----------------------------------------------------------------------------------- what does not fit


@pytest.mark.parametrize(
    "overrides, message",
    [
        ({"trainer.num_gradient_accumulation_steps": 3}, "is 3, but a step has 4 modules.*Set it to 4"),
        (
            {"model.modules": {"ner_target": {"task": "ner", "domain": "target", "head": "target"}}},
            "has no module|'heads' is",
        ),
        ({"model.unlabelled_domains": ["target"]}, "'target'.*'ner_target' would read its labels.*'labelled': false"),
        (
            {"data_loader.scheduler.modules": ["lm_source", "ner_source", "ner_target"]},
            "The data has the modules.*lm_target",
        ),
        ({"data_loader.type": "multitask"}, "needs the data loader and the scheduler 'one_batch_per_module'"),
    ],
)
def test_what_does_not_fit_stops_before_training(environment, tmp_path, overrides, message) -> None:
    with pytest.raises(ConfigurationError, match=message):
        build(tmp_path, overrides).trainer.train()


def test_a_batch_out_of_turn_is_an_error(environment, tmp_path) -> None:
    loop = build(tmp_path, {})
    batches = first_step(loop)
    callback = updater(loop)
    callback.on_start(loop.trainer)
    callback.begin_update(batches)
    loop.model.train()
    callback.on_backward(loop.trainer, loop.model(**batches[0]), False)
    with pytest.raises(RuntimeError, match="Expected a batch of module 'ner_source', got one of 'ner_target'"):
        callback.on_backward(loop.trainer, loop.model(**batches[3]), False)
    with pytest.raises(RuntimeError, match="after 1 of its 4 modules"):
        callback.on_batch(loop.trainer)


# --------------------------------------------------------------------------------------- real commands


def small_corpora(folder: Path, sentences: int) -> Path:
    """`sentences` sentences of either domain, and one of them to validate on."""
    for domain in ("en", "bio"):
        (folder / domain).mkdir(parents=True)
        blocks = (CORPORA / domain / "train.conll").read_text(encoding="utf-8").strip().split("\n\n")
        for split, number in (("train", sentences), ("dev", 1)):
            text = "\n\n".join(blocks[:number]) + "\n"
            (folder / domain / f"{split}.conll").write_text(text, encoding="utf-8")
    return folder


def test_two_processes_make_the_step_of_one(allennlp, tmp_path) -> None:
    """
    8 sentences of each module in one step, or 4 in each of two workers: the same weights. The development set has a single
    sentence, of which one of the workers has none: the same scores.
    """
    data = small_corpora(tmp_path / "data", 8)
    found, scores = [], []
    for workers in (1, 2):
        overrides: Dict[str, Any] = {
            **NO_DROPOUT,
            **callbacks(WEIGHTS),
            "trainer.num_epochs": 2,
            "data_loader.scheduler.batch_size": {"ner_source": 8 // workers},
        }
        if workers == 2:
            overrides |= {"distributed": {"cuda_devices": [-1, -1]}, "trainer.cuda_device": None}
        folder = tmp_path / str(workers)
        train(allennlp, CONFIG, folder, overrides, *FORKED_WORKERS, NER_DATA=str(data))
        found.append(torch.load(folder / "model_state_e2_b0.th", weights_only=True))
        metrics = json.loads((folder / "metrics_epoch_1.json").read_text())
        scores.append({name: value for name, value in metrics.items() if name.startswith("validation_")})
    assert found[0].keys() == found[1].keys() and len(found[0]) > 10
    moved = [name for name, weight in found[0].items() if weight.is_floating_point()]
    for name in moved:
        torch.testing.assert_close(found[1][name], found[0][name], rtol=1e-4, atol=1e-5, msg=name)
    first = conll_blocks(data / "bio" / "dev.conll")[0]
    assert scores[0]["validation_support"] == len(get_entities([tag for _, tag in first])) > 0
    assert scores[0]["validation_lm_target_perplexity"] > 1
    assert scores[1] == pytest.approx(scores[0], rel=1e-4)


OVERRIDES = {
    "trainer.num_epochs": 3,
    "trainer.optimizer.lr": 0.1,
    "trainer.checkpointer": {"save_every_num_batches": 3},
    # The target's text goes on from epoch to epoch, in the middle of it where the run is broken off.
    "data_loader.scheduler.batch_size": {"ner_source": 30, "lm_target": 7},
    **callbacks(
        WEIGHTS, {"type": "random_state"}, {"type": "kill_at_batch"}, {"type": "tensorboard", "summary_interval": 1}
    ),
}


def test_killed_and_recovered_equals_unbroken(allennlp, tmp_path) -> None:
    """Killed in the middle of the second epoch of 7 steps, two steps after a checkpoint."""
    train(allennlp, CONFIG, tmp_path / "unbroken", OVERRIDES)
    kill_and_recover(allennlp, CONFIG, tmp_path / "run", OVERRIDES, 12)
    assert differing(best_weights(tmp_path / "unbroken"), best_weights(tmp_path / "run"), fewest=11) == []

    metrics = json.loads((tmp_path / "unbroken" / "metrics_epoch_2.json").read_text())
    events = b"".join(path.read_bytes() for path in (tmp_path / "unbroken" / "log").rglob("events*"))
    for name in MODULES:
        loss = "sampled_loss" if name.startswith("lm") else "loss"
        for key in (f"{name}_{loss}", f"{name}_gradient_norm"):
            assert metrics[f"training_{key}"] > 0
            assert key.encode() in events
    assert metrics["validation_lm_target_perplexity"] > 1
