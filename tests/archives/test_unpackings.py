"""How often the users of an archive unpack it."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from allennlp.commands.train import TrainModel
from allennlp.common import Params
from allennlp.common.util import prepare_environment
from conftest import REPOSITORY

from lowresource_ner.archives import archive as archives
from lowresource_ner.commands.compare_modules import compare_modules
from lowresource_ner.distillation.teachers.archive_teacher import ArchiveTeacher


@pytest.fixture
def unpackings(monkeypatch) -> Counter:
    """By the name of an archive file, the number of times that it was unpacked."""
    counts: Counter = Counter()
    unpack = archives.unpack

    def counted(archive, folder) -> None:
        counts[str(archive)] += 1
        unpack(archive, folder)

    monkeypatch.setattr(archives, "unpack", counted)
    return counts


def test_a_teacher_is_unpacked_for_its_fingerprint_and_for_its_model(teacher, unpackings) -> None:
    asked = ArchiveTeacher(str(teacher))
    assert asked.labels and asked.tag_scheme and asked.fingerprint
    assert unpackings == {str(teacher): 1}
    for _ in range(2):
        asked.label([["Wien"]])
    assert unpackings == {str(teacher): 2}


def test_a_comparison_of_modules(cross_domain_archive, unpackings) -> None:
    compare_modules(str(cross_domain_archive))
    assert unpackings == {str(cross_domain_archive): 1}


def begin(config: str, folder: Path, **overrides: Any) -> None:
    """Makes all that `allennlp train` makes before the first update."""
    params = Params.from_file(REPOSITORY / "training_configs" / config, overrides)
    prepare_environment(params)
    TrainModel.from_params(params, serialization_dir=str(folder), local_rank=0)


def test_a_tagger_that_goes_on_from_an_archive(environment, teacher, tmp_path, monkeypatch, unpackings) -> None:
    """Once for the tokenizer of the indexers, once for the encoder's weights, and once for the rest of the model."""
    monkeypatch.setenv("ENCODER", str(teacher))
    monkeypatch.setenv("SOURCE", "sw")
    begin("cross_lingual/few_labels.jsonnet", tmp_path / "run")
    assert unpackings == {str(teacher): 3}


def test_a_model_of_modules_that_goes_on_from_an_archive(
    environment, cross_domain_archive, tmp_path, unpackings
) -> None:
    begin("cross_domain/pgn.jsonnet", tmp_path / "run", **{"model.pretrained_file": str(cross_domain_archive)})
    assert unpackings == {str(cross_domain_archive): 1}
