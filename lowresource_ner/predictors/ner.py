"""The predictor of entities as JSON lines."""

from typing import Any, Dict, List, Optional, Sequence, Union

from allennlp.common.checks import ConfigurationError
from allennlp.common.util import JsonDict
from allennlp.data import DatasetReader, Instance
from allennlp.data.fields import TextField
from allennlp.models import Model
from allennlp.predictors import Predictor

from lowresource_ner.data.fields.tags_field import TagsField
from lowresource_ner.models.tagger import Tagger
from lowresource_ner.predictors.batch_tagger import BatchTagger, TaggedSentence
from lowresource_ner.predictors.request import Request, request_of_tokens
from lowresource_ner.predictors.text_predictor import TextPredictor

_DIGITS = 6


@Predictor.register("ner")
class NerPredictor(TextPredictor):
    """
    Finds entities. A line of input is a JSON object with "tokens", a list of words, or "text", which is split into words, or
    both; see `TextPredictor`. With `--use-dataset-reader` and without an `input_format`, the input is a file that the archive's
    reader reads.

    A line of output is a JSON object: "text"; "tokens"; "tags" and "probabilities" of the words; "entities", each with its
    "text", "type", "start_token", "end_token" (exclusive), "start_char", "end_char" (so that `text[start_char:end_char]` is the
    entity) and "confidence". If only tokens were given, "text" is the tokens joined by spaces. If a labelled file was read, the
    object has "gold_tags" as well. An invalid line gives {"line": n, "error": ...} instead.

    Registered as a `Predictor` with name "ner".

    # Parameters

    model : `Model`
    dataset_reader : `DatasetReader`
    frozen : `bool`
    input_format : `Optional[str]`, optional (default = `None`)
        "json", which is the default; "text" for plain text, one sentence or paragraph a line; or "tokens" for words that are
        separated by spaces: `--predictor-args '{"input_format": "text"}'`. If the input may contain bytes that are not UTF-8,
        give the format and `--use-dataset-reader`: the predictor then reads the file itself, and n counts all of its lines.
        (`allennlp tag` always does so.)
    tokenizer : `Union[str, Dict[str, Any], None]`, optional (default = `spacy_rules` for any language)
        A registered AllenNLP tokenizer, for "text".
    split_sentences : `bool`, optional (default = `False`)
        Tag each sentence of a "text" separately. Otherwise the text is one sequence (read in windows if it is long).
    distributions : `bool`, optional (default = `False`)
        Add "labels", and "distributions" with the probability of every label at every word.
    batch_size : `int`, optional (default = `4096`)
        Sub-words, padding included, in a batch.

    # Raises

    `ConfigurationError`
        For an unknown `input_format`, a model that is not a `Tagger`, or a reader without token indexers.
    """

    def __init__(
        self,
        model: Model,
        dataset_reader: DatasetReader,
        frozen: bool = True,
        input_format: Optional[str] = None,
        tokenizer: Union[str, Dict[str, Any], None] = None,
        split_sentences: bool = False,
        distributions: bool = False,
        batch_size: int = 4096,
    ) -> None:
        super().__init__(model, dataset_reader, frozen, input_format, tokenizer, split_sentences)
        if not hasattr(dataset_reader, "token_indexers"):
            raise ConfigurationError(
                f"The archive's reader, {type(dataset_reader).__name__}, has no token indexers. Predict with "
                "an archive whose reader is one of this package (conll_ner, raw_text)."
            )
        if not isinstance(model, Tagger):
            raise ConfigurationError(
                f"The archive's model, {type(model).__name__}, is not a tagger of this package. Use the predictor that was made "
                "for it."
            )
        self._labels = model.labels
        self._distributions = distributions
        self._tagger = BatchTagger(model, dataset_reader.token_indexers, batch_size)

    def answer_instances(self, instances: List[Instance]) -> List[JsonDict]:
        answers = self.answer([request_of_tokens(_words_of(instance), {}) for instance in instances])
        return [{**_gold_tags(instance), **answer} for instance, answer in zip(instances, answers)]

    def answer(self, requests: Sequence[Request]) -> List[JsonDict]:
        pieces = [request.words[start:end] for request in requests for start, end in request.sentences]
        tagged = iter(self._tagger.tag(pieces))
        return [self._output(request, [next(tagged) for _ in request.sentences]) for request in requests]

    def _output(self, request: Request, tagged: Sequence[TaggedSentence]) -> JsonDict:
        output: JsonDict = {
            "text": request.text,
            "tokens": request.words,
            "tags": [tag for sentence in tagged for tag in sentence.tags],
            "probabilities": [round(p, _DIGITS) for sentence in tagged for p in sentence.tag_probabilities],
            "entities": [
                _entity(entity, start, request)
                for (start, _), sentence in zip(request.sentences, tagged)
                for entity in sentence.entities
            ],
        }
        if self._distributions:
            output["labels"] = self._labels
            output["distributions"] = [
                [round(p, _DIGITS) for p in word] for sentence in tagged for word in sentence.probabilities.tolist()
            ]
        return output


def _words_of(instance: Instance) -> List[str]:
    text = instance["tokens"]
    assert isinstance(text, TextField)
    return [token.ensure_text() for token in text.tokens]


def _gold_tags(instance: Instance) -> JsonDict:
    tags = instance.fields.get("tags")
    return {"gold_tags": list(tags.labels)} if isinstance(tags, TagsField) else {}


def _entity(entity: Dict[str, Any], first_word: int, request: Request) -> JsonDict:
    start, end = entity["start"] + first_word, entity["end"] + first_word
    start_char, end_char = request.offsets[start][0], request.offsets[end - 1][1]
    return {
        "text": request.text[start_char:end_char],
        "type": entity["type"],
        "start_token": start,
        "end_token": end,
        "start_char": start_char,
        "end_char": end_char,
        "confidence": round(entity["confidence"], _DIGITS),
    }
