"""Finds the files that a training reads, in its config."""

from pathlib import Path
from typing import Any, Iterator, List, Mapping, Sequence, Tuple

from lowresource_ner.experiments.steps import files_of

# What the keys end in, or are, whose strings are files: train_data_path, pretrained_files, archive_file.
_FILES = ("_data_path", "_file", "_files", "_archive")
_FILE = "path"

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
        elif not _is_of_files(key) or "://" in value:
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


def _is_of_files(key: str) -> bool:
    return key == _FILE or key.endswith(_FILES)


def _strings(value: Any, key: str = "") -> Iterator[Tuple[str, str]]:
    """All strings, each with the key that says what it is: below `train_data_path` there are names of modules."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _strings(each, key if _is_of_files(key) else name)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _strings(each, key)
