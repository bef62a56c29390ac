"""Checks whole CoNLL files, detects their tag schemes, and counts what they contain."""

import contextlib
import itertools
import os
from collections import Counter
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Union

from lowresource_ner.common.quoting import quoted
from lowresource_ner.common.text_rules import type_fault
from lowresource_ner.data.conll.format import ConllFormat
from lowresource_ner.data.conll.parser import ANY_FORMAT, ConllSentence, read_conll
from lowresource_ner.data.text_lines import ConllError
from lowresource_ner.tagging import (
    EntitySpan,
    InvalidTagSequence,
    SchemeDetector,
    TagScheme,
    get_file_scheme,
    split_tag,
)
from lowresource_ner.tagging.tag_scheme import read_as_conlleval
from lowresource_ner.tagging.type_map import TypeMap

_ALL_TYPES_KEPT = TypeMap({}, '"label_map"')


@dataclass
class ConllSummary:
    """
    What a CoNLL file contains.

    # Parameters

    sentences, tokens, entities : `int`
        How many.
    entities_by_type : `Dict[str, int]`
        How many of each type, in alphabetical order.
    scheme : `str`, optional (default = `None`)
        The name of its tag scheme; `None` for unlabelled reading.
    repaired : `int`, optional (default = `0`)
        How many tags had to be changed to be valid in that scheme.
    """

    sentences: int = 0
    tokens: int = 0
    entities: int = 0
    entities_by_type: Dict[str, int] = field(default_factory=dict)
    scheme: Optional[str] = None
    repaired: int = 0


def survey_conll(
    path: Union[str, os.PathLike],
    format: ConllFormat = ANY_FORMAT,
    tag_scheme: Optional[str] = None,
    repair: bool = False,
    type_map: TypeMap = _ALL_TYPES_KEPT,
) -> ConllSummary:
    """
    Reads a whole file and checks every line and tag of it, in flat memory.

    # Parameters

    path : `Union[str, PathLike]`
        The file.
    format : `ConllFormat`, optional
        Its columns.
    tag_scheme : `str`, optional (default = `None`)
        Its tag scheme, which may be IO or BMES; `None` to detect one of the others.
    repair : `bool`, optional (default = `False`)
        Whether invalid tags are read as conlleval reads them, instead of being an error. A scheme to detect is then the one that
        the fewest sentences violate, and the file is read twice.
    type_map : `TypeMap`, optional
        Renames entity types, which may have invalid names.

    # Raises

    `ConllError`
        If a line, a tag or an entity type is invalid.
    """
    scheme = get_file_scheme(tag_scheme) if tag_scheme is not None else None
    if format.reads_tags and scheme is None and repair:
        scheme = _closest_scheme(path, format)
    summary = ConllSummary()
    detector = SchemeDetector()
    by_type: Counter[str] = Counter()
    lines_of_types: Dict[str, int] = {}
    for sentence in read_conll(path, format):
        summary.sentences += 1
        summary.tokens += len(sentence.tokens)
        if sentence.tags is None:
            continue
        spans: List[EntitySpan] = []
        if scheme is None:
            detector.add(sentence.tags)
            with contextlib.suppress(InvalidTagSequence):  # of a tag that no scheme allows, which the detector reports
                spans = read_as_conlleval(sentence.tags)  # as in every scheme that allows the tags
        else:
            spans = sentence_spans(sentence, scheme, repair)
            summary.repaired += scheme.count_repaired(sentence.tags, spans) if repair else 0
        for span in spans:
            lines_of_types.setdefault(span.type, sentence.lines[span.start])
            by_type[span.type] += 1
    if format.reads_tags:
        summary.scheme = (scheme or _detected(detector, path, format)).name
    problem = type_map.problem(lines_of_types)
    if problem is not None:
        line = next(line for name, line in lines_of_types.items() if type_map.fault(name) is not None)
        raise ConllError(os.fspath(path), line, f"the {problem}")
    summary.entities = sum(by_type.values())
    summary.entities_by_type = dict(sorted(by_type.items()))
    return summary


def sentence_spans(sentence: ConllSentence, scheme: TagScheme, repair: bool = False) -> List[EntitySpan]:
    """
    The entities of a labelled sentence; see `TagScheme.spans`.

    # Raises

    `ConllError`
        If a tag is not valid, with its line.
    """
    if sentence.tags is None:
        raise ValueError(f"{sentence.path}:{sentence.lines[0]}: the sentence was read as unlabelled, without tags.")
    try:
        return scheme.spans(sentence.tags, repair)
    except InvalidTagSequence as error:
        raise _invalid_tag(sentence, error, scheme.name) from None


def _closest_scheme(path: Union[str, os.PathLike], format: ConllFormat) -> TagScheme:
    detector = SchemeDetector()
    for sentence in read_conll(path, format):
        detector.add(sentence.tags or ())
    return detector.best()


def _detected(detector: SchemeDetector, path: Union[str, os.PathLike], format: ConllFormat) -> TagScheme:
    try:
        return detector.result()
    except InvalidTagSequence as error:
        sentence = next(itertools.islice(read_conll(path, format), error.sequence, None))
        raise _invalid_tag(sentence, error, None) from None


def _invalid_tag(sentence: ConllSentence, error: InvalidTagSequence, given_scheme: Optional[str]) -> ConllError:
    """The error with its line and remedies; `given_scheme` is `None` if the scheme was to be detected."""
    if error.repairable:
        remedy = (
            'fix the tag, set "repair": true in the reader\'s config to read it as conlleval does, '
            'or name the scheme of the file ("file_tag_scheme")'
        )
    else:
        remedies = ["fix the tag", 'set "tag_column" to the column of the entity tags']
        if split_tag(error.tag)[0] == "M" and given_scheme != "BMES":
            remedies.append('set "file_tag_scheme": "BMES" if the tags are B-, M-, E- and S-')
        elif given_scheme != "IO" and type_fault(error.tag) is None:
            remedies.append('set "file_tag_scheme": "IO" if tags are types without a prefix')
        if given_scheme is None and error.sequence == 0 and error.position == 0:
            remedies.append('set "header": true if the line names the columns')
        remedy = f"{', '.join(remedies[:-1])}, or {remedies[-1]}"
    return ConllError(
        sentence.path, sentence.lines[error.position], f"invalid tag {quoted(error.tag)}: {error.reason}; {remedy}"
    )
