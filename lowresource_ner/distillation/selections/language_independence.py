"""Selection of the most language-independent sentences, as scored by a language discriminator (AdvPicker)."""

from typing import Any, Dict, Iterable, List, Optional, Sequence

import numpy
from allennlp.common.checks import ConfigurationError, check_for_gpu
from allennlp.data import TextFieldTensors, TokenIndexer

from lowresource_ner.archives.archive import Archive
from lowresource_ner.common.preserved_random_state import preserved_random_state
from lowresource_ner.common.rounding import SINGLE
from lowresource_ner.distillation.corpus import Corpus, sentence_blocks
from lowresource_ner.distillation.selections.selection import Selection
from lowresource_ner.distillation.store.sentence_index import SentenceIndex, sentence_key
from lowresource_ner.distillation.teacher_ensemble import TeacherEnsemble
from lowresource_ner.models.adversarial_tagger import AdversarialTagger
from lowresource_ner.predictors.batch_tagger import BatchTagger


@Selection.register("language_independence")
class LanguageIndependence(Selection):
    """
    Keeps a given share of the sentences, those with the highest language independence (AdvPicker, Chen et al. 2021,
    arXiv:2106.02300). The language independence of a sentence is 1 - |p̄ - 0.5|, where p̄ is the mean over its words of the
    discriminator's probability of the source language. The teacher may be the same archive, as in the paper, or a different one.

    All sentences that tie at the threshold, up to rounding (`rounding.SINGLE`), are kept. Duplicates of a sentence are kept or
    dropped together. Memory use is about 150 bytes per sentence in `prepare`, and 29 afterwards. The archive is loaded in
    `prepare` and released at its end.

    Registered as a `Selection` with name "language_independence".

    # Parameters

    archive_file : `str`
        An archive (`model.tar.gz`) of an `adversarial_tagger`, or the folder of a finished training run.
    share : `float`, optional (default = `0.8`)
        The share of sentences to keep, above 0 and at most 1. The default is that of the authors' released code.
    cuda_device : `int`, optional (default = `-1`)
        -1 for the CPU, or the index of a GPU.
    batch_size : `int`, optional (default = `4096`)
        Sub-words per batch, including padding.

    # Raises

    `ConfigurationError`
        If the share is out of range. In `prepare`, also if the archive does not exist, its model has no language discriminator,
        a probability is not finite, or there are no sentences.
    """

    def __init__(self, archive_file: str, share: float = 0.8, cuda_device: int = -1, batch_size: int = 4096) -> None:
        if not 0 < share <= 1:
            raise ConfigurationError(f"'share' of language_independence is {share}; it must be above 0 and at most 1.")
        self._archive_file = archive_file
        self._share = share
        self._cuda_device = cuda_device
        self._batch_size = batch_size
        self._index: Optional[SentenceIndex] = None
        self._is_kept = numpy.empty(0, bool)  # indexed by the values of the sentence index

    def open(self) -> None:
        self._discriminator()

    def prepare(self, corpus: Corpus, ensemble: TeacherEnsemble) -> Dict[str, Any]:
        """
        Scores every sentence.

        # Parameters

        corpus, ensemble
            See `Selection`.

        # Returns

        `Dict[str, Any]`
            "num_sentences", "num_kept" and "share_kept"; "threshold", the lowest language independence of a kept sentence; and
            "mean_independence", the mean over all sentences.
        """
        discriminator = self._discriminator()
        keys = bytearray()
        blocks: List[numpy.ndarray] = []
        for sentences in sentence_blocks(corpus):
            keys += b"".join(map(sentence_key, sentences))
            blocks.append(discriminator.independence(sentences))
            if not numpy.isfinite(blocks[-1]).all():
                raise ConfigurationError(
                    f"The language discriminator of {self._archive_file} gives probabilities that are not finite: its training "
                    "has diverged, or its weights are damaged. Train it again."
                )
        if not blocks:
            raise ConfigurationError("There are no sentences for language_independence. Check the data path.")
        return self._choose(bytes(keys), numpy.concatenate(blocks))

    def word_weights(
        self, sentences: Sequence[Sequence[str]], probabilities: Sequence[numpy.ndarray]
    ) -> List[Optional[numpy.ndarray]]:
        """Returns ones for a kept sentence; `None` for any other, including those not seen by `prepare`. See `Selection`."""
        if self._index is None:
            raise RuntimeError("Call 'prepare' of language_independence before 'word_weights'.")
        places = self._index.find(map(sentence_key, sentences))
        kept = (places >= 0) & self._is_kept[places]
        return [numpy.ones(len(words), numpy.float32) if keep else None for words, keep in zip(sentences, kept)]

    def _choose(self, keys: bytes, scores: numpy.ndarray) -> Dict[str, Any]:
        self._index = SentenceIndex()
        self._index.extend([keys], numpy.arange(len(scores)))
        # Scores depend slightly on the batch, so all duplicates of a sentence get the score of the first one.
        scores = scores[self._index.find([keys])]
        rank = len(scores) - max(1, round(self._share * len(scores)))
        threshold = numpy.partition(scores, rank)[rank] - SINGLE
        self._is_kept = scores >= threshold
        kept = scores[self._is_kept]
        return {
            "num_sentences": len(scores),
            "num_kept": len(kept),
            "share_kept": len(kept) / len(scores),
            "threshold": float(kept.min()),
            "mean_independence": float(scores.mean()),
        }

    def _discriminator(self) -> "_Discriminator":
        check_for_gpu(self._cuda_device)
        archive = Archive(
            self._archive_file,
            owner="'archive_file' of language_independence",
            remedy="Train one with training_configs/cross_lingual/adversarial.jsonnet.",
        )
        with preserved_random_state(), archive:
            loaded = archive.load(self._cuda_device)
        model = loaded.model.eval()
        reader: Any = loaded.validation_dataset_reader
        if not isinstance(model, AdversarialTagger):
            raise ConfigurationError(
                f"{self._archive_file} has no language discriminator: its model is a {type(model).__name__}. Train one with "
                "training_configs/cross_lingual/adversarial.jsonnet."
            )
        return _Discriminator(model, reader.token_indexers, self._batch_size)


class _Discriminator:
    """Applies the language discriminator of an adversarial tagger to sentences, batched by length."""

    def __init__(self, model: AdversarialTagger, token_indexers: Dict[str, TokenIndexer], batch_size: int) -> None:
        self._model = model
        self._batches = BatchTagger(model, token_indexers, batch_size)

    def independence(self, sentences: Sequence[Sequence[str]]) -> numpy.ndarray:
        """Returns the language independence 1 - |p̄ - 0.5| of each sentence, (num_sentences,) float64."""
        means = numpy.array(self._batches.each(sentences, self._means, nothing=numpy.nan))
        return 1 - numpy.abs(means - 0.5)

    def _means(self, tokens: TextFieldTensors, sentences: Sequence[Sequence[str]]) -> Iterable[float]:
        probabilities = self._model.language_probabilities(tokens).double().cpu().numpy()  # (num_sentences, num_words)
        return [row[: len(words)].mean() for row, words in zip(probabilities, sentences)]
