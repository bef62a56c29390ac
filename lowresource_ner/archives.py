"""Archives of this package: loaded, or read without building their models. Whatever is damaged in them is said in one way."""

import contextlib
import glob
import os
import tarfile
import tempfile
import zipfile
from os import PathLike
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Union

import torch
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.data import Vocabulary
from allennlp.data.vocabulary import NAMESPACE_PADDING_FILE
from allennlp.models import Archive, archival

from lowresource_ner.damaged_files import reason, said_of_damage

StrPath = Union[str, PathLike]

ENCODERS_FOLDER = os.path.join("vocabulary", ".encoders")
ARCHIVE_WEIGHTS = "weights.th"
RUN_WEIGHTS = "best.th"

_REMEDY = "Copy it again from where it is whole, or train it again."


def is_archive(path: StrPath) -> bool:
    """True for an AllenNLP archive file, be it cut, and for the folder of a finished training run."""
    path = Path(path)
    has_encoder = (path / ENCODERS_FOLDER).is_dir()
    is_run = has_encoder or ((path / "config.json").is_file() and (path / "vocabulary").is_dir())
    return is_run or (path.is_file() and _is_tar(path))


def _is_tar(path: Path) -> bool:
    try:
        return tarfile.is_tarfile(path)
    except EOFError:  # a packed file that ends before its first member does
        return True


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


def load_archive(path: StrPath, cuda_device: int = -1, overrides: Union[str, Dict[str, Any]] = "") -> Archive:
    """
    AllenNLP's `load_archive`, of an archive or the folder of a training run. What the model's own constructor raises comes
    through as it is.

    # Raises

    `ConfigurationError`
        Where the archive is damaged, or no archive of a model, or `overrides` do not fit its config.
    """
    with unpacked(path) as folder:
        archive_config(folder, overrides, path)
        _check_vocabulary(folder, path)
        _weights(folder, path, is_check=True)
        return archival.load_archive(folder, cuda_device, overrides)


@contextlib.contextmanager
def unpacked(archive: StrPath) -> Iterator[Path]:
    """
    An archive as a folder, for the length of a `with`; a folder is given as it is.

    # Raises

    `ConfigurationError`
        Where there is no such archive, or it is damaged.
    """
    archive = Path(archive)
    if archive.is_dir():
        yield archive
        return
    if not archive.is_file() or not _is_tar(archive):
        raise ConfigurationError(
            f"'{archive}' is not an archive (model.tar.gz). Check the path, and that its training has finished."
        )
    with tempfile.TemporaryDirectory() as folder:
        with said_of_damage(f"Archive '{archive}'", _REMEDY), tarfile.open(archive) as tar:
            # Python 3.11 before 3.11.4 has no filters.
            filters: Dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            tar.extractall(folder, **filters)
            while tar.fileobj is not None and tar.fileobj.read(1 << 20):
                pass  # to the end, where a packed file has its check sum
        yield Path(folder)


def archive_config(
    folder: StrPath, overrides: Union[str, Dict[str, Any]] = "", archive: Optional[StrPath] = None
) -> Dict[str, Any]:
    """
    # Parameters

    folder : `StrPath`
        An archive that is `unpacked`.
    overrides : `Union[str, Dict[str, Any]]`
        Changes to its config, as AllenNLP's commands take them.
    archive : `Optional[StrPath]`
        What the user calls it, for messages.

    # Raises

    `ConfigurationError`
        Where the config is damaged, or the overrides do not fit it.
    """
    path, archive = Path(folder) / archival.CONFIG_NAME, archive or folder
    with said_of_damage(f"The config of archive '{archive}'", _REMEDY):
        config = Params.from_file(path).as_dict(quiet=True)
        if "type" not in config["model"] or not isinstance(config["dataset_reader"], dict):
            raise ValueError("it names no model or no reader.")
    if not overrides:
        return config
    try:
        return Params.from_file(path, overrides).as_dict(quiet=True)
    except Exception as error:
        raise ConfigurationError(
            f"The overrides {overrides} do not fit the config of archive '{archive}': {reason(error)} Check their spelling; "
            f"its sections are {', '.join(config)}."
        ) from error


def archive_weights(archive: StrPath) -> Dict[str, torch.Tensor]:
    """
    The state dict of an archive, on the CPU.

    # Raises

    `ConfigurationError`
        Where there is none, or it is damaged.
    """
    with unpacked(archive) as folder:
        return _weights(folder, archive)


def _weights(folder: Path, archive: StrPath, is_check: bool = False) -> Dict[str, torch.Tensor]:
    """The state dict; as a check it is mapped where it can be, which reads names and shapes alone."""
    for path in (folder / ARCHIVE_WEIGHTS, folder / RUN_WEIGHTS):
        if path.exists():
            with said_of_damage(f"The file {path.name} of archive '{archive}'", _REMEDY):
                mmap = is_check and zipfile.is_zipfile(path)
                return dict(torch.load(path, map_location="cpu", weights_only=True, mmap=mmap))
    raise ConfigurationError(
        f"{archive} holds no weights ({ARCHIVE_WEIGHTS} or {RUN_WEIGHTS}). Has its training finished?"
    )


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
        with said_of_damage(f"The vocabulary of archive '{archive}'", _REMEDY):
            vocab = Vocabulary.from_files(str(folder / "vocabulary"))
    by_index = vocab.get_index_to_token_vocabulary(namespace)
    return [by_index[index] for index in range(len(by_index))]


def _check_vocabulary(folder: Path, archive: StrPath) -> None:
    vocabulary = folder / "vocabulary"
    with said_of_damage(f"The vocabulary of archive '{archive}'", _REMEDY):
        for path in {vocabulary / NAMESPACE_PADDING_FILE, *vocabulary.glob("*.txt")}:
            path.read_text(encoding="utf-8")
