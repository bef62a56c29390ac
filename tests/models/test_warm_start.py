"""Warm start of a cross-domain model: rows are copied by word, character and tag, independent of their indices."""

import json
from pathlib import Path

import pytest
import torch
from allennlp.commands.train import TrainModel
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.models.archival import load_archive
from conftest import REPOSITORY
from support.trainings import training_loop

import lowresource_ner  # noqa: F401  what the config names is registered by the import

CONFIG = REPOSITORY / "training_configs/cross_domain/pgn.jsonnet"


def build(folder: Path, **overrides) -> TrainModel:
    params = Params.from_file(CONFIG, json.dumps({"trainer.num_epochs": 1, **overrides}))
    return training_loop(params, folder)


def test_rows_follow_their_tokens(environment, cross_domain_archive, tmp_path) -> None:
    """A tenth of the target's sentences: fewer words, in another order, and perhaps fewer tags."""
    smaller = {"dataset_reader.readers.ner_target.sample": 9, "dataset_reader.readers.lm_target.sample": 9}
    fresh = build(tmp_path / "fresh", **smaller).model
    new = build(tmp_path / "new", **{**smaller, "model.pretrained_file": str(cross_domain_archive)}).model
    old = load_archive(cross_domain_archive).model
    tables = {
        "words": ("_embedder.token_embedder_words.weight", 0),
        "token_characters": ("_embedder.token_embedder_characters.embedding.weight", 0),
        "lm_words": ("_heads.lm.model.softmax.softmax_w.weight", 1),
        "target_labels": ("_heads.target.tagger.projection.weight", 0),
    }
    for namespace, (name, first) in tables.items():
        tokens = new.vocab.get_token_to_index_vocabulary(namespace)
        rows, old_rows = new.get_parameter(name), old.get_parameter(name)
        checked = 0
        for token, index in tokens.items():
            old_index = old.vocab.get_token_to_index_vocabulary(namespace).get(token)
            if old_index is not None and index >= first:
                assert torch.equal(rows[index - first], old_rows[old_index - first]), (namespace, token)
                checked += 1
        assert checked > 5
    assert torch.equal(new.lstm_parameters.weight, old.lstm_parameters.weight)
    tags = [tag for tag in new.labels if tag in old.labels]
    for row in tags:
        for column in tags:
            found, expected = (
                model._heads.target.tagger.crf.transitions[model.labels.index(row), model.labels.index(column)]
                for model in (new, old)
            )
            assert found == expected
    assert not torch.equal(new.lstm_parameters.weight, fresh.lstm_parameters.weight)


def test_another_shape_is_refused(environment, cross_domain_archive, tmp_path) -> None:
    with pytest.raises(ConfigurationError, match=r"'lstm_parameters.weight' has shape .* and .* here.*the same sizes"):
        build(tmp_path, **{"model.encoder.hidden_size": 60, "model.pretrained_file": str(cross_domain_archive)})
