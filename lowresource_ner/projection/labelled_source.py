"""Labelled source side of a parallel text, read from a CoNLL file."""

from typing import Iterator, Optional

from lowresource_ner.common.quoting import quoted
from lowresource_ner.data.dataset_readers.conll_ner import ConllNerReader
from lowresource_ner.data.dataset_readers.corpus_paths import CorpusPath
from lowresource_ner.data.dataset_readers.sentence_reader import Sentence
from lowresource_ner.data.text_lines import ConllError


class LabelledSource:
    """
    Tagged source sentences of a parallel text, annotated by hand or by any tagger. The file must have one sentence for each line
    of the parallel text with a non-empty source side, in the same order. The tokenisation may differ, but the characters must be
    the same, except for white space.

    # Parameters

    path : `CorpusPath`
    reader : `ConllNerReader`
        Its `tag_scheme` is the tag scheme of the file.
    """

    def __init__(self, path: CorpusPath, reader: ConllNerReader) -> None:
        self.path = path
        self.tag_scheme = reader.tag_scheme
        self._reader = reader

    def sentences(self) -> Iterator[Sentence]:
        """Returns an iterator over all sentences. The file is checked before the first one is yielded."""
        return self._reader.sentences(self.path)

    def next_for(self, text: str, place: str, sentences: Iterator[Sentence]) -> Optional[Sentence]:
        """
        Returns the next labelled sentence, or `None` if `text` is blank. The sentence must match `text`, the source side of the
        line at `place` ("path:line").

        # Raises

        `ConllError`
            If the next sentence does not match, or there are no more sentences.
        """
        if not text.strip():
            return None
        sentence = next(sentences, None)
        if sentence is None:
            raise _error(
                place, f"no sentence of {self.path} is left for this line; add the sentence, or remove the line"
            )
        if _characters(text) != _characters("".join(sentence.words)):
            raise _error(
                place,
                f"the source side is {quoted(text)}, but the next labelled sentence ({sentence.place}) is "
                f"{quoted(' '.join(sentence.words))}; give one sentence for each line with a source side, in the same order",
            )
        return sentence

    def check_end(self, sentences: Iterator[Sentence], text: str) -> None:
        """Raises a `ConllError` if labelled sentences are left over at the end of the text."""
        sentence = next(sentences, None)
        if sentence is not None:
            raise _error(sentence.place, f"{text} has no line for this sentence; remove the sentence, or add the line")


def _characters(text: str) -> str:
    return "".join(text.split())


def _error(place: str, complaint: str) -> ConllError:
    path, _, line = place.rpartition(":")
    return ConllError(path, int(line), complaint)
