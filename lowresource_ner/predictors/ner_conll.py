"""The predictor of entities as CoNLL files."""

import io

from allennlp.common.util import JsonDict
from allennlp.predictors import Predictor

from lowresource_ner.data.conll.writer import write_conll
from lowresource_ner.predictors.input_line import on_one_line
from lowresource_ner.predictors.ner import NerPredictor
from lowresource_ner.predictors.text_predictor import shown_origin


@Predictor.register("ner_conll")
class NerConllPredictor(NerPredictor):
    """
    Finds entities as `ner` does, and writes them in the CoNLL format: one word a line, a tab and its tag, and a blank line after
    each sentence.

    A comment replaces a sentence ("# line 3: ...") for an invalid line of input, for one without words, and for an
    answer that a CoNLL file cannot represent, such as one with the word -DOCSTART-. (If the input is the sentences of a file, the
    comment names the place there, "# corpus.conll:12: ...".)

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
        return f"# {on_one_line(comment)}\n\n"
