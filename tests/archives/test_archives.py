"""What is read of an archive without building its model, against what AllenNLP wrote; and archives that are damaged."""

import gzip
import os
import pickle
import tarfile

import pytest
import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import Vocabulary
from allennlp.models import Model

from lowresource_ner.archives.archive import Archive, check_run_folder, is_archive, load_archive
from lowresource_ner.archives.configs import archive_config
from lowresource_ner.commands.compare_modules import compare_modules
from lowresource_ner.distillation.teachers.archive_teacher import ArchiveTeacher
from lowresource_ner.encoding.encoder_files import EncoderFiles

LABELS = ["O", "B-creative work", "I-creative work", "B-PER"]
OVERRIDES = {"model": {"type": "raises"}, "dataset_reader": {"type": "conll_ner", "token_indexers": {}}}
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
    with Archive(archive) as opened:
        assert opened.labels("tags") == opened.tokens("tags") == LABELS


def test_weights_come_from_the_archive_or_the_best_epoch(archive):
    with Archive(archive) as opened:
        assert torch.equal(opened.weights()["projection"], WEIGHTS["projection"])
        assert opened.weights(names_and_shapes=True)["projection"].shape == WEIGHTS["projection"].shape


def test_what_is_missing_is_named(archive, tmp_path):
    with Archive(archive) as opened:
        assert opened.tokens("labels") == []
        with pytest.raises(ConfigurationError, match="no tags in namespace 'labels'"):
            opened.labels("labels")
        with pytest.raises(ConfigurationError, match="holds 0 encoders, and one was expected"):
            opened.encoder_folder  # noqa: B018


@pytest.mark.parametrize("kind", ["nothing", "text", "folder", "unfinished", "pipe"])
def test_what_is_no_archive_is_told(tmp_path, kind):
    path = tmp_path / "given"
    if kind == "text":
        path.write_text("no archive")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind != "nothing":
        path.mkdir()
    if kind == "unfinished":
        (path / "config.json").write_text('{"model": {"type": "mbert_tagger"}}')
    assert not is_archive(path)
    message = f"^The one of the test is '{path}', which is not an archive .* its training has finished. Train one.$"
    with pytest.raises(ConfigurationError, match=message):
        Archive(path, owner="The one of the test", remedy="Train one.").__enter__()


def test_the_folder_of_a_training_without_weights(tmp_path):
    (tmp_path / "vocabulary" / ".encoders").mkdir(parents=True)
    with Archive(tmp_path) as opened, pytest.raises(ConfigurationError, match="holds no weights .* training finished"):
        opened.weights()


def test_a_file_is_unpacked_for_the_length_of_a_with_block(packed, tmp_path):
    with Archive(packed) as opened:
        assert opened.folder != tmp_path and opened.config["model"] == {"type": "mbert_tagger"}
        inside = {path.name for path in opened.folder.iterdir()}
    assert inside == {"config.json", "weights.th", "vocabulary"} and not opened.folder.exists()
    packed.unlink()
    (tmp_path / "weights.th").rename(tmp_path / "best.th")
    with Archive(tmp_path) as opened:
        assert opened.folder == tmp_path and opened.tokens("labels") == ["O"]
    assert (tmp_path / "best.th").exists()


def damaged(archive, change):
    """The archive file with other bytes."""
    content = change(archive.read_bytes())
    archive.write_bytes(content)
    return archive


@pytest.fixture
def packed(tmp_path):
    """An archive file large enough to be cut in many places."""
    (tmp_path / "vocabulary" / ".encoders").mkdir(parents=True)
    (tmp_path / "vocabulary" / "labels.txt").write_text("O\n")
    (tmp_path / "vocabulary" / "non_padded_namespaces.txt").write_text("*labels\n")
    (tmp_path / "config.json").write_text(
        '{"model": {"type": "mbert_tagger"}, "dataset_reader": {"type": "conll_ner"}}'
    )
    torch.save({"projection": torch.rand(3000, generator=torch.Generator().manual_seed(1))}, tmp_path / "weights.th")
    path = tmp_path / "model.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name in ("config.json", "weights.th", "vocabulary"):
            tar.add(tmp_path / name, name)
    return path


DAMAGE = {
    "cut at once": lambda content: content[:40],
    "cut in its midst": lambda content: content[:5000],
    "cut at its end": lambda content: content[:-9],
    "other bytes": lambda content: content[:5000] + bytes(range(100)) + content[5100:],
    "another sum": lambda content: content[:-8] + b"\0" * 8,
    "packed, and no archive": lambda content: gzip.compress(b"no archive at all " * 1000),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_archive_is_told_in_one_way(packed, damage):
    damaged(packed, DAMAGE[damage])
    readers = [
        lambda: Archive(packed).__enter__(),
        lambda: load_archive(packed),
        lambda: ArchiveTeacher(str(packed)).fingerprint,
        lambda: EncoderFiles(str(packed)),
        lambda: compare_modules(str(packed)),
    ]
    for read in readers:
        with pytest.raises(ConfigurationError, match=f"'{packed}'"):
            read()


def test_an_archive_without_members_is_damaged(tmp_path):
    tarfile.open(tmp_path / "model.tar.gz", "w:gz").close()
    with pytest.raises(ConfigurationError, match=f"archive '{tmp_path}/model.tar.gz'"):
        load_archive(tmp_path / "model.tar.gz")


DAMAGED_WEIGHTS = {
    "cut": lambda content: content[:600],
    "empty": lambda content: b"",
    "text": lambda content: b"<html>not found</html>",
    "code": lambda content: pickle.dumps(print, protocol=2),
    "no weights": lambda content: pickle.dumps([1, 2], protocol=2),
}


@pytest.mark.parametrize("damage", DAMAGED_WEIGHTS)
def test_damaged_weights_are_told_without_the_advice_to_run_them(tmp_path, damage):
    (tmp_path / "vocabulary" / ".encoders").mkdir(parents=True)
    torch.save(WEIGHTS, tmp_path / "best.th")
    damaged(tmp_path / "best.th", DAMAGED_WEIGHTS[damage])
    message = f"The file best.th of archive '{tmp_path}' cannot be read: .* Copy it"
    with Archive(tmp_path) as opened, pytest.raises(ConfigurationError, match=message) as raised:
        opened.weights()
    assert "weights_only" not in str(raised.value)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"model": ',
        '{"model": 1}',
        '{"model": {}}',
        '{"model": 1, "dataset_reader": {}}',
        '{"model": {"type": "mbert_tagger"}}',
        '{"model": {"type": "mbert_tagger"}, "dataset_reader": {"type": "conll_ner"}, "vocabulary": "abc"}',
    ],
)
def test_a_damaged_config_is_named(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ConfigurationError, match=f"The config of archive '{tmp_path}' cannot be read"):
        archive_config(tmp_path)
    with pytest.raises(ConfigurationError, match="The config of archive 'model.tar.gz' cannot be read"):
        archive_config(tmp_path, archive="model.tar.gz")


@pytest.mark.parametrize("overrides", [{"modle.dropout": 0.1}, '{"modle.dropout": 0.1}', "{", {"model.type.x": 1}])
def test_wrong_overrides_are_not_taken_for_damage(packed, overrides):
    readers = [lambda: load_archive(packed, overrides=overrides)]
    if isinstance(overrides, dict):
        readers.append(lambda: ArchiveTeacher(str(packed), overrides=overrides).fingerprint)
    for read in readers:
        with pytest.raises(ConfigurationError) as raised:
            read()
        message = str(raised.value)
        assert message.startswith("The overrides {") and f"archive '{packed}'" in message and "model" in message
        assert "Copy it" not in message


class Raises(Model):
    """A model whose constructor fails for reasons of its own."""

    error: Exception

    def __init__(self, vocab, **kwargs):
        raise self.error


@pytest.mark.parametrize("kind", [RuntimeError, FileNotFoundError, ValueError])
def test_what_a_models_constructor_raises_comes_through(packed, monkeypatch, kind):
    Raises.error = kind("CUDA error: device-side assert triggered")
    monkeypatch.setitem(Model._registry[Model], "raises", (Raises, None))
    with pytest.raises(kind, match="^CUDA error: device-side assert triggered$"):
        load_archive(packed, overrides=OVERRIDES)


RUN_DAMAGE = {
    "best.th": DAMAGED_WEIGHTS["cut"],
    "vocabulary/labels.txt": lambda content: b"O\n\xff\xfe\n",
    "config.json": lambda content: content[:-3],
}


@pytest.mark.parametrize("name", RUN_DAMAGE)
def test_the_damaged_file_of_a_run_is_told_before_the_model_is_made(packed, tmp_path, monkeypatch, name):
    monkeypatch.setitem(Model._registry[Model], "raises", (Raises, None))
    (tmp_path / "weights.th").rename(tmp_path / "best.th")
    damaged(tmp_path / name, RUN_DAMAGE[name])
    kind = {"best.th": "file best.th of", "config.json": "config of"}.get(name, "vocabulary of")
    with pytest.raises(ConfigurationError, match=f"The {kind} archive '{tmp_path}' cannot be read: .* Copy it"):
        load_archive(tmp_path, overrides=OVERRIDES)


def test_what_allennlp_passes_over_in_a_vocabulary_is_no_damage(tmp_path):
    """A Mac packs a file of its own beside each file."""
    vocab = Vocabulary()
    vocab.add_tokens_to_namespace(["O"], "labels")
    vocab.save_to_files(tmp_path / "vocabulary")
    (tmp_path / "vocabulary" / "._labels.txt").write_bytes(b"\0\5\x16\7\0\2Mac OS X\xb0\xc4\xe2")
    (tmp_path / "config.json").touch()
    with Archive(tmp_path) as opened:
        assert [path.name for path in opened.vocabulary_files()] == ["labels.txt"]
        assert opened.labels("labels") == ["O"]
        (tmp_path / "vocabulary" / "sub").mkdir()
        message = f"The vocabulary of archive '{tmp_path}' .*: 'sub' in it is a folder"
        with pytest.raises(ConfigurationError, match=message):
            opened.vocabulary_files()


def test_only_folders_are_refused_that_are_patterns():
    check_run_folder("runs/2024 (first), {a}")
    for name in ("runs/[1]/teacher", "runs/*", "what?"):
        with pytest.raises(ConfigurationError, match="reads '\\[', '\\*' and '\\?' .* as a pattern"):
            check_run_folder(name)
