"""Counts the entities of each sentence that a tagger has found, missed and made up, from its predictions."""

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
        Of the words and gold entities. Runs with the same digest were scored on the same sentences.
    """

    types: List[str]
    counts: numpy.ndarray
    digest: str

    @property
    def totals(self) -> numpy.ndarray:
        """(num_sentences, 3): the counts of all types together."""
        totals: numpy.ndarray = self.counts.sum(axis=0)
        return totals

    def scores(self) -> Dict[str, float]:
        """Precision, recall and F1 (0 to 1) and "support", overall and by type, with the keys of the metric `seqeval_f1`."""
        found = _scores(self.counts.sum(axis=(0, 1)))
        for entity_type, counts in zip(self.types, self.counts.sum(axis=1)):
            found |= {f"{key}-{entity_type}": value for key, value in _scores(counts).items()}
        return found


def sentence_counts(predictions: Path, data: Path) -> SentenceCounts:
    """
    Reads what `allennlp tag` or `predict` has written. An entity is correct where its first word, last word and type are, and
    invalid tags are read leniently, as in seqeval's default mode.

    # Parameters

    predictions : `Path`
        An object with "tags" a line. "gold_tags" are the gold ones, as the tagger's reader has read them.
    data : `Path`
        The file that was tagged. Its tags are the gold ones where `predictions` has none.

    # Raises

    `ValueError`
        Where a line has no tags, or not those of the sentence.
    """
    return count(_read(predictions, data))


def count(sentences: Iterable[Tuple[Tags, Tags, Tags]]) -> SentenceCounts:
    """Counts the entities of sentences, each with its words, gold tags and predicted tags."""
    digest = hashlib.sha256()
    found = []
    for words, gold_tags, tags in sentences:
        gold, predicted = set(read_as_conlleval(gold_tags)), set(read_as_conlleval(tags))
        digest.update(json.dumps([list(words), sorted(gold)]).encode())
        found.append((gold & predicted, predicted, gold))
    types = sorted({span.type for sets in found for spans in sets for span in spans})
    numbers = {entity_type: number for number, entity_type in enumerate(types)}
    counts = numpy.zeros((len(types), len(found), 3), dtype=numpy.int64)
    for sentence, sets in enumerate(found):
        for kind, spans in enumerate(sets):
            for span in spans:
                counts[numbers[span.type], sentence, kind] += 1
    return SentenceCounts(types, counts, digest.hexdigest())


def f1_of(counts: numpy.ndarray) -> numpy.ndarray:
    """F1, (...), of counts of correct, predicted and gold entities, (..., 3). It is 0 where nothing is correct."""
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
    of_file: List[Any] = [] if has_gold else list(read_conll(data))
    if not has_gold and len(of_file) != len(lines):
        raise ValueError(f"{predictions} has {len(lines)} sentences, and {data} has {len(of_file)}.")
    for number, line in enumerate(lines):
        words = line.get("tokens") or line.get("words")
        gold_tags = line["gold_tags"] if has_gold else of_file[number].tags
        tags = line.get("tags")
        if tags is None or len(tags) != len(gold_tags):
            complaint = line.get("error") or "it has no tags, or not one for each word"
            raise ValueError(f"{predictions}, line {number + 1}: {complaint}.")
        yield words if has_gold else of_file[number].tokens, gold_tags, tags
