"""Weights words by the agreement of their labels with those of their nearest neighbours (CoLaDa)."""

import contextlib
import json
import logging
import tempfile
from hashlib import blake2b
from itertools import compress
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set

import numpy
from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.rounding import with_ties
from lowresource_ner.distillation.corpus import Corpus, sentence_blocks
from lowresource_ner.distillation.selections.neighbour_agreement import neighbour_agreement
from lowresource_ner.distillation.selections.selection import Selection
from lowresource_ner.distillation.store.sentence_index import SentenceIndex, sentence_key
from lowresource_ner.distillation.teacher_ensemble import TeacherEnsemble
from lowresource_ner.distillation.word_encoder import WordEncoder
from lowresource_ner.tagging import OUTSIDE, split_tag, types_of

logger = logging.getLogger(__name__)


@Selection.register("neighbour_consistency")
class NeighbourConsistency(Selection):
    """
    Weights each word by the agreement of its label with the labels of its nearest neighbours among all words of the text (CoLaDa:
    Ma et al. 2023, arXiv:2305.14913, and its released code). The class t of a word is the entity type of its most probable label,
    or O; B- and I- tags are not distinguished. With the K nearest neighbours by cosine similarity, excluding the word itself,

        a = (number of neighbours of the same class) / K
        c = a / (maximum of a over class t)
        w = σ(s · (c - (mean of c over class t))) / (maximum of this σ over class t),  σ(x) = 1 / (1 + exp(-x)).

    Weights are thus relative to the class, and rare classes are not weighted lower than frequent ones. The released code differs
    in two points: it takes maximum and mean per tag, so that B- and I- are distinguished, and the vector of a word is the mean
    over its sub-words instead of the vector of the first. Duplicate sentences enter the search once and share their weights.

    The search is exact, in time quadratic in the number of words. Memory use is about 150 bytes per sentence and 20 per word,
    plus blocks of constant size; the vectors are stored in a file. If the reader has a `store`, the results are kept there, so
    that they are computed only once and an interrupted computation is resumed. Otherwise, the file is in the system's temporary
    folder. The encoder is loaded in `open` or `prepare`, not in the constructor.

    Registered as a `Selection` with name "neighbour_consistency".

    # Parameters

    encoder : `WordEncoder`
        The paper uses the encoder of the model that predicted the labels. For this, set `model_name` to its archive.
    num_neighbours : `int`, optional (default = `500`)
        The number of neighbours K. If the text has fewer words, all other words are neighbours.
    sharpness : `float`, optional (default = `6.0`)
        The factor s. With 0, all words have the same weight.

    # Raises

    `ConfigurationError`
        If a number is out of range. In `prepare`, also if the encoder cannot be read, or the teachers label no sentence, and for
        the reasons given in `neighbour_agreement`.
    """

    def __init__(self, encoder: WordEncoder, num_neighbours: int = 500, sharpness: float = 6.0) -> None:
        if num_neighbours < 1 or not sharpness >= 0:
            raise ConfigurationError(
                f"'num_neighbours' of neighbour_consistency is {num_neighbours} and 'sharpness' is {sharpness}; give at least 1 "
                "neighbour, and a sharpness of at least 0."
            )
        self._encoder = encoder
        self._num_neighbours = num_neighbours
        self._sharpness = sharpness
        self._index: Optional[SentenceIndex] = None
        self._weights = numpy.empty(0, numpy.float32)  # of all words; the index maps a sentence to its first word

    def open(self) -> None:
        self._encoder.load()

    def prepare(self, corpus: Corpus, ensemble: TeacherEnsemble) -> Dict[str, Any]:
        """
        Labels all sentences, and computes the weights of all words.

        # Parameters

        corpus, ensemble
            See `Selection`.

        # Returns

        `Dict[str, Any]`
            "num_words", without duplicate sentences; "num_neighbours"; and "classes", with the number of "words" of each class
            and their mean "agreement" a and "weight" w.
        """
        if ensemble.lacks_store:
            logger.warning(
                "neighbour_consistency makes the teachers label the text an extra time before training. Set 'store' to a folder "
                "to label it only once and to keep the nearest neighbours of words."
            )
        text = _labelled_text(corpus, ensemble)
        if not len(text.classes):
            raise ConfigurationError(
                "There are no labelled sentences for neighbour_consistency. Check the data path and the teachers."
            )
        num_neighbours = min(self._num_neighbours, len(text.classes) - 1)
        with self._folder(ensemble, text) as folder:
            counts = neighbour_agreement(
                folder, lambda: compress(corpus(), text.is_used), text.classes, self._encoder, num_neighbours
            )
        agreement = counts / max(1, num_neighbours)
        self._weights = consistency_weights(agreement, text.classes, self._sharpness)
        self._index = SentenceIndex()
        self._index.extend([text.keys], text.starts)
        return {
            "num_words": len(text.classes),
            "num_neighbours": num_neighbours,
            "classes": {
                name: {
                    "words": int(own.sum()),
                    "agreement": float(agreement[own].mean()),
                    "weight": float(self._weights[own].mean()),
                }
                for number, name in enumerate(text.class_names)
                if (own := text.classes == number).any()
            },
        }

    def word_weights(
        self, sentences: Sequence[Sequence[str]], probabilities: Sequence[numpy.ndarray]
    ) -> List[Optional[numpy.ndarray]]:
        """Returns weights above 0 and at most 1; `None` for sentences not seen by `prepare`. See `Selection`."""
        if self._index is None:
            raise RuntimeError("Call 'prepare' of neighbour_consistency before 'word_weights'.")
        places = self._index.find(map(sentence_key, sentences)).tolist()
        return [
            None if place < 0 else self._weights[place : place + len(words)] for place, words in zip(places, sentences)
        ]

    @contextlib.contextmanager
    def _folder(self, ensemble: TeacherEnsemble, text: "_LabelledText") -> Iterator[Path]:
        """The folder for the results of this text, its labels and the encoder; a temporary folder if there is no store."""
        if ensemble.store is None:
            with tempfile.TemporaryDirectory(prefix="neighbours-") as folder:
                yield Path(folder)
            return
        digest = blake2b(json.dumps(["neighbours 1", self._encoder.fingerprint, self._num_neighbours]).encode())
        digest.update(text.keys)
        digest.update(text.classes.tobytes())
        yield Path(ensemble.store) / f"neighbours-{digest.hexdigest()[:32]}"


def consistency_weights(agreement: numpy.ndarray, classes: numpy.ndarray, sharpness: float) -> numpy.ndarray:
    """
    Computes the weights of words; see `NeighbourConsistency`.

    # Parameters

    agreement : `numpy.ndarray`
        (num_words,): the share a of neighbours that have the same class.
    classes : `numpy.ndarray`
        (num_words,) integers.
    sharpness : `float`
        The factor s.

    # Returns

    `numpy.ndarray`
        (num_words,) float32, above 0 and at most 1. They are all 1 in a class without any agreement.
    """
    weights = numpy.empty(len(agreement), numpy.float32)
    for each in numpy.unique(classes):
        own = classes == each
        consistency = agreement[own] / (agreement[own].max() or 1.0)
        sigmoid = 1 / (1 + numpy.exp(-sharpness * (consistency - consistency.mean())))
        weights[own] = sigmoid / sigmoid.max()
    return weights


class _LabelledText(NamedTuple):
    """
    The sentences of a text that the teachers label, without duplicates.

    `is_used` : whether each sentence of the text is among them; `keys` : their concatenated keys; `starts` : (num_sentences,),
    the position of their first words; `classes` : (num_words,) int16; `class_names` : the name of each class.
    """

    is_used: bytearray
    keys: bytes
    starts: numpy.ndarray
    classes: numpy.ndarray
    class_names: List[str]


def _labelled_text(corpus: Corpus, ensemble: TeacherEnsemble) -> _LabelledText:
    class_names = [OUTSIDE, *types_of(ensemble.labels)]
    class_of_label = numpy.array([class_names.index(split_tag(label)[1] or OUTSIDE) for label in ensemble.labels])
    is_used = bytearray()
    keys = bytearray()
    known: Set[bytes] = set()
    lengths: List[int] = []
    classes: List[numpy.ndarray] = [numpy.empty(0, numpy.int16)]
    try:
        for sentences in sentence_blocks(corpus):
            for words, labels in zip(sentences, ensemble.label(sentences)):
                key = sentence_key(words)
                is_new = labels is not None and len(words) > 0 and key not in known
                is_used.append(is_new)
                if labels is None or not is_new:
                    continue
                known.add(key)
                keys += key
                lengths.append(len(words))
                best = numpy.argmax(with_ties(labels.probabilities), axis=1)
                classes.append(class_of_label[best].astype(numpy.int16))
    finally:  # keep what the teachers have computed if interrupted
        ensemble.flush()
    starts = numpy.cumsum([0, *lengths])[:-1]
    return _LabelledText(is_used, bytes(keys), starts, numpy.concatenate(classes), class_names)
