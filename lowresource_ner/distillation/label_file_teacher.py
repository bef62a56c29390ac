"""Labels that somebody has given already as a teacher."""

import hashlib
import json
from functools import cached_property
from typing import Dict, List, Optional, Sequence, Set, Tuple

import numpy
from allennlp.common.checks import ConfigurationError

from lowresource_ner.data.tag_schemes import TagScheme, get_scheme
from lowresource_ner.distillation.label_file_index import LabelFileIndex, NumberedLine
from lowresource_ner.distillation.label_lines import LabelLine
from lowresource_ner.distillation.label_schemes import scheme_of_labels, types_of
from lowresource_ner.distillation.teacher import Teacher

_SCHEMES = ("IOB2", "IOB1", "IOBES", "BILOU")
"""In the order in which they are preferred for tags that are valid in several."""

_SAME = 1e-3
"""Probabilities that differ by less are those of one teacher, computed in other batches or rounded."""


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
        The entity types, where the file may lack some, or where others are to be an error.
    missing : `str`, optional (default = `"error"`)
        "error", or "skip" to answer `None` for a sentence that is not in the file.

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
    ) -> None:
        if missing not in ("error", "skip"):
            raise ConfigurationError(
                f"'missing' is '{missing}'; it is 'error', or 'skip' to pass over sentences that are not in the file."
            )
        self.path: str = path
        self._survey = _Survey(tag_scheme, file_tag_scheme, repair, types)
        self._missing = missing
        self._columns: Dict[Tuple[str, ...], List[int]] = {}

    @property
    def labels(self) -> List[str]:
        return self._contents[1]

    @property
    def tag_scheme(self) -> str:
        return self._contents[2].name

    @property
    def fingerprint(self) -> str:
        index, labels, scheme = self._contents
        parts = json.dumps([labels, scheme.name, index.digest])
        return hashlib.sha256(f"label_file 1\n{parts}".encode()).hexdigest()

    def _label(self, sentences: Sequence[Sequence[str]]) -> List[Optional[numpy.ndarray]]:
        found = self._contents[0].find(sentences)
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
    def _contents(self) -> "_Contents":
        index = LabelFileIndex(self.path, self._survey)
        scheme = self._survey.scheme()
        contents = (index, scheme.tag_set(self._survey.types), scheme)
        for first, other in index.repeated():
            one, two = self._answer(first.line, contents), self._answer(other.line, contents)
            if not numpy.allclose(one, two, rtol=0, atol=_SAME):
                raise index.error(
                    other.number,
                    f"the sentence {_start(other.line.words)} has other labels than in line {first.number}; keep one of them",
                )
        return contents

    def _answer(self, line: LabelLine, contents: "_Contents") -> numpy.ndarray:
        """(num_words, num_labels)"""
        _, labels, scheme = contents
        answer = numpy.zeros((len(line.words), len(labels)), numpy.float32)
        if line.distributions is not None:
            answer[:, self._columns_of(line.labels, labels)] = line.distributions
        else:
            tags = tuple(scheme.tags(line.spans, len(line.words)))
            answer[numpy.arange(len(tags)), [labels.index(tag) for tag in tags]] = 1
        return answer

    def _columns_of(self, own: Tuple[str, ...], labels: List[str]) -> List[int]:
        if own not in self._columns:
            self._columns[own] = [labels.index(label) for label in own]
        return self._columns[own]


_Contents = Tuple[LabelFileIndex, List[str], TagScheme]


class _Survey:
    """What is to be known of a file before its first sentence is given, gathered line by line."""

    def __init__(
        self, tag_scheme: Optional[str], file_tag_scheme: Optional[str], repair: bool, types: Optional[List[str]]
    ) -> None:
        self.types: Set[str] = set(types or [])
        self._types_are_given = types is not None
        self._given = None if tag_scheme is None else get_scheme(tag_scheme)
        self._of_tags = [get_scheme(name) for name in (_SCHEMES if file_tag_scheme is None else [file_tag_scheme])]
        self._repair = repair
        self._of_labels: Dict[Tuple[str, ...], TagScheme] = {}

    def __call__(self, numbered: NumberedLine) -> None:
        """Raises a `ValueError` or a `ConfigurationError` that says what is wrong with a line."""
        line = numbered.line
        if line.distributions is not None:
            self._take_labels(line.labels)
        else:
            self._take_types(line.types)
        if line.tags is not None and not self._repair:
            self._take_tags(line.tags)

    def scheme(self) -> TagScheme:
        """That of the answers."""
        return self._given or next(iter(self._of_labels.values()), self._of_tags[0])

    def _take_labels(self, labels: Tuple[str, ...]) -> None:
        if labels in self._of_labels:
            return
        scheme = scheme_of_labels(labels, None if self._given is None else self._given.name, "the distributions")
        others = {other.name for other in self._of_labels.values()} - {scheme.name}
        if others:
            raise ValueError(
                f"the labels are tags of {scheme.name}, and those of lines before of {others.pop()}; give all distributions in "
                "one scheme"
            )
        self._of_labels[labels] = scheme
        self._take_types(types_of(labels))

    def _take_types(self, types: Sequence[str]) -> None:
        unknown = set(types) - self.types
        if unknown and self._types_are_given:
            raise ValueError(
                f"{', '.join(sorted(unknown))} is not among 'types' ({', '.join(sorted(self.types))}); mend the line, or add it "
                "there"
            )
        self.types |= unknown

    def _take_tags(self, tags: Sequence[str]) -> None:
        offences = [scheme.first_offence(tags) for scheme in self._of_tags]
        if all(offences):
            schemes = " or ".join(scheme.name for scheme in self._of_tags)
            offence = offences[0]
            assert offence is not None
            raise ValueError(
                f"tag {offence.position + 1}, {offence.tag!r}, is invalid in {schemes}, the scheme of the lines before or "
                f"'file_tag_scheme': {offence.reason}; mend the tag, or set 'repair' to read tags as conlleval does"
            )
        self._of_tags = [scheme for scheme, offence in zip(self._of_tags, offences) if offence is None]


def _start(words: Sequence[str]) -> str:
    text = " ".join(words[:8])
    return f"'{text}...'" if len(words) > 8 else f"'{text}'"
