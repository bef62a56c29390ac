"""
Reads the config of an archive as JSON and checks it before anything is built from it.

AllenNLP takes a class from wherever a config says: `{"type": "subprocess.Popen"}`, or "subprocess.Popen" alone where an object is
expected, imports the module and calls the class. Here a config may name only registered classes. An archive cannot register any,
so they come from AllenNLP, this package, or packages that the user names.

Whether a string names a class or a file cannot be decided here. A string for which AllenNLP would find a class is refused;
`building` refuses the rest when AllenNLP asks for a class.
"""

import copy
import functools
import importlib.util
import json
import re
import sys
from operator import itemgetter
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple, Union

from allennlp.common import Params, Registrable
from allennlp.common.checks import ConfigurationError
from allennlp.common.params import parse_overrides, remove_keys_from_params, with_overrides
from allennlp.models.archival import CONFIG_NAME

from lowresource_ner.archives.members import COPY_AGAIN, StrPath
from lowresource_ner.common.damaged_files import damage_reported, reason
from lowresource_ner.common.quoting import quoted

_LARGEST_CONFIG = 16 << 20
_MOST_VALUES = 100_000
_DEEPEST = 64

# Sections that are built when an archive is loaded, and by AllenNLP's `evaluate`. The others describe the training.
_LOADED = ("model", "dataset_reader", "validation_dataset_reader", "vocabulary")
_BUILT = (*_LOADED, "data_loader", "validation_data_loader", "evaluation")

# Suffixes of files whose stem may be the name of a module.
_SUFFIXES = frozenset("bin bio bz2 conll csv gz iob iob2 json jsonl pt tar th tsv txt vec xz zip".split())

# Settings for the number of layers and other parts, each with a cost. No model has a thousand layers.
_COUNTS = re.compile("layer|block|group|expert|depth|repeat|networks|highway|hash_functions|num_hashes|num_labels")
_NO_COUNTS = re.compile("size$|capacity|records|_id")
_LARGEST_COUNT = 1000

# A model and an initializer of AllenNLP that load another archive without any check.
_LOADERS = ("from_archive", "pretrained")

# Vocabularies of AllenNLP that fetch or unpack other files without any check. (Of the config's own section "vocabulary" it uses
# the class alone when it loads an archive: the files are the archive's.)
_VOCABULARIES = ("from_files", "extend")

_NAME_THE_PACKAGE = (
    "If you trust the archive, name the package that registers it with --include-package; otherwise do not use it, or train such "
    "a model from a config of your own."
)
_TRAIN_AGAIN = "Do not use it, or train such a model from a config of your own."
_ENDLESS = f"and no model has more than {_LARGEST_COUNT:,} of these: it might be built without end."


class Entry(NamedTuple):
    """A value of a config, and its keys: `("model", "text_field_embedder", "type")`."""

    place: Tuple[str, ...]
    value: Any


def archive_config(
    folder: StrPath, overrides: Union[str, Dict[str, Any]] = "", archive: Optional[StrPath] = None
) -> Dict[str, Any]:
    """
    Reads and checks the config of an unpacked archive.

    # Parameters

    folder : `StrPath`
        The folder of an unpacked archive.
    overrides : `Union[str, Dict[str, Any]]`
        Changes to its config, as AllenNLP's commands take them. They come from the user, and are evaluated as Jsonnet.
    archive : `Optional[StrPath]`
        Its path as the user gave it, for messages.

    # Raises

    `ConfigurationError`
        If the config is damaged or is not JSON, the overrides do not fit it, or `check_config` refuses the result.
    """
    archive = archive or folder
    remedy = f"(It is read as JSON, which is what AllenNLP writes, and never evaluated.) {COPY_AGAIN}"
    with damage_reported(f"The config of archive '{archive}'", remedy):
        config = _read(Path(folder) / CONFIG_NAME)
    if overrides:
        config = _overridden(config, overrides, archive)
    check_config(config, archive)
    with damage_reported(f"The config of archive '{archive}'", COPY_AGAIN):
        if "type" not in _section(config, "model") or not _section(config, "dataset_reader"):
            raise ValueError("it names no model or no reader.")
        if "vocabulary" in config:
            _section(config, "vocabulary")
    return config


def check_config(config: Dict[str, Any], archive: StrPath) -> None:
    """
    Checks the sections of a config from which objects are built.

    # Raises

    `ConfigurationError`
        If the config names a class that is not registered, has AllenNLP load files unchecked, or asks for more layers than any
        model has.
    """
    for (place, value), fault in _faults({name: config[name] for name in config if name in _BUILT}):
        raise ConfigurationError(
            f"The config of archive '{archive}' is refused before anything is built from it: {quoted('.'.join(place))} "
            f"is {quoted(str(value))}, {fault}"
        )


def check_encoder_config(path: Path, archive: StrPath) -> None:
    """
    Checks the config of an encoder in an archive.

    # Raises

    `ConfigurationError`
        If it is damaged, or asks for more layers than any encoder has.
    """
    name = f"The config of encoder {quoted(path.parent.name)} in archive '{archive}'"
    with damage_reported(name, COPY_AGAIN):
        config = _read(path)
    for place, value in entries(config):
        if _is_endless(place, value):
            raise ConfigurationError(
                f"{name} is refused: {quoted('.'.join(place))} is {value}, {_ENDLESS} {_TRAIN_AGAIN}"
            )


def unbuilt_faults(config: Dict[str, Any]) -> List[Entry]:
    """Entries that `check_config` would refuse, in the sections on training, from which nothing is built."""
    return [entry for entry, _ in _faults({name: config[name] for name in config if name not in _BUILT})]


def registered_classes() -> Dict[str, Set[str]]:
    """Maps registered names to the packages of the classes with that name, whatever their base class."""
    packages: Dict[str, Set[str]] = {}
    for registry in list(Registrable._registry.values()):
        for name, (registered, _) in registry.items():
            packages.setdefault(name, set()).add((getattr(registered, "__module__", None) or "?").partition(".")[0])
    return packages


def entries(config: Any) -> Iterator[Entry]:
    """Yields all values of a config in order. Iterative, since a hostile config may be nested deeper than Python recurses."""
    waiting = [Entry((), config)]
    while waiting:
        place, value = waiting.pop()
        yield Entry(place, value)
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        waiting.extend(reversed([Entry((*place, str(key)), each) for key, each in inner]))


def imports_code(name: str) -> bool:
    """
    True if AllenNLP, which reads any string with a dot as the path of a class, would find something by this name, or would import
    a module to look for it. Nothing is imported here. File names ("test.txt", where `test` is a module) and patterns
    ("transformers.encoder.*") do not count, since no module has attributes of such names.
    """
    *modules, last = name.split(".")
    if not last.isidentifier():
        return False
    path = ""
    for number, part in enumerate(modules, start=1):
        path = f"{path}.{part}" if path else part
        if path not in sys.modules:
            return last not in _SUFFIXES and _is_found(path, tuple(modules[number:]))
    return bool(path) and last in dir(sys.modules[path])


@functools.lru_cache(maxsize=100_000)
def _is_found(module: str, inner: Tuple[str, ...]) -> bool:
    """True for a module that is not imported yet, and whose import would run its code, or that of a module in it."""
    try:
        spec = importlib.util.find_spec(module)
    except (ValueError, ImportError):  # not a name, or not inside a package
        return False
    if spec is None:
        return False
    # A folder without code is found as well; what is imported from it is a module in it, whose name has no slash.
    return spec.origin is not None or (bool(inner) and "/" not in inner[0])


def _read(path: Path) -> Dict[str, Any]:
    size = path.stat().st_size
    if size > _LARGEST_CONFIG:
        raise ValueError(f"it has {size:,} bytes, and at most {_LARGEST_CONFIG:,} are read.")
    # Sorted as Jsonnet sorted them for the training.
    config = json.loads(path.read_bytes(), object_pairs_hook=lambda pairs: dict(sorted(pairs, key=itemgetter(0))))
    if not isinstance(config, dict):
        raise ValueError("it is not a JSON object.")
    for number, (place, _) in enumerate(entries(config)):
        if len(place) > _DEEPEST:
            raise ValueError(f"it is nested more than {_DEEPEST} levels deep.")
        if number > _MOST_VALUES:
            raise ValueError(f"it has more than {_MOST_VALUES:,} values.")
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
        raise ValueError(f"its '{name}' is not an object.")
    return section


def _as_built(config: Dict[str, Any]) -> Dict[str, Any]:
    """The config without what AllenNLP removes when it loads a trained model: initializers and files of pretrained vectors."""
    config = copy.deepcopy(config)
    if isinstance(config.get("model"), dict):
        remove_keys_from_params(Params(config["model"]))
    return config


def _faults(config: Dict[str, Any]) -> Iterator[Tuple[Entry, str]]:
    registered = set(registered_classes())
    for entry in entries(_as_built(config)):
        fault = _fault(*entry, registered)
        if fault is not None:
            yield entry, fault


def _is_endless(place: Tuple[str, ...], value: Any) -> bool:
    if not isinstance(value, int) or value <= _LARGEST_COUNT:
        return False
    return any(_COUNTS.search(key) and not _NO_COUNTS.search(key) for key in place)


def _fault(place: Tuple[str, ...], value: Any, registered: Set[str]) -> Optional[str]:
    key = place[-1] if place else ""
    if _is_endless(place, value):
        return f"{_ENDLESS} {_TRAIN_AGAIN}"
    if key == "_pretrained" or (key == "type" and value in _LOADERS):
        return f"by which AllenNLP would load another archive unchecked. {_TRAIN_AGAIN}"
    if key == "trust_remote_code" and value not in (None, False):
        return f"by which code that comes with an encoder would be run. {_TRAIN_AGAIN}"
    if key == "type" and value in _VOCABULARIES and place[0] != "vocabulary":
        return f"by which AllenNLP would fetch or unpack another vocabulary unchecked. {_TRAIN_AGAIN}"
    if not isinstance(value, str) or value in registered:
        return None
    if key == "type":
        return f"and no class is registered by this name. {_NAME_THE_PACKAGE}"
    if imports_code(value):
        override = json.dumps({".".join(place)[:100]: "./NAME"})
        return (
            f"and AllenNLP may import a module of this name and call what is in it. {_NAME_THE_PACKAGE} If it is just a "
            f"string, override it by another, such as a file: --overrides '{override}'."
        )
    return None
