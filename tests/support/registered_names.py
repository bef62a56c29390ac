"""What AllenNLP and this package have registered."""

from typing import List

from allennlp.common import Registrable


def registered_names() -> List[str]:
    """Base class, name and class of each entry."""
    return sorted(
        f"{base.__name__} {name} {entry.__module__}.{entry.__qualname__}"
        for base, entries in Registrable._registry.items()
        for name, (entry, _) in entries.items()
        if entry.__module__.startswith(("allennlp.", "lowresource_ner."))
    )
