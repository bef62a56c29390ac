"""Determines the entity types and the tag scheme of a label file."""

from typing import Dict, List, Optional, Sequence, Set, Tuple

from lowresource_ner.common.quoting import listed, printable, quoted
from lowresource_ner.distillation.teachers.label_lines import LabelLine
from lowresource_ner.tagging import SCHEMES, TagScheme, get_scheme, scheme_of_labels, types_of
from lowresource_ner.tagging.type_map import OTHER_TYPES, TypeMap


class LabelFileSurvey:
    """
    Collects the types of a label file, and the schemes in which its tags are valid, line by line.

    # Parameters

    tag_scheme, file_tag_scheme, repair, types
        See `LabelFileTeacher`.
    type_map : `TypeMap`
        The types that the teacher renames or drops.
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
        """The teacher's types: renamed, and without those that are dropped."""
        self._types_are_given = types is not None
        self._type_map = type_map
        self._file_types: Set[str] = set()
        self._lines_of_wrong_types: Dict[str, int] = {}
        self._given_scheme = None if tag_scheme is None else get_scheme(tag_scheme)
        self._tag_schemes = [get_scheme(name) for name in (SCHEMES if file_tag_scheme is None else [file_tag_scheme])]
        self._repair = repair
        self._label_scheme: Optional[TagScheme] = None
        self._checked_labels: Optional[Tuple[str, ...]] = None

    def add(self, line: LabelLine) -> None:
        """
        Takes a line into account.

        # Raises

        `ValueError`, `ConfigurationError`
            If the line is invalid. Types that cannot be used are reported by `problem`.
        """
        if line.probabilities is None:
            self._add_types(line.number, line.types)
        elif line.labels != self._checked_labels:  # as a rule, all lines have the same
            self._check_labels(line.labels)
            self._add_types(line.number, types_of(line.labels))
            self._checked_labels = line.labels
        if line.tags is not None and not self._repair:
            self._check_tags(line.tags)

    @property
    def scheme(self) -> TagScheme:
        """The teacher's tag scheme."""
        return self._given_scheme or self._label_scheme or self._tag_schemes[0]

    def problem(self) -> Optional[Tuple[int, str]]:
        """
        Returns the line of the first type that cannot be used, and a message about all such types; `None` if there are none.
        """
        problem = self._type_map.problem(self._lines_of_wrong_types)
        return None if problem is None else (next(iter(self._lines_of_wrong_types.values())), problem)

    def unused_names(self) -> List[str]:
        """Returns the types to rename or drop that do not occur."""
        return sorted(set(self._type_map.names) - self._file_types - {OTHER_TYPES})

    def file_types(self) -> List[str]:
        """Returns the types that occur, by their names in the file."""
        return sorted(self._file_types)

    def _check_labels(self, labels: Tuple[str, ...]) -> None:
        given = None if self._given_scheme is None else self._given_scheme.name
        scheme = scheme_of_labels(labels, given, "the distributions")
        if self._label_scheme not in (None, scheme):
            raise ValueError(
                f"the labels are tags of {scheme.name}, but those of the lines before are of {self._label_scheme.name}; give all "
                "distributions in one scheme"
            )
        kept = [new for new in map(self._type_map.renamed, types_of(labels)) if new is not None]
        if scheme.name == "IOB1" and len(set(kept)) < len(kept):
            raise ValueError(
                "'label_map' merges several types, but in IOB1, the scheme of the distributions, it depends on the word before "
                "whether an entity begins at an I-; keep the types apart"
            )
        self._label_scheme = scheme

    def _add_types(self, number: int, types: Sequence[str]) -> None:
        for entity_type in sorted(set(types) - self._file_types):
            self._file_types.add(entity_type)
            renamed = self._type_map.renamed(entity_type)
            if self._type_map.fault(entity_type) is not None:
                self._lines_of_wrong_types[entity_type] = number
            elif renamed is not None and renamed not in self.types:
                if self._types_are_given:
                    raise ValueError(
                        f"{listed([renamed])} is not among 'types' ({listed(sorted(self.types))}); fix the line, add it there, "
                        "or rename it with 'label_map' ('O' drops a type)"
                    )
                self.types.add(renamed)

    def _check_tags(self, tags: List[str]) -> None:
        errors = [scheme.first_error(tags) for scheme in self._tag_schemes]
        if errors[0] is not None and all(errors):
            schemes = " or ".join(scheme.name for scheme in self._tag_schemes)
            raise ValueError(
                f"tag {errors[0].position + 1}, {quoted(errors[0].tag)}, is invalid in {schemes}, the scheme of the lines before "
                f"or 'file_tag_scheme': {printable(errors[0].reason)}; fix the tag, or set 'repair' to read tags as conlleval "
                "does"
            )
        self._tag_schemes = [scheme for scheme, error in zip(self._tag_schemes, errors) if error is None]
