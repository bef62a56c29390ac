"""A trained tagger within another model."""

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

from lowresource_ner.archives.archive import ARCHIVE_WEIGHTS, Archive
from lowresource_ner.archives.members import StrPath
from lowresource_ner.common.preserved_random_state import preserved_random_state
from lowresource_ner.models.tagger import Tagger

_KEPT = os.path.join("vocabulary", ".source_tagger")
"""Where a model's own archive has that of the source tagger: AllenNLP packs all of the vocabulary, and reads no hidden files."""


class SourceTagger:
    """
    A tagger of this package from its archive, which is asked and never trained. It is no module of the model that asks it, so
    that no checkpoint, optimizer or `train()` touches it.

    # Parameters

    archive_file : `str`
        An archive (`model.tar.gz`), or the folder of a finished training run.
    serialization_dir : `Optional[StrPath]`
        The folder of the run, or of the archive that is being loaded. The source tagger's archive is copied there, and found
        there the next time, so that it travels in the archive of the model that asks it.

    # Raises

    `ConfigurationError`
        Where there is no such archive, or its model is no tagger of words.
    """

    labels: List[str]
    """The tags, in the order of the probabilities."""

    def __init__(self, archive_file: str, serialization_dir: Optional[StrPath] = None) -> None:
        kept = None if serialization_dir is None else Path(serialization_dir, _KEPT)
        if kept is not None and not kept.is_dir():
            _keep(archive_file, kept)
        with preserved_random_state(), _open(archive_file if kept is None else kept) as archive:
            loaded = archive.load()
        model, self.reader = loaded.model.eval(), loaded.validation_dataset_reader
        if not isinstance(model, Tagger) or not hasattr(self.reader, "sentences"):
            raise ConfigurationError(
                f"{archive_file} cannot be a source tagger: its model, {type(model).__name__}, is no tagger of this package, or "
                f"its reader, {type(self.reader).__name__}, none of its readers."
            )
        self._model: Tagger = model
        self.labels = model.labels

    @torch.no_grad()
    def __call__(self, sentences: Sequence[Sequence[str]], device: torch.device) -> torch.Tensor:
        """(batch_size, num_words, num_tags): the probabilities of the words' tags. They are not differentiable."""
        batch = Batch([self.reader.text_to_instance(words) for words in sentences])
        for instance in batch:
            self.reader.apply_token_indexers(instance)
        batch.index_instances(self._model.vocab)
        tensors = move_to_device(batch.as_tensor_dict(), device)
        output = self._model.to(device)(tokens=tensors["tokens"], metadata=tensors["metadata"])
        return self._model.probabilities(output)


def _open(path: StrPath) -> Archive:
    return Archive(path, owner="'source_archive'", remedy="Train a tagger on the source's labels first.")


def _keep(archive_file: str, kept: Path) -> None:
    """Copies an archive so that it appears all at once: several processes of a distributed run may do this together."""
    run = kept.parent.parent
    kept.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=run, prefix=".source-tagger-"))
    temporary.chmod(0o755)  # colleagues may read the run
    try:
        with _open(archive_file) as archive:
            shutil.copytree(archive.folder / "vocabulary", temporary / "vocabulary")
            shutil.copyfile(archive.weights_file, temporary / ARCHIVE_WEIGHTS)
            for name in (CONFIG_NAME, META_NAME):
                if (archive.folder / name).exists():
                    shutil.copyfile(archive.folder / name, temporary / name)
        os.rename(temporary, kept)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if not isinstance(error, OSError) or not kept.is_dir():
            raise
