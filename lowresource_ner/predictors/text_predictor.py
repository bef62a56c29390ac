"""What predictors of this package have in common: JSON lines or plain text in, JSON lines out."""

import json
import logging
from itertools import accumulate
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.common.util import JsonDict
from allennlp.data import DatasetReader, Instance, Token, Tokenizer
from allennlp.models import Model
from allennlp.predictors import Predictor

from lowresource_ner.data.sentence_splitter import WordSentenceSplitter
from lowresource_ner.data.word_tokenizer import WordTokenizer

logger = logging.getLogger(__name__)

MAX_CHARACTERS = 1_000_000
"""The longest text that spaCy's tokenizer takes."""


class Request(NamedTuple):
    """
    A line of input that can be used.

    `text`; `words`; `offsets`, of each word its first character and the one after its last; `others`, what is handed through; and
    `sentences`, of each its first word and the one after its last.
    """

    text: str
    words: List[str]
    offsets: List[Tuple[int, int]]
    others: JsonDict
    sentences: List[Tuple[int, int]]


class TextPredictor(Predictor):
    """
    A line of input is a JSON object with either "tokens", a list of words, or "text", which is split into words, or both, where
    the words are those of the text; what else it holds (an id, say) is handed through, unless it has the name of an output.

    Order is kept. A line that cannot be used gives {"line": n, "error": ...}, n counted among the lines that are not blank (the
    only ones that `allennlp predict` passes on), and the rest go on.

    A predictor of another kind defines `answer` and `predict_batch_instance`.

    # Parameters

    model : `Model`
    dataset_reader : `DatasetReader`
    frozen : `bool`
    input_format : `str`, optional (default = `"json"`)
        "json", or "text" for plain text, one sentence or paragraph a line.
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
        input_format: str = "json",
        tokenizer: Union[str, Dict[str, Any], None] = None,
        split_sentences: bool = False,
    ) -> None:
        super().__init__(model, dataset_reader, frozen)
        if input_format not in ("json", "text"):
            raise ConfigurationError(f"'input_format' is '{input_format}'; it is 'json' (an object a line) or 'text'.")
        self._input_format = input_format
        self._tokenizer = WordTokenizer() if tokenizer is None else Tokenizer.from_params(_params(tokenizer))
        self._splitter = WordSentenceSplitter() if split_sentences else None
        self._lines_read = 0

    def answer(self, requests: Sequence[Request]) -> List[JsonDict]:
        """The output of each request."""
        raise NotImplementedError

    def load_line(self, line: str) -> JsonDict:
        self._lines_read += 1
        line = line.strip("\r\n").removeprefix("\ufeff")
        try:
            inputs = {"text": line} if self._input_format == "text" else _parsed(line)
            self.check(inputs)
            return inputs
        except ValueError as error:
            logger.error("Line %d: %s", self._lines_read, error)
            return _BadLine(line=self._lines_read, error=str(error))

    def dump_line(self, outputs: JsonDict) -> str:
        return json.dumps(outputs, ensure_ascii=False) + "\n"

    def predict_json(self, inputs: JsonDict) -> JsonDict:
        return self.predict_batch_json([inputs])[0]

    def predict_batch_json(self, inputs: List[JsonDict]) -> List[JsonDict]:
        """
        The answers to many texts; the more there are in a call, the less is padded.

        # Raises

        `ValueError`
            For an input without usable "tokens" or "text" (one that `load_line` has refused is answered with its error).
        """
        usable = [item for item in inputs if not isinstance(item, _BadLine)]
        answers = iter(self.answer(self._requests(usable)))
        return [dict(item) if isinstance(item, _BadLine) else next(answers) for item in inputs]

    def predict_instance(self, instance: Instance) -> JsonDict:
        return self.predict_batch_instance([instance])[0]

    def check(self, inputs: Any) -> None:
        """Raises a `ValueError` that says what is wrong with a line of input."""
        _check(inputs)

    def _json_to_instance(self, json_dict: JsonDict) -> Instance:
        return self._dataset_reader.text_to_instance(self._requests([json_dict])[0].words)

    def _requests(self, inputs: Sequence[JsonDict]) -> List[Request]:
        for item in inputs:
            self.check(item)
        texts = [item["text"] for item in inputs if "tokens" not in item]
        tokenised = iter(self._tokenizer.batch_tokenize(texts))
        requests = []
        for item in inputs:
            others = {key: value for key, value in item.items() if key not in ("text", "tokens")}
            if "tokens" in item:
                requests.append(request_of_tokens(item["tokens"], others, item.get("text")))
                continue
            words = next(tokenised)
            offsets = _offsets(words, item["text"])
            written = [word.ensure_text() for word in words]
            requests.append(Request(item["text"], written, offsets, others, self._sentences(words)))
        return requests

    def _sentences(self, words: Sequence[Token]) -> List[Tuple[int, int]]:
        """The sentences of a text, each from its first word to the one after its last."""
        if self._splitter is None:
            return [(0, len(words))]
        ends = list(accumulate(len(sentence) for sentence in self._splitter.split(words)))
        return list(zip([0, *ends], ends))


class _BadLine(Dict[str, Any]):
    """A line of input that cannot be used: its number among the lines that are not blank, and what is wrong with it."""


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(
            f'this is no JSON ({error}); for lines of plain text add --predictor-args \'{{"input_format": "text"}}\''
        ) from error


def _params(tokenizer: Union[str, Dict[str, Any]]) -> Params:
    return Params({"type": tokenizer} if isinstance(tokenizer, str) else dict(tokenizer))


def _check(inputs: Any) -> None:
    """Raises a `ValueError` that says what is wrong with a line of input."""
    if not isinstance(inputs, dict):
        raise ValueError(f'a JSON object with "tokens" or "text" was expected, and this is {type(inputs).__name__}')
    if "tokens" in inputs:
        tokens = inputs["tokens"]
        if not isinstance(tokens, list) or not all(isinstance(token, str) and token.strip() for token in tokens):
            raise ValueError('"tokens" must be a list of words, none of them empty')
    elif not isinstance(inputs.get("text"), str):
        raise ValueError('the object has neither "tokens" (a list of words) nor "text" (a string)')
    written = " ".join(inputs.get("tokens", [])) + str(inputs.get("text", ""))
    if len(written) > MAX_CHARACTERS:
        raise ValueError(
            f"the text has {len(written)} characters; give at most {MAX_CHARACTERS} a line, such as a chapter"
        )
    try:
        written.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"character {error.start} is half of a surrogate pair (a cut emoji, for instance)") from error
    if "tokens" in inputs and "text" in inputs:
        _offsets([Token(token) for token in inputs["tokens"]], str(inputs["text"]))


def _offsets(words: Sequence[Token], text: str) -> List[Tuple[int, int]]:
    """Where words stand in the text; tokenizers that do not say are followed from left to right."""
    offsets = []
    position = 0
    for word in words:
        written = word.ensure_text()
        start = word.idx if word.idx is not None else text.find(written, position)
        position = start + len(written)
        if text[start:position] != written:
            raise ValueError(
                f"the word '{written}' does not stand in the text where it should; words must be as they are in the text"
            )
        offsets.append((start, position))
    return offsets


def request_of_tokens(words: Sequence[str], others: JsonDict, text: Optional[str] = None) -> Request:
    """A request whose words are known; without its text they are joined by spaces."""
    text = " ".join(words) if text is None else text
    return Request(text, list(words), _offsets([Token(word) for word in words], text), others, [(0, len(words))])
