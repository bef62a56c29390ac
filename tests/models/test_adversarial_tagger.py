"""The adversarial tagger: it tags like `mbert_tagger`, and its losses are means over words."""

import math
from typing import Any, Dict, List, Sequence

import pytest
import torch
from allennlp.common import Params
from allennlp.data import DatasetReader, Instance, Vocabulary
from allennlp.models import Model
from conftest import CORPORA, TINY_ENCODER
from support.batches import tensors

from lowresource_ner.models import AdversarialTagger

SOURCE, TARGET = (CORPORA / language / "dev.conll" for language in ("en", "es"))


def read(path) -> List[Instance]:
    indexers = {"encoder": {"type": "subwords", "model_name": str(TINY_ENCODER)}}
    return list(DatasetReader.from_params(Params({"type": "conll_ner", "token_indexers": indexers})).read(path))[:6]


def build(vocab: Vocabulary, kind: str = "adversarial_tagger", **model: Any) -> Any:
    torch.manual_seed(5)
    embedder = {"type": "subword_transformer", "model_name": str(TINY_ENCODER), "max_length": 20}
    config = {"type": kind, "text_field_embedder": {"token_embedders": {"encoder": embedder}}, **model}
    return Model.from_params(Params(config), vocab=vocab)


@pytest.fixture(scope="module")
def data() -> Dict[str, Any]:
    source, target = read(SOURCE), read(TARGET)
    assert len({len(instance["tokens"]) for instance in [*source, *target]}) > 4
    return {"source": source, "target": target, "vocab": Vocabulary.from_instances([*source, *target])}


@pytest.fixture
def model(data) -> AdversarialTagger:
    model = build(data["vocab"])
    # Discriminators of fresh weights say 0.5 of everything, nearly.
    torch.nn.init.normal_(model.discriminator.output.weight)
    return model.eval()


def probabilities(model: AdversarialTagger, instances: Sequence[Instance]) -> List[List[float]]:
    """p(source) of every word, each sentence alone, by the formula."""
    layers = model.discriminator
    found = []
    for instance in instances:
        vectors = model._embedder(tensors([instance], model.vocab)["tokens"])[0]
        hidden = (vectors @ layers.hidden.weight.T + layers.hidden.bias).clamp(min=0)
        logits = hidden @ layers.output.weight[0] + layers.output.bias
        assert len(logits) == len(instance["tokens"])
        found.append([1 / (1 + math.exp(-logit)) for logit in logits.tolist()])
    return found


def encoded(model: AdversarialTagger, data) -> tuple:
    return tuple(model.encode(tensors(data[name], model.vocab)["tokens"]) for name in ("source", "target"))


def test_it_tags_as_mbert_tagger_does(data, model) -> None:
    plain = build(data["vocab"], "mbert_tagger").eval()
    own = model.state_dict()
    plain.load_state_dict({name: own[name] for name in plain.state_dict()})
    batch = tensors(data["source"], data["vocab"])
    found, expected = model(**batch), plain(**batch)
    assert found.keys() == expected.keys()
    torch.testing.assert_close(found["logits"], expected["logits"])
    torch.testing.assert_close(found["loss"], expected["loss"])
    assert model.get_metrics() == plain.get_metrics()


def test_probabilities_are_those_of_each_sentence_alone(data, model) -> None:
    found = model.language_probabilities(tensors(data["target"], data["vocab"])["tokens"])
    expected = probabilities(model, data["target"])
    assert max(map(max, expected)) - min(map(min, expected)) > 0.1
    for row, words in zip(found, expected):
        assert row[: len(words)].tolist() == pytest.approx(words, abs=1e-5)


@pytest.mark.parametrize("name, is_source", [("discriminator_loss", True), ("generator_loss", False)])
def test_losses_by_hand(data, model, name, is_source) -> None:
    """The mean over the words of either language, not over sentences; the generator takes each language for the other."""
    source, target = (sum(probabilities(model, data[language]), []) for language in ("source", "target"))
    sources = [-math.log(p if is_source else 1 - p) for p in source]
    targets = [-math.log(1 - p if is_source else p) for p in target]
    expected = sum(sources) / len(sources) + sum(targets) / len(targets)
    assert getattr(model, name)(*encoded(model, data)).item() == pytest.approx(expected, abs=1e-4)


def test_the_discriminator_can_learn_its_task_and_the_encoder_its_own(data, model) -> None:
    """Each is trained with its own loss, while the other is fixed."""
    encodings = [(vectors.detach(), mask) for vectors, mask in encoded(model, data)]
    model.discriminator.requires_grad_(True)
    optimizer = torch.optim.Adam(model.discriminator.parameters(), lr=1e-2)
    for _ in range(100):
        optimizer.zero_grad()
        model.discriminator_loss(*encodings).backward()
        optimizer.step()
    model.discriminator.requires_grad_(False)
    model.get_metrics(reset=True)
    model.discriminator_loss(*encoded(model, data))
    assert model.get_metrics(reset=True)["discriminator_accuracy"] > 0.95
    optimizer = torch.optim.Adam(model.encoder.parameters(), lr=1e-3)
    for _ in range(20):
        optimizer.zero_grad()
        model.generator_loss(*encoded(model, data)).backward()
        optimizer.step()
    model.get_metrics(reset=True)
    model.discriminator_loss(*encoded(model, data))
    assert model.get_metrics()["discriminator_accuracy"] < 0.6


def test_where_gradients_go(data, model) -> None:
    model.discriminator.requires_grad_(True)
    model.discriminator_loss(*encoded(model, data)).backward()
    assert {name.split(".")[0] for name, weight in model.named_parameters() if weight.grad is not None} == {
        "discriminator"
    }
    model.zero_grad()
    model.discriminator.requires_grad_(False)
    model.generator_loss(*encoded(model, data)).backward()
    assert {name.split(".")[0] for name, weight in model.named_parameters() if weight.grad is not None} == {"_embedder"}


def test_the_trainers_optimizer_is_not_given_the_discriminator(model) -> None:
    frozen = {name for name, weight in model.named_parameters() if not weight.requires_grad}
    assert len(frozen) == 4 and all(name.startswith("discriminator.") for name in frozen)


def test_a_training_batch_without_tags_costs_no_pass_of_the_encoder(data, model) -> None:
    model.train()
    passes: List[Any] = []
    model._embedder.register_forward_hook(lambda *arguments: passes.append(arguments))
    batch = tensors(data["target"], data["vocab"])
    module_name = ["text_target"] * len(data["target"])
    output = model(tokens=batch["tokens"], metadata=batch["metadata"], module_name=module_name)
    assert passes == [] and output["module"] == "text_target" and output["loss"].item() == 0
    output["loss"].backward()
    output = model(tokens=batch["tokens"], metadata=batch["metadata"], task=module_name)  # AllenNLP's own data loader
    assert passes == [] and output["module"] == "text_target"
    output = model(**batch, module_name=["ner_source"] * len(data["target"]))
    assert len(passes) == 1 and output["module"] == "ner_source" and float(output["loss"].detach()) > 0


def test_metrics_are_means_over_steps_and_words(data, model) -> None:
    encodings = encoded(model, data)
    with torch.no_grad():
        losses = [float(model.discriminator_loss(*encodings)), float(model.discriminator_loss(*encodings[::-1]))]
        generator = float(model.generator_loss(*encodings))
    words = {name: sum(probabilities(model, data[name]), []) for name in ("source", "target")}
    right = sum(p > 0.5 for p in words["source"]) + sum(p < 0.5 for p in words["target"])
    total = len(words["source"]) + len(words["target"])
    metrics = model.get_metrics(reset=True)
    assert metrics["discriminator_loss"] == pytest.approx(sum(losses) / 2)
    assert metrics["generator_loss"] == pytest.approx(generator)
    # The languages taken for each other in the second step: what was right is wrong.
    assert metrics["discriminator_accuracy"] == pytest.approx((right + total - right) / (2 * total)) == 0.5
    model.discriminator_loss(*encodings)
    assert model.get_metrics(reset=True)["discriminator_accuracy"] == pytest.approx(right / total) != 0.5
    assert "discriminator_loss" not in model.get_metrics()


def test_the_size_is_a_choice(data) -> None:
    assert build(data["vocab"], discriminator_hidden_dim=7).discriminator.hidden.weight.shape[0] == 7
    assert build(data["vocab"]).discriminator.hidden.weight.shape[0] == 500
