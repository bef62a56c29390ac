"""label_embedding_tagger with AllenNLP's commands, for labels that differ from the source's and for the same labels."""

import json
import shutil
from pathlib import Path
from typing import Any, Dict, List

import pytest
import torch
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.models import load_archive
from conftest import CORPORA, REPOSITORY, archive_weights, conll_blocks
from seqeval.metrics import f1_score
from support.trainings import best_weights, differing, kill_and_recover, measured, training_loop
from support.trainings import train as run_training

from lowresource_ner.archives.archive import Archive
from lowresource_ner.models import LabelEmbeddingTagger
from lowresource_ner.training import LabelEmbeddings

CONFIGS = REPOSITORY / "training_configs/cross_domain"
TEST = {"bio": CORPORA / "bio/test.conll", "sea": CORPORA / "sea/test.conll"}
SMALL = {"model.encoder.hidden_size": 16, "model.dropout": 0.1, "trainer.optimizer": {"type": "adam", "lr": 0.02}}
# The domain with the labels of the source has no training file.
DATA: Dict[str, Dict[str, Any]] = {
    "bio": {},
    "sea": {"train_data_path.ner_target": str(CORPORA / "sea/dev.conll")},
}


def train(allennlp: Any, name: str, run: Path, overrides: Dict[str, Any], **variables: str) -> str:
    completed = allennlp("train", CONFIGS / f"{name}.jsonnet", "-s", run, "-o", json.dumps(overrides), **variables)
    return completed.stdout + completed.stderr


@pytest.fixture(scope="module")
def source(allennlp, tmp_path_factory) -> Path:
    """The archive of a tagger of the source."""
    run = tmp_path_factory.mktemp("source") / "run"
    train(allennlp, "stm_source", run, {**SMALL, "trainer.num_epochs": 4, "trainer.callbacks.3.threshold": 1})
    return run / "model.tar.gz"


@pytest.fixture(scope="module", params=["bio", "sea"])
def target(request, allennlp, source, teacher, settings, tmp_path_factory) -> Dict[str, Any]:
    """
    The moved archive of a tagger of the target, whose source tagger and vectors have been deleted. The source tagger of the
    second one has a transformer and IOB2 tags.
    """
    folder = tmp_path_factory.mktemp("target")
    of_source = {"bio": source, "sea": teacher}[request.param]
    archive = Path(shutil.copy(of_source, folder / "source.tar.gz"))
    vectors = Path(shutil.copy(settings["VECTORS"], folder / "vectors.txt.gz"))
    overrides = {**SMALL, **DATA[request.param], "trainer.num_epochs": 20}
    variables = {"TARGET": request.param, "ARCHIVE": str(archive), "VECTORS": str(vectors)}
    log = train(allennlp, "label_embedding", folder / "run", overrides, **variables)
    related = json.loads((folder / "run/label_embeddings.json").read_text(encoding="utf-8"))
    moved = Path(shutil.move(folder / "run/model.tar.gz", folder / "model.tar.gz"))
    shutil.rmtree(folder / "run")
    archive.unlink()
    vectors.unlink()
    return {"name": request.param, "archive": moved, "source": of_source, "related": related, "log": log}


def test_each_target_labels_nearest_source_label_is_logged(target) -> None:
    related = target["related"]
    types = {tag[2:] for block in conll_blocks(TEST[target["name"]]) for *_, tag in block if tag != "O"}
    assert related["nearest"].keys() == related["cosines"].keys() == types
    for label, nearest in related["nearest"].items():
        cosines = related["cosines"][label]
        assert cosines.keys() == {"LOC", "MISC", "ORG", "PER"} and cosines[nearest] == max(cosines.values())
        assert f"{label} -> {nearest} ({cosines[nearest]:.2f})" in target["log"]
    if target["name"] == "sea":
        assert related["nearest"]["PER"] == "PER"


def test_evaluate_and_predict_and_tag(allennlp, target, tmp_path) -> None:
    """The archive is self-contained, and all three agree."""
    archive, path = target["archive"], TEST[target["name"]]
    gold = [[line[-1] for line in block] for block in conll_blocks(path)]
    package = ["--include-package", "lowresource_ner"]
    allennlp("evaluate", archive, path, "--output-file", tmp_path / "scores.json", *package, cwd=tmp_path)
    options = ["--use-dataset-reader", "--predictor", "ner_conll", "--batch-size", "16", "--silent", *package]
    allennlp("predict", archive, path, *options, "--output-file", tmp_path / "predicted.conll", cwd=tmp_path)
    allennlp("tag", archive, path, "--predictor", "ner_conll", "--output-file", tmp_path / "tagged.conll", cwd=tmp_path)
    assert (tmp_path / "predicted.conll").read_bytes() == (tmp_path / "tagged.conll").read_bytes()
    found = [[line[1] for line in block] for block in conll_blocks(tmp_path / "tagged.conll")]
    scores = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert scores["f1"] == pytest.approx(f1_score(gold, found)) and scores["f1"] > 0


def test_the_lstm_reads_word_vectors_and_the_expected_embedding_of_the_source_tag(target) -> None:
    """The probabilities are those of the source tagger's own predictor, sentence by sentence."""
    archive = load_archive(target["archive"])
    model, reader = archive.model.eval(), archive.validation_dataset_reader
    read: List[torch.Tensor] = []
    model._encoder.register_forward_pre_hook(lambda module, arguments: read.append(arguments[0]))
    instances = list(reader.read(TEST[target["name"]]))[:6]
    for instance in instances:
        reader.apply_token_indexers(instance)
    model.forward_on_instances(instances)
    of_source = load_archive(target["source"])
    for row, instance in enumerate(instances):
        words = instance["metadata"].metadata["words"]
        alone = of_source.validation_dataset_reader.text_to_instance(words)
        of_source.validation_dataset_reader.apply_token_indexers(alone)
        output = of_source.model.eval().forward_on_instance(alone)
        expected = torch.as_tensor(output["probabilities"]) @ model._embedder.tags.weight
        assert model._embedder.tags.weight.size(1) == 20
        torch.testing.assert_close(read[0][row, : len(words), -20:], expected.detach(), atol=1e-5, rtol=1e-4)


def test_the_archive_contains_the_source_tagger_untrained(target) -> None:
    with Archive(target["archive"]) as archive:
        names = archive.weights().keys()
        inner = archive_weights(archive.folder / "vocabulary/.source_tagger")
    outer = archive_weights(target["source"])
    assert inner.keys() == outer.keys() and all(torch.equal(inner[name], outer[name]) for name in inner)
    assert not [name for name in names if "source" in name]


def test_a_killed_training_is_recovered(allennlp, source, tmp_path) -> None:
    """With the weights of an uninterrupted one: it does not initialise the tag embeddings again."""
    callbacks = [
        {"type": "module_updates"},
        {"type": "random_state"},
        {"type": "recovery"},
        {"type": "label_embeddings", "source_data_path": str(CORPORA / "en/train.conll")},
        {"type": "kill_at_batch"},
    ]
    overrides = {**SMALL, "trainer.num_epochs": 3, "trainer.callbacks": callbacks}
    config = CONFIGS / "label_embedding.jsonnet"
    run_training(allennlp, config, tmp_path / "uninterrupted", overrides, ARCHIVE=str(source))
    kill_and_recover(allennlp, config, tmp_path / "run", overrides, 5, ARCHIVE=str(source))
    assert differing(best_weights(tmp_path / "uninterrupted"), best_weights(tmp_path / "run"), fewest=10) == []
    assert measured(tmp_path / "uninterrupted") == measured(tmp_path / "run")


def on_start(trainer: Any) -> None:
    """What the callback does before training."""
    (callback,) = [each for each in trainer._callbacks if isinstance(each, LabelEmbeddings)]
    callback.on_start(trainer, is_primary=True)


def test_tag_embeddings_are_initialised_as_label_embeddings(ready_config, tmp_path) -> None:
    loop = training_loop(ready_config(), tmp_path / "run")
    model = loop.model
    assert isinstance(model, LabelEmbeddingTagger) and not model.has_label_embeddings
    on_start(loop.trainer)
    related = json.loads((tmp_path / "run/label_embeddings.json").read_text(encoding="utf-8"))
    assert model.has_label_embeddings and model.source.labels == model.source._model.labels
    for tag, row in zip(model.source.labels, model._embedder.tags.weight.tolist()):
        vector = related["source"][tag.partition("-")[2] or "O"]
        assert row == pytest.approx(vector + [0] * (20 - len(vector)), abs=1e-6)
    # They are not initialised again when a training is recovered.
    with torch.no_grad():
        model._embedder.tags.weight += 1
    before = model._embedder.tags.weight.clone()
    on_start(loop.trainer)
    assert torch.equal(model._embedder.tags.weight, before)


@pytest.fixture
def ready_config(source, environment, monkeypatch):
    """Reads label_embedding.jsonnet with overrides."""
    monkeypatch.setenv("ARCHIVE", str(source))

    def read(**overrides: Any) -> Params:
        return Params.from_file(CONFIGS / "label_embedding.jsonnet", overrides)

    return read


def test_the_callback_refuses_other_models(environment, tmp_path) -> None:
    config = Params.from_file(CONFIGS / "stm_target.jsonnet").as_dict(quiet=True)
    config["trainer"]["callbacks"].append({"type": "label_embeddings", "source_data_path": "unread.conll"})
    with pytest.raises(ConfigurationError, match="needs the model 'label_embedding_tagger'.*PgnBilstmCrossdomain"):
        on_start(training_loop(Params(config), tmp_path).trainer)


def test_unfit_archives_data_and_modules_are_refused(ready_config, source, tmp_path, monkeypatch) -> None:
    with pytest.raises(
        ConfigurationError, match="'source_archive' is 'nowhere', which is not an archive.*source's labels"
    ):
        training_loop(ready_config(**{"model.source_archive": "nowhere"}), tmp_path / "nowhere")
    assert not [path for path in (tmp_path / "nowhere").rglob("*") if "source" in path.name], "nothing half is left"

    # Data without the labels of the source tagger.
    little = tmp_path / "little.conll"
    little.write_text("\n".join(f"{word}\tO" for word in "the protein of cells in the".split()) + "\n")
    overrides = {"trainer.callbacks.3.source_data_path": str(little)}
    loop = training_loop(ready_config(**overrides), tmp_path / "little")
    with pytest.raises(ConfigurationError, match="lacks: LOC, MISC, ORG, PER"):
        on_start(loop.trainer)

    with pytest.raises(ConfigurationError, match="needs the words of each sentence"):
        loop.model({"words": {"tokens": torch.ones(1, 2, dtype=torch.long)}})

    # The source tagger reads the words that a language model would predict.
    monkeypatch.setenv("TARGET", "bio")
    config = Params.from_file(CONFIGS / "co_lm.jsonnet").as_dict(quiet=True)
    config["model"].update(type="label_embedding_tagger", source_archive=str(source))
    with pytest.raises(ConfigurationError, match="TagEmbedding gives contextual vectors"):
        training_loop(Params(config), tmp_path / "lm")
