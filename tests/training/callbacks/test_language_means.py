"""Languages' embeddings begin at the means of their training sentences, once."""

import random
from typing import Any

import numpy
import pytest
import torch
from allennlp.commands.train import train_model
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.data import Instance
from allennlp.data.fields import MetadataField
from allennlp.training.callbacks import TrainerCallback
from conftest import CORPORA, REPOSITORY, TINY_ENCODER, archive_weights, conll_blocks
from support.trainings import differing, training_loop

from lowresource_ner.distillation import SentenceEncoder
from lowresource_ner.training import LanguageMeans

CONFIG = REPOSITORY / "training_configs/cross_lingual/similarity.jsonnet"


@pytest.fixture
def config(environment, monkeypatch):
    """The config of two languages, with changes."""
    monkeypatch.setenv("SOURCES", "de,en")

    def read(**changes: Any) -> Params:
        overrides = {"trainer.num_epochs": 2, "trainer.optimizer.lr": 1e-2, "dataset_reader.encoder.max_length": None}
        return Params.from_file(CONFIG, {**overrides, **changes})

    return read


@pytest.fixture(scope="module")
def means() -> dict:
    """Of each language's training sentences, computed here."""
    encoder = SentenceEncoder(str(TINY_ENCODER))
    files = {language: CORPORA / language / "train.conll" for language in ("de", "en")}
    words = {
        language: [[line[0] for line in block] for block in conll_blocks(path)] for language, path in files.items()
    }
    return {
        language: encoder.encode(each).astype(numpy.float64).mean(axis=0).astype(numpy.float32)
        for language, each in words.items()
    }


def test_means_are_set_before_training_and_nothing_is_drawn(config, means, tmp_path) -> None:
    trainer = training_loop(config(), tmp_path).trainer
    scores = trainer.model._scores
    assert trainer.model.languages != [] and not trainer.model.has_means
    # What another process of a distributed training has as well does not count.
    loader: Any = trainer.data_loader
    loader._instances.append(
        Instance({**loader._instances[0].fields, "metadata": MetadataField({"is_repeated": True})})
    )
    states = random.getstate(), numpy.random.get_state()[1].tolist(), torch.get_rng_state()
    LanguageMeans(str(tmp_path)).on_start(trainer)
    assert (states[0], states[1]) == (random.getstate(), numpy.random.get_state()[1].tolist())
    assert torch.equal(states[2], torch.get_rng_state())
    expected = numpy.stack([means[language] for language in trainer.model.languages])
    assert numpy.abs(expected[0] - expected[1]).max() > 1e-2
    for name in ("means", "languages"):
        numpy.testing.assert_allclose(getattr(scores, name).detach().numpy(), expected, rtol=0, atol=1e-5)
    with torch.no_grad():
        scores.languages += 1
    LanguageMeans(str(tmp_path)).on_start(trainer)
    numpy.testing.assert_allclose(scores.languages.detach().numpy(), expected + 1, rtol=0, atol=1e-5)


@TrainerCallback.register("break_off")
class BreakOff(TrainerCallback):
    """Fails after a number of batches, as long as it is armed."""

    armed = False

    def on_batch(self, *args: Any, is_training: bool = True, **kwargs: Any) -> None:
        trainer: Any = self.trainer
        if BreakOff.armed and trainer._total_batches_completed == 8:
            raise RuntimeError("broken off")


@pytest.mark.slow
def test_broken_off_and_recovered_equals_unbroken(config, means, tmp_path) -> None:
    callbacks = ["random_state", "language_means", "keep_last_epoch", "break_off"]
    changes = {
        "trainer.callbacks": [{"type": name} for name in callbacks],
        "trainer.checkpointer": {"save_every_num_batches": 4},
    }
    train_model(config(**changes), str(tmp_path / "unbroken"))
    BreakOff.armed = True
    with pytest.raises(RuntimeError, match="broken off"):
        train_model(config(**changes), str(tmp_path / "run"))
    BreakOff.armed = False
    train_model(config(**changes), str(tmp_path / "run"), recover=True)
    unbroken, recovered = (archive_weights(tmp_path / name / "model.tar.gz") for name in ("unbroken", "run"))
    assert len(unbroken) == 7 and differing(unbroken, recovered, fewest=7) == []
    by_mean = sorted(unbroken["_scores.means"].tolist())
    numpy.testing.assert_allclose(by_mean, sorted(each.tolist() for each in means.values()), rtol=0, atol=1e-5)
    assert (unbroken["_scores.languages"] - unbroken["_scores.means"]).abs().max() > 1e-2


def test_a_language_without_training_sentences_is_named(config, tmp_path) -> None:
    changes = {
        "datasets_for_vocab_creation": ["train", "validation"],
        "validation_data_path": {"sw": str(CORPORA / "sw" / "dev.conll")},
    }
    trainer = training_loop(config(**changes), tmp_path).trainer
    with pytest.raises(ConfigurationError, match="has no sentence in sw, which the vocabulary contains"):
        LanguageMeans(str(tmp_path)).on_start(trainer)


def test_a_model_without_languages_is_refused(environment, tmp_path) -> None:
    trainer = training_loop(
        Params.from_file(REPOSITORY / "training_configs/cross_lingual/teacher.jsonnet"), tmp_path
    ).trainer
    with pytest.raises(ConfigurationError, match="language_similarity', not with a MbertTagger"):
        LanguageMeans(str(tmp_path)).on_start(trainer)
