"""Which tag scheme a list of labels belongs to, told from the labels alone."""

from collections import Counter
from typing import Dict, List, Optional, Sequence, Set

from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.quoting import listed, quoted
from lowresource_ner.tagging.tag_schemes import OUTSIDE, TagScheme, get_scheme, split_tag

# For each scheme its letters, and those of them that a type has whenever it has another: in IOB2 no entity goes on without having
# begun. Where several schemes fit, the first is taken.
_LETTERS = {"IOB2": "BI", "IOB1": "BI", "IOBES": "BIES", "BILOU": "BILU"}
_IMPLIED = {"IOB2": {"I": "B"}, "IOB1": {"B": "I"}, "IOBES": {"B": "E", "I": "E"}, "BILOU": {"B": "L", "I": "L"}}


def scheme_of_labels(labels: Sequence[str], tag_scheme: Optional[str], owner: str) -> TagScheme:
    """
    The scheme that a teacher's labels are tags of.

    # Parameters

    labels : `Sequence[str]`
    tag_scheme : `Optional[str]`
        Its name, where that is known; `None` to find it out. Of IOB2 and IOB1 it is IOB2, unless a type has I- and no B-.
    owner : `str`
        Whose labels they are, for messages: "model 'x'".

    # Raises

    `ConfigurationError`
        Where a label is no tag or comes twice, or the scheme does not fit.
    """
    letters = letters_by_type(labels, owner)
    if tag_scheme is not None:
        scheme = get_scheme(tag_scheme)
        together = {"": set().union(*letters.values())}  # a given scheme need not be complete for each type
        if not _fits(together, scheme.name):
            raise ConfigurationError(
                f"The labels of {owner} are no tags of the scheme {scheme.name}: {listed(labels)}. Leave 'tag_scheme' out, or "
                "give that of the labels."
            )
        return scheme
    name = next((name for name in _LETTERS if _fits(letters, name)), None)
    if name is None:
        raise ConfigurationError(
            f"The labels of {owner} are those of no tag scheme: {listed(labels)}. Give 'tag_scheme', "
            f"one of {', '.join(_LETTERS)}."
        )
    return get_scheme(name)


def letters_by_type(labels: Sequence[str], owner: str) -> Dict[str, Set[str]]:
    """
    The prefixes that each entity type has among the labels.

    # Raises

    `ConfigurationError`
        Where a label is no tag or comes twice.
    """
    letters: Dict[str, Set[str]] = {}
    for label in labels:
        if label == OUTSIDE:
            continue
        prefix, entity_type = split_tag(label)
        if entity_type is None or prefix not in set("BIESLU"):
            raise ConfigurationError(
                f"{quoted(label)}, a label of {owner}, is no tag. Tags are 'O', or one of B, I, E, S, L, U, a hyphen and an "
                "entity type: B-PER. Name them so in 'labels', in the same order."
            )
        letters.setdefault(entity_type, set()).add(prefix)
    if len(set(labels)) < len(labels):
        twice = sorted(label for label, count in Counter(labels).items() if count > 1)
        raise ConfigurationError(
            f"{listed(twice)} comes more than once among the labels of {owner}. Give each a name of its own; with a "
            "'label_map' several types become one, and those that are mapped to 'O' are dropped."
        )
    return letters


def _fits(letters: Dict[str, Set[str]], scheme: str) -> bool:
    return all(
        found <= set(_LETTERS[scheme])
        and all(implied in found for letter, implied in _IMPLIED[scheme].items() if letter in found)
        for found in letters.values()
    )


def types_of(labels: Sequence[str]) -> List[str]:
    """The entity types of labels, sorted."""
    return sorted({entity_type for entity_type in (split_tag(label)[1] for label in labels) if entity_type is not None})
