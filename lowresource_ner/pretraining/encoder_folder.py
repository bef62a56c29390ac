"""Writes an encoder's folder, weights last, so that a folder that loads is complete."""

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
    Gives a new folder in `folder` to save an encoder to. When the block ends, its files are on the disk and move into `folder`
    one after the other; weights of an encoder that was there before are removed first. After an error the new folder is gone.

    # Parameters

    folder : `Path`
        It is made where there is none.
    remedy : `str`
        Sentences that say what to do where the disk is full.

    # Raises

    `OSError`
        Where the encoder cannot be written.
    """
    new = folder / ".new"
    try:
        with said_of_writing(folder, remedy):
            shutil.rmtree(new, ignore_errors=True)  # what a killed process has left
            new.mkdir(parents=True)
            yield new
            _move(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


@contextlib.contextmanager
def said_of_writing(path: Path, remedy: str) -> Iterator[None]:
    """
    Around the writing of files: on a full disk torch, safetensors and tokenizers raise errors of their own kinds, some of which
    name neither the file nor the disk.

    # Raises

    `OSError`
        In place of these.
    """
    try:
        yield
    except Exception as error:
        # tokenizers raises plain exceptions.
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
