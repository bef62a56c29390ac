"""Matches the labels of teachers with those of a student."""

from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Set

import numpy
from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.quoting import as_json, listed, quoted
from lowresource_ner.tagging import OUTSIDE, SCHEMES, TagScheme, get_scheme, letters_by_type, rewritten
from lowresource_ner.tagging.type_map import OTHER_TYPES, TypeMap

_REASONS = {
    "IOB1": "in IOB1 it depends on the word before whether an entity begins at an I-",
    "IOB2": "in IOB2 it depends on the next word whether an entity ends at a B- or an I-",
}
_INTO_IOB1 = "in IOB1 it depends on the word before whether an entity begins with B- or with I-"

# Names with the same meaning in published corpora. They are only used for suggestions in messages.
_ALIASES = (
    ("per", "person", "pers", "people"),
    ("org", "organization", "organisation"),
    ("loc", "location", "gpe", "place"),
    ("misc", "miscellaneous", "other"),
)


def label_matrix(
    teacher_labels: Sequence[str],
    teacher_scheme: str,
    student_labels: Sequence[str],
    student_scheme: str,
    label_map: Optional[Mapping[str, str]] = None,
    name: str = "the teacher",
) -> numpy.ndarray:
    """
    Returns the matrix that converts probabilities of a teacher's labels to a student's: `student = teacher @ matrix`.

    Types are matched by name, after `label_map`. Schemes are converted if a word's tag in the student's scheme depends only on
    its tag in the teacher's.

    # Parameters

    teacher_labels : `Sequence[str]`
        By column.
    teacher_scheme : `str`
    student_labels : `Sequence[str]`
        By column.
    student_scheme : `str`
    label_map : `Optional[Mapping[str, str]]`
        The teacher's entity types to rename (`{"PERSON": "PER"}`) or to drop (`{"MISC": "O"}`). The key "*" stands for all other
        types.
    name : `str`, optional (default = `"the teacher"`)
        For messages.

    # Returns

    `numpy.ndarray`
        (num_teacher_labels, num_student_labels) float32, with a single 1 in each row.

    # Raises

    `ConfigurationError`
        If the types differ, `label_map` names a type that the teacher lacks, or the schemes cannot be converted.
    """
    types = _types_of_labels(teacher_labels, label_map or {}, name)
    _check_same_types(_types_of_labels(student_labels, {}, "the student"), types)
    letters = _letters(get_scheme(teacher_scheme), get_scheme(student_scheme), name)
    if get_scheme(teacher_scheme).name == "IOB1" and types.are_merged:
        raise ConfigurationError(
            f"'label_maps' for {name} merges several types, but its scheme is IOB1: {_REASONS['IOB1']}. Take a teacher with "
            "another scheme, or keep its types apart."
        )
    columns = {label: column for column, label in enumerate(student_labels)}
    matrix = numpy.zeros((len(teacher_labels), len(student_labels)), numpy.float32)
    for row, label in enumerate(teacher_labels):
        own = rewritten(label, types.renamed, letters)
        if own not in columns:
            raise ConfigurationError(
                f"{quoted(label)}, a label of {name}, corresponds to {quoted(own)}, which is not among the student's labels: "
                f"{listed(student_labels)}. Give the student all tags of its scheme, as student_labels() does."
            )
        matrix[row, columns[own]] = 1
    return matrix


def student_labels(
    teachers_labels: Sequence[Sequence[str]],
    label_maps: Sequence[Optional[Mapping[str, str]]],
    tag_scheme: str,
    names: Optional[Sequence[str]] = None,
) -> List[str]:
    """
    Returns the labels for a student of the given teachers: O, then the tags of each entity type, in alphabetical order.

    # Parameters

    teachers_labels : `Sequence[Sequence[str]]`
        The labels of each teacher.
    label_maps : `Sequence[Optional[Mapping[str, str]]]`
        The label map of each teacher; see `label_matrix`.
    tag_scheme : `str`
        The student's tag scheme.
    names : `Optional[Sequence[str]]`, optional (default = "teacher 1", "teacher 2", ...)
        For messages.

    # Raises

    `ConfigurationError`
        If the teachers' types differ after mapping, or none is left.
    """
    if not teachers_labels or len(teachers_labels) != len(label_maps):
        raise ConfigurationError(
            f"There are {len(teachers_labels)} teachers and {len(label_maps)} label maps. Give at least one teacher, and a label "
            "map (or null) for each."
        )
    names = names or [f"teacher {number}" for number in range(1, len(teachers_labels) + 1)]
    types = [
        _types_of_labels(labels, label_map or {}, name)
        for labels, label_map, name in zip(teachers_labels, label_maps, names)
    ]
    for other in types[1:]:
        _check_same_types(types[0], other, both_can_change=True)
    if not types[0].as_mapped:
        raise ConfigurationError(
            f"No entity type is left of {', '.join(names)}: all are mapped to 'O', or there were none."
        )
    return get_scheme(tag_scheme).tag_set(types[0].as_mapped)


class _Types(NamedTuple):
    """The entity types of a teacher or a student, and the type that each is mapped to ("O" if it is dropped)."""

    owner: str
    mapped: Dict[str, str]

    def renamed(self, entity_type: str) -> Optional[str]:
        """Returns the type that a type is mapped to; `None` if it is dropped."""
        new = self.mapped[entity_type]
        return None if new == OUTSIDE else new

    @property
    def as_mapped(self) -> Set[str]:
        return set(self.mapped.values()) - {OUTSIDE}

    @property
    def are_merged(self) -> bool:
        return len(self.as_mapped) < sum(new != OUTSIDE for new in self.mapped.values())

    def changed(self, changes: Mapping[str, str]) -> str:
        """Returns the label map with these changes applied to the mapped types, as JSON."""
        final = {old: changes.get(new, new) for old, new in self.mapped.items()}
        return as_json({old: new for old, new in final.items() if new != old or new == OUTSIDE})


def _types_of_labels(labels: Sequence[str], label_map: Mapping[str, str], owner: str) -> _Types:
    types = sorted(letters_by_type(labels, owner))
    unknown = sorted(set(label_map) - set(types) - {OTHER_TYPES})
    if unknown:
        raise ConfigurationError(
            f"'label_maps' for {owner} names {listed(unknown)}, but its types are {listed(types)}. Remove these names, or write "
            "them as the teacher does."
        )
    type_map = TypeMap(label_map, f"'label_maps' for {owner}")
    problem = type_map.problem(types)
    if problem is not None:
        raise ConfigurationError(f"{_capitalised(owner)}: {problem}.")
    return _Types(owner, {each: type_map.renamed(each) or OUTSIDE for each in types})


def _check_same_types(first: _Types, other: _Types, both_can_change: bool = False) -> None:
    """Raises an error if types differ, which suggests label maps that would make them the same."""
    if first.as_mapped == other.as_mapped:
        return
    message = (
        f"The entity types differ. {_capitalised(first.owner)} has {listed(sorted(first.as_mapped))}; {other.owner} has "
        f"{listed(sorted(other.as_mapped))}. Types are matched by their names alone."
    )
    aliases = {_meaning(each): each for each in sorted(first.as_mapped, reverse=True)}
    changes = {old: aliases.get(_meaning(old), OUTSIDE) for old in other.as_mapped - first.as_mapped}
    reached = {changes.get(new, new) for new in other.as_mapped} - {OUTSIDE}
    left_over = first.as_mapped - reached
    maps = []
    if reached and changes:
        maps.append(f"for {other.owner}: {other.changed(changes)}")
    if reached and left_over and both_can_change:
        maps.append(f"for {first.owner}: {first.changed(dict.fromkeys(left_over, OUTSIDE))}")
    remedies = [f"set in 'label_maps' {' and '.join(maps)}"] if maps else []
    if left_over and not both_can_change:
        remedies.append(f"remove {listed(sorted(left_over))} from the types of {first.owner}")
    if not reached:
        remedies = ["give 'label_maps' that map the types of one to those of the other"]
    raise ConfigurationError(f"{message} If they correspond, {' and '.join(remedies)}. ('O' drops a type.)")


def _meaning(entity_type: str) -> str:
    """Returns a name that is shared by types that are likely to have the same meaning."""
    name = entity_type.casefold()
    return next((group[0] for group in _ALIASES if name in group), name)


def _letters(source: TagScheme, target: TagScheme, name: str) -> Dict[str, str]:
    """Returns the letters of tags that are to be rewritten."""
    letters = source.letters_in(target)
    if letters is None:
        reason = _INTO_IOB1 if target.name == "IOB1" and source.name != "IOB1" else _REASONS[source.name]
        targets = [other.name for other in SCHEMES.values() if source.letters_in(other) is not None]
        raise ConfigurationError(
            f"The tags of {name} are {source.name} and the student's {target.name}, but probabilities of single words cannot be "
            f"converted: {reason}. Give the student 'tag_scheme': '{source.name}'"
            + "".join(f" or '{new}'" for new in targets if new != source.name)
            + f", or take a teacher trained with {target.name}. (Hard labels in label files can be converted to any scheme.)"
        )
    return letters


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
