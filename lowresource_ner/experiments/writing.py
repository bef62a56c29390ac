"""Writes files completely or not at all, with errors that name the file."""

import contextlib
from pathlib import Path
from typing import Iterator

from lowresource_ner.common.whole_files import written_whole


@contextlib.contextmanager
def written(path: Path) -> Iterator[Path]:
    """
    Yields the path of a new file that replaces `path` when the block ends without an error.

    # Raises

    `OSError`
        If the file cannot be written, for instance on a full disk.
    """
    try:
        with written_whole(path) as new:
            yield new
    except OSError as error:
        raise OSError(f"'{path}' could not be written: {error}") from error
