"""Resolves the path of a corpus: a file, a URL, a glob, or a list of these."""

import glob
import os
from pathlib import Path
from typing import List, Sequence, Union

from allennlp.common.checks import ConfigurationError
from allennlp.common.file_utils import cached_path

CorpusPath = Union[str, Path, Sequence[Union[str, Path]]]


def corpus_files(corpus: CorpusPath) -> List[str]:
    """
    The files of a corpus: of a path or URL, of a glob (in alphabetical order), or of a list of these (in its order). A path that
    exists is not read as a glob.

    # Raises

    `ConfigurationError`
        If a file does not exist or cannot be downloaded, a glob matches nothing, or a list is empty.
    """
    if not corpus or not isinstance(corpus, (str, Path, Sequence)):
        raise ConfigurationError(f"The path of a corpus is {corpus!r}; give a path, a URL, a glob, or a list of these.")
    if isinstance(corpus, (str, Path)):
        return _files(str(corpus))
    return [path for part in corpus for path in corpus_files(part)]


def _files(path: str) -> List[str]:
    if os.path.exists(path):
        return [path]
    if "://" not in path and glob.has_magic(path):
        return _matches(path)
    try:
        return [str(cached_path(path))]
    except (ValueError, OSError) as error:
        if "://" in path:
            raise ConfigurationError(f"'{path}' cannot be downloaded: {error}. Check the address.") from error
        raise ConfigurationError(
            f"There is no file '{path}'. Check the path, and the data root that the config reads."
        ) from error


def _matches(pattern: str) -> List[str]:
    folder = next(parent for parent in Path(pattern).parents if os.path.exists(parent))
    names = glob.glob(str(Path(pattern).relative_to(folder)), root_dir=folder, recursive=True)
    files = sorted(str(path) for path in (folder / name for name in names) if not path.is_dir())
    if not files:
        raise ConfigurationError(
            f"No file matches '{pattern}'. Check the folder and the pattern; a bracket that is part of a name is written '[[]'."
        )
    return files
