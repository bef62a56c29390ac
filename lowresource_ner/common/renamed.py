"""Refuses subclasses that were written for an earlier version of their base class."""

from typing import Mapping


def refuse_earlier_names(subclass: type, present_names: Mapping[str, str]) -> None:
    """
    Raises a `TypeError` if a subclass defines a name that its base class no longer looks at. The definition would be passed over
    silently.

    # Parameters

    subclass : `type`
    present_names : `Mapping[str, str]`
        By earlier name, what takes its place.
    """
    for earlier in present_names.keys() & vars(subclass).keys():
        raise TypeError(
            f"{subclass.__module__}.{subclass.__qualname__} defines '{earlier}', which nothing calls any more; "
            f"define {present_names[earlier]} instead."
        )
