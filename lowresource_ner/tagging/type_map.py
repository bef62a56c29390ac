"""Renames and drops the entity types of CoNLL files, label files and teachers."""

from typing import Iterable, Mapping, Optional

from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.quoting import as_json, quoted
from lowresource_ner.common.text_rules import suggested_type, type_fault
from lowresource_ner.tagging.tags import OUTSIDE

OTHER_TYPES = "*"
"""The key for all types that are not named."""

_MOST_IN_A_REMEDY = 50


class TypeMap:
    """
    Renames and drops entity types. Types whose names are not allowed (see `type_fault`) must be renamed or dropped.

    # Parameters

    names : `Mapping[str, str]`
        `{"PERSON": "PER", "work of art": "work-of-art"}`. "O" drops a type; the key "*" stands for every type that is not named.
    option : `str`
        The option that `names` was given in, for messages: "'label_map' of labels.jsonl".

    # Raises

    `ConfigurationError`
        For a new name that is not allowed.
    """

    def __init__(self, names: Mapping[str, str], option: str) -> None:
        self.names = dict(names)
        self._option = option
        for old, new in self.names.items():
            fault = type_fault(new) if isinstance(new, str) else "is not a string"
            if fault is not None and new != OUTSIDE:
                remedy = f" Take {quoted(suggested_type(new))}, for instance." if isinstance(new, str) else ""
                raise ConfigurationError(
                    f"{option} turns type {quoted(old)} into {quoted(new)}, which {fault}. It maps types to types, or to 'O' to "
                    f"drop them.{remedy}"
                )

    def renamed(self, entity_type: str) -> Optional[str]:
        """The new name of a type; `None` if it is dropped."""
        new = self.names.get(entity_type, self.names.get(OTHER_TYPES))
        return entity_type if new is None else None if new == OUTSIDE else new

    def fault(self, entity_type: str) -> Optional[str]:
        """Why a type cannot be used ("holds white space"), or `None` if it can."""
        is_named = entity_type in self.names or OTHER_TYPES in self.names
        return None if is_named else type_fault(entity_type)

    def problem(self, types: Iterable[str]) -> Optional[str]:
        """What is wrong with the first of these types that cannot be used, and how to rename all that cannot; else `None`."""
        wrong = [each for each in types if self.fault(each) is not None]
        if not wrong:
            return None
        suggested = as_json({**self.names, **{each: suggested_type(each) for each in wrong[:_MOST_IN_A_REMEDY]}})
        return (
            f"entity type {quoted(wrong[0])} {self.fault(wrong[0])}; rename it, for instance with {self._option}: "
            f"{suggested} ('O' drops a type)"
        )
