"""One reader for plain paths, others for paths with their names."""

import pytest
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.data import DatasetReader
from conftest import CORPORA

from lowresource_ner.data.dataset_readers.by_name import ByNameReader

TEXT, LABELLED = CORPORA / "es" / "raw.txt", CORPORA / "es" / "test.conll"


def build() -> DatasetReader:
    readers = {"text": {"type": "raw_text"}, "gold": {"type": "conll_ner", "tag_scheme": "IOBES"}}
    return DatasetReader.from_params(Params({"type": "by_name", "default": {"type": "conll_ner"}, "readers": readers}))


def words(instances) -> list:
    return [instance["metadata"].metadata["words"] for instance in instances]


def test_the_path_says_which_reader() -> None:
    reader = build()
    alone = [DatasetReader.from_params(Params({"type": name})) for name in ("conll_ner", "raw_text")]
    plain = list(reader.read(LABELLED))
    assert words(plain) == words(alone[0].read(LABELLED)) and all("tags" in each.fields for each in plain)
    text = list(reader.read({"text": TEXT}))
    assert words(text) == words(alone[1].read(TEXT)) and not any("tags" in each.fields for each in text)
    both = list(reader.read({"text": TEXT, "gold": LABELLED}))
    assert words(both) == words(text) + words(plain)
    assert {tag[0] for each in both[len(text) :] for tag in each["tags"].labels} >= {"S", "E"}
    assert reader.token_indexers.keys() == {"tokens"} and plain[0]["tokens"].token_indexers


def test_settings_of_its_readers_are_not_its_own() -> None:
    with pytest.raises(ConfigurationError, match="no label_map.*validation_dataset_reader.default.label_map"):
        ByNameReader(build(), {}, label_map={"MISC": "O"})


def test_an_unknown_name_is_said() -> None:
    with pytest.raises(ConfigurationError, match="names 'tekst', and the readers are text, gold"):
        list(build().read({"tekst": TEXT}))
