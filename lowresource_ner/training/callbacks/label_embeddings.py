"""Initialises the tag embeddings of a label_embedding_tagger."""

import json
import logging
from pathlib import Path
from typing import Any, Iterator

from allennlp.common.checks import ConfigurationError
from allennlp.training.callbacks import TrainerCallback
from allennlp.training.gradient_descent_trainer import GradientDescentTrainer

from lowresource_ner.common.whole_files import written_whole
from lowresource_ner.data.batching.module_loader import ModuleLoader
from lowresource_ner.models.label_embedding_tagger import LabelEmbeddingTagger
from lowresource_ner.training.related_labels import RelatedLabels, TaggedSentence, relate_labels

logger = logging.getLogger(__name__)

FILE = "label_embeddings.json"
"""In the folder of the run."""


@TrainerCallback.register("label_embeddings")
class LabelEmbeddings(TrainerCallback):
    """
    Callback that, before training, embeds the labels of the source and the target by canonical correlation analysis
    (`relate_labels`), and initialises the model's tag embeddings with those of the source labels. Each target label's nearest
    source label is logged; all cosines and the embeddings are written to `label_embeddings.json` in the folder of the run. When
    a training is recovered, the model keeps the embeddings of its checkpoint.

    The target's labels are those of the training data of the model's default module. No random numbers are drawn.

    Registered as a `TrainerCallback` with name "label_embeddings".

    # Parameters

    source_data_path : `str`
        The training data of the source, for the reader in the source tagger's archive.

    # Raises

    `ConfigurationError`
        At the start of training, if the model is not a `label_embedding_tagger` or the data loader not `one_batch_per_module`,
        or if a label of the source tagger does not occur in the source's data. See also `relate_labels`.
    """

    def __init__(self, serialization_dir: str, source_data_path: str) -> None:
        super().__init__(serialization_dir)
        self._source_data_path = source_data_path

    def on_start(self, trainer: GradientDescentTrainer, is_primary: bool = True, **kwargs: Any) -> None:
        super().on_start(trainer, is_primary)
        model, loader = trainer.model, trainer.data_loader
        if not isinstance(model, LabelEmbeddingTagger) or not isinstance(loader, ModuleLoader):
            raise ConfigurationError(
                "The callback label_embeddings needs the model 'label_embedding_tagger' and the data loader "
                f"'one_batch_per_module', and got {type(model).__name__} and {type(loader).__name__}."
            )
        if model.has_label_embeddings:
            return
        target = model.default_module
        embeddings = relate_labels(
            _tagged_sentences(model.source.reader, self._source_data_path),
            _tagged_sentences(loader.readers[target].inner, loader.data_paths[target]),
        )
        model.set_label_embeddings(embeddings.source)
        if is_primary:
            _report(embeddings, Path(self.serialization_dir, FILE))


def _tagged_sentences(reader: Any, path: Any) -> Iterator[TaggedSentence]:
    """Yields all sentences of a corpus, also those that other processes of a distributed training read."""
    return ((sentence.words, sentence.tags) for sentence in reader.sentences(path))


def _report(embeddings: RelatedLabels, path: Path) -> None:
    nearest = embeddings.nearest()
    lines = [f"{label} -> {others[0][0]} ({others[0][1]:.2f})" for label, others in nearest.items()]
    logger.info("Each target label's nearest source label, and the cosine: %s", ", ".join(lines))
    content = {
        "nearest": {label: others[0][0] for label, others in nearest.items()},
        "cosines": {label: dict(others) for label, others in nearest.items()},
        "correlations": embeddings.correlations.tolist(),
        "source": {label: vector.tolist() for label, vector in embeddings.source.items()},
        "target": {label: vector.tolist() for label, vector in embeddings.target.items()},
    }
    with written_whole(path) as new:
        new.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
