"""The predictor for the next tool in a chain: CoNLL files out."""

import io

from allennlp.common.util import JsonDict
from allennlp.predictors import Predictor

from lowresource_ner.data.conll.writer import write_conll
from lowresource_ner.predictors.input_line import printable
from lowresource_ner.predictors.ner import NerPredictor
from lowresource_ner.predictors.text_predictor import shown_origin


@Predictor.register("ner_conll")
class NerConllPredictor(NerPredictor):
    """
    As `ner`, but a sentence of output is a CoNLL block: a word a line, a tab, its tag, and a blank line after each sentence.

    What gives no block is a comment in its place, "# line 3: ...": a line of input that cannot be used, one without words, and
    an answer that a CoNLL file cannot hold, such as one with the word -DOCSTART- or a type with a space. (An answer to a sentence
    of a file is named by that, "# corpus.conll:12: ...".)

    Registered as a `Predictor` with name "ner_conll".
    """

    def _written(self, outputs: JsonDict) -> str:
        if not outputs["tokens"]:
            return self._written_error({**getattr(outputs, "origin", {}), "error": "the text has no words"})
        block = io.StringIO()
        write_conll([(outputs["tokens"], outputs["tags"])], block)
        return block.getvalue()

    def _written_error(self, outputs: JsonDict) -> str:
        origin = shown_origin(outputs)
        comment = f"{origin}: {outputs['error']}" if origin else outputs["error"]
        return f"# {printable(comment)}\n\n"
