"""Loads an encoder's config, tokenizer and weights. Errors name the encoder, the reason and a remedy."""

import contextlib
import functools
import json
import logging
from pathlib import Path
from typing import Any, Iterator, List, Tuple

from allennlp.common.checks import ConfigurationError
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from lowresource_ner.common.damaged_files import damage_reported
from lowresource_ner.encoding.word_spaces import put_spaces_before_words, reads_words_as_text

logger = logging.getLogger(__name__)

_FILES = {
    "config": ("config.json",),
    "tokenizer": ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    "weights": ("model*.safetensors*", "pytorch_model*.bin*"),
}
_REMEDY = (
    "Give the name of a model on the Hugging Face hub (with a network, or with its files in the local cache), a folder written "
    "by save_pretrained (config.json, tokenizer.json, model.safetensors), or an archive of this package."
)


def load_config(name: str, source: str) -> PretrainedConfig:
    """
    Loads the config of an encoder.

    # Parameters

    name : `str`
        What the user calls the encoder, for messages.
    source : `str`
        A folder, or a name on the hub.

    # Raises

    `ConfigurationError`
        If there is no encoder, its files are damaged, or they need code that comes with them.
    """
    with _errors_explained(name, "config", source):
        _check_folder(source)
        return AutoConfig.from_pretrained(source, trust_remote_code=False)


def load_tokenizer(name: str, source: str, as_trained: bool = False) -> PreTrainedTokenizerFast:
    """
    Loads a fast tokenizer that splits words given one by one into the same sub-words as running text.

    # Parameters

    name, source : `str`
        As for `load_config`.
    as_trained : `bool`
        True for the tokenizer of a model that was trained with it on words: it is not changed, and a warning is logged if it
        splits words differently from running text.

    # Raises

    `ConfigurationError`
        As `load_config`; also if there is no fast tokenizer, or it cannot be made to split words as in running text.
    """
    with _errors_explained(name, "tokenizer", source):
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        if tokenizer.is_fast and getattr(tokenizer, "add_prefix_space", None) is False:
            # Byte-level BPE accepts words only with the space before each of them.
            tokenizer = AutoTokenizer.from_pretrained(source, add_prefix_space=True, trust_remote_code=False)
    if not tokenizer.is_fast:
        raise ConfigurationError(
            f"The tokenizer of encoder '{name}' has no fast version (tokenizer.json), which is needed to align words "
            "with their sub-words. Take an encoder that has one, or convert it with transformers."
        )
    if reads_words_as_text(tokenizer):
        return tokenizer
    if as_trained:
        logger.warning(
            "The tokenizer of '%s' splits words differently from running text, most likely without the space before them. It is "
            "not changed, as the model may have been trained like this. If it was not, save the tokenizer with a "
            "pre_tokenizer that has add_prefix_space=True.",
            name,
        )
    elif not put_spaces_before_words(tokenizer):
        raise ConfigurationError(
            f"The tokenizer of encoder '{name}' splits words that are given one by one differently from running text, even with "
            "a space before each, so that the encoder would read what it was not pretrained on. Take another encoder, or save "
            "this one with a tokenizer that ends its sub-words where words end."
        )
    else:
        _warn_of_spaces(name)
    return tokenizer


@functools.cache  # once for each encoder, which is loaded for readers, indexers and models
def _warn_of_spaces(name: str) -> None:
    logger.warning(
        "The tokenizer of encoder '%s' splits words that are given one by one differently from running text. It is corrected: "
        "each word is given with the space before it. Models that an earlier version of this package trained without the spaces, "
        "and that load this encoder again (a 'language_similarity', for instance), should be trained again.",
        name,
    )


def load_model(
    auto_class: Any, name: str, source: str, config: PretrainedConfig, **options: Any
) -> Tuple[PreTrainedModel, List[str]]:
    """
    Loads a pretrained model.

    # Parameters

    auto_class : `Any`
        `AutoModel`, or one of transformers' classes with a head.
    name, source : `str`
        As for `load_config`.

    # Returns

    The model, and the names of the weights that are missing in the files and therefore random.

    # Raises

    `ConfigurationError`
        As `load_config`.
    """
    with _errors_explained(name, "weights", source):
        model, loading = auto_class.from_pretrained(
            source, config=config, trust_remote_code=False, output_loading_info=True, **options
        )
    missing = sorted(loading["missing_keys"])
    # A pooler or a head may be missing in the files of an encoder; other weights are missing only if the class is wrong.
    bare, prefix = model.base_model.state_dict().keys(), f"{model.base_model_prefix}."
    of_encoder = [key for key in missing if key.removeprefix(prefix) in bare and "pooler." not in key]
    if of_encoder and getattr(config, "auto_map", None):
        raise ConfigurationError(
            f"{_needs_code(name)} (The class of its type in transformers has weights that it lacks, such as '{of_encoder[0]}'.)"
        )
    return model, missing


def new_model(name: str, config: PretrainedConfig, **options: Any) -> PreTrainedModel:
    """
    Builds a model with random weights.

    # Raises

    `ConfigurationError`
        If transformers cannot build a model from this config.
    """
    with damage_reported(f"The config of encoder '{name}'", _REMEDY):
        return AutoModel.from_config(config, trust_remote_code=False, **options)


@contextlib.contextmanager
def _errors_explained(name: str, what: str, source: str) -> Iterator[None]:
    try:
        with damage_reported(f"The {what} of encoder '{name}'", _remedy(what, source)):
            yield
    except ConfigurationError as error:
        if "trust_remote_code" in str(error.__cause__):
            raise ConfigurationError(_needs_code(name)) from error.__cause__
        raise


def _needs_code(name: str) -> str:
    return (
        f"Encoder '{name}' needs Python code that comes with its files ('auto_map' in config.json), and this package does "
        "not run third-party code. Take an encoder of a type that transformers knows."
    )


def _remedy(what: str, source: str) -> str:
    folder = Path(source)
    if folder.is_dir():
        found = sorted(path for pattern in _FILES[what] for path in folder.glob(pattern) if path.is_file())
        damaged = [path for path in found if path.suffix == ".json" and not _is_json(path)] or found
        files = ", ".join(map(str, damaged))
        return f"Its files may be damaged: copy or download again {files}. {_REMEDY}" if found else _REMEDY
    if folder.parent.is_dir() and folder.parent != Path("."):
        return f"The folder '{folder.parent}' holds no '{folder.name}' either. {_REMEDY}"
    return _REMEDY


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True


def _check_folder(source: str) -> None:
    """Refuses missing paths, which transformers would look for on the hub: without a network, for over a minute."""
    if Path(source).is_file():
        raise NotADirectoryError("it is a file, and neither an archive nor the folder of an encoder.")
    is_path = source.startswith((".", "/", "~")) or source.endswith("/") or source.count("/") > 1
    if is_path and not Path(source).is_dir():
        hint = " ('~' is not read as your home here: write the path out)" if source.startswith("~") else ""
        raise FileNotFoundError(f"there is no folder '{source}'{hint}.")
