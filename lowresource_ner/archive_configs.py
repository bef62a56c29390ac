"""
The config of an archive: read as what it is, JSON, and checked before anything is built from it.

AllenNLP takes what a config names as a class from anywhere: `{"type": "subprocess.Popen"}`, or "subprocess.Popen" alone where an
object is expected, imports the module and calls it. Here a config may name what is registered and nothing else. Nobody can
register anything by way of an archive, so that is AllenNLP's, this package's, and of the packages that the user names.
"""

import copy
import importlib.util
import json
from operator import itemgetter
from pathlib import Path
from typing import Any, Dict, Iterator, NamedTuple, Optional, Set, Tuple, Union

from allennlp.common import Params, Registrable
from allennlp.common.checks import ConfigurationError
from allennlp.common.params import parse_overrides, remove_keys_from_params, with_overrides
from allennlp.models.archival import CONFIG_NAME

from lowresource_ner.archive_members import COPY_AGAIN, StrPath, shown
from lowresource_ner.damaged_files import reason, said_of_damage

_LARGEST_CONFIG = 16 << 20
_DEEPEST = 64

# Paths of files, which are handed to readers as they are: nothing is ever built from them.
_DATA_PATHS = ("train_data_path", "validation_data_path", "test_data_path")

# What AllenNLP loads another archive for, without any check: a model, and an initializer.
_LOADERS = ("from_archive", "pretrained")

_NAME_THE_PACKAGE = (
    "If you trust the archive, name the package that registers it with --include-package; otherwise do not use it, or train such "
    "a model from a config of your own."
)
_TRAIN_AGAIN = "Do not use it, or train such a model from a config of your own."


class Entry(NamedTuple):
    """A value of a config, and where it stands: `("model", "text_field_embedder", "type")`."""

    place: Tuple[str, ...]
    value: Any


def archive_config(
    folder: StrPath, overrides: Union[str, Dict[str, Any]] = "", archive: Optional[StrPath] = None
) -> Dict[str, Any]:
    """
    Reads and checks the config of an unpacked archive.

    # Parameters

    folder : `StrPath`
        An archive that is `unpacked`.
    overrides : `Union[str, Dict[str, Any]]`
        Changes to its config, as AllenNLP's commands take them. They are the user's own, and evaluated as Jsonnet.
    archive : `Optional[StrPath]`
        What the user calls it, for messages.

    # Raises

    `ConfigurationError`
        Where the config is damaged or no JSON, the overrides do not fit it, or with them it names what is not registered or loads
        what nobody has checked.
    """
    archive = archive or folder
    remedy = f"(It is read as JSON, which is what AllenNLP writes, and never evaluated.) {COPY_AGAIN}"
    with said_of_damage(f"The config of archive '{archive}'", remedy):
        config = _read(Path(folder) / CONFIG_NAME)
    if overrides:
        config = _overridden(config, overrides, archive)
    check_config(config, archive)
    with said_of_damage(f"The config of archive '{archive}'", COPY_AGAIN):
        if "type" not in _section(config, "model") or not _section(config, "dataset_reader"):
            raise ValueError("it names no model or no reader.")
    return config


def check_config(config: Dict[str, Any], archive: StrPath) -> None:
    """
    Checks that a config names registered classes only, and loads nothing that is not checked.

    # Raises

    `ConfigurationError`
        Where a config names a class that is not registered or has AllenNLP load what is not checked.
    """
    registered = set(registered_classes())
    for place, value in entries(_as_built(config)):
        fault = None if place[:1] and place[0] in _DATA_PATHS else _fault(place, value, registered)
        if fault is not None:
            raise ConfigurationError(
                f"The config of archive '{archive}' is refused before anything is built from it: {shown('.'.join(place))} "
                f"is {shown(str(value))}, {fault}"
            )


def registered_classes() -> Dict[str, Set[str]]:
    """The packages of the classes that are registered by each name, of whatever base."""
    packages: Dict[str, Set[str]] = {}
    for registry in list(Registrable._registry.values()):
        for name, (registered, _) in registry.items():
            packages.setdefault(name, set()).add((getattr(registered, "__module__", None) or "?").partition(".")[0])
    return packages


def entries(config: Any) -> Iterator[Entry]:
    """All values of a config in their order; iteratively, since a hostile one may nest deeper than Python recurses."""
    waiting = [Entry((), config)]
    while waiting:
        place, value = waiting.pop()
        yield Entry(place, value)
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        waiting.extend(reversed([Entry((*place, str(key)), each) for key, each in inner]))


def imports_code(name: str) -> bool:
    """
    True where AllenNLP, which takes any text with a dot in it for the path of a class, would import a module for this one. (A
    file name such as "json.gz" counts, "./json.gz" does not.) Nothing is imported to find out.
    """
    first, *inner = name.split(".")[:-1] or [""]
    try:
        spec = importlib.util.find_spec(first) if first else None
    except ValueError:  # of modules that have none, such as __main__
        return True
    if spec is None:
        return False
    # A folder without code is found as well; what is imported from it is a module in it, whose name has no slash.
    return spec.origin is not None or (bool(inner) and "/" not in inner[0])


def _read(path: Path) -> Dict[str, Any]:
    size = path.stat().st_size
    if size > _LARGEST_CONFIG:
        raise ValueError(f"it has {size:,} bytes, and at most {_LARGEST_CONFIG:,} are read.")
    # In the order that Jsonnet gave to its training.
    config = json.loads(path.read_bytes(), object_pairs_hook=lambda pairs: dict(sorted(pairs, key=itemgetter(0))))
    if not isinstance(config, dict):
        raise ValueError("it is no JSON object.")
    if any(len(place) > _DEEPEST for place, _ in entries(config)):
        raise ValueError(f"it is nested more than {_DEEPEST} levels deep.")
    return config


def _overridden(config: Dict[str, Any], overrides: Union[str, Dict[str, Any]], archive: StrPath) -> Dict[str, Any]:
    try:
        return with_overrides(
            config, parse_overrides(overrides if isinstance(overrides, str) else json.dumps(overrides))
        )
    except Exception as error:
        raise ConfigurationError(
            f"The overrides {overrides} do not fit the config of archive '{archive}': {reason(error)} Check their spelling; "
            f"its sections are {', '.join(config)}."
        ) from error


def _section(config: Dict[str, Any], name: str) -> Dict[str, Any]:
    section = config[name]
    if not isinstance(section, dict):
        raise ValueError(f"its '{name}' is no object.")
    return section


def _as_built(config: Dict[str, Any]) -> Dict[str, Any]:
    """Without what AllenNLP takes out of the config of a trained model: initializers, and files of pretrained vectors."""
    config = copy.deepcopy(config)
    if isinstance(config.get("model"), dict):
        remove_keys_from_params(Params(config["model"]))
    return config


def _fault(place: Tuple[str, ...], value: Any, registered: Set[str]) -> Optional[str]:
    key = place[-1] if place else ""
    if key == "_pretrained" or (key == "type" and value in _LOADERS):
        return f"by which AllenNLP would load another archive unchecked. {_TRAIN_AGAIN}"
    if key == "trust_remote_code" and value not in (None, False):
        return f"by which code that comes with an encoder would be run. {_TRAIN_AGAIN}"
    if not isinstance(value, str) or value in registered:
        return None
    if key == "type":
        return f"and no class is registered by this name. {_NAME_THE_PACKAGE}"
    if imports_code(value):
        return (
            f"and AllenNLP may import a module of this name and call what is in it. {_NAME_THE_PACKAGE} If it is a file, "
            "override it by './' and its name."
        )
    return None
