"""Writes files completely or not at all, with errors that name the file."""

import contextlib
from pathlib import Path
from typing import Iterator

from lowresource_ner.common.whole_files import written_whole


@contextlib.contextmanager
def written(path: Path) -> Iterator[Path]:
    """
    Gives the path of a new file to write to, which takes the place of `path` when the block ends well.

    # Raises

    `OSError`
        Where the file cannot be written, on a full disk for instance.
    """
    try:
        with written_whole(path) as new:
            yield new
    except OSError as error:
        raise OSError(f"'{path}' could not be written: {error}") from error
