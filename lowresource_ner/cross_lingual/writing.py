"""Files that are written whole or not at all, with errors that say which."""

import contextlib
from pathlib import Path
from typing import Iterator


@contextlib.contextmanager
def written(path: Path) -> Iterator[Path]:
    """
    Gives the path of a new file to write to, which takes the place of `path` when the block ends well.

    # Raises

    `OSError`
        Where it cannot be written, as on a full disk.
    """
    # Imported when it is needed: AllenNLP takes seconds, and --help need not wait for it.
    from lowresource_ner.common.whole_files import written_whole

    try:
        with written_whole(path) as new:
            yield new
    except OSError as error:
        raise OSError(f"'{path}' could not be written: {error}") from error
