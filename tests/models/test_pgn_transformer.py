"""The cross-domain model on a transformer: what its modules read, learn and leave alone."""

import json
import math
from pathlib import Path
from typing import Any, Dict, List

import numpy
import pytest
import torch
from allennlp.commands.train import TrainModel, train_model
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.data import Instance
from allennlp.data.fields import MetadataField
from allennlp.models import load_archive
from conftest import CORPORA, REPOSITORY
from support.batches import tensors
from support.trainings import training_loop

from lowresource_ner.models import PgnTransformer
from lowresource_ner.modules.encoder_parameters import TaskAndDomain
from lowresource_ner.training.callbacks.module_updates import ModuleUpdates

CONFIGS = REPOSITORY / "training_configs/cross_domain"
MODULES = ["lm_source", "ner_source", "lm_target", "ner_target"]
FOLDERS = {"source": "en", "target": "bio"}


def config(name: str = "pgn_transformer", **overrides: Any) -> Params:
    return Params.from_file(CONFIGS / f"{name}.jsonnet", json.dumps({"trainer.num_epochs": 1, **overrides}))


def build(folder: Path, **overrides: Any) -> TrainModel:
    """With numbers in θ that are no longer those of the identity, in float64."""
    loop = training_loop(config(**overrides), folder)
    loop.model.double()
    torch.nn.init.normal_(loop.model.adapter_parameters.weight, std=0.2)
    return loop


def sentences(loop: TrainModel, name: str, number: int = 6) -> List[Instance]:
    """Of a module, as its own reader reads them."""
    reader = loop.trainer.data_loader.readers[name].inner
    path = CORPORA / FOLDERS[name.split("_")[1]] / "dev.conll"
    instances = sorted(reader.read(path), key=lambda instance: len(instance["tokens"]))[:: 40 // number][:number]
    for instance in instances:
        instance.add_field("module_name", MetadataField(name))
        reader.apply_token_indexers(instance)
    return instances


def batch(loop: TrainModel, name: str, number: int = 6) -> Dict[str, Any]:
    return tensors(sentences(loop, name, number), loop.model.vocab)


def assert_equal(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11)


# ------------------------------------------------------------------------------------------- states


@torch.no_grad()
@pytest.mark.parametrize("name", ["ner_source", "ner_target"])
def test_a_tagger_reads_the_transformer_with_the_adapters_of_its_task_and_domain(name, environment, tmp_path) -> None:
    loop = build(tmp_path)
    model, given = loop.model.eval(), batch(loop, name)
    assert isinstance(model, PgnTransformer)
    generator = model.adapter_parameters
    task, domain = name.split("_")
    weight = generator.weight.view(-1, 4, 4)
    embeddings = (
        generator.task_embeddings[["lm", "ner"].index(task)],
        generator.domain_embeddings[["source", "target"].index(domain)],
    )
    theta = torch.einsum("ptd,t,d->p", weight, *embeddings)
    with model._encoder.inserted(model._embedder, theta):
        states = model._embedder(given["tokens"])
    projection = model._heads[domain].tagger.projection
    output = model(**given)
    mask = output["mask"]
    assert_equal(output["logits"][mask], (states @ projection.weight.t() + projection.bias)[mask])
    likelihood = model._heads[domain].tagger.crf(output["logits"], given["tags"], mask)
    assert_equal(output["loss"], -likelihood / 6)


@torch.no_grad()
def test_all_modules_begin_with_the_transformer_as_it_was_pretrained(environment, tmp_path) -> None:
    loop = training_loop(config(), tmp_path)
    model = loop.model.eval()
    for name in ("ner_source", "ner_target"):
        given = batch(loop, name)
        projection = model._heads[name.split("_")[1]].tagger.projection
        expected = projection(model._embedder(given["tokens"]))
        assert torch.equal(model(**given)["logits"], expected)
    assert not torch.equal(*model.adapter_parameters.generate([TaskAndDomain("ner", each) for each in FOLDERS]))


@torch.no_grad()
@pytest.mark.parametrize("name", MODULES)
def test_a_batch_is_its_sentences(name, environment, tmp_path) -> None:
    loop = build(tmp_path)
    model, instances = loop.model.eval(), sentences(loop, name)
    alone = [model(**tensors([instance], model.vocab)) for instance in instances]
    metrics = model.get_metrics(reset=True)
    assert len(metrics) >= 1
    together = model(**tensors(instances, model.vocab, padding=3))
    assert_equal(together["loss"], torch.stack([output["loss"] for output in alone]).mean())
    assert model.get_metrics(reset=True) == pytest.approx(metrics, rel=1e-9)
    for row, output in zip(together.get("logits", []), alone):
        assert_equal(row[: output["logits"].size(1)], output["logits"][0])


@torch.no_grad()
def test_perplexity_is_over_hidden_sub_words_and_of_its_own_module_alone(environment, tmp_path) -> None:
    loop = build(tmp_path)
    model = loop.model.eval()
    total, number = 0.0, 0
    for start in (0, 2):
        given = tensors(sentences(loop, "lm_target")[start : start + 2 + start], model.vocab)
        total += float(model(**given)["loss"]) * (2 + start)
        number += int(model._heads["lm"].model.hide(given["tokens"]).hidden.sum())
    model(**batch(loop, "ner_target"))
    metrics = model.get_metrics(reset=True)
    assert metrics["lm_target_perplexity"] == pytest.approx(math.exp(total / number), rel=1e-9)
    assert [name for name in metrics if "perplexity" in name] == ["lm_target_perplexity"]


@torch.no_grad()
def test_what_is_hidden_is_not_seen(environment, tmp_path) -> None:
    """Another sub-word in the place of a hidden one, and the encoder is given the same."""
    loop = build(tmp_path)
    hide = loop.model.eval()._heads["lm"].model.hide
    tokens = batch(loop, "lm_target")["tokens"]
    before = hide(tokens)
    other = tokens["encoder"]["token_ids"] + 7 * before.hidden  # by which the first hidden one stays the first
    after = hide({"encoder": {**tokens["encoder"], "token_ids": other}})
    assert before.hidden.any() and torch.equal(before.hidden, after.hidden)
    assert torch.equal(before.tokens["encoder"]["token_ids"], after.tokens["encoder"]["token_ids"])
    assert not torch.equal(before.targets, after.targets)


# ---------------------------------------------------------------------------------------- gradients


@pytest.mark.parametrize("adapter_parameters", ["parameter_generator", "shared"])
def test_an_update_has_the_gradient_of_the_weighted_sum_of_all_losses(
    adapter_parameters, environment, tmp_path
) -> None:
    """By one call of autograd, each module's adapters generated within its own graph."""
    loop = build(tmp_path, **{"model.adapter_parameters": {"type": adapter_parameters}})
    loop.model.train()
    batches = [batch(loop, name) for name in MODULES]
    weights = dict(zip(MODULES, (1, 1, 1, 2)))

    torch.manual_seed(5)  # of masks and dropout
    total = sum(weights[given["module_name"][0]] * loop.model(**given)["loss"] for given in batches)
    total.backward()
    expected = {name: weight.grad.clone() for name, weight in loop.model.named_parameters() if weight.grad is not None}
    assert set(expected) == {name for name, weight in loop.model.named_parameters() if weight.requires_grad}

    callback = next(each for each in loop.trainer._callbacks if isinstance(each, ModuleUpdates))
    callback.on_start(loop.trainer)
    loop.trainer.optimizer.zero_grad()
    torch.manual_seed(5)
    callback.begin_update(batches)
    for given in batches:
        assert callback.on_backward(loop.trainer, loop.model(**given), False)
    found = {name: weight.grad for name, weight in loop.model.named_parameters() if weight.grad is not None}
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-8, atol=1e-10, msg=name)


@pytest.mark.parametrize("name", ["pgn_transformer", "pgn_transformer_uda"])
def test_a_frozen_encoder_stays_as_it_is(name, environment, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TARGET", "sea" if name.endswith("uda") else "bio")
    loop = training_loop(config(name, **{"trainer.no_grad": ["transformer"]}), tmp_path)
    before = {weight_name: weight.detach().clone() for weight_name, weight in loop.model.named_parameters()}
    loop.trainer.train()
    moved = {name for name, weight in loop.model.named_parameters() if not torch.equal(weight, before[name])}
    assert moved == {name for name in before if "transformer" not in name and not name.endswith("_constraint_mask")}
    assert "adapter_parameters.weight" in moved and len(moved) < len(before) / 2


# ------------------------------------------------------------------------------------ save and load


def test_an_archive_predicts_what_the_trained_model_does(environment, tmp_path) -> None:
    overrides = {"trainer.num_epochs": 3, "trainer.optimizer.lr": 0.01}
    model = train_model(config(**overrides), str(tmp_path / "run")).eval()
    archive = load_archive(tmp_path / "run" / "model.tar.gz")
    assert archive.model.state_dict().keys() == model.state_dict().keys()
    assert sum("word_embeddings" in name for name in model.state_dict()) == 1, "those of the softmax are the encoder's"
    instances = list(archive.validation_dataset_reader.read(CORPORA / "bio" / "test.conll"))
    outputs = zip(*(each.eval().forward_on_instances(instances) for each in (model, archive.model)))
    assert len(instances) == 40
    for one, other in outputs:
        numpy.testing.assert_allclose(one["logits"], other["logits"], rtol=0, atol=1e-5)
        assert one["tags"] == other["tags"]


# ------------------------------------------------------------------------------------------- errors


def test_a_language_model_that_sees_its_words_is_refused(environment, tmp_path) -> None:
    params = config().as_dict(quiet=True)
    params["model"]["heads"]["lm"] = {"type": "language_model", "num_samples": 5}
    for reader in params["dataset_reader"]["readers"].values():
        reader["lm_namespace"] = "lm_words"
    with pytest.raises(ConfigurationError, match="language model lm_source.*the head 'masked_language_model'"):
        training_loop(Params(params), tmp_path)


def test_an_lstm_reads_what_a_masked_language_model_leaves(environment, tmp_path) -> None:
    """The four modules with an LSTM on a transformer: each state of a sub-word predicts it, as it is hidden."""
    params = config().as_dict(quiet=True)
    params["model"] |= {"type": "pgn_bilstm_crossdomain", "encoder": {"hidden_size": 6}}
    params["model"]["lstm_parameters"] = params["model"].pop("adapter_parameters")
    loop = training_loop(Params(params), tmp_path)
    loop.trainer.train()
    metrics = json.loads((tmp_path / "metrics_epoch_0.json").read_text())
    assert metrics["training_lm_target_loss"] > 0 and metrics["validation_support"] == 110


def test_word_vectors_have_no_masked_language_model(environment, tmp_path) -> None:
    params = Params.from_file(CONFIGS / "pgn.jsonnet").as_dict(quiet=True)
    params["model"]["heads"]["lm"] = {"type": "masked_language_model"}
    with pytest.raises(ConfigurationError, match="Masked language models need .*'subword_transformer'; it has"):
        training_loop(Params(params), tmp_path)
