"""One kind of error for files that are damaged, whatever their readers raise."""

import contextlib
import pickle
from typing import Iterator

import torch
from allennlp.common.checks import ConfigurationError

# What has nothing to do with the file.
_OTHERS = (ConfigurationError, MemoryError, torch.OutOfMemoryError)


@contextlib.contextmanager
def said_of_damage(what: str, remedy: str) -> Iterator[None]:
    """
    Around the reading of a file: a damaged one makes tarfile, zlib, pickle, json, tokenizers, safetensors and torch raise errors
    of some twenty kinds, many of which say neither which file it was nor what to do.

    # Parameters

    what : `str`
        The file, as the subject of a sentence: "Archive 'model.tar.gz'".
    remedy : `str`
        Sentences that say what to do.

    # Raises

    `ConfigurationError`
        In place of any error.
    """
    try:
        yield
    except _OTHERS:
        raise
    except Exception as error:
        raise ConfigurationError(f"{what} cannot be read: {reason(error)} {remedy}") from error


def reason(error: Exception) -> str:
    """The first line of an error, as a sentence."""
    if isinstance(error, pickle.UnpicklingError):
        # torch advises to read such a file without care, which would run whatever is in it.
        return "it is damaged, or not written by torch.save."
    line = str(error).strip().split("\n")[0].strip()
    if " " not in line:  # a KeyError says 'model', and no more
        line = f"{type(error).__name__} {line}".strip()
    return line if line.endswith((".", "!", "?")) else f"{line}."
