"""What the readers share: the words of a language model, and paths by module."""

import pytest
import torch
from allennlp.data import Batch, Token, Vocabulary
from allennlp.data.dataset_readers import MultiTaskDatasetReader
from conftest import CORPORA, conll_blocks

from lowresource_ner.data import ConllNerReader, NormalisedWordIndexer, RawTextReader

DEV, TEST = (CORPORA / "sea" / f"{part}.conll" for part in ("dev", "test"))


def words_of(instances) -> list:
    return [instance["metadata"].metadata["words"] for instance in instances]


def expected_words(path) -> list:
    return [[word for word, _ in block] for block in conll_blocks(path)]


@pytest.mark.parametrize("reader_class, path", [(ConllNerReader, DEV), (RawTextReader, CORPORA / "sea" / "raw.txt")])
def test_words_of_a_language_model(reader_class, path) -> None:
    options = {} if reader_class is ConllNerReader else {"tokenised": True}
    instances = list(
        reader_class(token_indexers={"w": NormalisedWordIndexer("words")}, lm_namespace="predicted", **options).read(
            path
        )
    )
    plain = list(reader_class(token_indexers={"w": NormalisedWordIndexer("words")}, **options).read(path))
    assert len(instances) > 30 and words_of(instances) == words_of(plain)
    assert all("lm_words" not in instance.fields for instance in plain)
    vocab = Vocabulary.from_instances(instances)
    # The same words with a namespace of their own.
    assert vocab.get_index_to_token_vocabulary("predicted") == vocab.get_index_to_token_vocabulary("words")
    assert "predicted" not in Vocabulary.from_instances(plain).get_namespaces()
    batch = Batch(instances[:7])
    batch.index_instances(vocab)
    tensors = batch.as_tensor_dict()
    assert tensors["lm_words"]["lm_words"]["tokens"].equal(tensors["tokens"]["w"]["tokens"])


def test_the_language_model_has_a_vocabulary_of_its_own(tmp_path) -> None:
    """Sorted by frequency, and cut by `min_count` without a word lost for the word vectors."""
    path = tmp_path / "raw.txt"
    path.write_text("b a c a\na b 1994 1848\n", encoding="utf-8")
    instances = list(
        RawTextReader(token_indexers={"w": NormalisedWordIndexer("words")}, tokenised=True, lm_namespace="lm").read(
            path
        )
    )
    vocab = Vocabulary.from_instances(instances, min_count={"lm": 2})
    assert list(vocab.get_token_to_index_vocabulary("lm"))[2:] == ["a", "b", "0000"]
    assert set(list(vocab.get_token_to_index_vocabulary("words"))[2:]) == {"a", "b", "c", "0000"}


def test_text_to_instance_has_the_words_of_the_language_model() -> None:
    reader = RawTextReader(lm_namespace="lm")
    instance = reader.text_to_instance(["Lima", "1535"])
    reader.apply_token_indexers(instance)
    vocab = Vocabulary.from_instances([instance])
    assert set(vocab.get_token_to_index_vocabulary("lm")) >= {"Lima", "0000"}
    assert set(instance.fields) == {"tokens", "lm_words", "metadata"}


@pytest.mark.slow
def test_long_sentences_come_in_small_blocks(monkeypatch, tmp_path) -> None:
    """Memory: 256 lines of a megabyte would be gigabytes of words."""
    sizes = []

    def encode(sentences, indexers):
        sizes.append([len(words) for words in sentences])
        return [[Token(word) for word in words] for words in sentences]

    monkeypatch.setattr("lowresource_ner.data.dataset_readers.sentence_reader.encode_words", encode)
    path = tmp_path / "raw.txt"
    path.write_text("a\n" * 300 + ("a " * 100_000 + "\n") * 3)
    assert len(list(RawTextReader(tokenised=True).read(path))) == 303
    assert sizes == [[1] * 256, [1] * 44 + [100_000] * 2, [100_000]]


def test_a_path_with_its_module() -> None:
    instances = list(ConllNerReader().read({"ner_target": DEV}))
    assert words_of(instances) == expected_words(DEV)
    assert {instance["module_name"].metadata for instance in instances} == {"ner_target"}
    assert all("module_name" not in instance.fields for instance in ConllNerReader().read(DEV))


def test_paths_of_several_modules() -> None:
    paths = {"ner_source": str(TEST), "ner_target": [str(DEV), str(TEST)]}
    instances = list(ConllNerReader().read(paths))
    by_module = {
        module: words_of(instance for instance in instances if instance["module_name"].metadata == module)
        for module in paths
    }
    assert by_module == {
        "ner_source": expected_words(TEST),
        "ner_target": expected_words(DEV) + expected_words(TEST),
    }


def test_a_module_given_with_the_path_is_the_one_of_the_multitask_reader() -> None:
    """A loader for validation on one module reads the same as the multitask reader does in training."""
    reader = ConllNerReader(token_indexers={"w": NormalisedWordIndexer("words")}, lm_namespace="lm")
    multitask = MultiTaskDatasetReader({"ner_source": reader})
    ours, theirs = list(reader.read({"ner_source": DEV})), list(multitask.read(str(DEV), force_task="ner_source"))
    assert words_of(ours) == words_of(theirs) and len(ours) > 10
    for instance, other in zip(ours, theirs):
        assert set(instance.fields) - {"module_name"} == set(other.fields) - {"task"}
        assert instance["module_name"].metadata == other["task"].metadata == "ner_source"


def test_a_sample_of_each_modules_paths() -> None:
    instances = list(ConllNerReader(sample=5).read({"a": DEV, "b": TEST}))
    assert [instance["module_name"].metadata for instance in instances] == ["a"] * 5 + ["b"] * 5


@pytest.mark.parametrize(
    "num_sentences, num_processes, in_each", [(5, 2, 3), (1, 2, 1), (1, 4, 1), (6, 3, 2), (7, 4, 2)]
)
def test_processes_read_as_many_sentences_each(num_sentences, num_processes, in_each, tmp_path, monkeypatch) -> None:
    """AllenNLP ends an epoch when the first process has no batch left. What is read twice is marked, and nothing is lost."""
    path = tmp_path / "raw.txt"
    path.write_text("".join(f"sentence {number}\n" for number in range(num_sentences)), encoding="utf-8")
    shares = []
    for rank in range(num_processes):
        monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
        monkeypatch.setattr(torch.distributed, "get_rank", lambda rank=rank: rank)
        monkeypatch.setattr(torch.distributed, "get_world_size", lambda: num_processes)
        shares.append(list(RawTextReader(tokenised=True).read(path)))
    assert [len(share) for share in shares] == [in_each] * num_processes
    once = [each for share in shares for each in share if "is_repeated" not in each["metadata"].metadata]
    assert sorted(words_of(once)) == [["sentence", str(number)] for number in range(num_sentences)]
    repeated = [each for share in shares for each in share if each not in once]
    assert all(each["metadata"]["is_repeated"] is True for each in repeated)
    assert len(repeated) == in_each * num_processes - num_sentences
