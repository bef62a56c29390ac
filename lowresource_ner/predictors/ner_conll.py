"""The predictor for the next tool in a chain: CoNLL files out."""

import io
from typing import Any, Sequence

from allennlp.common.util import JsonDict
from allennlp.predictors import Predictor

from lowresource_ner.data.conll import ConllError, write_conll
from lowresource_ner.predictors.ner import NerPredictor


@Predictor.register("ner_conll")
class NerConllPredictor(NerPredictor):
    """
    As `ner`, but a sentence of output is a CoNLL block: a word a line, a tab, its tag, and a blank line after each sentence.
    A line of input that cannot be used becomes a comment.

    Registered as a `Predictor` with name "ner_conll".
    """

    def check(self, inputs: Any) -> None:
        super().check(inputs)
        tokens = inputs.get("tokens", [])
        try:
            _block(tokens, ["O"] * len(tokens))
        except ConllError as error:
            raise ValueError(error.complaint) from error

    def dump_line(self, outputs: JsonDict) -> str:
        if "error" in outputs and "tags" not in outputs:
            return f"# line {outputs['line']}: {outputs['error']}\n\n"
        return _block(outputs["tokens"], outputs["tags"])


def _block(tokens: Sequence[str], tags: Sequence[str]) -> str:
    block = io.StringIO()
    if tokens:
        write_conll([(tokens, tags)], block)
    return block.getvalue()
