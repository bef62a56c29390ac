"""Finds the files that a training reads, in its config."""

from pathlib import Path
from typing import Any, Iterator, List, Mapping, Sequence, Tuple

from lowresource_ner.experiments.steps import files_of

_DATA_PATHS = ("train_data_path", "validation_data_path", "test_data_path")

# Keys, at any depth, whose strings are files.
_FILES = {"pretrained_file", "pretrained_files", "archive_file", "path"}

# Keys whose strings are folders or archives of encoders, or names.
_ENCODERS = {"model_name"}


def files_read(config: Mapping[str, Any], made: Sequence[Path] = ()) -> List[Path]:
    """
    # Parameters

    config : `Mapping[str, Any]`
    made : `Sequence[Path]`, optional (default = `()`)
        Files that another training will have made.

    # Returns

    `List[Path]`
        Sorted. Addresses on the net and names of encoders are left out.

    # Raises

    `ValueError`
        Where one of them is missing.
    """
    found, missing = set(), []
    for key, value in _strings(config):
        if key in _ENCODERS:
            found |= set(files_of(value))
        elif key not in _FILES and key not in _DATA_PATHS or "://" in value:
            continue
        elif matches := _existing(value):
            found |= set(matches)
        elif Path(value) in made:
            found.add(Path(value))
        else:
            missing.append(value)
    if missing:
        raise ValueError("files are missing:\n  - " + "\n  - ".join(dict.fromkeys(missing)))
    return sorted(found)


def _existing(path: str) -> List[Path]:
    """The file, or the files that a glob matches."""
    if Path(path).is_file():
        return [Path(path)]
    fixed = Path(path)
    while set("*?[") & set(str(fixed)):
        fixed = fixed.parent
    if fixed == Path(path):
        return []
    return [each for each in fixed.glob(str(Path(path).relative_to(fixed))) if each.is_file()]


def _strings(value: Any, key: str = "", depth: int = 0) -> Iterator[Tuple[str, str]]:
    """All strings with the nearest key that says what they are."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            is_telling = name in _FILES | _ENCODERS or (depth == 0 and name in _DATA_PATHS)
            # Below such a key there are names of modules or namespaces.
            yield from _strings(each, name if is_telling or key not in (*_FILES, *_DATA_PATHS) else key, depth + 1)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _strings(each, key, depth + 1)
