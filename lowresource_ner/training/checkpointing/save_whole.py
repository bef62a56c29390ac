"""`torch.save` that writes a file completely or not at all."""

from os import PathLike
from typing import Any, Union

import torch

from lowresource_ner.common.damaged_files import reason
from lowresource_ner.common.whole_files import written_whole


def save_whole(content: Any, path: Union[str, PathLike]) -> None:
    """
    Saves `content` with `torch.save`, and replaces the file at `path` when the new one is complete.

    # Raises

    `OSError`
        If the file cannot be written, usually because the disk is full. An earlier file is kept.
    """
    try:
        with written_whole(path) as new:
            torch.save(content, new)
    except (OSError, RuntimeError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        # If the disk is full, torch raises a RuntimeError about file positions.
        why = reason(error) if isinstance(error, OSError) else "the writing broke off."
        raise OSError(
            f"'{path}' could not be written: {why} Is the disk full? Free space and repeat the command with --recover, which "
            "continues from the last checkpoint."
        ) from error
