"""
Reads AllenNLP's archives. An archive may come from an untrusted source, so anything that would run code or write elsewhere is
refused.
"""

import contextlib
import glob
import os
import tempfile
import zipfile
from functools import cached_property
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Union

import torch
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.common.meta import META_NAME, Meta
from allennlp.data import Vocabulary
from allennlp.data.vocabulary import NAMESPACE_PADDING_FILE
from allennlp.models import archival

from lowresource_ner.archives.building import building
from lowresource_ner.archives.configs import archive_config, check_encoder_config
from lowresource_ner.archives.members import COPY_AGAIN, StrPath, check_run_files, is_tar, unpack
from lowresource_ner.common.damaged_files import damage_reported
from lowresource_ner.common.quoting import quoted

# AllenNLP archives the whole vocabulary folder, and does not read hidden files in it.
ENCODERS_FOLDER = os.path.join("vocabulary", ".encoders")
SOURCE_TAGGER_FOLDER = os.path.join("vocabulary", ".source_tagger")
ARCHIVE_WEIGHTS = "weights.th"
RUN_WEIGHTS = "best.th"


class Archive:
    """
    An archive file (`model.tar.gz`) or the folder of a training run, open inside a `with` block. A file is unpacked once, to a
    temporary folder; its parts are read on demand.

        with Archive("model.tar.gz") as archive:
            weights = archive.weights()

    # Parameters

    path : `StrPath`
    overrides : `Union[str, Dict[str, Any]]`, optional (default = `""`)
        Changes to the config, as AllenNLP's commands take them.
    owner : `str`, optional (default = `"The given path"`)
        The option that names the archive, for the message that it is not one: "'archive_file' of the weights".
    remedy : `str`, optional (default = `""`)
        A sentence at the end of this message: how to get such an archive.

    # Raises

    `ConfigurationError`
        On entering the block, if there is no archive at the path, it is damaged, or it is refused by `look_through`,
        `check_run_files` or `check_encoder_config`. Later, if the part that is asked for is missing or damaged.
    """

    folder: Path
    """The folder that the archive is unpacked to, or the folder of the run."""

    def __init__(
        self,
        path: StrPath,
        overrides: Union[str, Dict[str, Any]] = "",
        owner: str = "The given path",
        remedy: str = "",
    ) -> None:
        self.path = path
        self._overrides = overrides
        self._owner = owner
        self._remedy = remedy

    def __enter__(self) -> "Archive":
        self._opened = self._open()
        self.folder = self._opened.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._opened.__exit__(*error)

    @contextlib.contextmanager
    def _open(self) -> Iterator[Path]:
        path = Path(self.path)
        if path.is_dir():
            check_run_files(path)
        if not is_archive(path):
            raise ConfigurationError(
                f"{self._owner} is '{path}', which is not an archive (model.tar.gz) or the folder of a training run. Check the "
                f"path, and that its training has finished. {self._remedy}"
            )
        with contextlib.nullcontext(path) if path.is_dir() else tempfile.TemporaryDirectory() as folder:
            if not path.is_dir():
                unpack(path, folder)
            for config in sorted(Path(folder, ENCODERS_FOLDER).glob("[!.]*/config.json")):
                check_encoder_config(config, path)
            yield Path(folder)

    @cached_property
    def config(self) -> Dict[str, Any]:
        """The config with the overrides, checked by `archive_config`."""
        return archive_config(self.folder, self._overrides, self.path)

    def labels(self, namespace: str) -> List[str]:
        """
        The tags of a vocabulary namespace, in the order of the model's logits. Raises a `ConfigurationError` if there are none.
        """
        labels = self.tokens(namespace)
        if not labels:
            raise ConfigurationError(
                f"{self.path} has no tags in namespace '{namespace}'. Give the namespace of its model."
            )
        return labels

    def tokens(self, namespace: str) -> List[str]:
        """The tokens of a vocabulary namespace by index, padding included; empty if there is no such namespace."""
        if not (self.folder / "vocabulary" / f"{namespace}.txt").exists():
            return []
        by_index = self._vocabulary.get_index_to_token_vocabulary(namespace)
        return [by_index[index] for index in range(len(by_index))]

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        with self._damage_reported("vocabulary"):
            return Vocabulary.from_files(str(self.folder / "vocabulary"))

    def vocabulary_files(self) -> List[Path]:
        """
        The files that AllenNLP reads the vocabulary's namespaces from: all but hidden ones, such as the `._labels.txt` that macOS
        adds to `labels.txt`. Raises a `ConfigurationError` if one of them cannot be read.
        """
        with self._damage_reported("vocabulary"):
            folder = self.folder / "vocabulary"
            paths = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
            for path in [folder / NAMESPACE_PADDING_FILE, *paths]:
                if path.is_dir():
                    raise ValueError(
                        f"{quoted(path.name)} in it is a folder, and AllenNLP reads everything in it as text."
                    )
                path.read_text(encoding="utf-8")
        return [path for path in paths if path.name != NAMESPACE_PADDING_FILE]

    @property
    def weights_file(self) -> Path:
        for name in (ARCHIVE_WEIGHTS, RUN_WEIGHTS):
            if (self.folder / name).exists():
                return self.folder / name
        raise ConfigurationError(
            f"{self.path} holds no weights ({ARCHIVE_WEIGHTS} or {RUN_WEIGHTS}). Has its training finished?"
        )

    def weights(self, names_and_shapes: bool = False) -> Dict[str, torch.Tensor]:
        """
        The state dict of the model, on the CPU.

        # Parameters

        names_and_shapes : `bool`, optional (default = `False`)
            True if only names and shapes are needed: the values are then not read from the disk, if the file's format allows it.
        """
        return self._read_weights(self.weights_file, names_and_shapes)

    def _read_weights(self, path: Path, names_and_shapes: bool) -> Dict[str, torch.Tensor]:
        with self._damage_reported(f"file {path.name}"):
            mmap = names_and_shapes and zipfile.is_zipfile(path)
            return dict(torch.load(path, map_location="cpu", weights_only=True, mmap=mmap))

    def encoder_folders(self) -> List[Path]:
        """The folders of the transformers' configs and tokenizers in the archive."""
        return sorted(path for path in (self.folder / ENCODERS_FOLDER).glob("[!.]*") if path.is_dir())

    @property
    def encoder_folder(self) -> Path:
        """
        The folder of the only encoder, with its config and tokenizer. Raises a `ConfigurationError` if there is not exactly one.
        """
        folders = self.encoder_folders()
        if len(folders) != 1:
            raise ConfigurationError(
                f"{self.path} holds {len(folders)} encoders, and one was expected. Give an archive whose model has one "
                "transformer (mbert_tagger, for instance)."
            )
        return folders[0]

    def load(self, cuda_device: int = -1, weights_file: Optional[StrPath] = None) -> archival.Archive:
        """
        Builds the model and the readers as AllenNLP's `load_archive` does, after checking everything that they are built from.
        Errors of the model's constructor are passed through.

        # Parameters

        cuda_device : `int`, optional (default = `-1`)
            -1 for the CPU, or the number of a GPU.
        weights_file : `Optional[StrPath]`
            Weights to load in place of the archive's.

        # Raises

        `ConfigurationError`
            If the archive is damaged, has no model, or needs something that `building` does not allow, or if the overrides do not
            fit.
        """
        with building(self.path):
            config = Params(self.config)
            self.vocabulary_files()
            weights = self.weights_file if weights_file is None else Path(weights_file)
            self._read_weights(weights, names_and_shapes=True)
            meta = self._meta()
            # AllenNLP's own function would unpack the archive and evaluate the config once more.
            reader, validation_reader = archival._load_dataset_readers(config.duplicate(), str(self.folder))
            model = archival._load_model(config.duplicate(), str(weights), str(self.folder), cuda_device)
        return archival.Archive(model, config, reader, validation_reader, meta)

    def _meta(self) -> Optional[Meta]:
        """The version of AllenNLP that wrote the archive. A warning is logged if it may be incompatible."""
        path = self.folder / META_NAME
        if not path.exists():
            return None
        with self._damage_reported(f"file {META_NAME}"):
            meta = Meta.from_path(path)
            archival._check_version_compatibility(self.path, meta)
        return meta

    def _damage_reported(self, part: str) -> contextlib.AbstractContextManager[None]:
        return damage_reported(f"The {part} of archive '{self.path}'", COPY_AGAIN)


def load_archive(
    path: StrPath,
    cuda_device: int = -1,
    overrides: Union[str, Dict[str, Any]] = "",
    weights_file: Optional[StrPath] = None,
) -> archival.Archive:
    """Loads the model and the readers of an archive; see `Archive.load`."""
    with Archive(path, overrides) as archive:
        return archive.load(cuda_device, weights_file)


def is_archive(path: StrPath) -> bool:
    """True for an AllenNLP archive file, even a truncated one, and for the folder of a training run."""
    path = Path(path)
    has_encoder = (path / ENCODERS_FOLDER).is_dir()
    is_run = has_encoder or ((path / "config.json").is_file() and (path / "vocabulary").is_dir())
    return is_run or is_tar(path)


def check_run_folder(path: StrPath) -> None:
    """
    Checks that AllenNLP can find its checkpoints in a folder.

    # Raises

    `ConfigurationError`
        If the path contains characters of a glob.
    """
    if glob.has_magic(str(path)):
        raise ConfigurationError(
            f"A training cannot be saved in '{path}': AllenNLP reads '[', '*' and '?' in the name of its folder as a pattern, "
            "does not find its checkpoints (or finds those of another run), and fails when the first epoch ends. Choose "
            "another name for '-s'."
        )
