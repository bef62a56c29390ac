"""
The console command `lowresource-ner`: `allennlp` with this package imported and torchvision deferred.

AllenNLP imports torchvision at its start, and torchvision imports torch's compiler; both serve images alone. Here the code of
torchvision is run when something is first taken from it, and commands on text start in two thirds of the processor time.
Arguments, output and registered names are those of `allennlp`. No file `.allennlp_plugins` is needed.

The file lies beside the package, since importing the package imports AllenNLP.
"""

import importlib
import sys
from importlib import metadata
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Optional, Sequence


class DeferredModule(ModuleType):
    """
    A module whose code is run when a name is first looked up that it does not have yet. Other than with
    `importlib.util.LazyLoader`, that its submodules are imported does not run it.
    """

    def __getattr__(self, name: str) -> Any:
        spec = self.__spec__
        assert spec is not None and isinstance(spec.loader, DeferringLoader)
        self.__class__ = ModuleType
        self.__loader__ = spec.loader = spec.loader.deferred
        spec.loader.exec_module(self)
        return getattr(self, name)


class DeferringLoader:
    """Puts off what another loader would do."""

    def __init__(self, deferred: Any) -> None:
        self.deferred = deferred

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        module: Optional[ModuleType] = self.deferred.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__class__ = DeferredModule


class DeferringFinder:
    """Finds a package and its submodules as Python does, and has their code deferred."""

    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(
        self, name: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        if name.partition(".")[0] != self._package:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = DeferringLoader(spec.loader)  # type: ignore[assignment]
        return spec


def defer_torchvision() -> None:
    """For a process that has not imported it yet."""
    sys.meta_path.insert(0, DeferringFinder("torchvision"))


def main() -> None:
    """Runs the command of `sys.argv`."""
    if sys.argv[1:] == ["--version"]:
        print(*(f"{name} {metadata.version(name)}" for name in ("lowresource-ner", "allennlp")), sep="\n")
        return
    defer_torchvision()
    importlib.import_module("lowresource_ner")  # first: it checks the environment, and registers its subcommands
    import allennlp.__main__  # noqa: F401  sets the log up, as for `allennlp`
    from allennlp.commands import main as run
    from allennlp.common.util import install_sigterm_handler

    install_sigterm_handler()
    run(prog="lowresource-ner")


if __name__ == "__main__":
    main()
