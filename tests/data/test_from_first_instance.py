"""The vocabulary of a student is that of its first sentence."""

from typing import Iterator

from allennlp.common import Params
from allennlp.data import Instance, Vocabulary
from allennlp.data.fields import LabelField


def test_one_instance_is_read() -> None:
    given = []

    def instances() -> Iterator[Instance]:
        for label in ("a", "b"):
            given.append(label)
            yield Instance({"label": LabelField(label)})

    vocab = Vocabulary.from_params(Params({"type": "from_first_instance"}), instances=instances())
    assert given == ["a"]
    assert vocab.get_token_to_index_vocabulary("labels") == {"a": 0}


def test_it_is_read_from_an_archive_like_any_other(tmp_path) -> None:
    vocab = Vocabulary.from_params(
        Params({"type": "from_first_instance"}), instances=iter([Instance({"label": LabelField("a")})])
    )
    vocab.save_to_files(str(tmp_path / "vocabulary"))
    again = Vocabulary.by_name("from_first_instance").__self__.from_files(str(tmp_path / "vocabulary"))
    assert again.get_token_to_index_vocabulary("labels") == {"a": 0}
