"""Sentences whose language a discriminator cannot tell."""

from typing import Any, Dict, List, Optional, Sequence

import numpy
import torch
from allennlp.common.checks import ConfigurationError, check_for_gpu
from allennlp.nn.util import move_to_device

from lowresource_ner.archives.archive import Archive
from lowresource_ner.common.preserved_random_state import preserved_random_state
from lowresource_ner.common.rounding import SINGLE
from lowresource_ner.data.batching.bounded_blocks import bounded_blocks, num_characters
from lowresource_ner.distillation.selections.selection import Selection
from lowresource_ner.distillation.store.sentence_index import sentence_key
from lowresource_ner.distillation.weights.teacher_weights import Sentences
from lowresource_ner.predictors.batch_tagger import BatchTagger

_BLOCK = 2048
"""Sentences that are judged in one call."""

_BLOCK_CHARACTERS = 1 << 22
"""A block of so many characters takes no further sentence."""

_KEY = "S20"
"""A sentence's digest, of which all have the same length."""


@Selection.register("language_independence")
class LanguageIndependence(Selection):
    """
    Keeps the share of the sentences that are most independent of their language (AdvPicker: Chen et al., ACL 2021):
    with p̄ the mean over a sentence's words of the discriminator's probability of the source language, those of greatest
    1 - |p̄ - 0.5|. The teacher may be the same archive, as in the paper, or another.

    Where several sentences at the threshold are equally independent, but for rounding (`rounding.SINGLE`), all are kept; a
    sentence that stands in the text several times is kept as often, or not at all. A sentence takes some 150 bytes of memory
    while the text is judged, and 20 afterwards if it is kept. The archive is opened in `prepare`, and its model given up again.

    Registered as a `Selection` with name "language_independence".

    # Parameters

    archive_file : `str`
        An archive (`model.tar.gz`) of an `adversarial_tagger`, or the folder of a finished training run.
    share : `float`, optional (default = `0.8`)
        Above 0, up to 1. As released.
    cuda_device : `int`, optional (default = `-1`)
        -1 for the CPU, or the number of a GPU.
    batch_size : `int`, optional (default = `4096`)
        Sub-words, padding included, that the model sees at once.

    # Raises

    `ConfigurationError`
        For another share; in `prepare`, where there is no such archive, its model has no language discriminator or one whose
        answers are no numbers, or there is no sentence.
    """

    def __init__(self, archive_file: str, share: float = 0.8, cuda_device: int = -1, batch_size: int = 4096) -> None:
        if not 0 < share <= 1:
            raise ConfigurationError(
                f"'share' of language_independence is {share}; it is a share of the sentences, above 0 and up to 1."
            )
        self._archive_file = archive_file
        self._share = share
        self._cuda_device = cuda_device
        self._batch_size = batch_size
        self._kept: Optional[numpy.ndarray] = None  # sorted digests
        self._summary: Dict[str, Any] = {}

    def open(self) -> None:
        self._judge()

    def prepare(self, corpus: Sentences) -> None:
        """
        Judges every sentence.

        # Parameters

        corpus : `Callable[[], Iterable[Sequence[str]]]`
            Gives all sentences of the corpus, whatever share of it this process labels.
        """
        judge = self._judge()
        keys: List[numpy.ndarray] = []
        scores: List[numpy.ndarray] = []
        for block in bounded_blocks(corpus(), num_characters, _BLOCK, _BLOCK_CHARACTERS):
            keys.append(_keys(block))
            scores.append(judge.independence(block))
            if not numpy.isfinite(scores[-1]).all():
                raise ConfigurationError(
                    f"The language discriminator of {self._archive_file} gives probabilities that are no numbers (nan or "
                    "infinite): its training has diverged, or its weights are damaged. Train it again."
                )
        if not keys:
            raise ConfigurationError("There is no sentence for language_independence to judge. Check the data path.")
        self._keep(numpy.concatenate(keys), numpy.concatenate(scores))

    def summary(self) -> Dict[str, Any]:
        """
        num_sentences, num_kept, share_kept; threshold, the least independence that is kept; mean_independence, of all sentences.
        """
        return dict(self._summary)

    def word_weights(
        self, sentences: Sequence[Sequence[str]], probabilities: Sequence[numpy.ndarray]
    ) -> List[Optional[numpy.ndarray]]:
        """As `Selection`: ones for a sentence that is kept. A sentence that `prepare` has not judged is not kept."""
        if self._kept is None:
            raise RuntimeError("language_independence was asked for weights before 'prepare'.")
        keys = _keys(sentences)
        places = numpy.searchsorted(self._kept, keys).clip(max=len(self._kept) - 1)
        kept = self._kept[places] == keys
        return [numpy.ones(len(words), numpy.float32) if keep else None for words, keep in zip(sentences, kept)]

    def _keep(self, keys: numpy.ndarray, scores: numpy.ndarray) -> None:
        # Batches of other sentences change the last bits of a score: of sentences of the same words, the first one's counts.
        keys, first, of_sentence = numpy.unique(keys, return_index=True, return_inverse=True)
        of_key = scores[first]
        scores = of_key[of_sentence]
        wanted = max(1, round(self._share * len(scores)))
        threshold = numpy.partition(scores, len(scores) - wanted)[len(scores) - wanted] - SINGLE
        self._kept = keys[of_key >= threshold]
        kept = scores[scores >= threshold]
        self._summary = {
            "num_sentences": len(scores),
            "num_kept": len(kept),
            "share_kept": len(kept) / len(scores),
            "threshold": float(kept.min()),
            "mean_independence": float(scores.mean()),
        }

    def _judge(self) -> "_Judge":
        check_for_gpu(self._cuda_device)
        archive = Archive(
            self._archive_file,
            owner="'archive_file' of language_independence",
            remedy="One is trained with training_configs/cross_lingual/adversarial.jsonnet.",
        )
        with preserved_random_state(), archive:
            loaded = archive.load(self._cuda_device)
        model: Any = loaded.model.eval()
        reader: Any = loaded.validation_dataset_reader
        if not hasattr(model, "language_probabilities"):
            raise ConfigurationError(
                f"{self._archive_file} cannot tell languages apart: its model is a {type(model).__name__}. Train one with "
                "training_configs/cross_lingual/adversarial.jsonnet."
            )
        return _Judge(model, reader.token_indexers, self._batch_size)


class _Judge(BatchTagger):
    """Runs the discriminator as taggers are run, in batches of like length."""

    def independence(self, sentences: Sequence[Sequence[str]]) -> numpy.ndarray:
        """(num_sentences,) float64: 1 - |p̄ - 0.5| of each."""
        inputs = [self._input(name, indexer, sentences) for name, indexer in self._indexers.items()]
        means = numpy.empty(len(sentences))
        model: Any = self._model
        with torch.inference_mode():
            for batch in self._batches(inputs, len(sentences)):
                tensors = {each.name: each.tensors(batch) for each in inputs}
                probabilities = model.language_probabilities(move_to_device(tensors, model._get_prediction_device()))
                for index, row in zip(batch, probabilities.double().cpu().numpy()):
                    means[index] = row[: len(sentences[index])].mean()
        return 1 - numpy.abs(means - 0.5)


def _keys(sentences: Sequence[Sequence[str]]) -> numpy.ndarray:
    return numpy.frombuffer(b"".join(map(sentence_key, sentences)), _KEY)
