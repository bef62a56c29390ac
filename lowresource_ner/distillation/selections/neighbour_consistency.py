"""Weighs words by the agreement of their labels with those of similar words."""

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
    Weighs each word by the agreement of its label with those of its nearest neighbours among all words of the text (CoLaDa: Ma et
    al. 2023, arXiv:2305.14913, and its released code). The class t of a word is the entity type of its most probable label, or O:
    B- and I- count as the same. With K neighbours by cosine similarity, the word itself left out,

        a = (number of neighbours of the same class) / K
        c = a / (the greatest a of class t)
        w = σ(s · (c - (the mean c of class t))) / (the greatest such σ of class t),  σ(x) = 1 / (1 + exp(-x)).

    So words are compared within their class, and a rare class has no less weight than a frequent one. The released code has a
    greatest value and mean for each tag, so that B- and I- differ; and the vector of a word is the mean over its sub-words, here
    that of the first. A sentence that stands in the text several times is one among the neighbours, and all copies get its
    weights.

    The search is exact and takes time quadratic in the number of words. Memory is about 150 bytes a sentence and 20 a word,
    besides blocks of constant size; the vectors are in a file. If the reader has a `store`, the results are kept in it, so that
    they are computed once, and continued after an interruption; else the file is in the system's folder for temporary files.
    The encoder is loaded in `open` or `prepare`, not in the constructor.

    Registered as a `Selection` with name "neighbour_consistency".

    # Parameters

    encoder : `WordEncoder`
        In the paper, the encoder of the model whose labels are weighed: give its archive as `model_name`.
    num_neighbours : `int`, optional (default = `500`)
        K. In a text of fewer words, all others are neighbours.
    sharpness : `float`, optional (default = `6.0`)
        s. 0 gives all words the same weight.

    # Raises

    `ConfigurationError`
        If a number is out of range; in `prepare`, if the encoder cannot be read, or there is no sentence that the teachers label;
        and as `neighbour_agreement`.
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
        self._weights = numpy.empty(0, numpy.float32)  # of all words; the index has the first word of each sentence

    def open(self) -> None:
        self._encoder.load()

    def prepare(self, corpus: Corpus, ensemble: TeacherEnsemble) -> Dict[str, Any]:
        """
        Labels all sentences, and finds the neighbours of all words.

        # Parameters

        corpus, ensemble
            See `Selection`.

        # Returns

        `Dict[str, Any]`
            "num_words" of different sentences; "num_neighbours"; and for each class "words", their number, and "agreement" and
            "weight", their means of a and w.
        """
        if ensemble.lacks_store:
            logger.warning(
                "neighbour_consistency has the teachers label the text once before they do so for the training. Give 'store', a "
                "folder, so that they do it only once, and that the neighbours of words are kept."
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
        """See `Selection`: above 0 and at most 1; `None` for sentences that `prepare` has not seen."""
        if self._index is None:
            raise RuntimeError("neighbour_consistency was asked for weights before 'prepare'.")
        places = self._index.find(map(sentence_key, sentences)).tolist()
        return [
            None if place < 0 else self._weights[place : place + len(words)] for place, words in zip(places, sentences)
        ]

    @contextlib.contextmanager
    def _folder(self, ensemble: TeacherEnsemble, text: "_LabelledText") -> Iterator[Path]:
        """The folder for the results with this text, these labels and this encoder; a temporary one if there is no store."""
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
        (num_words,) The shares a of neighbours of the same class.
    classes : `numpy.ndarray`
        (num_words,) integers.
    sharpness : `float`

    # Returns

    `numpy.ndarray`
        (num_words,) float32, above 0 and at most 1. In a class without any agreement, all are 1.
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
    The different sentences of a text that teachers label.

    `is_used` : for each sentence of the text whether it is one of these; `keys` : theirs, concatenated; `starts` :
    (num_sentences,), the first word of each; `classes` : (num_words,) int16; `class_names` : by the number of the class.
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
    finally:  # what teachers have computed before an interruption is not lost
        ensemble.flush()
    starts = numpy.cumsum([0, *lengths])[:-1]
    return _LabelledText(is_used, bytes(keys), starts, numpy.concatenate(classes), class_names)
