"""Projects the labels of a parallel text and writes the labelled target sentences to files."""

import logging
from collections import Counter
from pathlib import Path
from typing import Dict, List, Mapping, Sequence

import numpy

from lowresource_ner.common.resumable_parts import ResumableParts
from lowresource_ner.data.conll.survey import survey_conll
from lowresource_ner.data.text_lines import ConllError
from lowresource_ner.distillation.store.sentence_index import SentenceIndex, sentence_key
from lowresource_ner.projection.annotation_projection import AnnotationProjection
from lowresource_ner.projection.parallel_text import ParallelText, SentencePair
from lowresource_ner.projection.projected_files import CONLL, SentenceFormats, compressed, format_of
from lowresource_ner.projection.target_labels import TargetLabels
from lowresource_ner.projection.text_run import run_over_text

logger = logging.getLogger(__name__)

KEYS = "keys"
"""The name of the part that holds the digests of all target sentences written so far."""


def project_text(
    text: ParallelText,
    num_lines: int,
    projection: AnnotationProjection,
    outputs: Mapping[str, str],
    parts: ResumableParts,
) -> Dict[str, int]:
    """
    Projects the labels of a text and writes the labelled target sentences. Only the first occurrence of a repeated target
    sentence is written, since the teacher `label_file` requires distinct sentences.

    # Parameters

    text : `ParallelText`
    num_lines : `int`
        The number of lines of the text.
    projection : `AnnotationProjection`
    outputs : `Mapping[str, str]`
        The final path of each part, by the name of the part.
    parts : `ResumableParts`
        Has a part for each name in `outputs`, and `KEYS`.

    # Returns

    `Dict[str, int]`
        The counts of `run_over_text` and `AnnotationProjection.project`, and the numbers of "repeated", "unwritable" (see
        `SentenceFormats`) and "kept" sentences. For the kept sentences, also "entities", the number of source entities, and
        "lost", the number of those that were not projected.
    """
    writer = _Writer(projection, outputs, parts)
    counts = run_over_text(text, num_lines, parts, writer.process, "projecting")
    for name, path in outputs.items():
        if format_of(path) == CONLL and counts.get("kept"):
            _check_reading(path, parts.path(name), counts["kept"])
    return counts


class _Writer:
    def __init__(self, projection: AnnotationProjection, outputs: Mapping[str, str], parts: ResumableParts) -> None:
        self._projection = projection
        self._outputs = outputs
        self._parts = parts
        self._formats = SentenceFormats(list(outputs.values()), projection.scheme, projection.labels)
        self._seen = SentenceIndex()
        self._remember(parts.path(KEYS).read_bytes())

    def process(self, pairs: List[SentencePair], end: int) -> Mapping[str, int]:
        sentences, counts = self._projection.project(pairs)
        counts = Counter(counts)
        texts: List[List[str]] = []
        keys: List[bytes] = []
        for sentence in self._new(sentences, counts):
            formatted = self._formats.format(sentence)
            if formatted is None:
                counts["unwritable"] += 1
            else:
                texts.append(formatted)
                counts["entities"] += sentence.num_source_entities
                counts["lost"] += sentence.num_source_entities - len(sentence.spans)
                keys.append(sentence_key(sentence.words))
        for number, (name, path) in enumerate(self._outputs.items()):
            self._parts.append(name, compressed(path, "".join(each[number] for each in texts)))
        self._parts.append(KEYS, b"".join(keys))
        self._remember(b"".join(keys))
        counts["kept"] += len(texts)
        return counts

    def _new(self, sentences: Sequence[TargetLabels], counts: Dict[str, int]) -> List[TargetLabels]:
        keys = [sentence_key(sentence.words) for sentence in sentences]
        first = {key: number for number, key in reversed(list(enumerate(keys)))}
        places = self._seen.find(keys).tolist()
        new = [
            sentence
            for number, (sentence, key, place) in enumerate(zip(sentences, keys, places))
            if place < 0 and first[key] == number
        ]
        counts["repeated"] += len(sentences) - len(new)
        return new

    def _remember(self, keys: bytes) -> None:
        if keys:
            self._seen.extend([keys], numpy.zeros(len(keys) // len(sentence_key([])), numpy.int64))


def _check_reading(path: str, part: Path, num_sentences: int) -> None:
    """Warns if reading a CoNLL file back with the default options does not give the number of sentences written."""
    try:
        is_right = survey_conll(part).sentences == num_sentences
    except ConllError as error:
        logger.warning("%s:%d: %s", path, error.line, error.complaint)
        is_right = False
    if not is_right:
        logger.warning(
            "%s will not be read back correctly with the default options, because some of its words look like comments or "
            'headers. Read it with these options of conll_ner: "delimiter": "tab", "language_prefix": false, "header": false, '
            '"comment_prefix": null.',
            path,
        )
