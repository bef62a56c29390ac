"""Finds the entity types of files, to detect mismatches before anything is trained."""

import functools
from pathlib import Path
from typing import Dict, FrozenSet, Iterable, Set

from lowresource_ner.data.conll.format import ConllFormat
from lowresource_ner.data.conll.survey import survey_conll
from lowresource_ner.data.text_lines import ConllError


@functools.cache
def types_of(path: Path) -> FrozenSet[str]:
    """
    Returns the entity types of a CoNLL file; none for a file in another format, which the steps read with their overrides, and
    check themselves.
    """
    try:
        return frozenset(survey_conll(path, ConllFormat(), repair=True).entities_by_type)
    except ConllError:
        return frozenset()


def mapped_types(types: Iterable[str], label_map: Dict[str, str]) -> Set[str]:
    """Applies a label map to types. In it, "*" stands for all types that it does not name, and "O" drops a type."""
    return {label_map.get(each, label_map.get("*", each)) for each in types} - {"O"}


def map_for(types: FrozenSet[str], label_map: Dict[str, str]) -> Dict[str, str]:
    """Returns the part of a label map for these types, so that a change of the rest does not repeat a training."""
    if not types or "*" in label_map:
        return label_map
    return {old: new for old, new in label_map.items() if old in types}
