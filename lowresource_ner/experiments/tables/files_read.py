"""Finds the files that a training reads, from its config."""

from pathlib import Path
from typing import Any, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from lowresource_ner.experiments.steps import files_of

# The keys whose values are files, or their endings: train_data_path, pretrained_files, archive_file.
_FILES = ("_data_path", "_file", "_files", "_archive")
_FILE = "path"

# Keys whose values are encoders: folders, archives or names.
_ENCODERS = {"model_name"}


def files_read(config: Mapping[str, Any], made: Optional[Mapping[str, Sequence[Path]]] = None) -> List[Path]:
    """
    Returns the files that a config names, sorted; addresses and names of encoders are left out.

    # Parameters

    config : `Mapping[str, Any]`
    made : `Mapping[str, Sequence[Path]]`, optional (default = `{}`)
        The files of archives and encoders that other steps write, and that may not exist yet, by the path in the config.

    # Raises

    `ValueError`
        If another file is missing.
    """
    made = made or {}
    found: Set[Path] = set()
    missing: List[str] = []
    for key, value in _strings(config):
        if key not in _ENCODERS and (not _is_of_files(key) or "://" in value):
            continue
        if value in made:
            found |= set(made[value])
        elif key in _ENCODERS:
            found |= set(files_of(value))
        elif matches := _existing(value):
            found |= set(matches)
        else:
            missing.append(value)
    if missing:
        raise ValueError("files are missing:\n  - " + "\n  - ".join(dict.fromkeys(missing)))
    return sorted(found)


def _existing(path: str) -> List[Path]:
    """Returns the file, or the files that match a glob."""
    if Path(path).is_file():
        return [Path(path)]
    fixed = Path(path)
    while set("*?[") & set(str(fixed)):
        fixed = fixed.parent
    if fixed == Path(path):
        return []
    return [each for each in fixed.glob(str(Path(path).relative_to(fixed))) if each.is_file()]


def _is_of_files(key: str) -> bool:
    return key == _FILE or key.endswith(_FILES)


def _strings(value: Any, key: str = "") -> Iterator[Tuple[str, str]]:
    """Yields all strings with their keys. A key of files applies to the whole object below it, as with `train_data_path`."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _strings(each, key if _is_of_files(key) else name)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _strings(each, key)
