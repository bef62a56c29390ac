"""Which entity types files have, so that what does not fit is found before the work."""

import functools
from pathlib import Path
from typing import Dict, FrozenSet, Iterable, Set


@functools.cache
def types_of(path: Path) -> FrozenSet[str]:
    """
    The types of a CoNLL file in its usual form; none of a file in another form, which the steps are told how to read by overrides
    and which they check themselves.
    """
    # Imported when it is needed: AllenNLP takes seconds, and --help need not wait for it.
    from lowresource_ner.data.conll.parser import ConllError, ConllFormat, survey_conll

    try:
        return frozenset(survey_conll(path, ConllFormat(), repair=True).entities_by_type)
    except ConllError:
        return frozenset()


def mapped_types(types: Iterable[str], label_map: Dict[str, str]) -> Set[str]:
    """What a label map makes of types; "*" stands for those that it does not name, "O" drops them."""
    return {label_map.get(each, label_map.get("*", each)) for each in types} - {"O"}


def map_for(types: FrozenSet[str], label_map: Dict[str, str]) -> Dict[str, str]:
    """What of a label map says something of these types: what says nothing need not make a training run again."""
    if not types or "*" in label_map:
        return label_map
    return {old: new for old, new in label_map.items() if old in types}
