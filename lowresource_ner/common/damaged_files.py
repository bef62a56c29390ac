"""Reports damaged files with one kind of error."""

import contextlib
import pickle
from typing import Iterator

import torch
from allennlp.common.checks import ConfigurationError

# Errors that are not caused by the file.
_OTHER_CAUSES = (ConfigurationError, MemoryError, torch.OutOfMemoryError)


@contextlib.contextmanager
def damage_reported(what: str, remedy: str) -> Iterator[None]:
    """
    Turns any error in a `with` block that reads a file into one that names the file and says what to do. For damaged files,
    tarfile, zlib, pickle, json, tokenizers, safetensors and torch raise about twenty kinds of errors, many of which do neither.

    # Parameters

    what : `str`
        The file, as the subject of a sentence: "Archive 'model.tar.gz'".
    remedy : `str`
        Sentences that tell the user what to do.

    # Raises

    `ConfigurationError`
        In place of any other error, except when memory runs out.
    """
    try:
        yield
    except _OTHER_CAUSES:
        raise
    except Exception as error:
        raise ConfigurationError(f"{what} cannot be read: {reason(error)} {remedy}") from error


def reason(error: Exception) -> str:
    """The first line of an error, as a sentence."""
    if isinstance(error, pickle.UnpicklingError):
        # torch's message advises to load the file with weights_only=False, which would run whatever code is in it.
        return "it is damaged, or not written by torch.save."
    line = str(error).strip().split("\n")[0].strip()
    if " " not in line:  # the message of a KeyError is just the key
        line = f"{type(error).__name__} {line}".strip()
    return line if line.endswith((".", "!", "?")) else f"{line}."
