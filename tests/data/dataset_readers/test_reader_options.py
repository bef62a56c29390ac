"""The options of the dataset readers: declared once, inherited, and refused where no class declares them."""

import copy
import inspect
from dataclasses import fields
from typing import Any, Dict, Set

import pytest
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.data import DatasetReader
from conftest import CORPORA, TINY_ENCODER

from lowresource_ner.data import ByNameReader, ConllNerReader, RawTextReader
from lowresource_ner.data.conll.format import ConllFormat
from lowresource_ner.data.dataset_readers.sentence_reader import SentenceReader
from lowresource_ner.data.dataset_readers.sharding_reader import ShardingReader
from lowresource_ner.distillation import LanguageVectorsReader
from lowresource_ner.distillation.teacher_labelled import TeacherLabelledReader

READERS = [
    ShardingReader,
    SentenceReader,
    ConllNerReader,
    RawTextReader,
    ByNameReader,
    LanguageVectorsReader,
    TeacherLabelledReader,
]
RAW: Dict[str, Any] = {"type": "raw_text"}
CONFIGS: Dict[str, Dict[str, Any]] = {
    "conll_ner": {},
    "raw_text": {},
    "by_name": {"default": RAW, "readers": {}},
    "language_vectors": {"encoder": {"model_name": str(TINY_ENCODER)}},
    "teacher_labelled": {"reader": RAW, "teachers": {"a": {"type": "transformers", "model_name": str(TINY_ENCODER)}}},
}


def declared(reader: type) -> Set[str]:
    """The options that stand in the signature of a reader's own constructor."""
    parameters = list(inspect.signature(reader.__init__).parameters.values())[1:]  # type: ignore[misc]
    return {each.name for each in parameters if each.kind is not each.VAR_KEYWORD}


def build(name: str, **options: Any) -> DatasetReader:
    return DatasetReader.from_params(Params(copy.deepcopy({"type": name, **CONFIGS[name], **options})))


@pytest.mark.parametrize("reader", READERS)
def test_no_option_is_declared_twice(reader) -> None:
    bases = [base for base in reader.mro()[1:] if issubclass(base, ShardingReader)]
    assert not declared(reader) & set().union(*map(declared, bases))
    if reader is ConllNerReader:
        assert not declared(reader) & {field.name for field in fields(ConllFormat)}


@pytest.mark.parametrize("reader", READERS)
def test_every_option_is_documented_where_it_is_declared(reader) -> None:
    described = {
        name for line in reader.__doc__.splitlines() if " : " in line for name in line.split(" : ")[0].split(", ")
    }
    listed = {name.strip() for line in reader.__doc__.splitlines() for name in line.split(",")}
    assert declared(reader) <= {name.strip() for name in described} | listed


@pytest.mark.parametrize("name", CONFIGS)
def test_an_option_that_no_class_declares_is_refused(name) -> None:
    build(name)
    with pytest.raises(ConfigurationError, match=f"{DatasetReader.by_name(name).__name__} has no labelmap, smaple"):
        build(name, smaple=3, labelmap={"MISC": "O"})


@pytest.mark.parametrize("name", ["language_vectors", "teacher_labelled"])
def test_options_of_the_inner_reader_are_looked_for_there(name) -> None:
    with pytest.raises(ConfigurationError, match=r"has no sample\. .* below 'reader': .*reader\.sample\."):
        build(name, sample=3)


def test_inherited_options_reach_the_class_that_declares_them(tmp_path) -> None:
    path = tmp_path / "corpus.txt"
    path.write_text("B-LOC|Lima\n\nO|en\n\nO|und\n".replace("|", "\t"), encoding="utf-8")
    config = {
        "type": "conll_ner",
        "token_column": 1,
        "tag_column": 0,
        "tag_scheme": "IOBES",
        "sample": 2,
        "max_instances": 1,
    }
    reader = DatasetReader.from_params(Params(dict(config)), serialization_dir=str(tmp_path))
    (instance,) = reader.read(path)
    whole = list(DatasetReader.from_params(Params({**config, "sample": None, "max_instances": None})).read(path))
    assert [each["tags"].labels for each in whole] == [["S-LOC"], ["O"], ["O"]]
    assert instance["metadata"]["words"] in [each["metadata"]["words"] for each in whole]
    assert reader.serialization_dir == str(tmp_path)


@pytest.mark.parametrize("value", ["false", 0, None])
def test_labelled_is_true_or_false(value) -> None:
    with pytest.raises(ConfigurationError, match=f"'labelled' is {value!r}; use true or false"):
        ConllNerReader(labelled=value)
    assert all("tags" not in each.fields for each in ConllNerReader(labelled=False).read(CORPORA / "en" / "test.conll"))
