"""What is read of an archive without building its model, against what AllenNLP wrote."""

import tarfile

import pytest
import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import Vocabulary

from lowresource_ner.archives import archive_labels, archive_weights, is_archive, unpacked

LABELS = ["O", "B-creative work", "I-creative work", "B-PER"]
WEIGHTS = {"projection": torch.arange(3.0)}


@pytest.fixture(params=["file", "folder"])
def archive(request, tmp_path):
    """An archive file, and the folder of a training run."""
    run_dir = tmp_path / "run"
    vocab = Vocabulary(non_padded_namespaces=["tags"])
    vocab.add_tokens_to_namespace(LABELS, "tags")
    vocab.save_to_files(run_dir / "vocabulary")
    (run_dir / "vocabulary" / ".encoders").mkdir()
    torch.save(WEIGHTS, run_dir / ("weights.th" if request.param == "file" else "best.th"))
    if request.param == "folder":
        return run_dir
    path = tmp_path / "model.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for part in run_dir.iterdir():
            tar.add(part, part.name)
    return path


def test_tags_come_in_the_order_of_the_vocabulary_with_the_spaces_in_them(archive):
    assert is_archive(archive)
    assert archive_labels(archive, "tags") == LABELS


def test_weights_come_from_the_archive_or_the_best_epoch(archive):
    assert torch.equal(archive_weights(archive)["projection"], WEIGHTS["projection"])


def test_what_is_missing_is_named(archive, tmp_path):
    with pytest.raises(ConfigurationError, match="no tags in namespace 'labels'"):
        archive_labels(archive, "labels")
    (tmp_path / "text.txt").write_text("no archive")
    for path in (tmp_path / "nothing", tmp_path / "text.txt"):
        assert not is_archive(path)
        with pytest.raises(ConfigurationError, match="is not an archive"), unpacked(path):
            pass
    (tmp_path / "empty").mkdir()
    assert not is_archive(tmp_path / "empty")
    with pytest.raises(ConfigurationError, match="holds no weights"):
        archive_weights(tmp_path / "empty")
