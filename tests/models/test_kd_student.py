"""The student: what it learns from, what it must not learn from, and that its archive is a tagger like any other."""

import json
from pathlib import Path

import pytest
import torch
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.data import DatasetReader, Instance, Vocabulary
from allennlp.data.data_loaders import SimpleDataLoader
from allennlp.data.fields import MetadataField, TensorField
from allennlp.evaluation import SimpleEvaluator
from allennlp.models import Model, load_archive
from allennlp.models.archival import archive_model
from allennlp.predictors import Predictor
from allennlp.training import GradientDescentTrainer
from conftest import CORPORA, TINY_ENCODER
from support.batches import tensors

from lowresource_ner.models import KdStudent, MbertTagger
from lowresource_ner.modules import DistillationLoss
from lowresource_ner.predictors.ner import NerPredictor

F = torch.nn.functional
SPANISH = CORPORA / "es" / "dev.conll"


def config(**model: object) -> Params:
    indexers = {"encoder": {"type": "subwords", "model_name": str(TINY_ENCODER)}}
    embedder = {"type": "subword_transformer", "model_name": str(TINY_ENCODER), "max_length": 20}
    return Params(
        {
            "dataset_reader": {"type": "conll_ner", "token_indexers": indexers},
            "model": {
                "type": "kd_student",
                "text_field_embedder": {"token_embedders": {"encoder": embedder}},
                **model,
            },
        }
    )


def read(number: int = 6) -> list[Instance]:
    reader = DatasetReader.from_params(config()["dataset_reader"])
    return list(reader.read(SPANISH))[:number]


def build(vocab: Vocabulary, **model: object) -> Model:
    torch.manual_seed(5)
    return Model.from_params(config(**model)["model"], vocab=vocab)


@pytest.fixture(scope="module")
def labelled() -> list[Instance]:
    """Sentences of several lengths, with gold tags and all that a teacher may give."""
    instances = read()
    lengths = [len(instance["tokens"]) for instance in instances]
    assert len(set(lengths)) > 2
    vocab = Vocabulary.from_instances(instances)
    num_tags = vocab.get_vocab_size("labels")
    generator = torch.Generator().manual_seed(3)
    for instance, length in zip(instances, lengths):
        probabilities = (3 * torch.randn(length, num_tags, generator=generator)).softmax(-1)
        instance.add_field("teacher_probabilities", TensorField(probabilities.half()))
        instance.add_field("word_weights", TensorField(torch.randint(0, 3, (length,), generator=generator) / 2))
        agreement = torch.rand(length, generator=generator) < 0.6
        instance.add_field("agreement", TensorField(agreement))
    return instances


@pytest.fixture(scope="module")
def vocab(labelled) -> Vocabulary:
    return Vocabulary.from_instances(labelled)


def with_fields(instances: list[Instance], *names: str) -> list[Instance]:
    return [Instance({name: each.fields[name] for name in ("tokens", "metadata", *names)}) for each in instances]


TEACHER = ("teacher_probabilities",)
EVERYTHING = (*TEACHER, "word_weights", "agreement")


@pytest.mark.parametrize("average", ["sentences", "words"])
def test_a_sentence_that_is_given_again_is_not_scored(labelled, vocab, average) -> None:
    """In distributed training, sentences are repeated so that all workers get the same number; a batch may have no others."""
    model = build(vocab, loss={"type": "mse", "average": average}).eval()
    marked = MetadataField({"words": [], "is_repeated": True})
    again = [Instance({**each.fields, "metadata": marked}) for each in labelled[1:3]]
    found = []
    for batches in ([labelled], [again[:1] + labelled + again[1:], again]):
        for batch in batches:
            model(**tensors(batch, vocab))
        found.append(model.get_metrics(reset=True))
    assert found[0]["support"] > 0 and found[0]["distillation_loss"] > 0
    assert found[1] == pytest.approx(found[0])


@pytest.mark.parametrize("loss", ["mse", "kl", "soft_cross_entropy", "hard_labels"])
@pytest.mark.parametrize("average", ["sentences", "words"])
def test_the_loss_is_the_distillation_loss_in_training_and_evaluation(labelled, vocab, loss, average) -> None:
    model = build(vocab, loss={"type": loss, "average": average})
    batch = tensors(with_fields(labelled, *TEACHER), vocab)
    module = DistillationLoss.from_params(Params({"type": loss, "average": average}))
    for training in (True, False):
        output = model.train(training)(**batch)
        teacher = batch["teacher_probabilities"]
        assert teacher.dtype == torch.float16 and output["logits"].shape == teacher.shape
        expected = module(output["logits"], teacher, output["mask"])
        assert output["loss"].item() == pytest.approx(expected.item(), rel=1e-5)
        assert model.get_metrics(reset=True) == {"distillation_loss": pytest.approx(expected.item(), rel=1e-5)}


def test_the_default_loss_is_the_papers(labelled, vocab) -> None:
    """The mean over sentences of the mean over words of the mean over tags of the squared differences of probabilities."""
    model = build(vocab).eval()
    batch = tensors(with_fields(labelled, *TEACHER), vocab)
    output = model(**batch)
    errors = [
        F.mse_loss(logits[mask].softmax(-1), teacher[mask].float())
        for logits, teacher, mask in zip(output["logits"], batch["teacher_probabilities"], output["mask"])
    ]
    assert output["loss"].item() == pytest.approx(torch.stack(errors).mean().item(), rel=1e-5)


def test_training_reduces_the_loss_and_reaches_every_weight(labelled, vocab) -> None:
    model = build(vocab, loss="kl").train()
    batch = tensors(with_fields(labelled, *TEACHER), vocab)
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


@pytest.mark.parametrize("fields, weight", [(TEACHER, 0.0), (EVERYTHING, 0.5)])
def test_gold_tags_change_nothing_that_is_learned_or_selected_by(labelled, vocab, fields, weight) -> None:
    """Neither the loss nor a gradient nor the distillation loss, in training and in evaluation, to the last bit."""
    found = {}
    for names in (fields, (*fields, "tags")):
        model = build(vocab, agreed_label_weight=weight).train()
        batch = tensors(with_fields(labelled, *names), vocab)
        assert ("tags" in batch) == ("tags" in names)
        torch.manual_seed(7)  # of the dropout
        loss = model(**batch)["loss"]
        loss.backward()
        gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
        metric = model.get_metrics(reset=True)["distillation_loss"]
        model.eval()
        found[names] = loss, gradients, metric, model(**batch)["loss"], model.get_metrics()["distillation_loss"]
    without, beside = found.values()
    assert len(without[1]) > 10
    assert all(torch.equal(gradient, beside[1][name]) for name, gradient in without[1].items() if gradient is not None)
    assert without[0] == beside[0] and without[2:] == beside[2:]


def test_f1_is_there_once_there_were_tags_and_the_distillation_loss_once_there_was_a_teacher(labelled, vocab) -> None:
    model = build(vocab)
    assert model.get_metrics() == {} == model.get_metrics(reset=True)
    unlabelled, gold, both = (
        tensors(with_fields(labelled, *names), vocab) for names in (TEACHER, ("tags",), (*TEACHER, "tags"))
    )
    for training in (True, False):
        model.train(training)(**unlabelled)
        assert set(model.get_metrics()) == {"distillation_loss"} == set(model.get_metrics(reset=True))
        model(**both)
        assert {"distillation_loss", "f1", "precision", "recall"} == set(model.get_metrics())
        assert model.get_metrics(reset=True)["support"] > 0
        assert model.get_metrics() == {}
    loss = model(**gold)["loss"]
    assert set(model.get_metrics()) == {"f1", "precision", "recall"}
    tagger = MbertTagger.forward(model, gold["tokens"], gold["tags"])
    assert loss == tagger["loss"]
    assert "loss" not in model(tokens=gold["tokens"])


@pytest.mark.parametrize("average", ["sentences", "words"])
def test_the_metric_is_the_mean_over_all_batches(labelled, vocab, average) -> None:
    model = build(vocab, loss={"type": "kl", "average": average}).eval()
    instances = with_fields(labelled, *TEACHER, "word_weights")
    model(**tensors(instances, vocab))
    together = model.get_metrics(reset=True)
    for part in (instances[:1], instances[1:5], instances[5:]):
        model(**tensors(part, vocab))
    assert model.get_metrics(reset=True) == {"distillation_loss": pytest.approx(together["distillation_loss"])}


def test_a_batch_is_the_mean_of_its_sentences(labelled, vocab) -> None:
    """η included: every sentence has words whose labels are agreed on."""
    model = build(vocab, agreed_label_weight=2.0).eval()
    instances = with_fields(labelled, *TEACHER, "agreement")
    alone = [model(**tensors([instance], vocab))["loss"].item() for instance in instances]
    assert model(**tensors(instances, vocab))["loss"].item() == pytest.approx(sum(alone) / len(alone), rel=1e-4)


def test_agreed_labels_add_their_cross_entropy(labelled, vocab) -> None:
    batch = tensors(with_fields(labelled, *EVERYTHING), vocab)
    plain, weighted = (
        build(vocab, agreed_label_weight=weight, loss={"type": "mse", "average": "words"}).eval() for weight in (0, 0.3)
    )
    output = weighted(**batch)
    counted = output["mask"] & (batch["word_weights"] > 0) & batch["agreement"]
    assert 5 < counted.sum() < output["mask"].sum()
    agreed = batch["teacher_probabilities"].argmax(-1)
    losses = F.cross_entropy(output["logits"][counted], agreed[counted], reduction="none")
    expected = (losses * batch["word_weights"][counted]).mean()
    distillation = plain(**batch)["loss"]
    assert output["loss"].item() == pytest.approx((distillation + 0.3 * expected).item(), rel=1e-5)
    # The metric is of the teacher's probabilities alone.
    assert weighted.get_metrics() == plain.get_metrics() == {"distillation_loss": pytest.approx(distillation.item())}
    batch["agreement"][~output["mask"]] = True  # padding may hold anything
    assert weighted(**batch)["loss"] == output["loss"]
    none = {**batch, "agreement": torch.zeros_like(batch["agreement"])}
    assert weighted(**none)["loss"] == distillation


def test_a_word_of_weight_0_teaches_nothing(labelled, vocab) -> None:
    model = build(vocab, agreed_label_weight=1.0).eval()
    batch = tensors(with_fields(labelled, *EVERYTHING), vocab)
    forgotten = batch["word_weights"] == 0
    loss = model(**batch)["loss"]
    batch["teacher_probabilities"][forgotten] = 0.5
    batch["agreement"][forgotten] = True
    assert forgotten.any() and model(**batch)["loss"] == loss
    batch["word_weights"][:] = 0
    loss = model(**batch)["loss"]
    loss.backward()
    assert loss == 0 and all(weight.grad is None or not weight.grad.any() for weight in model.parameters())


def test_what_cannot_be_learned_is_refused(labelled, vocab) -> None:
    with pytest.raises(ConfigurationError, match="CrfHead.*leave 'head' out"):
        build(vocab, head={"type": "crf"})
    with pytest.raises(ConfigurationError, match="'agreed_label_weight' is -1"):
        build(vocab, agreed_label_weight=-1)
    model = build(vocab, agreed_label_weight=1.0).train()
    with pytest.raises(ConfigurationError, match="'teacher_probabilities'.*mbert_tagger"):
        model(**tensors(with_fields(labelled, "tags"), vocab))
    with pytest.raises(ConfigurationError, match="'agreement': true"):
        model(**tensors(with_fields(labelled, *TEACHER), vocab))
    batch = tensors(with_fields(labelled, *TEACHER), vocab)
    batch["teacher_probabilities"] = batch["teacher_probabilities"][:, :, 1:]
    with pytest.raises(ConfigurationError, match="vocabulary of the teacher"):
        model.eval()(**batch)


def test_the_trainer_selects_by_the_distillation_loss_where_there_is_no_tag(labelled, vocab, tmp_path) -> None:
    instances = with_fields(labelled, *TEACHER)
    loaders = [SimpleDataLoader(part, batch_size=2, vocab=vocab) for part in (instances[:4], instances[4:])]
    model = build(vocab)
    trainer = GradientDescentTrainer(
        model,
        torch.optim.Adam(model.parameters(), lr=1e-3),
        loaders[0],
        validation_data_loader=loaders[1],
        validation_metric="-distillation_loss",
        num_epochs=2,
        serialization_dir=str(tmp_path),
        cuda_device=-1,
    )
    metrics = trainer.train()
    assert {"training_distillation_loss", "best_validation_distillation_loss"} <= set(metrics)
    assert not [name for name in metrics if "f1" in name]
    # The trainer averages batches, and here validation has one.
    assert metrics["validation_distillation_loss"] == pytest.approx(metrics["validation_loss"], rel=1e-5)
    assert json.loads((tmp_path / "metrics_epoch_1.json").read_text())["validation_distillation_loss"] > 0


def archive(params: Params, folder: Path, vocab: Vocabulary) -> Path:
    """An archive of an untrained model."""
    folder.mkdir()
    params.to_file(str(folder / "config.json"))
    DatasetReader.from_params(params.duplicate()["dataset_reader"], serialization_dir=str(folder))
    vocab.save_to_files(str(folder / "vocabulary"))
    model = Model.from_params(params.duplicate()["model"], vocab=vocab, serialization_dir=str(folder))
    torch.save(model.state_dict(), folder / "best.th")
    return Path(archive_model(folder))


def test_an_archive_is_a_taggers(vocab, tmp_path) -> None:
    """It predicts and evaluates, has a tagger's weights by their names, and one of either kind begins from the other's."""
    path = archive(config(loss={"type": "kl", "temperature": 2.0}), tmp_path / "run", vocab)
    loaded = load_archive(path)
    student = loaded.model
    assert isinstance(student, KdStudent) and student.temperature == 1
    tagger = build(vocab, type="mbert_tagger", pretrained_file=str(path))
    assert type(tagger) is MbertTagger and list(tagger.state_dict()) == list(student.state_dict())
    for name, weight in tagger.named_parameters():
        assert torch.equal(weight, student.state_dict()[name])

    predictor = Predictor.from_archive(loaded)
    assert isinstance(predictor, NerPredictor)
    output = predictor.predict_json({"tokens": ["Juan", "vive", "en", "Madrid"]})
    assert len(output["tags"]) == 4 and set(output["tags"]) <= set(student.labels)

    loader = SimpleDataLoader(list(loaded.validation_dataset_reader.read(SPANISH)), batch_size=8, vocab=student.vocab)
    scores = SimpleEvaluator()(student, loader)
    assert {"f1", "f1-PER", "loss"} <= set(scores) and scores["support"] > 0
    assert "distillation_loss" not in scores


def test_confidences_can_be_calibrated(labelled, vocab) -> None:
    model = build(vocab).eval()
    batch = tensors(with_fields(labelled, "tags"), vocab)
    output = model(tokens=batch["tokens"])
    loss = model.calibration_loss(output["logits"], batch["tags"], output["mask"], torch.tensor(2.0))
    mask = output["mask"]
    expected = F.cross_entropy(output["logits"][mask] / 2, batch["tags"][mask], reduction="sum")
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
