"""The predictor for models of other packages, on a model of this one, whose own predictor says what is right."""

import pytest
from allennlp.predictors import Predictor
from conftest import CORPORA

from lowresource_ner.archives.archive import load_archive


@pytest.fixture(scope="module")
def archive(cross_domain_archive):
    return load_archive(cross_domain_archive)


def test_it_tags_as_the_predictor_of_this_package(archive) -> None:
    any_tagger, ours = (Predictor.from_archive(archive, name) for name in ("any_tagger", "ner"))
    instances = list(any_tagger._dataset_reader.read(CORPORA / "bio" / "test.conll"))[:7]
    found = any_tagger.predict_batch_instance(instances)
    expected = ours.predict_batch_instance(instances)
    assert found == [{key: each[key] for key in ("tokens", "gold_tags", "tags")} for each in expected]
    assert any(tag != "O" for each in found for tag in each["gold_tags"])
    assert any_tagger.predict_instance(instances[3]) == found[3]
