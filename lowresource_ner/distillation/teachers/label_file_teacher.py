"""Labels that somebody has given already as a teacher."""

import hashlib
import json
import logging
from functools import cached_property
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy
from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.quoting import listed, quoted
from lowresource_ner.distillation.teachers.label_file_index import LabelFileIndex
from lowresource_ner.distillation.teachers.label_file_survey import LabelFileSurvey
from lowresource_ner.distillation.teachers.label_lines import LabelLine
from lowresource_ner.distillation.teachers.teacher import Teacher
from lowresource_ner.distillation.teachers.type_map import TypeMap
from lowresource_ner.tagging.tag_schemes import OUTSIDE, EntitySpan, TagScheme, split_tag

logger = logging.getLogger(__name__)

_MAX_REMEMBERED = 1024
"""Lists of labels whose columns are known: as a rule a file has one."""

_SAME = 1e-3
"""Probabilities that differ by less are those of one teacher, computed in other batches or rounded."""


class _Contents(NamedTuple):
    lines: LabelFileIndex
    labels: List[str]
    columns: Mapping[str, int]
    scheme: TagScheme


@Teacher.register("label_file")
class LabelFileTeacher(Teacher):
    """
    A file of labelled sentences from anywhere: another program, a language model, annotators. Each line is a JSON object with
    "tokens", the words, and one of these, of which the first that is there is taken:

    * "distributions" (or "probabilities", with a list for each word): for each word the probabilities of the tags in "labels";
    * "tags": for each word its tag;
    * "entities": objects with "start_token", "end_token" (exclusive) and "type". What else they say ("confidence") is not used.

    The output of `allennlp predict` with the predictor `ner` is such a file, with its distributions where it was asked for them.

    A sentence is found by its words, which must be the same one by one; the order of lines means nothing. The file may be of any
    size, and packed (gz, bz2, xz; it is then unpacked to a temporary file). It is read once, when first something is
    asked of it; every line is checked then. After that it must stay as it is.

    Its answers are not kept in a store: they are in the file.

    Registered as a `Teacher` with name "label_file".

    # Parameters

    path : `str`
    tag_scheme : `Optional[str]`, optional (default = that of the file)
        The scheme of the answers. Tags and entities can be had in any scheme, distributions only in their own. A file of nothing
        but entities is given as IOB2.
    file_tag_scheme : `Optional[str]`, optional (default = found out)
        The scheme that the "tags" of the file must be valid in.
    repair : `bool`, optional (default = `False`)
        Read invalid tag sequences as conlleval does, instead of stopping with an error that names the line.
    types : `Optional[List[str]]`, optional (default = those that occur)
        The entity types of the answers, where the file may lack some, or where others are to be an error.
    missing : `str`, optional (default = `"error"`)
        "error", or "skip" to answer `None` for a sentence that is not in the file.
    label_map : `Optional[Dict[str, str]]`
        Types of the file to rename (`{"PERSON": "PER"}`) or to drop (`{"MISC": "O"}`). The key "*" stands for every type that is
        not named. Types that hold white space, end in a hyphen and the like (`type_fault`) must be renamed.

    # Raises

    `ConfigurationError`
        With file and line, for a line that is not what it should be, and for two lines with the same words and other labels; also
        for a sentence that is not in the file.
    """

    is_stored = False

    def __init__(
        self,
        path: str,
        tag_scheme: Optional[str] = None,
        file_tag_scheme: Optional[str] = None,
        repair: bool = False,
        types: Optional[List[str]] = None,
        missing: str = "error",
        label_map: Optional[Dict[str, str]] = None,
    ) -> None:
        if missing not in ("error", "skip"):
            raise ConfigurationError(
                f"'missing' is '{missing}'; it is 'error', or 'skip' to pass over sentences that are not in the file."
            )
        complaint = TypeMap({}, "'label_map'").complaint(types or [])
        if complaint is not None:
            raise ConfigurationError(f"'types' of {path}: {complaint}.")
        self.path: str = path
        self._type_map = TypeMap(label_map or {}, f"'label_map' of {path}")
        self._survey = LabelFileSurvey(tag_scheme, file_tag_scheme, repair, types, self._type_map)
        self._missing = missing
        self._columns: Dict[Tuple[str, ...], numpy.ndarray] = {}

    @property
    def labels(self) -> List[str]:
        return self._contents.labels

    @property
    def tag_scheme(self) -> str:
        return self._contents.scheme.name

    @property
    def fingerprint(self) -> str:
        contents = self._contents
        parts: List[Any] = [contents.labels, contents.scheme.name, contents.lines.digest]
        if self._type_map.names:
            parts.append(sorted(self._type_map.names.items()))
        return hashlib.sha256(f"label_file 1\n{json.dumps(parts)}".encode()).hexdigest()

    def _label(self, sentences: Sequence[Sequence[str]]) -> List[Optional[numpy.ndarray]]:
        found = self._contents.lines.find(sentences)
        for words, numbered in zip(sentences, found):
            if numbered is None and self._missing == "error":
                raise ConfigurationError(
                    f"{self.path}: there is no line for the sentence {_start(words)} ({len(words)} words). Words must be the "
                    "same one by one: if the file's are parted by spaces, let the text's be as well ('tokenised': true of "
                    "raw_text). Add the sentence to the file, or set 'missing' to 'skip', and what is not in the file is passed "
                    "over."
                )
        return [None if numbered is None else self._answer(numbered.line, self._contents) for numbered in found]

    @cached_property
    def _contents(self) -> _Contents:
        lines = LabelFileIndex(self.path, self._survey)
        complaint = self._survey.complaint()
        if complaint is not None:
            raise lines.error(*complaint)
        unused = self._survey.unused_names()
        if unused:
            logger.warning(
                "%s: 'label_map' names types that no line has (%s). Those of the file are: %s.",
                self.path,
                listed(unused),
                listed(self._survey.seen()),
            )
        scheme = self._survey.scheme()
        labels = scheme.tag_set(self._survey.types)
        contents = _Contents(lines, labels, {label: column for column, label in enumerate(labels)}, scheme)
        for first, other in lines.repeated():
            one, two = self._answer(first.line, contents), self._answer(other.line, contents)
            if not numpy.allclose(one, two, rtol=0, atol=_SAME):
                raise lines.error(
                    other.number,
                    f"the sentence {_start(other.line.words)} has other labels than in line {first.number}; keep one of them",
                )
        return contents

    def _answer(self, line: LabelLine, contents: _Contents) -> numpy.ndarray:
        """(num_words, num_labels)"""
        answer = numpy.zeros((len(line.words), len(contents.labels)), numpy.float32)
        if line.distributions is not None:
            # Several columns are added up where their types become one, or O.
            numpy.add.at(answer.T, self._columns_of(line.labels, contents), line.distributions.T)
        else:
            spans = [
                EntitySpan(start, end, renamed)
                for start, end, entity_type in line.spans
                if (renamed := self._type_map.renamed(entity_type)) is not None
            ]
            tags = contents.scheme.tags(spans, len(line.words))
            answer[numpy.arange(len(tags)), [contents.columns[tag] for tag in tags]] = 1
        return answer

    def _columns_of(self, own: Tuple[str, ...], contents: _Contents) -> numpy.ndarray:
        """(num_labels_of_line,) Where the columns of a line's labels belong."""
        if own not in self._columns:
            if len(self._columns) == _MAX_REMEMBERED:
                self._columns.clear()
            self._columns[own] = numpy.array([contents.columns[self._renamed(label)] for label in own])
        return self._columns[own]

    def _renamed(self, label: str) -> str:
        letter, entity_type = split_tag(label)
        renamed = None if entity_type is None else self._type_map.renamed(entity_type)
        return OUTSIDE if renamed is None else f"{letter}-{renamed}"


def _start(words: Sequence[str]) -> str:
    text = " ".join(words[:8])
    return quoted(f"{text}..." if len(words) > 8 else text)
