"""
Finds and loads the files of encoders: shipped with this package, on the Hugging Face hub, in a local folder, or in an archive.

An AllenNLP archive contains the training config, the weights and the vocabulary folder. A transformer also needs its own config
and its tokenizer; without them, the archive could be loaded only where it was trained. They are kept in a hidden folder of the
vocabulary, `vocabulary/.encoders/`, which AllenNLP's `archive_model` includes and `Vocabulary.from_files` ignores.
"""

import contextlib
import hashlib
import inspect
import logging
import os
import re
import shutil
import tempfile
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Dict, Iterable, Iterator, Optional, Tuple, Union

import torch
from allennlp.common.checks import ConfigurationError
from transformers import AutoModel, AutoModelForMaskedLM, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast
from transformers.models.auto.modeling_auto import MODEL_MAPPING
from transformers.utils import logging as transformers_logging

from lowresource_ner.archives.archive import (
    ARCHIVE_WEIGHTS,
    ENCODERS_FOLDER,
    RUN_WEIGHTS,
    Archive,
    check_run_folder,
    is_archive,
)
from lowresource_ner.common.damaged_files import damage_reported
from lowresource_ner.encoding.input_format import InputFormat
from lowresource_ner.encoding.loading import load_config, load_model, load_tokenizer, new_model
from lowresource_ner.encoding.masked_heads import masked_head_names
from lowresource_ner.encoding.probe import check_encoder
from lowresource_ner.encoding.window_reader import WindowReader

logger = logging.getLogger(__name__)

# The encoders that are shipped with the package, each in a folder with its name.
_SHIPPED = Path(__file__).parent.parent / "encoders"


class EncoderFiles:
    """
    The config, the tokenizer and the weights of one encoder.

    # Parameters

    model_name : `str`
        `multilingual-mini`, the small encoder that is shipped with this package; a name on the Hugging Face hub; a local
        folder as `save_pretrained` writes it; or an archive of this package (`model.tar.gz` or the folder of a training run),
        whose encoder is loaded with its trained weights.
    serialization_dir : `Optional[str]`
        The folder of the training run, or of the archive that is being loaded (AllenNLP passes it to every constructor with such
        a parameter). The config and the tokenizer are copied there, and read from there the next time.
    as_trained : `bool`, optional (default = `False`)
        True for a model that was trained with this tokenizer on words: the tokenizer is not changed; see `load_tokenizer`.

    # Raises

    `ConfigurationError`
        If the files cannot be found or read, or the tokenizer has no fast version or cannot read words.
    """

    def __init__(
        self, model_name: str, serialization_dir: Union[str, PathLike, None] = None, as_trained: bool = False
    ) -> None:
        self.model_name = model_name
        self._run_dir = Path(serialization_dir) if serialization_dir else None
        self._as_trained = as_trained
        self._config, self._tokenizer = self._load(as_trained)

    def tokenizer(self) -> PreTrainedTokenizerFast:
        """The encoder's fast tokenizer, set up to take words (`is_split_into_words`)."""
        return self._tokenizer

    def config(self) -> PretrainedConfig:
        """The encoder's `transformers` config."""
        return self._config

    def model(self, load_weights: bool = True) -> PreTrainedModel:
        """
        The encoder without head, pooler and decoder.

        # Parameters

        load_weights : `bool`
            False for random weights. True loads the pretrained ones, except where an archive is being loaded, whose own weights
            will replace them.
        """
        if not load_weights or self._is_inside_archive():
            return self._random_model()
        try:
            return self._pretrained_model()
        except ConfigurationError:
            if self._has_run_weights():
                logger.info(
                    "Encoder '%s' is not available; its weights are loaded from %s", self.model_name, self._run_dir
                )
                return self._random_model()
            raise

    def model_with_pooler(self) -> Optional[PreTrainedModel]:
        """
        The pretrained encoder with its pooler, the layer that computes a vector of the whole sentence from the first position
        (`pooler_output`). `None` if the files have no weights of a pooler.
        """
        config = self._config
        if is_archive(self.model_name) or not _without_pooler(config):
            return None
        with _no_advice():
            model, missing = load_model(AutoModel, self.model_name, encoder_source(self.model_name), config)
        return None if any("pooler." in name for name in missing) else model

    def masked_head_weights(self) -> Dict[str, torch.Tensor]:
        """
        The weights of the head that the encoder was pretrained with as a masked language model, by the names of
        `MaskedLanguageModel`. Empty where the files have none or its kind is unknown, and for a model whose weights are those of
        an archive or a run.
        """
        names = masked_head_names(self._config.model_type)
        if not names or is_archive(self.model_name) or self._is_inside_archive() or self._has_run_weights():
            return {}
        with _no_advice():
            model, missing = load_model(
                AutoModelForMaskedLM, self.model_name, encoder_source(self.model_name), self._config
            )
        weights = model.state_dict()
        return {} if set(names.values()) & set(missing) else {own: weights[theirs] for own, theirs in names.items()}

    @cached_property
    def input_format(self) -> InputFormat:
        """The encoder's special tokens, padding and maximum length."""
        return InputFormat.from_tokenizer(self.model_name, self._tokenizer, self._config, self._as_trained)

    def check(self, model: PreTrainedModel, max_length: Optional[int], dim: Optional[int]) -> None:
        """
        Runs a model of these files on one small batch, to detect problems before a training starts. Models of archives and runs
        were checked when their training began, and are not checked again.

        # Parameters

        model : `PreTrainedModel`
        max_length : `Optional[int]`
            As in `WindowReader`.
        dim : `Optional[int]`
            The expected number of values (of a hidden state, or logits) for each sub-word.

        # Raises

        `ConfigurationError`
            See `check_encoder`.
        """
        if not (self._is_inside_archive() or self._has_run_weights()):
            size = WindowReader(self.input_format, max_length).size
            check_encoder(model, self._tokenizer, self.input_format, size, dim)

    def _is_inside_archive(self) -> bool:
        return self._run_dir is not None and (self._run_dir / ARCHIVE_WEIGHTS).exists()

    def _has_run_weights(self) -> bool:
        return self._run_dir is not None and (self._run_dir / RUN_WEIGHTS).exists()

    def _random_model(self) -> PreTrainedModel:
        return _without_decoder(new_model(self.model_name, self._config, **_without_pooler(self._config)))

    def _pretrained_model(self) -> PreTrainedModel:
        if is_archive(self.model_name):
            return _with_weights_of_archive(self._random_model(), self.model_name)
        # add_pooling_layer is an argument of some model classes only, and of the constructor rather than of the config.
        options = _without_pooler(self._config)
        model, _ = load_model(AutoModel, self.model_name, encoder_source(self.model_name), self._config, **options)
        return _without_decoder(model)

    def _load(self, as_trained: bool) -> Tuple[PretrainedConfig, PreTrainedTokenizerFast]:
        store = self._run_dir / ENCODERS_FOLDER / _slug(self.model_name) if self._run_dir else None
        if store is not None and store.is_dir():
            return self._load_from(str(store), as_trained=True)
        if self._run_dir is not None:
            check_run_folder(self._run_dir)
        if is_archive(self.model_name):
            with Archive(self.model_name) as archive:
                loaded = self._load_from(str(archive.encoder_folder), as_trained=True)
        else:
            loaded = self._load_from(encoder_source(self.model_name), as_trained)
        if self._run_dir is not None and store is not None:
            _save(loaded, store, self._run_dir)
        return loaded

    def _load_from(self, source: str, as_trained: bool) -> Tuple[PretrainedConfig, PreTrainedTokenizerFast]:
        return load_config(self.model_name, source), load_tokenizer(self.model_name, source, as_trained)


def encoder_source(model_name: str) -> str:
    """
    The folder of an encoder that is shipped with the package, unless there is a local folder of that name; otherwise the name.
    """
    shipped = sorted(path.name for path in _SHIPPED.iterdir() if path.is_dir()) if _SHIPPED.is_dir() else []
    return str(_SHIPPED / model_name) if model_name in shipped and not Path(model_name).exists() else model_name


def _with_weights_of_archive(model: PreTrainedModel, path: str) -> PreTrainedModel:
    marker = "transformer."
    with Archive(path) as archive:
        weights = {name.split(marker, 1)[1]: value for name, value in archive.weights().items() if marker in name}
    missing = [name for name in model.state_dict() if name not in weights]
    if missing:
        raise ConfigurationError(
            f"{path} lacks {len(missing)} weights of its encoder, such as '{missing[0]}'. It was not written by this version "
            "of the package, or its model has another kind of encoder."
        )
    with damage_reported(f"The encoder's weights in archive '{path}'", "Give the archive that the encoder is from."):
        model.load_state_dict({name: weights[name] for name in model.state_dict()})
    return model


def _without_decoder(model: PreTrainedModel) -> PreTrainedModel:
    """The encoder of an encoder-decoder such as T5 or BART."""
    return model.get_encoder() if model.config.is_encoder_decoder else model


def _without_pooler(config: PretrainedConfig) -> Dict[str, bool]:
    model_class = MODEL_MAPPING.get(type(config), None)
    model_class = model_class[0] if isinstance(model_class, tuple) else model_class
    if model_class is not None and "add_pooling_layer" in inspect.signature(model_class.__init__).parameters:
        return {"add_pooling_layer": False}
    return {}


@contextlib.contextmanager
def _no_advice() -> Iterator[None]:
    """Silences transformers' advice to train an encoder whose files have no pooler."""
    level = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)


def _save(loaded: Iterable[Union[PretrainedConfig, PreTrainedTokenizerFast]], store: Path, run_dir: Path) -> None:
    """
    Writes an encoder's files so that they appear all at once, as several processes of a distributed run may do this together. A
    killed process leaves its files outside the vocabulary folder, so that no archive contains them.
    """
    store.parent.mkdir(parents=True, exist_ok=True)
    for left_over in store.parent.glob(".*"):  # of a killed process of an earlier version, which wrote there
        shutil.rmtree(left_over, ignore_errors=True)
    temporary = tempfile.mkdtemp(dir=run_dir, prefix=".encoder-")
    os.chmod(temporary, 0o755)  # colleagues may read the run
    try:
        for part in loaded:
            part.save_pretrained(temporary)
        os.rename(temporary, store)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)
        if not store.is_dir():
            raise


def _slug(model_name: str) -> str:
    readable = re.sub(r"[^A-Za-z0-9]+", "-", model_name.rstrip("/").split("/")[-1]).strip("-")
    return f"{readable}-{hashlib.sha256(model_name.encode()).hexdigest()[:8]}"
