"""What is to be known of a label file before its first sentence is given."""

from typing import Dict, List, Optional, Sequence, Set, Tuple

from lowresource_ner.common.quoting import listed, printable, quoted
from lowresource_ner.data.dataset_readers.conll_ner import OTHER_TYPES
from lowresource_ner.distillation.teachers.label_file_index import NumberedLine
from lowresource_ner.distillation.teachers.type_map import TypeMap
from lowresource_ner.tagging.label_schemes import scheme_of_labels, types_of
from lowresource_ner.tagging.tag_schemes import TagScheme, get_scheme

_SCHEMES = ("IOB2", "IOB1", "IOBES", "BILOU")
"""In the order in which they are preferred for tags that are valid in several."""

_MAX_REMEMBERED = 1024
"""Lists of labels that were checked already: as a rule a file has one."""


class LabelFileSurvey:
    """
    Is called with each line in turn, and gathers its types and what schemes its tags may be of.

    # Parameters

    tag_scheme, file_tag_scheme, repair, types
        See `LabelFileTeacher`.
    type_map : `TypeMap`
        What its types are called in the answers.
    """

    def __init__(
        self,
        tag_scheme: Optional[str],
        file_tag_scheme: Optional[str],
        repair: bool,
        types: Optional[Sequence[str]],
        type_map: TypeMap,
    ) -> None:
        self.types: Set[str] = set(types or [])
        """Of the answers."""
        self._types_are_given = types is not None
        self._type_map = type_map
        self._seen: Set[str] = set()
        self._lines_of_faults: Dict[str, int] = {}
        self._given = None if tag_scheme is None else get_scheme(tag_scheme)
        self._of_tags = [get_scheme(name) for name in (_SCHEMES if file_tag_scheme is None else [file_tag_scheme])]
        self._repair = repair
        self._of_labels: Optional[TagScheme] = None
        self._checked: Set[Tuple[str, ...]] = set()

    def __call__(self, numbered: NumberedLine) -> None:
        """Raises a `ValueError` or a `ConfigurationError` that says what is wrong with a line; of types see `complaint`."""
        line = numbered.line
        if line.distributions is not None:
            if line.labels not in self._checked:
                self._take_labels(line.labels)
                self._take_types(numbered.number, types_of(line.labels))
                self._remember(line.labels)
        else:
            self._take_types(numbered.number, line.types)
        if line.tags is not None and not self._repair:
            self._take_tags(line.tags)

    def scheme(self) -> TagScheme:
        """That of the answers."""
        return self._given or self._of_labels or self._of_tags[0]

    def complaint(self) -> Optional[Tuple[int, str]]:
        """
        The line where the first type stands that cannot be used, and what to do about all that cannot; `None` where all can. It
        names them all where it is asked for at the end of the file.
        """
        complaint = self._type_map.complaint(self._lines_of_faults)
        return None if complaint is None else (next(iter(self._lines_of_faults.values())), complaint)

    def unused_names(self) -> List[str]:
        """Of the types that are renamed or dropped those that no line had."""
        return sorted(set(self._type_map.names) - self._seen - {OTHER_TYPES})

    def seen(self) -> List[str]:
        """The types of the file, as it calls them."""
        return sorted(self._seen)

    def _take_labels(self, labels: Tuple[str, ...]) -> None:
        scheme = scheme_of_labels(labels, None if self._given is None else self._given.name, "the distributions")
        if self._of_labels not in (None, scheme):
            raise ValueError(
                f"the labels are tags of {scheme.name}, and those of lines before of {self._of_labels.name}; give all "
                "distributions in one scheme"
            )
        kept = [new for new in map(self._type_map.renamed, types_of(labels)) if new is not None]
        if scheme.name == "IOB1" and len(set(kept)) < len(kept):
            raise ValueError(
                "'label_map' makes one type of several, and the distributions are in IOB1, where it depends on the word before "
                "whether an entity begins at an I-; leave the types apart"
            )
        self._of_labels = scheme

    def _remember(self, labels: Tuple[str, ...]) -> None:
        if len(self._checked) == _MAX_REMEMBERED:
            self._checked.clear()
        self._checked.add(labels)

    def _take_types(self, line: int, types: Sequence[str]) -> None:
        for entity_type in sorted(set(types) - self._seen):
            self._seen.add(entity_type)
            renamed = self._type_map.renamed(entity_type)
            if self._type_map.fault(entity_type) is not None:
                self._lines_of_faults[entity_type] = line
            elif renamed is not None and renamed not in self.types:
                self._take_type(renamed)

    def _take_type(self, entity_type: str) -> None:
        if self._types_are_given:
            raise ValueError(
                f"{listed([entity_type])} is not among 'types' ({listed(sorted(self.types))}); mend the line, add it there, or "
                "rename it with 'label_map' ('O' drops a type)"
            )
        self.types.add(entity_type)

    def _take_tags(self, tags: List[str]) -> None:
        offences = [scheme.first_offence(tags) for scheme in self._of_tags]
        if all(offences):
            schemes = " or ".join(scheme.name for scheme in self._of_tags)
            offence = offences[0]
            assert offence is not None
            raise ValueError(
                f"tag {offence.position + 1}, {quoted(offence.tag)}, is invalid in {schemes}, the scheme of the lines before or "
                f"'file_tag_scheme': {printable(offence.reason)}; mend the tag, or set 'repair' to read tags as conlleval does"
            )
        self._of_tags = [scheme for scheme, offence in zip(self._of_tags, offences) if offence is None]
