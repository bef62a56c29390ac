"""
The config of an archive: read as what it is, JSON, and checked before anything is built from it.

AllenNLP takes what a config names as a class from anywhere: `{"type": "subprocess.Popen"}`, or "subprocess.Popen" alone where an
object is expected, imports the module and calls it. Here a config may name what is registered and nothing else. Nobody can
register anything by way of an archive, so that is AllenNLP's, this package's, and of the packages that the user names.

Of a text that stands alone nobody can say here whether it is to be a class or a file. What AllenNLP would find is refused; and
`building` refuses the rest, where AllenNLP asks for a class.
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

from lowresource_ner.archives.members import COPY_AGAIN, StrPath, shown
from lowresource_ner.common.damaged_files import damage_reported, reason

_LARGEST_CONFIG = 16 << 20
_MOST_VALUES = 100_000
_DEEPEST = 64

# What is built when an archive is loaded, and by AllenNLP's `evaluate`. The rest says how the model was trained.
_LOADED = ("model", "dataset_reader", "validation_dataset_reader", "vocabulary")
_BUILT = (*_LOADED, "data_loader", "validation_data_loader", "evaluation")

# Ends of texts that are files, where they might be attributes of a module as well.
_SUFFIXES = frozenset("bin bio bz2 conll csv gz iob iob2 json jsonl pt tar th tsv txt vec xz zip".split())

# Settings that say how often something is made, each time with a cost: no model has a thousand layers.
_COUNTS = re.compile("layer|block|group|expert|depth|repeat|networks|highway|hash_functions|num_hashes|num_labels")
_NO_COUNTS = re.compile("size$|capacity|records|_id")
_LARGEST_COUNT = 1000

# What AllenNLP loads another archive for, without any check: a model, and an initializer.
_LOADERS = ("from_archive", "pretrained")

# What AllenNLP fetches or unpacks another vocabulary for, without any check. (From the config's own section "vocabulary" it takes
# no more than the class when it loads an archive: the files are the archive's.)
_VOCABULARIES = ("from_files", "extend")

_NAME_THE_PACKAGE = (
    "If you trust the archive, name the package that registers it with --include-package; otherwise do not use it, or train such "
    "a model from a config of your own."
)
_TRAIN_AGAIN = "Do not use it, or train such a model from a config of your own."
_ENDLESS = f"and no model has more than {_LARGEST_COUNT:,} of these: it might be built without end."


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
    Checks that what is built from a config names registered classes only, loads nothing that is not checked, and has an end.

    # Raises

    `ConfigurationError`
        Where a config names a class that is not registered, has AllenNLP load what is not checked, or asks for more layers than
        any model has.
    """
    for (place, value), fault in _faults({name: config[name] for name in config if name in _BUILT}):
        raise ConfigurationError(
            f"The config of archive '{archive}' is refused before anything is built from it: {shown('.'.join(place))} "
            f"is {shown(str(value))}, {fault}"
        )


def check_encoder_config(path: Path, archive: StrPath) -> None:
    """
    # Raises

    `ConfigurationError`
        Where the config of an encoder in an archive is damaged, or has an encoder made of more layers than any has.
    """
    name = f"The config of encoder {shown(path.parent.name)} in archive '{archive}'"
    with damage_reported(name, COPY_AGAIN):
        config = _read(path)
    for place, value in entries(config):
        if _is_endless(place, value):
            raise ConfigurationError(
                f"{name} is refused: {shown('.'.join(place))} is {value}, {_ENDLESS} {_TRAIN_AGAIN}"
            )


def unbuilt_faults(config: Dict[str, Any]) -> List[Entry]:
    """What would be refused in the sections of a config that say how the model was trained, and that nothing is built from."""
    return [entry for entry, _ in _faults({name: config[name] for name in config if name not in _BUILT})]


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
    True where AllenNLP, which takes any text with a dot in it for the path of a class, would get something for this one, or would
    import a module to see. Nothing is imported to find out. File names ("test.txt", where `test` is a module) and patterns
    ("transformers.encoder.*") do not count: what they end in is hardly in a module.
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
    """True for a module that is not imported, whose parents are, and whose import runs code: its own, or that of one in it."""
    try:
        spec = importlib.util.find_spec(module)
    except (ValueError, ImportError):  # what is no name, or in what is no package
        return False
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
        raise ValueError(f"its '{name}' is no object.")
    return section


def _as_built(config: Dict[str, Any]) -> Dict[str, Any]:
    """Without what AllenNLP takes out of the config of a trained model: initializers, and files of pretrained vectors."""
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
        return (
            f"and AllenNLP may import a module of this name and call what is in it. {_NAME_THE_PACKAGE} If it is a mere text, "
            f"override it by another, of a file for instance: --overrides '{_override(place)}'."
        )
    return None


def _override(place: Tuple[str, ...]) -> str:
    return json.dumps({".".join(place)[:100]: "./NAME"})
