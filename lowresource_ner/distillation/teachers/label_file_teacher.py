"""A label file as a teacher."""

import hashlib
import json
import logging
from functools import cached_property
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Set

import numpy
from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.quoting import listed, quoted
from lowresource_ner.distillation.teachers.label_file import LabelFile
from lowresource_ner.distillation.teachers.label_file_survey import LabelFileSurvey
from lowresource_ner.distillation.teachers.label_lines import LabelLine
from lowresource_ner.distillation.teachers.teacher import Teacher
from lowresource_ner.tagging import EntitySpan, TagScheme, rewritten
from lowresource_ner.tagging.type_map import TypeMap

logger = logging.getLogger(__name__)

_SAME = 1e-3
"""Smaller differences between probabilities are considered rounding errors."""


@Teacher.register("label_file")
class LabelFileTeacher(Teacher):
    """
    Labels text with the labels of a file, which may come from another program, a language model or annotators. Each line is a
    JSON object with "tokens", the words, and at least one of the following. If there are several, the first one is used.

    * "distributions" (or "probabilities", with a list for each word): the probabilities of the tags in "labels" for each word;
    * "tags": the tag of each word;
    * "entities": objects with "start_token", "end_token" (exclusive) and "type". Other keys ("confidence") are ignored.

    The output of `allennlp predict` with the predictor `ner` has this format.

    A sentence is looked up by its words, which must match exactly; the order of lines does not matter. The file may be of any
    size and compressed (gz, bz2, xz). It is read once, when it is first needed, and every line is checked; it must not be changed
    afterwards. Its labels are not copied to a store.

    Registered as a `Teacher` with name "label_file".

    # Parameters

    path : `str`
    tag_scheme : `Optional[str]`, optional (default = that of the file)
        The scheme of the teacher's labels. Tags and entities can be converted to any scheme, distributions cannot. A file that
        has only entities defaults to IOB2.
    file_tag_scheme : `Optional[str]`, optional (default = detected)
        The scheme in which the "tags" of the file must be valid.
    repair : `bool`, optional (default = `False`)
        Read invalid tag sequences as conlleval does, instead of raising an error.
    types : `Optional[List[str]]`, optional (default = those that occur)
        The teacher's entity types, if the file may lack some, or others should be an error.
    missing : `str`, optional (default = `"error"`)
        "error", or "skip" to leave out sentences that are not in the file.
    label_map : `Optional[Dict[str, str]]`
        Types of the file to rename (`{"PERSON": "PER"}`) or to drop (`{"MISC": "O"}`). The key "*" stands for all other types.
        Types that cannot be part of a tag, for example because of white space (see `type_fault`), must be renamed.

    # Raises

    `ConfigurationError`
        With file and line, if a line is invalid, or two lines have the same words but different labels; also if a sentence is not
        in the file and `missing` is "error".
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
                f"'missing' is '{missing}'; it must be 'error', or 'skip' to leave out sentences that are not in the file."
            )
        problem = TypeMap({}, "'label_map'").problem(types or [])
        if problem is not None:
            raise ConfigurationError(f"'types' of {path}: {problem}.")
        self.path = path
        self._type_map = TypeMap(label_map or {}, f"'label_map' of {path}")
        self._survey = LabelFileSurvey(tag_scheme, file_tag_scheme, repair, types, self._type_map)
        self._missing = missing

    @property
    def labels(self) -> List[str]:
        return self._contents.conversion.labels

    @property
    def tag_scheme(self) -> str:
        return self._contents.conversion.scheme.name

    @property
    def fingerprint(self) -> str:
        parts: List[Any] = [self.labels, self.tag_scheme, self._contents.file.digest]
        if self._type_map.names:
            parts.append(sorted(self._type_map.names.items()))
        return hashlib.sha256(f"label_file 1\n{json.dumps(parts)}".encode()).hexdigest()

    def _label(self, sentences: Sequence[Sequence[str]]) -> List[Optional[numpy.ndarray]]:
        file, conversion = self._contents
        lines = file.find(sentences)
        for words, line in zip(sentences, lines):
            if line is None and self._missing == "error":
                raise ConfigurationError(
                    f"{self.path}: there is no line for the sentence {_start(words)} ({len(words)} words). Words must match "
                    "exactly: if the file's are separated by spaces, read the text in the same way ('tokenised': true of "
                    "raw_text). Add the sentence to the file, or set 'missing' to 'skip' to leave out such sentences."
                )
        return [None if line is None else conversion.probabilities(line) for line in lines]

    @cached_property
    def _contents(self) -> "_Contents":
        survey = self._survey
        file = LabelFile(self.path, survey.add)
        problem = survey.problem()
        if problem is not None:
            raise file.error(*problem)
        unused = survey.unused_names()
        if unused:
            logger.warning(
                "%s: 'label_map' names types that do not occur (%s). The file's types are: %s.",
                self.path,
                listed(unused),
                listed(survey.file_types()),
            )
        conversion = _Conversion(survey.scheme, survey.types, self._type_map)
        for first, other in file.repeated():
            if not numpy.allclose(conversion.probabilities(first), conversion.probabilities(other), rtol=0, atol=_SAME):
                raise file.error(
                    other.number,
                    f"the sentence {_start(other.words)} has different labels in line {first.number}; keep one of them",
                )
        return _Contents(file, conversion)


class _Conversion:
    """Converts the labels of lines to probabilities of the teacher's labels."""

    def __init__(self, scheme: TagScheme, types: Set[str], type_map: TypeMap) -> None:
        self.scheme = scheme
        self.labels = scheme.tag_set(types)
        self._type_map = type_map
        self._columns = {label: column for column, label in enumerate(self.labels)}
        self._file_columns: Dict[str, int] = {}

    def probabilities(self, line: LabelLine) -> numpy.ndarray:
        """(num_words, num_labels) float32."""
        probabilities = numpy.zeros((len(line.words), len(self.labels)), numpy.float32)
        if line.probabilities is not None:
            columns = [self._column(label) for label in line.labels]
            # Columns are added up if their types are merged, or dropped.
            numpy.add.at(probabilities.T, columns, line.probabilities.T)
        else:
            renamed = [(span, self._type_map.renamed(span.type)) for span in line.spans]
            spans = [EntitySpan(span.start, span.end, new) for span, new in renamed if new is not None]
            tags = self.scheme.tags(spans, len(line.words))
            probabilities[numpy.arange(len(tags)), [self._columns[tag] for tag in tags]] = 1
        return probabilities

    def _column(self, file_label: str) -> int:
        """Returns the column of a label of the file."""
        if file_label not in self._file_columns:
            label = rewritten(file_label, self._type_map.renamed, letters={})
            self._file_columns[file_label] = self._columns[label]
        return self._file_columns[file_label]


class _Contents(NamedTuple):
    file: LabelFile
    conversion: _Conversion


def _start(words: Sequence[str]) -> str:
    text = " ".join(words[:8])
    return quoted(f"{text}..." if len(words) > 8 else text)
