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
    '\'{"type": "encoder", "model_name": "xlm-roberta-base", "layer": 8}\' for instance'
)


@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """How parallel text is read."""

    columns: List[int] = option(
        list, "the columns of source and target, from 0, in a text of more than these two", metavar="COLUMN"
    )
    tokenised: bool = option(False, "spaces separate the words of both sides")
    source_tokenizer: str = option("", "of a text that is not tokenised, as JSON or by name", metavar="TOKENIZER")
    target_tokenizer: str = option("", "likewise", metavar="TOKENIZER")
    encoding: str = option("utf-8", "of the text")
    max_words: int = option(256, "pairs with more words on a side are left out")
    skip_malformed: bool = option(False, "leave out lines with a wrong number of columns or a character of no word")
    cuda_device: int = option(-1, "-1 for the CPU, or the number of a GPU")

    def text(self, corpus: Sequence[str], source_labels: Optional[LabelledSource] = None) -> ParallelText:
        """The text that is read with these options."""
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

    def word_aligner(self, given: str) -> WordAligner:
        """The aligner that the user names: a registered name, a JSON object, or a file of links."""
        if os.path.isfile(given):
            return PharaohAligner(given)
        config = _config(given, "--aligner")
        if config == {"type": given} and given not in WordAligner.list_available():
            raise ConfigurationError(
                f"--aligner '{given}' is neither a file of links nor an aligner; these are "
                f"{', '.join(WordAligner.list_available())}."
            )
        if WordAligner.by_name(config.get("type", WordAligner.default_implementation)) is EncoderAligner:
            config.setdefault("cuda_device", self.cuda_device)
        return WordAligner.from_params(Params(config))


def built(base: Type[_R], given: str, flag: str) -> _R:
    """An object that the user names by its registered name or describes by a JSON object."""
    return base.from_params(Params(_config(given, flag)))


def versions(values: Any) -> List[Tuple[str, int, int]]:
    """The path, size and modification time of each file that is named in options, texts and globs included."""
    paths = sorted({os.path.abspath(path) for value in _strings(values) for path in _files(value)})
    return [(path, os.stat(path).st_size, os.stat(path).st_mtime_ns) for path in paths]


def unfinished_folder(output_file: str) -> Path:
    """The folder for the unfinished work on an output file, beside it."""
    return Path(f"{output_file}.unfinished")


def _config(given: str, flag: str) -> Dict[str, Any]:
    if not given.lstrip().startswith("{"):
        return {"type": given}
    try:
        config: Dict[str, Any] = json.loads(given)
    except ValueError as error:
        raise ConfigurationError(f"{flag} is not JSON ({error}): {given}") from error
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
