"""A trained tagger that another model queries."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import List, Optional, Sequence

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.common.meta import META_NAME
from allennlp.data import Batch
from allennlp.models.archival import CONFIG_NAME
from allennlp.nn.util import move_to_device

from lowresource_ner.archives.archive import ARCHIVE_WEIGHTS, SOURCE_TAGGER_FOLDER, Archive
from lowresource_ner.archives.members import StrPath
from lowresource_ner.common.preserved_random_state import preserved_random_state
from lowresource_ner.models.tagger import Tagger


class SourceTagger:
    """
    A frozen tagger of this package, loaded from its archive. It is not registered as a submodule of the model that uses it, so
    checkpoints, optimizers and `train()` do not include it.

    # Parameters

    archive_file : `str`
        An archive (`model.tar.gz`), or the folder of a finished training run.
    serialization_dir : `Optional[StrPath]`
        The folder of the run, or of the archive that is being loaded. The source tagger is copied there the first time and read
        from there afterwards, so the archive of the model that uses it is self-contained.

    # Raises

    `ConfigurationError`
        If there is no such archive, or its model is not a tagger of this package.
    """

    labels: List[str]
    """The tags, in the order of the output's last dimension."""

    def __init__(self, archive_file: str, serialization_dir: Optional[StrPath] = None) -> None:
        copy = None if serialization_dir is None else Path(serialization_dir, SOURCE_TAGGER_FOLDER)
        if copy is not None and not copy.is_dir():
            _copy_archive(archive_file, copy)
        with preserved_random_state(), _open(archive_file if copy is None else copy) as archive:
            loaded = archive.load()
        model, self.reader = loaded.model.eval(), loaded.validation_dataset_reader
        if not isinstance(model, Tagger) or not hasattr(self.reader, "sentences"):
            raise ConfigurationError(
                f"{archive_file} cannot be a source tagger: its model, {type(model).__name__}, or its reader, "
                f"{type(self.reader).__name__}, does not come from this package. Train a tagger with one of its configs."
            )
        self._model: Tagger = model
        self.labels = model.labels

    @torch.no_grad()
    def __call__(self, sentences: Sequence[Sequence[str]], device: torch.device) -> torch.Tensor:
        """Returns the tag probabilities of each word, without gradients: (batch_size, num_words, num_tags)."""
        batch = Batch([self.reader.text_to_instance(words) for words in sentences])
        for instance in batch:
            self.reader.apply_token_indexers(instance)
        batch.index_instances(self._model.vocab)
        tensors = move_to_device(batch.as_tensor_dict(), device)
        output = self._model.to(device)(tokens=tensors["tokens"], metadata=tensors["metadata"])
        return self._model.probabilities(output)


def _open(path: StrPath) -> Archive:
    return Archive(path, owner="'source_archive'", remedy="Train a tagger on the source's labels first.")


def _copy_archive(archive_file: str, copy: Path) -> None:
    """Copies an archive atomically, since the processes of a distributed run may do this at the same time."""
    run = copy.parent.parent
    copy.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=run, prefix=".source-tagger-"))
    temporary.chmod(0o755)  # mkdtemp makes it readable for its owner only
    try:
        with _open(archive_file) as archive:
            shutil.copytree(archive.folder / "vocabulary", temporary / "vocabulary")
            shutil.copyfile(archive.weights_file, temporary / ARCHIVE_WEIGHTS)
            for name in (CONFIG_NAME, META_NAME):
                if (archive.folder / name).exists():
                    shutil.copyfile(archive.folder / name, temporary / name)
        os.rename(temporary, copy)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if not isinstance(error, OSError) or not copy.is_dir():
            raise
