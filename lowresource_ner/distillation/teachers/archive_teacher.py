"""An archive of this package as a teacher."""

import hashlib
import inspect
import json
from functools import cached_property
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence

import numpy
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError, check_for_gpu
from allennlp.models import Model
from allennlp.models.archival import CONFIG_NAME

from lowresource_ner.archives.archive import ARCHIVE_WEIGHTS, ENCODERS_FOLDER, RUN_WEIGHTS, Archive, load_archive
from lowresource_ner.archives.building import building
from lowresource_ner.archives.members import DO_NOT_USE, StrPath
from lowresource_ner.common.preserved_random_state import preserved_random_state
from lowresource_ner.common.quoting import quoted
from lowresource_ner.distillation.teachers.teacher import FileVersions, Teacher, check_versions, file_versions
from lowresource_ner.models.tagger import Tagger
from lowresource_ner.predictors.batch_tagger import BatchTagger
from lowresource_ner.tagging import get_scheme


class _Description(NamedTuple):
    """What can be read from an archive without loading its model; labels and scheme are `None` if not in its config."""

    labels: Optional[List[str]]
    tag_scheme: Optional[str]
    fingerprint: str
    versions: FileVersions


class _Loaded(NamedTuple):
    labels: List[str]
    tag_scheme: str
    tagger: BatchTagger


@Teacher.register("archive")
class ArchiveTeacher(Teacher):
    """
    Labels text with a tagger of this package, such as `mbert_tagger` or `pgn_bilstm_crossdomain`. The probabilities are those of
    the predictor `ner`: marginals at the temperature of the archive.

    The archive is unpacked for its labels and fingerprint, and again for its model, which is not loaded if a store has all
    probabilities.

    Registered as a `Teacher` with name "archive".

    # Parameters

    archive_file : `str`
        An archive (`model.tar.gz`), or the folder of a finished training run.
    overrides : `Optional[Dict[str, Any]]`
        Changes to the archive's config, as `allennlp predict --overrides` takes them: `{"model.default_module": "ner_source"}`.
    cuda_device : `int`, optional (default = `-1`)
        -1 for the CPU, or the index of a GPU.
    batch_size : `int`, optional (default = `4096`)
        Sub-words (or words, if the model has none) per batch, including padding.

    # Raises

    `ConfigurationError`
        If the archive does not exist, or its model is not a `Tagger`.
    """

    def __init__(
        self,
        archive_file: str,
        overrides: Optional[Dict[str, Any]] = None,
        cuda_device: int = -1,
        batch_size: int = 4096,
    ) -> None:
        self.archive_file = archive_file
        self._overrides = dict(overrides or {})
        self._cuda_device = cuda_device
        self._batch_size = batch_size

    @property
    def labels(self) -> List[str]:
        return self._description.labels or self._loaded.labels

    @property
    def tag_scheme(self) -> str:
        return self._description.tag_scheme or self._loaded.tag_scheme

    @property
    def fingerprint(self) -> str:
        return self._description.fingerprint

    def _label(self, sentences: Sequence[Sequence[str]]) -> List[Optional[numpy.ndarray]]:
        return [rows.float().numpy() for rows in self._loaded.tagger.probabilities(sentences)]

    @cached_property
    def _description(self) -> _Description:
        archive = Archive(
            self.archive_file,
            self._overrides,
            owner="The teacher's 'archive_file'",
            remedy="A Hugging Face model is a teacher of type 'transformers'.",
        )
        versions = _versions(self.archive_file)
        with building(self.archive_file), archive:
            model = archive.config["model"]
            namespace = _label_namespace(model)
            scheme = _setting(model, "tag_scheme")
            return _Description(
                None if namespace is None else archive.tokens(namespace) or None,
                None if scheme is None else get_scheme(scheme).name,
                _fingerprint(archive),
                versions,
            )

    @cached_property
    def _loaded(self) -> _Loaded:
        check_for_gpu(self._cuda_device)
        with preserved_random_state():
            archive = load_archive(self.archive_file, self._cuda_device, self._overrides)
        model, reader = archive.model.eval(), archive.validation_dataset_reader
        if not isinstance(model, Tagger) or not hasattr(reader, "token_indexers"):
            raise ConfigurationError(
                f"{self.archive_file} cannot be a teacher: its model, {type(model).__name__}, is not a tagger of this package, "
                f"or its reader, {type(reader).__name__}, has no token indexers. Take an archive for the predictor 'ner'."
            )
        tagger = BatchTagger(model, reader.token_indexers, self._batch_size)
        loaded = _Loaded(model.labels, model.tag_scheme.name, tagger)
        self._check(loaded)
        return loaded

    def _check(self, loaded: _Loaded) -> None:
        described = self._description
        check_versions(self.archive_file, described.versions, _versions(self.archive_file))
        if described.labels not in (None, loaded.labels) or described.tag_scheme not in (None, loaded.tag_scheme):
            raise ConfigurationError(
                f"{self.archive_file}: by its config and vocabulary, the labels are {described.labels} ({described.tag_scheme}), "
                f"but its model has {loaded.labels} ({loaded.tag_scheme}). The archive was not written by this version of the "
                "package."
            )


def _label_namespace(model: Mapping[str, Any]) -> Optional[str]:
    """Returns the vocabulary namespace of a model's tags from its config; `None` if it cannot be determined."""
    if "default_module" not in model:
        return _setting(model, "label_namespace")
    modules = model["modules"]
    head = modules[model["default_module"]]["head"]
    namespaces = [
        module.get("label_namespace") or f"{module['domain']}_labels"
        for module in modules.values()
        if module["head"] == head
    ]
    return model["heads"][head].get("labels_from") or namespaces[0]


def _setting(model: Mapping[str, Any], name: str) -> Optional[str]:
    """
    Returns a setting of a model's config, or its default in the constructor of the model or of a base class to which the model
    passes `**kwargs`. `None` if there is no such parameter.
    """
    if name in model:
        return model[name]
    registered: Any = Model.by_name(model["type"])
    for cls in inspect.getmro(registered):
        if "__init__" not in vars(cls):
            continue
        parameters = inspect.signature(vars(cls)["__init__"]).parameters
        if name in parameters:
            default = parameters[name].default
            return default if isinstance(default, str) else None
        if not any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
            return None
    return None


def _what_determines_probabilities(config: Dict[str, Any]) -> Dict[str, Any]:
    """
    Returns the parts of a config that the probabilities depend on: model and reader, without the training. The teachers of a vote
    are replaced by their fingerprints, since the config has only their paths.
    """
    reader = config.get("validation_dataset_reader", config["dataset_reader"])
    model = {name: value for name, value in config["model"].items() if name != "teachers"}
    teachers = config["model"].get("teachers") or {}
    inner = {name: Teacher.from_params(Params(dict(each))).fingerprint for name, each in teachers.items()}
    return {"model": model, "reader": reader, "fingerprints": inner}


def _fingerprint(archive: Archive) -> str:
    config = _what_determines_probabilities(archive.config)
    digest = hashlib.sha256(b"archive 2\n" + json.dumps(config, sort_keys=True).encode())
    for path in _files(archive):
        # The weights have different names in a run's folder and in its archive.
        name = ARCHIVE_WEIGHTS if path.name == RUN_WEIGHTS else path.relative_to(archive.folder).as_posix()
        with path.open("rb") as file:
            digest.update(f"\n{name} {hashlib.file_digest(file, 'sha256').hexdigest()}".encode())
    return digest.hexdigest()


def _versions(archive_file: str) -> FileVersions:
    path = Path(archive_file)
    inside = [path / name for name in (ARCHIVE_WEIGHTS, RUN_WEIGHTS, CONFIG_NAME) if (path / name).exists()]
    return file_versions(inside if path.is_dir() else filter(Path.exists, [path]))


def _files(archive: Archive) -> Iterator[Path]:
    """Yields the files of a model besides its config: weights, vocabulary with encoder, and files that the config includes."""
    yield archive.weights_file
    folder = archive.folder
    included = _included(archive.config, archive.path)
    roots = [folder / "vocabulary", *(path for pattern in included for path in sorted(folder.glob(pattern)))]
    for root in roots:
        inside = sorted(root.rglob("*")) if root.is_dir() else [root]
        yield from (
            path for path in inside if path.is_file() and path.name != ".lock" and not _is_left_over(path, folder)
        )


def _included(config: Mapping[str, Any], archive_file: StrPath) -> Sequence[str]:
    """Returns the patterns of files that the config includes in the archive, after checking that they do not lead outside."""
    patterns = config.get("include_in_archive") or []
    outside = [pattern for pattern in patterns if Path(str(pattern)).is_absolute() or ".." in Path(str(pattern)).parts]
    if not isinstance(patterns, list) or outside:
        raise ConfigurationError(
            f"{archive_file} is refused: 'include_in_archive' of its config is {quoted(str(patterns))}, which is not a list of "
            f"files inside it. {DO_NOT_USE}"
        )
    return patterns


def _is_left_over(path: Path, folder: Path) -> bool:
    """Whether a file is in the hidden folder of an encoder that a killed process has left incomplete."""
    encoders = folder / ENCODERS_FOLDER
    return path.is_relative_to(encoders) and path.relative_to(encoders).parts[0].startswith(".")
