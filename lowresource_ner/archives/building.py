"""Restricts what AllenNLP does while it builds a model from the config of an archive, which may be untrusted."""

import contextlib
import os
from contextvars import ContextVar
from typing import Any, Callable, Iterator, Tuple

from allennlp.common import Registrable
from allennlp.common import util as allennlp_util
from allennlp.common.checks import ConfigurationError
from transformers import dynamic_module_utils

from lowresource_ner.archives.members import StrPath
from lowresource_ner.common.quoting import quoted

_UNDER_WAY: ContextVar[Tuple[str, ...]] = ContextVar("archives that are being built, from the outermost", default=())


@contextlib.contextmanager
def building(archive: StrPath) -> Iterator[None]:
    """
    Inside a `with` block, AllenNLP builds only registered classes, downloads no spaCy model and runs no code that comes with an
    encoder. `check_config` has to guess whether a string in a config names a class; here AllenNLP asks for the class.

    # Raises

    `ConfigurationError`
        If the archive is already being built, because it is its own teacher; or if its config names a class by the path of a
        module, a spaCy model that is not installed, or an encoder that needs code of its own.
    """
    path = os.path.realpath(archive)
    others = _UNDER_WAY.get()
    if path in others:
        raise ConfigurationError(
            f"Archive '{archive}' is a teacher of itself ({' -> '.join([*others, path])}): loading it would never end. "
            "Do not use it, or train such a model from a config of your own."
        )
    token = _UNDER_WAY.set((*others, path))
    try:
        with (
            _replaced(Registrable, "resolve_class_name", _registered_only(archive)),
            _replaced(allennlp_util, "spacy_download", _no_download(archive)),
            # At 0 transformers raises an error. Otherwise it asks on standard input whether to run an encoder's code, and would
            # read the first line of a text to be tagged as the answer.
            _replaced(dynamic_module_utils, "TIME_OUT_REMOTE_CODE", 0),
        ):
            yield
    except Exception as error:
        if isinstance(error, ConfigurationError) or "trust_remote_code" not in str(error):
            raise
        raise ConfigurationError(
            f"Archive '{archive}' names an encoder that needs Python code that comes with its files, and this package does not "
            "run third-party code. Do not use it, or train such a model with an encoder of a type that transformers knows."
        ) from error
    finally:
        _UNDER_WAY.reset(token)


@contextlib.contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _registered_only(archive: StrPath) -> Any:
    resolve = vars(Registrable)["resolve_class_name"].__func__

    def resolve_class_name(cls: Any, name: str) -> Any:
        if "." in name and name not in Registrable._registry[cls]:
            raise ConfigurationError(
                f"Archive '{archive}' names {quoted(name)} where AllenNLP expects a {cls.__name__}, and no class is registered "
                "by this name. (AllenNLP would import a module and call what is in it.) If you trust the archive, name the "
                "package that registers it with --include-package; otherwise do not use it."
            )
        return resolve(cls, name)

    return classmethod(resolve_class_name)


def _no_download(archive: StrPath) -> Callable[..., None]:
    """Replaces AllenNLP's function for a missing spaCy model, which runs pip and imports what it has installed."""

    def spacy_download(name: str, *_: Any, **__: Any) -> None:
        raise ConfigurationError(
            f"Archive '{archive}' needs the spaCy model {quoted(name)}, which is not installed, and this package installs "
            "nothing that an archive names. If you know it, install it yourself: python -m spacy download NAME."
        )

    return spacy_download
