"""Archives of this package, read without building their models."""

import contextlib
import os
import tarfile
import tempfile
from os import PathLike
from pathlib import Path
from typing import Any, Dict, Iterator, List, Union

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import Vocabulary

StrPath = Union[str, PathLike]

ENCODERS_FOLDER = os.path.join("vocabulary", ".encoders")
ARCHIVE_WEIGHTS = "weights.th"
RUN_WEIGHTS = "best.th"


def is_archive(path: StrPath) -> bool:
    """True for an AllenNLP archive file and for the folder of a finished training run."""
    path = Path(path)
    has_encoder = (path / ENCODERS_FOLDER).is_dir()
    is_run = has_encoder or ((path / "config.json").is_file() and (path / "vocabulary").is_dir())
    return is_run or (path.is_file() and tarfile.is_tarfile(path))


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


@contextlib.contextmanager
def unpacked(archive: StrPath) -> Iterator[Path]:
    """
    An archive as a folder, for the length of a `with`; a folder is given as it is.

    # Raises

    `ConfigurationError`
        Where there is no such archive.
    """
    archive = Path(archive)
    if archive.is_dir():
        yield archive
        return
    if not archive.is_file() or not tarfile.is_tarfile(archive):
        raise ConfigurationError(
            f"'{archive}' is not an archive (model.tar.gz). Check the path, and that its training has finished."
        )
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as tar:
            # Python 3.11 before 3.11.4 has no filters.
            filters: Dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            tar.extractall(folder, **filters)
        yield Path(folder)


def archive_weights(archive: StrPath) -> Dict[str, torch.Tensor]:
    """The state dict of an archive, on the CPU."""
    with unpacked(archive) as folder:
        for name in (ARCHIVE_WEIGHTS, RUN_WEIGHTS):
            if (folder / name).exists():
                return torch.load(folder / name, map_location="cpu", weights_only=True)
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
        vocab = Vocabulary.from_files(str(folder / "vocabulary"))
    by_index = vocab.get_index_to_token_vocabulary(namespace)
    return [by_index[index] for index in range(len(by_index))]
