"""
Archives of this package: loaded, or read without building their models. Whatever is damaged in them is said in one way, and what
would run code or write elsewhere is refused, since an archive may come from a stranger.
"""

import contextlib
import glob
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Union

import torch
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.common.meta import META_NAME, Meta
from allennlp.data import Vocabulary
from allennlp.data.vocabulary import NAMESPACE_PADDING_FILE
from allennlp.models import Archive, archival

from lowresource_ner.archives.building import building
from lowresource_ner.archives.configs import archive_config, check_encoder_config
from lowresource_ner.archives.members import COPY_AGAIN, StrPath, check_run_files, is_tar, shown, unpack
from lowresource_ner.common.damaged_files import said_of_damage

ENCODERS_FOLDER = os.path.join("vocabulary", ".encoders")
ARCHIVE_WEIGHTS = "weights.th"
RUN_WEIGHTS = "best.th"


def is_archive(path: StrPath) -> bool:
    """True for an AllenNLP archive file, be it cut, and for the folder of a finished training run."""
    path = Path(path)
    has_encoder = (path / ENCODERS_FOLDER).is_dir()
    is_run = has_encoder or ((path / "config.json").is_file() and (path / "vocabulary").is_dir())
    return is_run or is_tar(path)


def check_archive(path: StrPath, owner: str, remedy: str) -> None:
    """
    # Parameters

    path : `StrPath`
    owner : `str`
        Whose archive it is, for the message: "'archive_file' of the weights".
    remedy : `str`
        A sentence that says how one is had.

    # Raises

    `ConfigurationError`
        For what is no archive, and for the folder of a training that has not come to its first weights.
    """
    if not is_archive(path):
        raise ConfigurationError(
            f"{owner} is '{path}', which is no archive (model.tar.gz) and no folder of a training run. Check the path. {remedy}"
        )
    if Path(path).is_dir() and not any((Path(path) / name).exists() for name in (ARCHIVE_WEIGHTS, RUN_WEIGHTS)):
        raise ConfigurationError(
            f"{owner} is '{path}', which holds no weights ({ARCHIVE_WEIGHTS} or {RUN_WEIGHTS}). Has its training finished?"
        )


def check_run_folder(path: StrPath) -> None:
    """
    # Raises

    `ConfigurationError`
        Where a training is to be written to a folder in which AllenNLP would not find its checkpoints again.
    """
    if glob.has_magic(str(path)):
        raise ConfigurationError(
            f"A training cannot be kept in '{path}': AllenNLP takes '[', '*' and '?' in the name of its folder for a pattern, "
            "finds no checkpoint by it (or those of another run), and fails when the first epoch ends. Give '-s' another name."
        )


def load_archive(
    path: StrPath,
    cuda_device: int = -1,
    overrides: Union[str, Dict[str, Any]] = "",
    weights_file: Optional[StrPath] = None,
) -> Archive:
    """
    What AllenNLP's `load_archive` gives, of an archive or the folder of a training run, once what it is made from is checked.
    What the model's own constructor raises comes through as it is.

    # Parameters

    path : `StrPath`
    cuda_device : `int`, optional (default = `-1`)
    overrides : `Union[str, Dict[str, Any]]`, optional
    weights_file : `Optional[StrPath]`
        Other weights than the archive's.

    # Raises

    `ConfigurationError`
        Where the archive is damaged, or no archive of a model, or `overrides` do not fit its config; and where `unpacked` or
        `archive_config` refuse it, or it needs what `building` does not allow.
    """
    with building(path), unpacked(path) as folder:
        config = Params(archive_config(folder, overrides, path))
        check_vocabulary(folder, path)
        weights = _weights_file(folder, path) if weights_file is None else Path(weights_file)
        _read_weights(weights, path, is_check=True)
        meta = _meta(folder, path)
        # AllenNLP's own function would unpack the archive and evaluate the config once more, by itself.
        reader, validation_reader = archival._load_dataset_readers(config.duplicate(), str(folder))
        model = archival._load_model(config.duplicate(), str(weights), str(folder), cuda_device)
    return Archive(model, config, reader, validation_reader, meta)


@contextlib.contextmanager
def unpacked(archive: StrPath) -> Iterator[Path]:
    """
    An archive as a folder, for the length of a `with`; a folder is given as it is.

    # Raises

    `ConfigurationError`
        Where there is no such archive, or it is damaged; before anything of it is written or read, where `look_through` or
        `check_run_files` refuse it; and where `check_encoder_config` refuses an encoder in it.
    """
    archive = Path(archive)
    if archive.is_dir():
        check_run_files(archive)
        _check_encoders(archive, archive)
        yield archive
        return
    if not is_tar(archive):
        raise ConfigurationError(
            f"'{archive}' is not an archive (model.tar.gz). Check the path, and that its training has finished."
        )
    with tempfile.TemporaryDirectory() as folder:
        unpack(archive, folder)
        _check_encoders(Path(folder), archive)
        yield Path(folder)


def _check_encoders(folder: Path, archive: Path) -> None:
    for path in sorted((folder / ENCODERS_FOLDER).glob("[!.]*/config.json")):
        check_encoder_config(path, archive)


def archive_weights(archive: StrPath) -> Dict[str, torch.Tensor]:
    """
    The state dict of an archive, on the CPU.

    # Raises

    `ConfigurationError`
        Where there is none, or it is damaged.
    """
    with unpacked(archive) as folder:
        return _read_weights(_weights_file(folder, archive), archive)


def check_weights(folder: Path, archive: StrPath) -> Dict[str, torch.Tensor]:
    """The weights of an archive that is `unpacked`, of which no more may have been read than names and shapes."""
    return _read_weights(_weights_file(folder, archive), archive, is_check=True)


def _weights_file(folder: Path, archive: StrPath) -> Path:
    for path in (folder / ARCHIVE_WEIGHTS, folder / RUN_WEIGHTS):
        if path.exists():
            return path
    raise ConfigurationError(
        f"{archive} holds no weights ({ARCHIVE_WEIGHTS} or {RUN_WEIGHTS}). Has its training finished?"
    )


def _read_weights(path: Path, archive: StrPath, is_check: bool = False) -> Dict[str, torch.Tensor]:
    with said_of_damage(f"The file {path.name} of archive '{archive}'", COPY_AGAIN):
        mmap = is_check and zipfile.is_zipfile(path)
        return dict(torch.load(path, map_location="cpu", weights_only=True, mmap=mmap))


def archive_labels(archive: StrPath, label_namespace: str) -> List[str]:
    """The tags of an archive's model, in the order of its logits."""
    labels = archive_tokens(archive, label_namespace)
    if not labels:
        raise ConfigurationError(
            f"{archive} has no tags in namespace '{label_namespace}'. Give the namespace of its model."
        )
    return labels


def archive_tokens(archive: StrPath, namespace: str) -> List[str]:
    """The tokens of a namespace of an archive's vocabulary, by index, padding included; none where there is no such namespace."""
    with unpacked(archive) as folder:
        if not (folder / "vocabulary" / f"{namespace}.txt").exists():
            return []
        with said_of_damage(f"The vocabulary of archive '{archive}'", COPY_AGAIN):
            vocab = Vocabulary.from_files(str(folder / "vocabulary"))
    by_index = vocab.get_index_to_token_vocabulary(namespace)
    return [by_index[index] for index in range(len(by_index))]


def check_vocabulary(folder: Path, archive: StrPath) -> None:
    """Of an archive that is `unpacked`: raises a `ConfigurationError` where its vocabulary cannot be read."""
    with said_of_damage(f"The vocabulary of archive '{archive}'", COPY_AGAIN):
        for path in [folder / "vocabulary" / NAMESPACE_PADDING_FILE, *namespace_files(folder)]:
            if path.is_dir():
                raise ValueError(f"{shown(path.name)} in it is a folder, and AllenNLP reads all in it as text.")
            path.read_text(encoding="utf-8")


def namespace_files(folder: Path) -> List[Path]:
    """
    What AllenNLP reads the namespaces of an unpacked archive from: all in its vocabulary but hidden files, such as the
    `._labels.txt` that a Mac packs beside `labels.txt`.
    """
    paths = sorted((folder / "vocabulary").iterdir())
    return [path for path in paths if path.name != NAMESPACE_PADDING_FILE and not path.name.startswith(".")]


def _meta(folder: Path, archive: StrPath) -> Optional[Meta]:
    """The version of AllenNLP that wrote an archive, of which a warning is given where it may not fit this one."""
    path = folder / META_NAME
    if not path.exists():
        return None
    with said_of_damage(f"The file {META_NAME} of archive '{archive}'", COPY_AGAIN):
        meta = Meta.from_path(path)
        archival._check_version_compatibility(archive, meta)
    return meta
