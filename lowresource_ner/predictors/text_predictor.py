"""What predictors of this package have in common: JSON lines or plain text in, JSON lines out."""

import json
import logging
from itertools import accumulate
from typing import Any, Dict, Iterator, List, Optional, Sequence, Set, Tuple, Union

from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.common.util import JsonDict
from allennlp.data import DatasetReader, Instance, Token, Tokenizer
from allennlp.data.fields import MetadataField
from allennlp.models import Model
from allennlp.predictors import Predictor

from lowresource_ner.data.tokenizers.sentence_splitter import WordSentenceSplitter
from lowresource_ner.data.tokenizers.word_tokenizer import WordTokenizer
from lowresource_ner.predictors.input_file import InputFileReader, input_line_of
from lowresource_ner.predictors.input_line import (
    INPUT_FORMATS,
    InputLine,
    check_input,
    printable,
    read_input_line,
    unusable,
)
from lowresource_ner.predictors.request import Request, request_of_text, request_of_tokens

logger = logging.getLogger(__name__)

_OF_ERRORS = ("line", "error")
"""Keys of an output that stands for a line that could not be used."""


class TextPredictor(Predictor):
    """
    A line of input is a JSON object with either "tokens", a list of words, or "text", which is split into words, or both, where
    the words are those of the text (`null` counts as absent). What else it holds (an id, say) is handed through, unless it has
    the name of an output, or is called "line" or "error"; a warning names such keys.

    Order is kept. A line that cannot be used gives {"line": n, "error": ...} and the rest go on, so that a line of output has
    either "tokens" or "error". Such are lines that are not UTF-8 or no JSON (NaN and a key that stands twice are none), numbers
    that Python cannot hold, brackets over 100 deep, texts over `MAX_LINE_BYTES`, texts and words with a NUL, words with a tab or
    a line end, and halves of surrogate pairs.

    `allennlp predict` opens a file itself: it passes on the lines that are not blank, among which n counts them, and ends with a
    `UnicodeDecodeError` at the first byte that is not UTF-8. With `--use-dataset-reader` and an `input_format` the predictor
    reads the file: such bytes spoil their line alone, n is the line's number in the file, and lines end at line feeds only.

    `num_errors` counts the lines of output so far that say what is wrong in place of an answer.

    A predictor of another kind defines `answer` and `answer_instances`.

    # Parameters

    model : `Model`
    dataset_reader : `DatasetReader`
    frozen : `bool`
    input_format : `Optional[str]`, optional (default = `None`)
        "json" (an object a line), "text" for plain text, one sentence or paragraph a line, or "tokens" for words that are
        separated by spaces. `None` is "json", but with `--use-dataset-reader` what the archive's reader reads.
    tokenizer : `Union[str, Dict[str, Any], None]`, optional (default = `spacy_rules` for any language)
        A registered AllenNLP tokenizer, for "text".
    split_sentences : `bool`, optional (default = `False`)
        Whether a "text" is split into sentences.

    # Raises

    `ConfigurationError`
        For an unknown `input_format`.
    """

    def __init__(
        self,
        model: Model,
        dataset_reader: DatasetReader,
        frozen: bool = True,
        input_format: Optional[str] = None,
        tokenizer: Union[str, Dict[str, Any], None] = None,
        split_sentences: bool = False,
    ) -> None:
        if input_format is not None:
            if input_format not in INPUT_FORMATS:
                raise ConfigurationError(
                    f"'input_format' is '{input_format}'; it is 'json' (an object a line), 'text', or 'tokens' (words "
                    "separated by spaces)."
                )
            dataset_reader = InputFileReader(input_format, dataset_reader)
        super().__init__(model, dataset_reader, frozen)
        self._input_format = input_format or "json"
        self._tokenizer = WordTokenizer() if tokenizer is None else Tokenizer.from_params(_params(tokenizer))
        self._splitter = WordSentenceSplitter() if split_sentences else None
        self.num_errors = 0
        self._lines_read = 0
        self._not_handed_through: Set[str] = set()

    def answer(self, requests: Sequence[Request]) -> List[JsonDict]:
        """The output of each request, without what is handed through."""
        raise NotImplementedError

    def answer_instances(self, instances: List[Instance]) -> List[JsonDict]:
        """The output of each instance of the archive's reader."""
        raise NotImplementedError

    def load_line(self, line: str) -> JsonDict:
        self._lines_read += 1
        return read_input_line(self._lines_read, line, self._input_format)

    def dump_line(self, outputs: JsonDict) -> str:
        """A line of output; for an answer that cannot be written, one that says why. No answer makes it fail."""
        if "error" not in outputs or "tokens" in outputs:
            try:
                return self._written(outputs)
            except (ValueError, TypeError, RecursionError, ConfigurationError) as error:
                complaint = f"the answer cannot be written: {getattr(error, 'complaint', error)}"
                outputs = _logged({**getattr(outputs, "origin", {}), "error": printable(complaint)})
        self.num_errors += 1
        return self._written_error(outputs)

    def predict_json(self, inputs: JsonDict) -> JsonDict:
        return self.predict_batch_json([inputs])[0]

    def predict_batch_json(self, inputs: List[JsonDict]) -> List[JsonDict]:
        """
        The answers to many texts; the more there are in a call, the less is padded.

        # Raises

        `ValueError`
            For an input without usable "tokens" or "text". (What comes from `load_line` is answered in any case.)
        """
        outcomes = list(self._outcomes(inputs))
        requests = [outcome for outcome in outcomes if isinstance(outcome, Request)]
        answers = iter(self.answer(requests))
        return [
            self._answer(next(answers), outcome.others, _origin(item))
            if isinstance(outcome, Request)
            else _logged(outcome)
            for item, outcome in zip(inputs, outcomes)
        ]

    def predict_instance(self, instance: Instance) -> JsonDict:
        return self.predict_batch_instance([instance])[0]

    def predict_batch_instance(self, instances: List[Instance]) -> List[JsonDict]:
        lines = [line for instance in instances if (line := input_line_of(instance)) is not None]
        if lines:
            return self.predict_batch_json([*lines])
        return [
            self._answer(answer, {}, _place(instance))
            for answer, instance in zip(self.answer_instances(instances), instances)
        ]

    def _json_to_instance(self, json_dict: JsonDict) -> Instance:
        outcome = next(self._outcomes([json_dict]))
        if not isinstance(outcome, Request):
            raise ValueError(outcome["error"])
        return self._dataset_reader.text_to_instance(outcome.words)

    def _written(self, outputs: JsonDict) -> str:
        """An answer as it stands in the output. Where it cannot be written, any error says why."""
        line = json.dumps(outputs, ensure_ascii=False, allow_nan=False) + "\n"
        line.encode("utf-8")
        return line

    def _written_error(self, outputs: JsonDict) -> str:
        return json.dumps(outputs, ensure_ascii=False) + "\n"

    def _outcomes(self, inputs: Sequence[JsonDict]) -> Iterator[Union[Request, JsonDict]]:
        """What is asked with each input, or the output that says why it cannot be used."""
        for item in inputs:
            if not isinstance(item, InputLine):
                check_input(item)
        tokenised = iter(self._tokenised([item["text"] for item in inputs if _is_text(item)]))
        for item in inputs:
            tokens = next(tokenised) if _is_text(item) else []
            try:
                if isinstance(tokens, ValueError):
                    raise tokens
                yield dict(item) if _is_unusable(item) else self._request(item, tokens)
            except ValueError as error:
                if not isinstance(item, InputLine):
                    raise
                yield dict(unusable(item.number, str(error)))

    def _tokenised(self, texts: List[str]) -> Sequence[Union[List[Token], ValueError]]:
        """The words of each text, or why a tokenizer of the user's cannot split it."""
        try:
            return self._tokenizer.batch_tokenize(texts)
        except Exception:
            return [self._tokenised_alone(text) for text in texts]

    def _tokenised_alone(self, text: str) -> Union[List[Token], ValueError]:
        try:
            return self._tokenizer.tokenize(text)
        except Exception as error:
            return ValueError(f"the tokenizer cannot split this text: {type(error).__name__}: {str(error)[:200]}")

    def _request(self, item: JsonDict, tokens: List[Token]) -> Request:
        others = {key: value for key, value in item.items() if key not in ("text", "tokens")}
        if item.get("tokens") is not None:
            return request_of_tokens(item["tokens"], others, item.get("text"))
        return request_of_text(item["text"], tokens, others, self._sentences(tokens))

    def _sentences(self, words: Sequence[Token]) -> List[Tuple[int, int]]:
        """The sentences of a text, each from its first word to the one after its last."""
        if self._splitter is None:
            return [(0, len(words))]
        ends = list(accumulate(len(sentence) for sentence in self._splitter.split(words)))
        return list(zip([0, *ends], ends))

    def _answer(self, answer: JsonDict, others: JsonDict, origin: JsonDict) -> "_Answer":
        kept = {key: value for key, value in others.items() if key not in answer and key not in _OF_ERRORS}
        for key in sorted(others.keys() - kept.keys() - self._not_handed_through):
            self._not_handed_through.add(key)
            logger.warning(
                'The key "%s" of the input is not handed through, since outputs have one of that name (first met at %s; this is '
                "said once).",
                key,
                shown_origin(origin) or "an input",
            )
        return _Answer({**kept, **answer}, origin)


class _Answer(Dict[str, Any]):
    """An output that knows what it answers: {"line": n}, {"place": "file:line"}, or nothing."""

    def __init__(self, outputs: JsonDict, origin: JsonDict) -> None:
        super().__init__(outputs)
        self.origin = origin


def shown_origin(outputs: JsonDict) -> str:
    """Which input an output answers, for a message; empty where it does not say."""
    return f"line {outputs['line']}" if "line" in outputs else str(outputs.get("place", ""))


def _logged(outputs: JsonDict) -> JsonDict:
    """The same output, an error, which is logged."""
    logger.error("%s: %s", shown_origin(outputs) or "An input", outputs["error"])
    return outputs


def _origin(item: JsonDict) -> JsonDict:
    return {"line": item.number} if isinstance(item, InputLine) else {}


def _place(instance: Instance) -> JsonDict:
    metadata = instance.fields.get("metadata")
    if isinstance(metadata, MetadataField) and isinstance(metadata.metadata, dict) and "place" in metadata.metadata:
        return {"place": metadata.metadata["place"]}
    return {}


def _is_unusable(item: JsonDict) -> bool:
    return isinstance(item, InputLine) and not item.is_usable


def _is_text(item: JsonDict) -> bool:
    """Whether the words are those that the tokenizer finds."""
    return not _is_unusable(item) and item.get("tokens") is None


def _params(tokenizer: Union[str, Dict[str, Any]]) -> Params:
    return Params({"type": tokenizer} if isinstance(tokenizer, str) else dict(tokenizer))
