"""Finds, describes and copies the training configs that come with the package."""

import re
import shutil
from itertools import takewhile
from pathlib import Path
from typing import Iterator, List

from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.whole_files import written_whole

_IMPORT = re.compile(r"\bimport '([^']+)'")


def configs_folder() -> Path:
    """The folder `training_configs`. The wheel holds it inside the package, where the repository has a link to it."""
    return Path(__file__).with_name("training_configs").resolve()


def config_names() -> List[str]:
    """The names of all configs, `cross_domain/pgn` for instance, in alphabetical order."""
    root = configs_folder()
    return sorted(path.relative_to(root).with_suffix("").as_posix() for path in root.glob("*/*.jsonnet"))


def config_summary(name: str) -> str:
    """The first sentence of the comment at the top of a config."""
    lines = (configs_folder() / f"{name}.jsonnet").read_text(encoding="utf-8").splitlines()
    comment = " ".join(line.removeprefix("//").strip() for line in takewhile(lambda line: line.strip("/ "), lines))
    return re.split(r"(?<=\.) (?=[A-Z])", comment)[0]


def copy_config(name: str, folder: Path, force: bool = False) -> Path:
    """
    Copies a config, the files that it imports and `defaults.sh` to a folder, with the same relative paths. Files that already
    exist there with the same contents are left alone.

    # Parameters

    name : `str`
        A name from `config_names`, or its last part if no other config has it.
    folder : `Path`
        Created if it does not exist.
    force : `bool`, optional (default = `False`)
        Whether files with other contents are overwritten.

    # Returns

    `Path`
        The copy of the config.

    # Raises

    `ConfigurationError`
        If the name is unknown or, without `force`, if files would be overwritten. Nothing is written then.
    """
    root = configs_folder()
    config = config_path(name)
    copies = {path: folder / path.relative_to(root) for path in (root / "defaults.sh", *_with_imports(config))}
    changed = [path for path, copy in copies.items() if not copy.exists() or copy.read_bytes() != path.read_bytes()]
    overwritten = [str(copies[path]) for path in changed if copies[path].exists()]
    if overwritten and not force:
        raise ConfigurationError(
            f"These files would be overwritten: {', '.join(overwritten)}. Name another folder, or give --force."
        )
    for path in changed:
        copies[path].parent.mkdir(parents=True, exist_ok=True)
        with written_whole(copies[path]) as new:
            shutil.copyfile(path, new)
    return copies[config]


def config_path(name: str) -> Path:
    """
    The file of a config, by its name as in `copy_config`.

    # Raises

    `ConfigurationError`
        For a name that is not known.
    """
    return configs_folder() / f"{_full_name(name)}.jsonnet"


def _full_name(name: str) -> str:
    found = [known for known in config_names() if name in (known, known.split("/")[1])]
    if len(found) != 1:
        raise ConfigurationError(f"There is no config '{name}'. `allennlp configs list` shows the names.")
    return found[0]


def _with_imports(path: Path) -> Iterator[Path]:
    """Yields the file and those that it imports, directly or indirectly. A file may be yielded several times."""
    yield path
    for imported in _IMPORT.findall(path.read_text(encoding="utf-8")):
        yield from _with_imports((path.parent / imported).resolve())
