"""The files of a corpus: one path, several, or a glob."""

import glob
from pathlib import Path
from typing import List, Sequence, Union

from allennlp.common.checks import ConfigurationError
from allennlp.common.file_utils import cached_path

CorpusPath = Union[str, Path, Sequence[Union[str, Path]]]


def corpus_files(corpus: CorpusPath) -> List[str]:
    """
    The files meant by `corpus`: a path or URL, a glob (in alphabetical order), or a list of these (in its order).

    # Raises

    `ConfigurationError`
        Where a file does not exist or a glob matches none.
    """
    if not isinstance(corpus, (str, Path)):
        return [path for part in corpus for path in corpus_files(part)]
    path = str(corpus)
    if Path(path).exists():
        return [path]
    if glob.has_magic(path):
        files = sorted(match for match in glob.glob(path, recursive=True) if Path(match).is_file())
        if not files:
            raise ConfigurationError(f"No file matches '{path}'. Check the folder and the pattern.")
        return files
    try:
        return [str(cached_path(path))]
    except (FileNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"There is no file '{path}'. Check the path, and the data root that the config reads."
        ) from error
