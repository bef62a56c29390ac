"""Archives as a stranger might make them, through every door of this package: nothing runs, is written elsewhere, or hangs."""

import contextlib
import io
import json
import os
import shutil
import signal
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest
import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import Vocabulary
from allennlp.models import Model, archival

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from hostile_archives import (
    ESCAPED,
    HOSTILE,
    MARKER,
    encoder_parts,
    harmless_config,
    harmless_parts,
    nested,
    packed,
    run_folder,
)

from lowresource_ner.archives.archive import Archive, is_archive, load_archive
from lowresource_ner.archives.members import look_through, unpack
from lowresource_ner.commands.check_archive import archive_findings
from lowresource_ner.commands.compare_modules import compare_modules
from lowresource_ner.distillation.selections.language_independence import LanguageIndependence
from lowresource_ner.distillation.teachers.archive_teacher import ArchiveTeacher
from lowresource_ner.distillation.weights.similarity_weights import SimilarityWeights
from lowresource_ner.encoding.encoder_files import EncoderFiles
from lowresource_ner.models.warm_start import warm_start


class Scaled(Model):
    """A model with one weight, of the name and the shape that the archives have."""

    def __init__(self) -> None:
        super().__init__(Vocabulary())
        self.projection = torch.nn.LayerNorm(2, bias=False)


def go_on_from(archive):
    """A warm start, as 'pretrained_file' makes it."""
    model = Scaled()
    warm_start(model, archive, {})
    assert model.projection.weight.tolist() == [0, 0]


DOORS = {
    "load_archive": load_archive,
    "a teacher": lambda archive: ArchiveTeacher(archive).label([["a"]]),
    "a teacher's fingerprint": lambda archive: ArchiveTeacher(archive).fingerprint,
    "a warm start": go_on_from,
    "an encoder": EncoderFiles,
    "similarity": lambda archive: SimilarityWeights(archive).open(["en"]),
    "language_independence": lambda archive: LanguageIndependence(archive).open(),
    "check-archive": archive_findings,
    "compare-modules": compare_modules,
}
LOADERS = set(DOORS) - {"a teacher's fingerprint", "a warm start", "an encoder"}

# The doors that read each part of an archive, and so must refuse it. Others may use what they read.
READERS = {
    "members": set(DOORS),
    "config": LOADERS | {"a teacher's fingerprint"},
    "weights": LOADERS | {"a warm start"},
    "encoder": {"an encoder", "check-archive"},
    "building": LOADERS - {"check-archive"},
    "teachers": {"load_archive", "a teacher", "a teacher's fingerprint", "similarity", "language_independence"},
}


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Where archives are unpacked."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@contextlib.contextmanager
def alarm():
    """An error in place of a wait without end, such as for a pipe that nobody writes to."""

    def ring(*_):
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(60)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def files(folder):
    """All but the lock that AllenNLP makes where it reads a vocabulary."""
    return {path for path in folder.rglob("*") if path.name != ".lock"}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_door_lets_it_in(name, tmp_path, temporary):
    hostile = HOSTILE[name]
    archive = hostile.make(tmp_path)
    before = files(tmp_path)
    refused = {}
    with alarm():
        is_archive(archive)
        for door, enter in DOORS.items():
            try:
                enter(str(archive))
            except ConfigurationError as error:
                refused[door] = str(error)
    assert READERS[hostile.part] <= set(refused)
    for door in READERS[hostile.part]:
        with pytest.raises(ConfigurationError, match=hostile.message):
            raise ConfigurationError(refused[door])
        assert str(archive) in refused[door]
    assert files(tmp_path) == before
    assert not (tmp_path / MARKER).exists() and not any(temporary.iterdir())


@pytest.mark.parametrize("name", ["a program as reader", "a program as model"])
def test_allennlp_itself_runs_it(name, tmp_path, temporary):
    with contextlib.suppress(Exception):
        archival.load_archive(HOSTILE[name].make(tmp_path))
    assert (tmp_path / MARKER).exists()


def test_python_itself_writes_elsewhere(tmp_path):
    (tmp_path / "inner").mkdir()
    with tarfile.open(HOSTILE["a name above"].make(tmp_path)) as tar:
        tar.extractall(tmp_path / "inner", filter="fully_trusted")
    assert (tmp_path / ESCAPED).exists()


def test_a_harmless_archive_is_unpacked_as_it_is(tmp_path):
    parts = harmless_parts()
    archive = packed(tmp_path / "model.tar.gz", parts)
    assert look_through(archive) == (len(parts), sum(map(len, parts.values())))
    (tmp_path / "unpacked").mkdir()
    unpack(archive, tmp_path / "unpacked")
    unpacked_parts = {
        path.relative_to(tmp_path / "unpacked").as_posix(): path.read_bytes()
        for path in (tmp_path / "unpacked").rglob("*")
        if path.is_file()
    }
    assert unpacked_parts == parts


def test_a_file_is_looked_through_anew_when_it_has_changed(tmp_path):
    archive = packed(tmp_path / "model.tar.gz", harmless_parts())
    look_through(archive)
    HOSTILE["a hard link"].make(tmp_path)
    with pytest.raises(ConfigurationError, match="is a hard link"):
        look_through(archive)


def test_more_than_the_disk_has_room_for_is_not_unpacked(tmp_path, monkeypatch):
    archive = packed(tmp_path / "model.tar.gz", harmless_parts())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 99, 1))
    with pytest.raises(ConfigurationError, match="and 1 are free there. Free space"):
        load_archive(archive)


def test_links_in_the_folder_of_a_run_are_the_users_own(tmp_path):
    run = run_folder(tmp_path, harmless_parts())
    kept = (run / "weights.th").rename(tmp_path / "kept.th")
    (run / "best.th").symlink_to(kept)
    (run / "vocabulary").rename(tmp_path / "kept")
    (run / "vocabulary").symlink_to(tmp_path / "kept")
    with Archive(run) as archive:
        assert archive.labels("labels") == ["O", "B-PER"]
        assert archive.weights()["projection.weight"].tolist() == [0, 0]


def test_a_pipe_is_no_archive(tmp_path):
    os.mkfifo(tmp_path / "model.tar.gz")
    with alarm():
        assert not is_archive(tmp_path / "model.tar.gz")
        with pytest.raises(ConfigurationError, match="is not an archive"):
            load_archive(tmp_path / "model.tar.gz")


@pytest.fixture
def yes(monkeypatch):
    """A text on the standard input whose first line would do for an answer; given back to see that it is still there."""
    text = io.StringIO("y\n")
    monkeypatch.setattr(sys, "stdin", text)
    yield text
    assert text.read() == "y\n"


def encoder_folder(folder):
    for name, content in encoder_parts(folder, "encoder/").items():
        (folder / "encoder").mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return folder / "encoder"


def test_no_question_is_asked_about_an_encoder_with_code(tmp_path, yes):
    with pytest.raises(ConfigurationError, match="needs Python code that comes with its files"):
        EncoderFiles(str(encoder_folder(tmp_path)))
    assert not (tmp_path / MARKER).exists()


def test_no_question_is_asked_where_allennlp_loads_one(tmp_path, yes, temporary):
    indexer = {"type": "pretrained_transformer", "model_name": str(encoder_folder(tmp_path))}
    config = nested(harmless_config(), "dataset_reader.token_indexers.tokens", indexer)
    parts = {**harmless_parts(), "config.json": json.dumps(config).encode()}
    with pytest.raises(ConfigurationError, match="names an encoder that needs Python code"):
        load_archive(packed(tmp_path / "model.tar.gz", parts))
    assert not (tmp_path / MARKER).exists()


def test_a_class_that_looks_like_a_file_is_not_imported(tmp_path, temporary, monkeypatch):
    """The config alone does not say that a class is wanted where the text stands; AllenNLP does when it builds."""
    (tmp_path / "looks_like.py").write_text(f"import pathlib\npathlib.Path({str(tmp_path / MARKER)!r}).touch()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    config = nested(harmless_config(), "dataset_reader.token_indexers.tokens", "looks_like.txt")
    archive = packed(tmp_path / "model.tar.gz", {**harmless_parts(), "config.json": json.dumps(config).encode()})
    with pytest.raises(ConfigurationError, match="names 'looks_like.txt' where AllenNLP expects a TokenIndexer"):
        load_archive(archive)
    assert not (tmp_path / MARKER).exists()
    with contextlib.suppress(Exception):
        archival.load_archive(archive)
    assert (tmp_path / MARKER).exists()


def test_two_archives_that_are_teachers_of_each_other_are_told(tmp_path, temporary):
    names = {"a": str(tmp_path / "a.tar.gz"), "b": str(tmp_path / "b.tar.gz")}
    for name, path in names.items():
        other = {"type": "archive", "archive_file": names["b" if name == "a" else "a"]}
        config = {**harmless_config(), "model": {"type": "teacher_vote", "teachers": {"other": other}}}
        packed(Path(path), {**harmless_parts(), "config.json": json.dumps(config).encode()})
    with pytest.raises(ConfigurationError, match="a.tar.gz -> .*b.tar.gz -> .*a.tar.gz"):
        load_archive(names["a"])
    assert not any(temporary.iterdir())


def test_a_hard_link_may_be_of_a_training(tmp_path):
    """AllenNLP links best.th to the state of its epoch, and tarfile packs the second of them as a link to the first."""
    (tmp_path / "model_state.th").write_bytes(b"weights")
    (tmp_path / "best.th").hardlink_to(tmp_path / "model_state.th")
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "best.th", "weights.th")
        tar.add(tmp_path / "model_state.th", "model_state.th")
    with pytest.raises(ConfigurationError, match="'include_in_archive' .* use the folder of that run"):
        look_through(tmp_path / "model.tar.gz")


def test_files_outside_are_not_read_for_a_fingerprint(tmp_path):
    config = {**harmless_config(), "include_in_archive": ["../*"]}
    parts = {**harmless_parts(), "config.json": json.dumps(config).encode()}
    teacher = ArchiveTeacher(str(packed(tmp_path / "model.tar.gz", parts)))
    with pytest.raises(ConfigurationError, match="not a list of files inside it"):
        assert teacher.fingerprint
