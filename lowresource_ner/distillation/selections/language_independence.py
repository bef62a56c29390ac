"""Keeps the sentences whose language a discriminator cannot tell."""

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
from lowresource_ner.models.adversarial_tagger import AdversarialTagger
from lowresource_ner.predictors.batch_tagger import BatchTagger


@Selection.register("language_independence")
class LanguageIndependence(Selection):
    """
    Keeps the share of the sentences that are most independent of their language (AdvPicker, Chen et al. 2021, arXiv:2106.02300):
    those of greatest 1 - |p̄ - 0.5|, where p̄ is the mean over a sentence's words of the discriminator's probability of the source
    language. The teacher may be the same archive, as in the paper, or another.

    Where several sentences at the threshold are equally independent, but for rounding (`rounding.SINGLE`), all are kept; a
    sentence that stands in the text several times is kept as often, or not at all. A sentence takes some 150 bytes of memory
    while the text is judged, and 29 afterwards. The archive is opened in `prepare`, and its model is not kept.

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
        probabilities are no numbers, or there is no sentence.
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
        self._index: Optional[SentenceIndex] = None
        self._is_kept = numpy.empty(0, bool)  # by the numbers of the index

    def open(self) -> None:
        self._discriminator()

    def prepare(self, corpus: Corpus) -> Dict[str, Any]:
        """
        Judges every sentence.

        # Parameters

        corpus : `Callable[[], Iterable[Sequence[str]]]`
            Returns all sentences of the corpus, also those that other processes label.

        # Returns

        `Dict[str, Any]`
            "num_sentences", "num_kept" and "share_kept"; "threshold", the least independence that is kept; and
            "mean_independence", of all sentences.
        """
        discriminator = self._discriminator()
        keys = bytearray()
        blocks: List[numpy.ndarray] = []
        for sentences in sentence_blocks(corpus):
            keys += b"".join(map(sentence_key, sentences))
            blocks.append(discriminator.independence(sentences))
            if not numpy.isfinite(blocks[-1]).all():
                raise ConfigurationError(
                    f"The language discriminator of {self._archive_file} gives probabilities that are no numbers (nan or "
                    "infinite): its training has diverged, or its weights are damaged. Train it again."
                )
        if not blocks:
            raise ConfigurationError("There is no sentence for language_independence to judge. Check the data path.")
        return self._choose(bytes(keys), numpy.concatenate(blocks))

    def word_weights(
        self, sentences: Sequence[Sequence[str]], probabilities: Sequence[numpy.ndarray]
    ) -> List[Optional[numpy.ndarray]]:
        """As `Selection`: ones for a sentence that is kept. A sentence that `prepare` has not judged is not kept."""
        if self._index is None:
            raise RuntimeError("language_independence was asked for weights before 'prepare'.")
        places = self._index.find(map(sentence_key, sentences))
        kept = (places >= 0) & self._is_kept[places]
        return [numpy.ones(len(words), numpy.float32) if keep else None for words, keep in zip(sentences, kept)]

    def _choose(self, keys: bytes, scores: numpy.ndarray) -> Dict[str, Any]:
        self._index = SentenceIndex()
        self._index.extend([keys], numpy.arange(len(scores)))
        # Batches of other sentences change the last bits of a score: of sentences of the same words, the first one's counts.
        scores = scores[self._index.find([keys])]
        wanted = max(1, round(self._share * len(scores)))
        threshold = numpy.partition(scores, len(scores) - wanted)[len(scores) - wanted] - SINGLE
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
            remedy="One is trained with training_configs/cross_lingual/adversarial.jsonnet.",
        )
        with preserved_random_state(), archive:
            loaded = archive.load(self._cuda_device)
        model = loaded.model.eval()
        reader: Any = loaded.validation_dataset_reader
        if not isinstance(model, AdversarialTagger):
            raise ConfigurationError(
                f"{self._archive_file} cannot tell languages apart: its model is a {type(model).__name__}. Train one with "
                "training_configs/cross_lingual/adversarial.jsonnet."
            )
        return _Discriminator(model, reader.token_indexers, self._batch_size)


class _Discriminator:
    """The language discriminator of an adversarial tagger, run over sentences in batches of like length."""

    def __init__(self, model: AdversarialTagger, token_indexers: Dict[str, TokenIndexer], batch_size: int) -> None:
        self._model = model
        self._batches = BatchTagger(model, token_indexers, batch_size)

    def independence(self, sentences: Sequence[Sequence[str]]) -> numpy.ndarray:
        """(num_sentences,) float64: 1 - |p̄ - 0.5| of each."""
        means = numpy.array(self._batches.each(sentences, self._means, nothing=numpy.nan))
        return 1 - numpy.abs(means - 0.5)

    def _means(self, tokens: TextFieldTensors, sentences: Sequence[Sequence[str]]) -> Iterable[float]:
        probabilities = self._model.language_probabilities(tokens).double().cpu().numpy()  # (num_sentences, num_words)
        return [row[: len(words)].mean() for row, words in zip(probabilities, sentences)]
