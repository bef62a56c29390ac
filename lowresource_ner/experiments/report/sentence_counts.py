"""Counts the correct, predicted and gold entities of each sentence, from the predictions of a tagger."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Sequence, Tuple

import numpy

from lowresource_ner.data.conll.parser import read_conll
from lowresource_ner.tagging.tag_scheme import read_as_conlleval

Tags = Sequence[str]


@dataclass(frozen=True)
class SentenceCounts:
    """
    The entity counts of one run on one file.

    # Parameters

    types : `List[str]`
        The entity types of gold and predicted entities, sorted.
    counts : `numpy.ndarray`
        (num_types, num_sentences, 3): correct, predicted and gold entities.
    digest : `str`
        A digest of words and gold entities. It is the same for runs that were evaluated on the same sentences.
    """

    types: List[str]
    counts: numpy.ndarray
    digest: str

    @property
    def totals(self) -> numpy.ndarray:
        """The counts of all types together, (num_sentences, 3)."""
        totals: numpy.ndarray = self.counts.sum(axis=0)
        return totals

    def scores(self) -> Dict[str, float]:
        """Returns precision, recall, F1 (0 to 1) and "support", overall and by type, with the keys of the metric `seqeval_f1`."""
        scores = _scores(self.counts.sum(axis=(0, 1)))
        for entity_type, counts in zip(self.types, self.counts.sum(axis=1)):
            scores |= {f"{key}-{entity_type}": value for key, value in _scores(counts).items()}
        return scores


def sentence_counts(predictions: Path, data: Path) -> SentenceCounts:
    """
    Counts the entities in the output of `allennlp tag` or `predict`. An entity is correct if its first word, last word and type
    are. Invalid tag sequences are read leniently, as in seqeval's default mode.

    # Parameters

    predictions : `Path`
        A JSON object per line, with "tags", and "gold_tags" if the tagger's reader has read them.
    data : `Path`
        The CoNLL file that was tagged. Its tags are the gold tags if `predictions` has none.

    # Raises

    `ValueError`
        If a line does not have one tag per word.
    """
    return count(_read(predictions, data))


def count(sentences: Iterable[Tuple[Tags, Tags, Tags]]) -> SentenceCounts:
    """Counts the entities of sentences, each with its words, gold tags and predicted tags."""
    digest = hashlib.sha256()
    spans_by_sentence = []
    for words, gold_tags, tags in sentences:
        gold, predicted = set(read_as_conlleval(gold_tags)), set(read_as_conlleval(tags))
        digest.update(json.dumps([list(words), sorted(gold)]).encode())
        spans_by_sentence.append((gold & predicted, predicted, gold))
    types = sorted({span.type for sets in spans_by_sentence for spans in sets for span in spans})
    numbers = {entity_type: number for number, entity_type in enumerate(types)}
    counts = numpy.zeros((len(types), len(spans_by_sentence), 3), dtype=numpy.int64)
    for sentence, sets in enumerate(spans_by_sentence):
        for kind, spans in enumerate(sets):
            for span in spans:
                counts[numbers[span.type], sentence, kind] += 1
    return SentenceCounts(types, counts, digest.hexdigest())


def f1_of(counts: numpy.ndarray) -> numpy.ndarray:
    """Returns F1, (...), from the numbers of correct, predicted and gold entities, (..., 3). It is 0 if none are correct."""
    sums = counts[..., 1] + counts[..., 2]
    f1: numpy.ndarray = 2 * counts[..., 0] / numpy.maximum(sums, 1)
    return f1


def _scores(counts: numpy.ndarray) -> Dict[str, float]:
    correct, predicted, gold = map(int, counts)
    return {
        "precision": correct / predicted if predicted else 0.0,
        "recall": correct / gold if gold else 0.0,
        "f1": float(f1_of(counts)),
        "support": gold,
    }


def _read(predictions: Path, data: Path) -> Iterator[Tuple[Tags, Tags, Tags]]:
    lines = [json.loads(line) for line in predictions.read_text(encoding="utf-8").splitlines()]
    has_gold = all("gold_tags" in line for line in lines)
    sentences: List[Any] = [] if has_gold else list(read_conll(data))
    if not has_gold and len(sentences) != len(lines):
        raise ValueError(f"{predictions} has {len(lines)} sentences, and {data} has {len(sentences)}.")
    for number, line in enumerate(lines):
        words = (line.get("tokens") or line.get("words")) if has_gold else sentences[number].tokens
        gold_tags = line["gold_tags"] if has_gold else sentences[number].tags
        tags = line.get("tags")
        if tags is None or len(tags) != len(gold_tags):
            complaint = line.get("error") or "it has no tags, or not one for each word"
            raise ValueError(f"{predictions}, line {number + 1}: {complaint}.")
        yield words, gold_tags, tags
