"""
Where an encoder's files are: this package, the Hugging Face hub, a local folder, or an archive of this package.

An AllenNLP archive holds the training config, the weights and the vocabulary folder. A transformer needs two things more,
its own config and its tokenizer, and they must travel inside the archive or it loads only where it was trained. They belong
to the vocabulary in the plain sense of the word, so they are kept in a hidden folder of it, `vocabulary/.encoders/`, which
`archive_model` packs with the rest and `Vocabulary.from_files` passes over.
"""

import contextlib
import hashlib
import inspect
import logging
import os
import re
import shutil
import tempfile
from os import PathLike
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple, Union

from allennlp.common.checks import ConfigurationError
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.models.auto.modeling_auto import MODEL_MAPPING
from transformers.utils import logging as transformers_logging

from lowresource_ner.archives import (
    ARCHIVE_WEIGHTS,
    ENCODERS_FOLDER,
    RUN_WEIGHTS,
    archive_weights,
    is_archive,
    unpacked,
)

logger = logging.getLogger(__name__)

# The encoders that are shipped with the package, each in a folder of its name.
_SHIPPED = Path(__file__).parent / "encoders"

# Encoders whose positions are counted from the one after the padding id.
_POSITIONS_AFTER_PADDING = {
    "camembert",
    "data2vec-text",
    "ibert",
    "longformer",
    "mpnet",
    "roberta",
    "xlm-roberta",
    "xlm-roberta-xl",
    "xmod",
}


class EncoderFiles:
    """
    The config, the tokenizer and the weights of one encoder.

    # Parameters

    model_name : `str`
        `multilingual-mini`, the small encoder that is shipped with this package; a name on the Hugging Face hub; a local
        folder as `save_pretrained` writes it; or an archive of this package
        (`model.tar.gz` or the folder of a training run), whose encoder is then taken over with its trained weights.
    serialization_dir : `Optional[str]`
        The folder of the training run, or of the archive that is being loaded (AllenNLP hands it to every constructor that
        asks). What is read is copied there, and found there first the next time.

    # Raises

    `ConfigurationError`
        Where the files cannot be found or read, or the tokenizer has no fast version.
    """

    def __init__(self, model_name: str, serialization_dir: Union[str, PathLike, None] = None) -> None:
        self.model_name = model_name
        self._run_dir = Path(serialization_dir) if serialization_dir else None
        self._config, self._tokenizer = self._load()
        if not self._tokenizer.is_fast:
            raise ConfigurationError(
                f"The tokenizer of encoder '{model_name}' has no fast version (tokenizer.json), and words are aligned with "
                "their sub-words by the fast one only. Take an encoder that has one, or convert it with transformers."
            )

    def tokenizer(self) -> PreTrainedTokenizerFast:
        """The encoder's fast tokenizer, set up to take words (`is_split_into_words`)."""
        return self._tokenizer

    def config(self) -> PretrainedConfig:
        """The encoder's `transformers` config."""
        return self._config

    def model(self, load_weights: bool = True) -> PreTrainedModel:
        """
        The encoder without any head or pooler.

        # Parameters

        load_weights : `bool`
            False for random weights. True loads the pretrained ones, except where an archive is being loaded, whose own
            weights are about to replace them.
        """
        config = self._config
        if not load_weights or self._is_inside_archive():
            return AutoModel.from_config(config, **_without_pooler(config))
        try:
            return self._pretrained_model(config)
        except ConfigurationError:
            if self._run_dir is not None and (self._run_dir / RUN_WEIGHTS).exists():
                logger.info("Encoder '%s' is not at hand; its weights come from %s", self.model_name, self._run_dir)
                return AutoModel.from_config(config, **_without_pooler(config))
            raise

    def model_with_pooler(self) -> Optional[PreTrainedModel]:
        """
        The pretrained encoder with the layer that makes a vector of the whole sentence from the first position (`pooler_output`);
        `None` where its weights come without one. A layer of random weights is never given.
        """
        config = self._config
        if is_archive(self.model_name) or not _without_pooler(config):
            return None
        with _no_advice():
            model, loading = self._read(
                "weights",
                lambda source: AutoModel.from_pretrained(source, config=config, output_loading_info=True),
                encoder_source(self.model_name),
            )
        return None if any("pooler." in name for name in loading["missing_keys"]) else model

    def max_length(self) -> int:
        """The greatest number of sub-words, special tokens included, that the encoder reads at once."""
        config = self._config
        positions = getattr(config, "max_position_embeddings", None) or 512
        if config.model_type in _POSITIONS_AFTER_PADDING:
            positions -= config.pad_token_id + 1
        return min(positions, self._tokenizer.model_max_length)

    def special_tokens(self) -> Tuple[List[int], List[int]]:
        """The ids that the tokenizer puts before and after a sentence."""
        encoding = self._tokenizer(["a"], is_split_into_words=True, return_special_tokens_mask=True)
        special = encoding["special_tokens_mask"]
        first = special.index(0)
        last = len(special) - special[::-1].index(0)
        return encoding["input_ids"][:first], encoding["input_ids"][last:]

    def window(self, max_length: Optional[int], overlap: Optional[int]) -> Tuple[int, int]:
        """
        In what pieces the encoder reads a long sentence.

        # Parameters

        max_length : `Optional[int]`
            Sub-words in a window, special tokens included; None for as many as the encoder can read.
        overlap : `Optional[int]`
            Sub-words that neighbouring windows share at least; None for a quarter of a window.

        # Returns

        `Tuple[int, int]`
            The sub-words of a window, special tokens left out, and the overlap.

        # Raises

        `ConfigurationError`
            Where the encoder cannot read so many, or the overlap is not below the size.
        """
        limit, num_special = self.max_length(), sum(map(len, self.special_tokens()))
        size = (limit if max_length is None else max_length) - num_special
        if not 1 <= size <= limit - num_special:
            raise ConfigurationError(
                f"'max_length' is {max_length}; encoder '{self.model_name}' reads {num_special + 1} to {limit} sub-words at "
                "once, special tokens included. Longer sentences are cut into windows of that size, so nothing is lost."
            )
        chosen = size // 4 if overlap is None else overlap
        if not 0 <= chosen < size:
            raise ConfigurationError(
                f"'window_overlap' is {overlap}, and a window holds {size} sub-words beside the special tokens. Take a number "
                "from 0 to one less than that."
            )
        return size, chosen

    def _is_inside_archive(self) -> bool:
        return self._run_dir is not None and (self._run_dir / ARCHIVE_WEIGHTS).exists()

    def _pretrained_model(self, config: PretrainedConfig) -> PreTrainedModel:
        if is_archive(self.model_name):
            return _encoder_of_archive(self.model_name, config)
        # add_pooling_layer is an argument of some model classes only, and of the constructor rather than of the config.
        return self._read(
            "weights",
            lambda source: AutoModel.from_pretrained(source, config=config, **_without_pooler(config)),
            encoder_source(self.model_name),
        )

    def _load(self) -> Tuple[PretrainedConfig, PreTrainedTokenizerFast]:
        store = self._run_dir / ENCODERS_FOLDER / _slug(self.model_name) if self._run_dir else None
        if store is not None and store.is_dir():
            return self._load_from(str(store))
        if is_archive(self.model_name):
            with unpacked(self.model_name) as folder:
                loaded = self._load_from(str(_only_encoder(folder, self.model_name)))
        else:
            loaded = self._load_from(encoder_source(self.model_name))
        if store is not None:
            _save(loaded, store)
        return loaded

    def _load_from(self, source: str) -> Tuple[PretrainedConfig, PreTrainedTokenizerFast]:
        config = self._read("config", AutoConfig.from_pretrained, source)
        tokenizer = self._read("tokenizer", AutoTokenizer.from_pretrained, source)
        if getattr(tokenizer, "add_prefix_space", None) is False:
            # Byte-level BPE takes words only if each begins with the space that separates it from the word before.
            tokenizer = AutoTokenizer.from_pretrained(source, add_prefix_space=True)
        return config, tokenizer

    def _read(self, what: str, load: Callable[[str], Any], source: str) -> Any:
        try:
            return load(source)
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"The {what} of encoder '{self.model_name}' cannot be read: {_first_line(error)} Give the name of a model on the "
                "Hugging Face hub (with a network, or with its files in the local cache), a folder written by "
                "save_pretrained (config.json, tokenizer.json, model.safetensors), or an archive of this package."
            ) from error


def encoder_source(model_name: str) -> str:
    """The folder of an encoder that is shipped with the package, unless a local folder has its name; other names as they are."""
    shipped = sorted(path.name for path in _SHIPPED.iterdir() if path.is_dir()) if _SHIPPED.is_dir() else []
    return str(_SHIPPED / model_name) if model_name in shipped and not Path(model_name).exists() else model_name


def _only_encoder(folder: Path, archive: str) -> Path:
    encoders = sorted(path for path in (folder / ENCODERS_FOLDER).glob("[!.]*") if path.is_dir())
    if len(encoders) != 1:
        raise ConfigurationError(
            f"{archive} holds {len(encoders)} encoders, and one was expected. An archive can be continued from where its model "
            "reads its words through one transformer (mbert_tagger, for instance)."
        )
    return encoders[0]


def _encoder_of_archive(archive: str, config: PretrainedConfig) -> PreTrainedModel:
    model = AutoModel.from_config(config, **_without_pooler(config))
    marker = "transformer."
    weights = {name.split(marker, 1)[1]: value for name, value in archive_weights(archive).items() if marker in name}
    missing = [name for name in model.state_dict() if name not in weights]
    if missing:
        raise ConfigurationError(
            f"{archive} lacks {len(missing)} weights of its encoder, such as '{missing[0]}'. It was not written by this version "
            "of the package, or its model has another kind of encoder."
        )
    model.load_state_dict({name: weights[name] for name in model.state_dict()})
    return model


def _without_pooler(config: PretrainedConfig) -> Dict[str, bool]:
    model_class = MODEL_MAPPING.get(type(config), None)
    model_class = model_class[0] if isinstance(model_class, tuple) else model_class
    if model_class is not None and "add_pooling_layer" in inspect.signature(model_class.__init__).parameters:
        return {"add_pooling_layer": False}
    return {}


@contextlib.contextmanager
def _no_advice() -> Iterator[None]:
    """Keeps transformers from saying that an encoder without a pooler should be trained before it is used."""
    level = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)


def _save(loaded: Iterable[Union[PretrainedConfig, PreTrainedTokenizerFast]], store: Path) -> None:
    """Writes an encoder's files so that they appear all at once: several processes of a distributed run may do this together."""
    store.parent.mkdir(parents=True, exist_ok=True)
    temporary = tempfile.mkdtemp(dir=store.parent, prefix=".")
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


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
