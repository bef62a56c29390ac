"""The labelled source side of a parallel text, in a CoNLL file."""

from typing import Iterator, Optional

from lowresource_ner.common.quoting import quoted
from lowresource_ner.data.dataset_readers.conll_ner import ConllNerReader
from lowresource_ner.data.dataset_readers.corpus_paths import CorpusPath
from lowresource_ner.data.dataset_readers.sentence_reader import Sentence
from lowresource_ner.data.text_lines import ConllError


class LabelledSource:
    """
    The source sentences of a parallel text with tags, by hand or from any tagger: one sentence for each line of the text that has
    text on its source side, in the same order. They may be tokenised in any way, but must have the same characters, white space
    aside.

    # Parameters

    path : `CorpusPath`
    reader : `ConllNerReader`
        Its `tag_scheme` is that of the tags.
    """

    def __init__(self, path: CorpusPath, reader: ConllNerReader) -> None:
        self.path = path
        self.tag_scheme = reader.tag_scheme
        self._reader = reader

    def sentences(self) -> Iterator[Sentence]:
        """The sentences from the first on; the file is checked before the first is given."""
        return self._reader.sentences(self.path)

    def next_for(self, text: str, place: str, sentences: Iterator[Sentence]) -> Optional[Sentence]:
        """
        The next sentence, which must be that of `text`, the source side of the line at `place`; `None` for a side without text.

        # Raises

        `ConllError`
            If it is another one, or there is none.
        """
        if not text.strip():
            return None
        sentence = next(sentences, None)
        if sentence is None:
            raise _error(place, f"no sentence of {self.path} is left for this line; label it, or shorten the text")
        if _characters(text) != _characters("".join(sentence.words)):
            raise _error(
                place,
                f"the source side is {quoted(text)}, and the next labelled sentence ({sentence.place}) is "
                f"{quoted(' '.join(sentence.words))}; give one sentence for each line with a source side, in the same order",
            )
        return sentence

    def check_end(self, sentences: Iterator[Sentence], text: str) -> None:
        """Raises a `ConllError` if there is a sentence for which the text has no line."""
        sentence = next(sentences, None)
        if sentence is not None:
            raise _error(sentence.place, f"{text} has no line for this sentence; take it out, or complete the text")


def _characters(text: str) -> str:
    return "".join(text.split())


def _error(place: str, complaint: str) -> ConllError:
    path, _, line = place.rpartition(":")
    return ConllError(path, int(line), complaint)
