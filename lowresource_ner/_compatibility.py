"""
Checks that the installed packages can run AllenNLP, before anything heavy is imported.

AllenNLP 2.10.1 declares version ranges that no Python supported today can install, so installers cannot check them. A wrong
version would otherwise end in an error deep inside another package. Only metadata is read here; no package is imported.
"""

from importlib import metadata
from typing import Callable, Iterator, NamedTuple, Optional, Tuple


class Need(NamedTuple):
    """A package that is needed, its supported versions as a version specifier, and why no others are supported."""

    name: str
    versions: str
    reason: str


NEEDS: Tuple[Need, ...] = (
    Need("allennlp", "==2.10.1", "this package extends it"),
    Need("torch", ">=2.11,<3", "older versions are untested"),
    Need("torchvision", ">=0.18", "AllenNLP imports it, and it must match torch"),
    Need(
        "transformers",
        ">=4.43,<4.44",
        "AllenNLP's indexers break from 4.44 on, its optimizers from 4.50 on, and older versions do not support numpy 2",
    ),
    Need("tokenizers", ">=0.19,<0.20", "transformers 4.43 requires it"),
    Need("numpy", ">=1.26,<3", "scipy and torch, which AllenNLP imports, are built for it"),
    Need("spacy", ">=3.8", "AllenNLP imports it, and older versions fail with numpy 2"),
    Need("seqeval", "==1.2.2", "scores are defined by this version"),
)

REMEDY = """\
Plain `pip install` does not work, since AllenNLP's own ranges exclude the versions that are needed. In the
source folder of lowresource_ner:
    pip install --no-deps -r requirements.txt
or, where uv is installed:
    uv pip install -e .
See docs/installation.md."""

VersionOf = Callable[[str], Optional[str]]
RequirementsOf = Callable[[str], "list[str]"]


def installed_version(name: str) -> Optional[str]:
    """The version of an installed distribution, `None` where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def declared_requirements(name: str) -> "list[str]":
    """The requirements that an installed distribution declares."""
    return metadata.requires(name) or []


def check_environment(
    version_of: VersionOf = installed_version, requirements_of: RequirementsOf = declared_requirements
) -> None:
    """
    Checks the versions of all packages that are needed.

    # Parameters

    version_of : `Callable[[str], Optional[str]]`, optional (default = what is installed)
        Returns the version of a distribution, or `None` if it is not installed.
    requirements_of : `Callable[[str], List[str]]`, optional (default = what is installed)
        Returns the requirements that an installed distribution declares.

    # Raises

    `ImportError`
        If a package is missing or of an unsupported version. The message lists all of them, what is needed, and what to do.
    """
    if version_of("packaging") is None:
        faults = ["packaging is not installed: versions cannot be compared without it"]
    else:
        faults = [*_unfit_versions(version_of), *_unmatched_torchvision(version_of, requirements_of)]
    if faults:
        lines = "\n".join(f"  - {fault}" for fault in faults)
        raise ImportError(f"lowresource_ner cannot run with the packages installed here:\n{lines}\n{REMEDY}")


def _unfit_versions(version_of: VersionOf) -> Iterator[str]:
    from packaging.specifiers import SpecifierSet

    for need in NEEDS:
        found = version_of(need.name)
        if found is None:
            yield f"{need.name} is not installed, {need.name}{need.versions} is needed ({need.reason})"
        elif not SpecifierSet(need.versions).contains(found, prereleases=True):
            yield f"{need.name} {found} is installed, {need.name}{need.versions} is needed ({need.reason})"


def _unmatched_torchvision(version_of: VersionOf, requirements_of: RequirementsOf) -> Iterator[str]:
    """Finds a torchvision built for another torch, whose import ends in `operator torchvision::nms does not exist`."""
    from packaging.requirements import Requirement

    torch, torchvision = version_of("torch"), version_of("torchvision")
    if torch is None or torchvision is None:
        return
    for line in requirements_of("torchvision"):
        requirement = Requirement(line)
        if requirement.name == "torch" and not requirement.specifier.contains(torch, prereleases=True):
            yield (
                f"torch {torch} is installed, but torchvision {torchvision} is built for torch{requirement.specifier}: "
                "install both from the same place"
            )
