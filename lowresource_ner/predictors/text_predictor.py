"""The base class of predictors: JSON lines or plain text in, JSON lines out."""

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
from lowresource_ner.data.tokenizers.tokenise_each import tokenise_each
from lowresource_ner.data.tokenizers.word_tokenizer import WordTokenizer
from lowresource_ner.predictors.input_file import InputFileReader, input_line_of
from lowresource_ner.predictors.input_line import (
    INPUT_FORMATS,
    InputLine,
    check_input,
    invalid_line,
    on_one_line,
    read_input_line,
)
from lowresource_ner.predictors.request import Request, request_of_text, request_of_tokens

logger = logging.getLogger(__name__)

_KEYS_OF_ERRORS = ("line", "error")


class TextPredictor(Predictor):
    """
    Reads lines of JSON or of plain text, and writes a line of JSON for each.

    A line of input is a JSON object with "tokens", a list of words, or "text", which is split into words, or both, if the words
    are those of the text (`null` counts as absent). Other keys (an id, say) are copied to the output, unless they have the name
    of an output, or are called "line" or "error"; a warning names such keys.

    Order is kept. An invalid line gives {"line": n, "error": ...} and does not stop the rest, so that a line of output has either
    "tokens" or "error". Invalid are lines that are not UTF-8 or not JSON (with NaN, for instance, or the same key twice), numbers
    that Python cannot represent, brackets nested over 100 deep, texts over `MAX_LINE_BYTES`, texts and words with a NUL, words
    with a tab or a line end, and halves of surrogate pairs.

    `allennlp predict` opens a file itself: it passes on only the lines that are not blank, so that n counts these, and ends with
    a `UnicodeDecodeError` at the first byte that is not UTF-8. With `--use-dataset-reader` and an `input_format` the predictor
    reads the file: such bytes affect only their own line, n is the line's number in the file, and lines end only at line feeds.

    `num_errors` counts the errors among the lines of output so far.

    Subclasses define `answer` and `answer_instances`.

    # Parameters

    model : `Model`
    dataset_reader : `DatasetReader`
    frozen : `bool`
    input_format : `Optional[str]`, optional (default = `None`)
        "json" (an object a line), "text" for plain text, one sentence or paragraph a line, or "tokens" for words that are
        separated by spaces. `None` is "json" or, with `--use-dataset-reader`, the format of the archive's reader.
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
        self._keys_left_out: Set[str] = set()

    def answer(self, requests: Sequence[Request]) -> List[JsonDict]:
        """The output for each request, without the other keys of the input."""
        raise NotImplementedError

    def answer_instances(self, instances: List[Instance]) -> List[JsonDict]:
        """The output for each instance of the archive's reader."""
        raise NotImplementedError

    def load_line(self, line: str) -> JsonDict:
        self._lines_read += 1
        return read_input_line(self._lines_read, line, self._input_format)

    def dump_line(self, outputs: JsonDict) -> str:
        """A line of output; for an answer that cannot be written, a line with the reason. Never raises an error."""
        if "error" not in outputs or "tokens" in outputs:
            try:
                return self._written(outputs)
            except (ValueError, TypeError, RecursionError, ConfigurationError) as error:
                complaint = f"the answer cannot be written: {getattr(error, 'complaint', error)}"
                outputs = _logged({**getattr(outputs, "origin", {}), "error": on_one_line(complaint)})
        self.num_errors += 1
        return self._written_error(outputs)

    def predict_json(self, inputs: JsonDict) -> JsonDict:
        return self.predict_batch_json([inputs])[0]

    def predict_batch_json(self, inputs: List[JsonDict]) -> List[JsonDict]:
        """
        The answers to many texts. More texts in a call need less padding.

        # Raises

        `ValueError`
            For an input without valid "tokens" or "text". (Inputs that come from `load_line` never raise errors.)
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
        """The text of an answer in the output; raises an error if it cannot be written."""
        line = json.dumps(outputs, ensure_ascii=False, allow_nan=False) + "\n"
        line.encode("utf-8")
        return line

    def _written_error(self, outputs: JsonDict) -> str:
        return json.dumps(outputs, ensure_ascii=False) + "\n"

    def _outcomes(self, inputs: Sequence[JsonDict]) -> Iterator[Union[Request, JsonDict]]:
        """A request for each input, or, for an invalid one, the output that says why."""
        for item in inputs:
            if not isinstance(item, InputLine):
                check_input(item)
        tokenised = iter(tokenise_each(self._tokenizer, [item["text"] for item in inputs if _is_text(item)]))
        for item in inputs:
            tokens = next(tokenised) if _is_text(item) else []
            try:
                if isinstance(tokens, str):
                    raise ValueError(f"the tokenizer cannot split this text: {tokens}")
                yield dict(item) if _is_invalid(item) else self._request(item, tokens)
            except ValueError as error:
                if not isinstance(item, InputLine):
                    raise
                yield dict(invalid_line(item.number, str(error)))

    def _request(self, item: JsonDict, tokens: List[Token]) -> Request:
        others = {key: value for key, value in item.items() if key not in ("text", "tokens")}
        if item.get("tokens") is not None:
            return request_of_tokens(item["tokens"], others, item.get("text"))
        return request_of_text(item["text"], tokens, others, self._sentences(tokens))

    def _sentences(self, words: Sequence[Token]) -> List[Tuple[int, int]]:
        """The sentences of a text: for each the number of its first word, and of the word after its last one."""
        if self._splitter is None:
            return [(0, len(words))]
        ends = list(accumulate(len(sentence) for sentence in self._splitter.split(words)))
        return list(zip([0, *ends], ends))

    def _answer(self, answer: JsonDict, others: JsonDict, origin: JsonDict) -> "_Answer":
        kept = {key: value for key, value in others.items() if key not in answer and key not in _KEYS_OF_ERRORS}
        for key in sorted(others.keys() - kept.keys() - self._keys_left_out):
            self._keys_left_out.add(key)
            logger.warning(
                'The key "%s" of the input is not copied to the output, which has a key of that name (first met at %s; later '
                "ones are not reported).",
                key,
                shown_origin(origin) or "an input",
            )
        return _Answer({**kept, **answer}, origin)


class _Answer(Dict[str, Any]):
    """An output together with its origin: {"line": n}, {"place": "file:line"}, or nothing."""

    def __init__(self, outputs: JsonDict, origin: JsonDict) -> None:
        super().__init__(outputs)
        self.origin = origin


def shown_origin(outputs: JsonDict) -> str:
    """The input that an output answers, for a message; empty if it is not known."""
    return f"line {outputs['line']}" if "line" in outputs else str(outputs.get("place", ""))


def _logged(outputs: JsonDict) -> JsonDict:
    """Logs an output that is an error, and returns it."""
    logger.error("%s: %s", shown_origin(outputs) or "An input", outputs["error"])
    return outputs


def _origin(item: JsonDict) -> JsonDict:
    return {"line": item.number} if isinstance(item, InputLine) else {}


def _place(instance: Instance) -> JsonDict:
    metadata = instance.fields.get("metadata")
    if isinstance(metadata, MetadataField) and isinstance(metadata.metadata, dict) and "place" in metadata.metadata:
        return {"place": metadata.metadata["place"]}
    return {}


def _is_invalid(item: JsonDict) -> bool:
    return isinstance(item, InputLine) and not item.is_valid


def _is_text(item: JsonDict) -> bool:
    """Whether the input has to be tokenised."""
    return not _is_invalid(item) and item.get("tokens") is None


def _params(tokenizer: Union[str, Dict[str, Any]]) -> Params:
    return Params({"type": tokenizer} if isinstance(tokenizer, str) else dict(tokenizer))
