"""`torch.save` that writes a file completely or not at all."""

from os import PathLike
from typing import Any, Union

import torch

from lowresource_ner.common.damaged_files import reason
from lowresource_ner.common.whole_files import written_whole


def save_whole(content: Any, path: Union[str, PathLike]) -> None:
    """
    Saves by `torch.save`; the file at `path` is replaced when the new one is complete.

    # Raises

    `OSError`
        Where the file cannot be written, for want of space most often. What was there before is still there.
    """
    try:
        with written_whole(path) as new:
            torch.save(content, new)
    except (OSError, RuntimeError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        # Where a disk is full, torch raises a RuntimeError that speaks of positions in its file.
        why = reason(error) if isinstance(error, OSError) else "the writing broke off."
        raise OSError(
            f"'{path}' could not be written: {why} Is the disk full? Free space, and the same command with --recover goes on "
            "from the last checkpoint."
        ) from error
