"""What must not happen while something is built from the config of an archive, whatever stands in it."""

import contextlib
import os
from contextvars import ContextVar
from typing import Any, Callable, Iterator, Tuple

from allennlp.common import Registrable
from allennlp.common import util as allennlp_util
from allennlp.common.checks import ConfigurationError
from transformers import dynamic_module_utils

from lowresource_ner.archives.members import StrPath, shown

_UNDER_WAY: ContextVar[Tuple[str, ...]] = ContextVar("archives that are being built, from the outermost", default=())


@contextlib.contextmanager
def building(archive: StrPath) -> Iterator[None]:
    """
    Around all that is built from an archive's config. What `check_config` can only guess, of a text that might be a class or not,
    is certain here, where AllenNLP asks for the class.

    # Raises

    `ConfigurationError`
        Where the archive is being built already, being a teacher of itself; where something of it names a class by the path of a
        module, a spaCy model that is not installed, or an encoder that needs code that comes with it.
    """
    path = os.path.realpath(archive)
    others = _UNDER_WAY.get()
    if path in others:
        raise ConfigurationError(
            f"Archive '{archive}' is a teacher of itself ({' -> '.join([*others, path])}): it would be loaded without end. "
            "Do not use it, or train such a model from a config of your own."
        )
    token = _UNDER_WAY.set((*others, path))
    try:
        with (
            _replaced(Registrable, "resolve_class_name", _registered_only(archive)),
            _replaced(allennlp_util, "spacy_download", _no_download(archive)),
            # The answer to the question whether an encoder's code may be run might be the first line of somebody's text.
            _replaced(dynamic_module_utils, "TIME_OUT_REMOTE_CODE", 0),
        ):
            yield
    except Exception as error:
        if isinstance(error, ConfigurationError) or "trust_remote_code" not in str(error):
            raise
        raise ConfigurationError(
            f"Archive '{archive}' names an encoder that needs Python code that comes with its files, and this package runs no "
            "code of others. Do not use it, or train such a model with an encoder of a type that transformers knows."
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
                f"Archive '{archive}' names {shown(name)} where AllenNLP wants a {cls.__name__}, and no class is registered by "
                "this name. (AllenNLP would import a module and call what is in it.) If you trust the archive, name the package "
                "that registers it with --include-package; otherwise do not use it."
            )
        return resolve(cls, name)

    return classmethod(resolve_class_name)


def _no_download(archive: StrPath) -> Callable[..., None]:
    """In place of what AllenNLP calls where spaCy has no such model: it runs pip, and imports what that has installed."""

    def spacy_download(name: str, *_: Any, **__: Any) -> None:
        raise ConfigurationError(
            f"Archive '{archive}' needs the spaCy model {shown(name)}, which is not installed, and this package installs nothing "
            "that an archive names. If you know it, install it yourself: python -m spacy download NAME."
        )

    return spacy_download
