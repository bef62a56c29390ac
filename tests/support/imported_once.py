"""Keeps AllenNLP from looking for its modules again in each command of a process and of those that are forked from it."""

from typing import Optional, Set

from allennlp import commands
from allennlp.common import plugins
from allennlp.common.util import import_module_and_submodules

_imported: Set[str] = set()


def import_once(package_name: str, exclude: Optional[Set[str]] = None) -> None:
    """In place of `import_module_and_submodules`, which takes most of the time of a short command when all is imported."""
    if package_name not in _imported:
        import_module_and_submodules(package_name, exclude=exclude)
        _imported.add(package_name)


plugins.import_module_and_submodules = import_once
commands.import_module_and_submodules = import_once
