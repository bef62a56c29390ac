"""The predictor of tags for models of other packages."""

from typing import List

from allennlp.common.util import JsonDict
from allennlp.data import Instance
from allennlp.data.fields import SequenceLabelField, TextField
from allennlp.predictors import Predictor


@Predictor.register("any_tagger")
class AnyTaggerPredictor(Predictor):
    """
    Tags the sentences of a labelled file with any AllenNLP model whose output has "tags", such as the `crf_tagger` of
    allennlp-models: `allennlp predict ARCHIVE FILE --use-dataset-reader --predictor any_tagger`. The models of this package have
    the predictor `ner`, which gives more.

    A line of output has "tokens", "tags" and, where the reader gives them, "gold_tags".

    Registered as a `Predictor` with name "any_tagger".
    """

    def predict_instance(self, instance: Instance) -> JsonDict:
        return self.predict_batch_instance([instance])[0]

    def predict_batch_instance(self, instances: List[Instance]) -> List[JsonDict]:
        gold = [_given(instance) for instance in instances]
        outputs = self._model.forward_on_instances(instances)
        return [{**given, "tags": list(output["tags"])} for given, output in zip(gold, outputs)]


def _given(instance: Instance) -> JsonDict:
    text, tags = instance["tokens"], instance.fields.get("tags")
    assert isinstance(text, TextField)
    words = {"tokens": [token.ensure_text() for token in text.tokens]}
    return {**words, "gold_tags": list(tags.labels)} if isinstance(tags, SequenceLabelField) else words
