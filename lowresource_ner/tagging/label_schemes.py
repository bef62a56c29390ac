"""Detects the tag scheme of a model's labels."""

from collections import Counter
from typing import Dict, Mapping, Optional, Sequence, Set

from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.quoting import listed, quoted
from lowresource_ner.tagging.tag_scheme import SCHEMES, TagScheme, get_scheme
from lowresource_ner.tagging.tags import LETTERS, OUTSIDE, split_tag

# The letter that a type must have if it has another: in IOB2, a type with I- also has B-.
_IMPLIED = {"IOB2": {"I": "B"}, "IOB1": {"B": "I"}, "IOBES": {"B": "E", "I": "E"}, "BILOU": {"B": "L", "I": "L"}}


def scheme_of_labels(labels: Sequence[str], tag_scheme: Optional[str], owner: str) -> TagScheme:
    """
    Returns the tag scheme of a teacher's labels.

    # Parameters

    labels : `Sequence[str]`
    tag_scheme : `Optional[str]`
        The name of the scheme, or `None` to detect it. IOB2 is preferred to IOB1, unless a type has I- and no B-.
    owner : `str`
        The owner of the labels, for messages: "model 'x'".

    # Raises

    `ConfigurationError`
        If a label is not a tag or occurs twice, or the scheme does not fit.
    """
    letters = letters_by_type(labels, owner)
    if tag_scheme is not None:
        scheme = get_scheme(tag_scheme)
        together = {"": set().union(*letters.values())}  # a given scheme need not be complete for each type
        if not _fits(together, scheme):
            raise ConfigurationError(
                f"The labels of {owner} are not tags of the scheme {scheme.name}: {listed(labels)}. Leave 'tag_scheme' out, or "
                "give that of the labels."
            )
        return scheme
    found = next((scheme for scheme in SCHEMES.values() if _fits(letters, scheme)), None)
    if found is None:
        raise ConfigurationError(
            f"The labels of {owner} do not fit any tag scheme: {listed(labels)}. Give 'tag_scheme', "
            f"one of {', '.join(SCHEMES)}."
        )
    return found


def letters_by_type(labels: Sequence[str], owner: str) -> Dict[str, Set[str]]:
    """
    The letters that each entity type has among the labels.

    # Raises

    `ConfigurationError`
        If a label is not a tag or occurs twice.
    """
    letters: Dict[str, Set[str]] = {}
    for label in labels:
        if label == OUTSIDE:
            continue
        letter, entity_type = split_tag(label)
        if entity_type is None or letter not in LETTERS - {OUTSIDE}:
            raise ConfigurationError(
                f"{quoted(label)}, a label of {owner}, is not a tag. Tags are 'O', or one of B, I, E, S, L, U, a hyphen and an "
                "entity type: B-PER. Give such names in 'labels', in the same order."
            )
        letters.setdefault(entity_type, set()).add(letter)
    if len(set(labels)) < len(labels):
        twice = sorted(label for label, count in Counter(labels).items() if count > 1)
        raise ConfigurationError(
            f"{listed(twice)} comes more than once among the labels of {owner}. Give each a unique name; with a "
            "'label_map' several types become one, and those that are mapped to 'O' are dropped."
        )
    return letters


def _fits(letters: Mapping[str, Set[str]], scheme: TagScheme) -> bool:
    return all(
        found <= set(scheme.letters)
        and all(implied in found for letter, implied in _IMPLIED[scheme.name].items() if letter in found)
        for found in letters.values()
    )
