"""The options of commands that read and align parallel text."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Type, TypeVar

from allennlp.common import Params, Registrable
from allennlp.common.checks import ConfigurationError
from allennlp.data import Tokenizer

from lowresource_ner.common.options import option
from lowresource_ner.data.dataset_readers.corpus_paths import corpus_files
from lowresource_ner.projection.aligners.encoder_aligner import EncoderAligner
from lowresource_ner.projection.aligners.pharaoh_aligner import PharaohAligner
from lowresource_ner.projection.aligners.word_aligner import WordAligner
from lowresource_ner.projection.labelled_source import LabelledSource
from lowresource_ner.projection.parallel_text import ParallelText

_R = TypeVar("_R", bound=Registrable)

ALIGNER_HELP = (
    "encoder, eflomal, a file of links (0-0 1-2) or a JSON object, "
    'e.g. \'{"type": "encoder", "model_name": "xlm-roberta-base", "layer": 8}\''
)


@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """Options for reading and aligning parallel text."""

    columns: List[int] = option(
        list,
        "indices of the source and target columns, from 0; required if the text has more than two",
        metavar="COLUMN",
    )
    tokenised: bool = option(False, "both sides are already tokenised, with spaces between words")
    source_tokenizer: str = option(
        "", "tokenizer for the source side, a name or JSON, unless --tokenised", metavar="TOKENIZER"
    )
    target_tokenizer: str = option(
        "", "tokenizer for the target side, a name or JSON, unless --tokenised", metavar="TOKENIZER"
    )
    encoding: str = option("utf-8", "encoding of the text")
    max_words: int = option(256, "skip pairs with more words than this on either side")
    skip_malformed: bool = option(False, "skip lines with a wrong number of columns or invalid characters")
    cuda_device: int = option(-1, "index of a GPU, or -1 for the CPU")

    def text(self, corpus: Sequence[str], source_labels: Optional[LabelledSource] = None) -> ParallelText:
        """Builds the reader of the text."""
        return ParallelText(
            corpus,
            self.columns or None,
            self.tokenised,
            built(Tokenizer, self.source_tokenizer, "--source-tokenizer") if self.source_tokenizer else None,
            built(Tokenizer, self.target_tokenizer, "--target-tokenizer") if self.target_tokenizer else None,
            source_labels,
            self.encoding,
            self.max_words,
            self.skip_malformed,
        )

    def word_aligner(self, name_or_config: str) -> WordAligner:
        """Builds an aligner from a registered name, a JSON object or the path of a file of links."""
        if os.path.isfile(name_or_config):
            return PharaohAligner(name_or_config)
        config = _config(name_or_config, "--aligner")
        if config == {"type": name_or_config} and name_or_config not in WordAligner.list_available():
            raise ConfigurationError(
                f"--aligner '{name_or_config}' is neither an existing file of links nor a known aligner. Known aligners: "
                f"{', '.join(WordAligner.list_available())}."
            )
        if WordAligner.by_name(config.get("type", WordAligner.default_implementation)) is EncoderAligner:
            config.setdefault("cuda_device", self.cuda_device)
        return WordAligner.from_params(Params(config))


def built(base: Type[_R], name_or_config: str, flag: str) -> _R:
    """Builds an object from its registered name or a JSON object, the value of the option `flag`."""
    return base.from_params(Params(_config(name_or_config, flag)))


def versions(values: Any) -> List[Tuple[str, int, int]]:
    """Returns path, size and modification time of every file mentioned in the values, with glob patterns expanded."""
    paths = sorted({os.path.abspath(path) for value in _strings(values) for path in _files(value)})
    return [(path, os.stat(path).st_size, os.stat(path).st_mtime_ns) for path in paths]


def unfinished_folder(output_file: str) -> Path:
    """The folder next to an output file that stores the unfinished work on it."""
    return Path(f"{output_file}.unfinished")


def _config(name_or_config: str, flag: str) -> Dict[str, Any]:
    if not name_or_config.lstrip().startswith("{"):
        return {"type": name_or_config}
    try:
        config: Dict[str, Any] = json.loads(name_or_config)
    except ValueError as error:
        raise ConfigurationError(f"{flag} is not valid JSON ({error}): {name_or_config}") from error
    return config


def _strings(values: Any) -> Iterator[str]:
    if isinstance(values, str):
        yield values
        if values.lstrip().startswith("{"):
            yield from _strings(_config(values, "an option"))
    elif isinstance(values, dict):
        yield from _strings(list(values.values()))
    elif isinstance(values, (list, tuple)):
        for value in values:
            yield from _strings(value)


def _files(value: str) -> List[str]:
    try:
        return [path for path in corpus_files(value) if os.path.isfile(path)]
    except (ConfigurationError, OSError, ValueError):
        return []
