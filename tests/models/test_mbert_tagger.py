"""The tagger as a whole: trains, saves, loads; one sentence or many; what its output says."""

import json
import tarfile
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.common.util import sanitize
from allennlp.data import DatasetReader, Instance, Vocabulary
from allennlp.models import Model, load_archive
from allennlp.models.archival import archive_model
from allennlp.modules import TextFieldEmbedder
from conftest import CORPORA, TINY_ENCODER
from support.batches import tensors

from lowresource_ner.models.mbert_tagger import MbertTagger
from lowresource_ner.models.warm_start import warm_start
from lowresource_ner.modules.token_axes import token_axes_of
from lowresource_ner.tagging import get_scheme

SPANISH = CORPORA / "es" / "dev.conll"


def config(encoder: object = TINY_ENCODER, **model: object) -> Params:
    indexers = {"encoder": {"type": "subwords", "model_name": str(encoder)}}
    embedder = {"type": "subword_transformer", "model_name": str(encoder), "max_length": 20}
    scheme = {"tag_scheme": model.get("tag_scheme", "IOB2")}
    return Params(
        {
            "dataset_reader": {"type": "conll_ner", "token_indexers": indexers, **scheme},
            "model": {
                "type": "mbert_tagger",
                "text_field_embedder": {"token_embedders": {"encoder": embedder}},
                **model,
            },
        }
    )


def build(params: Params, path: Path = SPANISH) -> tuple:
    torch.manual_seed(5)
    reader = DatasetReader.from_params(params.duplicate()["dataset_reader"])
    instances = list(reader.read(path))
    vocab = Vocabulary.from_instances(instances)
    model = Model.from_params(params.duplicate()["model"], vocab=vocab).eval()
    return model, instances


def archive(params: Params, folder: Path) -> Path:
    """An archive of an untrained model."""
    params.to_file(str(folder / "config.json"))
    reader = DatasetReader.from_params(params.duplicate()["dataset_reader"], serialization_dir=str(folder))
    vocab = Vocabulary.from_instances(reader.read(SPANISH))
    vocab.save_to_files(str(folder / "vocabulary"))
    model = Model.from_params(params.duplicate()["model"], vocab=vocab, serialization_dir=str(folder))
    torch.save(model.state_dict(), folder / "best.th")
    return Path(archive_model(folder))


@pytest.mark.parametrize("head, scheme", [("softmax", "IOB2"), ("crf", "IOB2"), ("crf", "IOBES"), ("biaffine", "IOB2")])
def test_a_sentence_alone_and_in_a_batch_get_the_same_tags_and_probabilities(head, scheme) -> None:
    """The windows hold 18 sub-words, so that most sentences are cut and stitched."""
    model, instances = build(config(tag_scheme=scheme, head={"type": head}))
    together = model.forward_on_instances(instances)
    assert len(together) == 25
    for instance, output in zip(instances, together):
        alone = model.forward_on_instances([instance])[0]
        assert alone["tags"] == output["tags"] and len(output["tags"]) == len(instance["tokens"])
        assert alone["tag_probabilities"] == pytest.approx(output["tag_probabilities"], abs=1e-4)
        assert output["probabilities"].sum(axis=1) == pytest.approx([1.0] * len(output["tags"]), abs=1e-4)
        if head != "softmax":
            get_scheme(scheme).check(output["tags"])


@pytest.mark.slow
@pytest.mark.parametrize("head", ["softmax", "crf", "biaffine"])
def test_training_reduces_the_loss_and_reaches_every_weight(head) -> None:
    model, instances = build(config(head={"type": head}))
    model.train()
    batch = tensors(instances[:6], model.vocab)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(25):
        optimizer.zero_grad()
        loss = model(**batch)["loss"]
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
    assert losses[-1] < 0.5 * losses[0]
    unreached = {name for name, weight in model.named_parameters() if weight.requires_grad and weight.grad is None}
    assert unreached == set()


@pytest.mark.parametrize("head", ["softmax", "crf"])
def test_r_drop_adds_the_divergence_of_two_passes(head) -> None:
    """By hand from two passes of a model without it, with the same dropout; in evaluation there is one pass."""
    plain, instances = build(config(head={"type": head}))
    model, _ = build(config(head={"type": head}, r_drop=0.7))
    model.load_state_dict(plain.state_dict())
    batch = tensors(instances[:4], plain.vocab, padding=2)
    assert torch.equal(model(**batch)["loss"], plain(**batch)["loss"])
    plain.train()
    model.train()
    torch.manual_seed(8)
    first, second = plain(**batch), plain(**batch)
    mask = first["mask"]
    p, q = (
        plain._head.marginal_logits(each["logits"], mask)[mask].log_softmax(dim=1).float() for each in (first, second)
    )
    divergence = (p.exp() * (p - q)).sum(dim=1).mean() + (q.exp() * (q - p)).sum(dim=1).mean()
    expected = (first["loss"] + second["loss"]) / 2 + 0.35 * divergence
    assert divergence > 1e-3
    torch.manual_seed(8)
    output = model(**batch)
    torch.testing.assert_close(output["loss"], expected)
    assert torch.equal(output["logits"], first["logits"])
    expected.backward()
    output["loss"].backward()
    trained = [name for name, weight in model.named_parameters() if weight.requires_grad]
    for name in trained:
        wanted = plain.get_parameter(name).grad
        torch.testing.assert_close(model.get_parameter(name).grad, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"r_drop": -0.5}, "'r_drop' is -0.5; it is at least 0"),
        ({"r_drop": float("nan")}, "'r_drop' is nan; it is at least 0"),
        ({"r_drop": 1.0, "head": {"type": "biaffine"}}, "BiaffineHead has no differentiable marginals.*R-Drop"),
        ({"r_drop": 1.0, "type": "kd_student"}, "R-Drop is for the training on gold tags"),
    ],
)
def test_where_r_drop_is_refused(model, message) -> None:
    with pytest.raises(ConfigurationError, match=message):
        build(config(**model))


def test_training_with_a_crf_decodes_nothing() -> None:
    model, instances = build(config(head={"type": "crf"}))
    batch = tensors(instances[:3], model.vocab)
    model.train()
    model(**batch)
    assert model.get_metrics() == {}
    model.eval()
    model(**batch)
    gold = sum(1 for instance in instances[:3] for tag in instance["tags"].labels if tag[0] == "B")
    assert model.get_metrics(reset=True)["support"] == gold > 0


def test_an_archive_is_whole(tmp_path) -> None:
    encoder = tmp_path / "encoder"
    encoder.mkdir()
    for path in TINY_ENCODER.iterdir():
        (encoder / path.name).write_bytes(path.read_bytes())
    (tmp_path / "run").mkdir()
    path = archive(config(encoder), tmp_path / "run")
    before = load_archive(path).model.eval()
    for file in encoder.iterdir():
        file.unlink()
    encoder.rmdir()
    path = path.rename(tmp_path / "model.tar.gz")
    (tmp_path / "run").rename(tmp_path / "gone")
    after = load_archive(path)
    instances = list(after.dataset_reader.read(SPANISH))
    with tarfile.open(path) as tar:
        names = [name.rsplit("/", 1)[-1] for name in tar.getnames() if ".encoders/" in name]
    assert {"config.json", "tokenizer.json"} <= set(names)
    first, second = (model.eval().forward_on_instances(instances[:4]) for model in (before, after.model))
    for one, other in zip(first, second):
        numpy.testing.assert_allclose(one["logits"], other["logits"], rtol=0, atol=1e-5)


def test_warm_start_copies_the_tags_that_both_know(tmp_path) -> None:
    (tmp_path / "run").mkdir()
    path = archive(config(head={"type": "crf"}), tmp_path / "run")
    old = load_archive(path).model
    vocab = Vocabulary()
    for label in ("B-LOC", "O", "B-GENE", "I-LOC"):
        vocab.add_token_to_namespace(label, "labels")
    new = Model.from_params(config(str(path), head={"type": "crf"})["model"], vocab=vocab)
    fresh = {name: weight.clone() for name, weight in new.state_dict().items()}
    warm_start(new, str(path), token_axes_of(new))
    for label in ("B-LOC", "O", "I-LOC"):
        i, j = vocab.get_token_index(label, "labels"), old.vocab.get_token_index(label, "labels")
        assert torch.equal(new._head.projection.weight[i], old._head.projection.weight[j])
        assert torch.equal(new._head.crf.start_transitions[i], old._head.crf.start_transitions[j])
        for other in ("B-LOC", "O", "I-LOC"):
            k, m = vocab.get_token_index(other, "labels"), old.vocab.get_token_index(other, "labels")
            assert new._head.crf.transitions[i, k] == old._head.crf.transitions[j, m]
    gene = vocab.get_token_index("B-GENE", "labels")
    assert torch.equal(new._head.projection.weight[gene], fresh["_head.projection.weight"][gene])
    encoder = "_embedder.token_embedder_encoder.transformer.embeddings.word_embeddings.weight"
    assert torch.equal(new.state_dict()[encoder], old.state_dict()[encoder])


@pytest.mark.parametrize("head", ["softmax", "crf"])
def test_archives_with_the_linear_layer_beside_the_head_load(head, tmp_path) -> None:
    """As they were written before it moved into the head; also to go on from."""
    (tmp_path / "run").mkdir()
    path = archive(config(head={"type": head}), tmp_path / "run")
    old = load_archive(path).model
    weights = {name.replace("_head.projection", "_projection"): value for name, value in old.state_dict().items()}
    assert {"_projection.weight", "_projection.bias"} < set(weights)
    torch.save(weights, tmp_path / "run" / "best.th")
    path = archive_model(tmp_path / "run", archive_path=str(tmp_path / "old.tar.gz"))
    new = load_archive(path).model
    assert new.state_dict().keys() == old.state_dict().keys()
    assert all(torch.equal(value, old.state_dict()[name]) for name, value in new.state_dict().items())
    continued = Model.from_params(config(path, head={"type": head}, pretrained_file=path)["model"], vocab=old.vocab)
    assert torch.equal(continued._head.projection.weight, old._head.projection.weight)


def test_weights_of_a_subclass_that_have_a_name_of_earlier_archives_keep_it() -> None:
    """Its own layer has the name that the linear layer of every tagger once had."""

    class WithProjection(MbertTagger):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self._projection = torch.nn.Linear(3, 2)

    params = config().duplicate()["model"].as_dict(quiet=True)
    embedder = TextFieldEmbedder.from_params(Params(params["text_field_embedder"]), vocab=Vocabulary())
    _, instances = build(config())
    vocab = Vocabulary.from_instances(instances)
    model, other = (WithProjection(vocab=vocab, text_field_embedder=embedder) for _ in range(2))
    other.load_state_dict(model.state_dict())
    assert torch.equal(other._projection.weight, model._projection.weight)
    assert torch.equal(other._head.projection.weight, model._head.projection.weight)


def test_warm_start_copies_the_types_that_both_know(tmp_path) -> None:
    """A biaffine head has weights for types, not for tags."""
    (tmp_path / "run").mkdir()
    head = {"type": "biaffine"}
    old = load_archive(archive(config(head=head), tmp_path / "run")).model
    name = "_head.projection.weight"
    weights = {**old.state_dict(), name: torch.randn(old._head.projection.weight.shape)}
    torch.save(weights, tmp_path / "run" / "best.th")
    path = archive_model(tmp_path / "run", archive_path=str(tmp_path / "old.tar.gz"))
    vocab = Vocabulary()
    vocab.add_tokens_to_namespace(get_scheme("IOB2").tag_set(["PER", "GENE", "LOC"]), "labels")
    new = Model.from_params(config(path, head=head, pretrained_file=path)["model"], vocab=vocab)
    learned = dict(zip(sorted({label[2:] for label in old.labels} - {""}), weights[name]))
    found = dict(zip(["GENE", "LOC", "PER"], new._head.projection.weight))
    assert len(learned) > 2
    assert torch.equal(found["LOC"], learned["LOC"]) and torch.equal(found["PER"], learned["PER"])
    assert torch.count_nonzero(found["GENE"]) == 1  # as it was made
    assert torch.equal(new._head.projection.first[0].weight, old._head.projection.first[0].weight)


def test_warm_start_refuses_what_has_nothing_in_common(tmp_path) -> None:
    (tmp_path / "run").mkdir()
    path = archive(config(), tmp_path / "run")
    vocab = Vocabulary()
    vocab.add_tokens_to_namespace(["O", "B-GENE"], "labels")
    params = config(str(path), pretrained_file=str(path))
    with pytest.raises(ConfigurationError, match="no entity tag in common.*B-GENE.*label_map"):
        Model.from_params(params["model"], vocab=vocab)


def test_labels_are_needed() -> None:
    params = config()
    params["dataset_reader"]["labelled"] = False
    with pytest.raises(ConfigurationError, match="0 tags.*labelled"):
        build(params)


def test_output_is_json_for_evaluate_and_predict() -> None:
    model, instances = build(config())
    (output,) = model.forward_on_instances([_unlabelled(instances[0])])
    assert json.loads(json.dumps(sanitize(output)))["words"] == instances[0]["metadata"].metadata["words"]
    assert "loss" not in output


def _unlabelled(instance: Instance) -> Instance:
    return Instance({name: field for name, field in instance.fields.items() if name != "tags"})
