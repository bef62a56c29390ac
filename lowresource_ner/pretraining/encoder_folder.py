"""Writes the files of an encoder, its weights last, so that a folder with weights in it is complete."""

import contextlib
import os
import shutil
from pathlib import Path
from typing import Iterator

import torch
from safetensors import SafetensorError

from lowresource_ner.common.damaged_files import reason
from lowresource_ner.common.whole_files import flush

_WEIGHTS = "model*.safetensors*"


@contextlib.contextmanager
def encoder_written_whole(folder: Path, remedy: str) -> Iterator[Path]:
    """
    Yields a new folder inside `folder` to save an encoder to. When the block ends, the files are flushed to the disk and moved to
    `folder` one by one; old weights are removed first. An error removes the new folder.

    # Parameters

    folder : `Path`
        Created if it does not exist.
    remedy : `str`
        Sentences that say what to do when the disk is full.

    # Raises

    `OSError`
        If the encoder cannot be written.
    """
    new = folder / ".new"
    try:
        with writing_errors_explained(folder, remedy):
            shutil.rmtree(new, ignore_errors=True)  # what a killed process has left
            new.mkdir(parents=True)
            yield new
            _move(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


@contextlib.contextmanager
def writing_errors_explained(path: Path, remedy: str) -> Iterator[None]:
    """
    Converts errors of writing files. On a full disk, torch, safetensors and tokenizers raise errors of several classes, some of
    which do not name the file.

    # Raises

    `OSError`
        In place of these errors, with the path and the remedy.
    """
    try:
        yield
    except Exception as error:
        # tokenizers raises `Exception` itself.
        is_of_writing = isinstance(error, (OSError, RuntimeError, SafetensorError)) or type(error) is Exception
        if not is_of_writing or isinstance(error, torch.OutOfMemoryError):
            raise
        raise OSError(f"'{path}' could not be written: {reason(error)} Is the disk full? {remedy}") from error


def _move(new: Path, folder: Path) -> None:
    weights = set(new.glob(_WEIGHTS))
    for path in weights:
        path.chmod(0o644)  # colleagues may read it
    files = sorted(new.iterdir(), key=lambda path: (path in weights, path.name))
    for path in files:
        flush(path)
    for path in folder.glob(_WEIGHTS):
        path.unlink()
    for path in files:
        os.replace(path, folder / path.name)
    flush(folder)
