"""The base class of word aligners."""

from pathlib import Path
from typing import List, Sequence

from allennlp.common import Registrable

from lowresource_ner.projection.parallel_text import ParallelText, SentencePair
from lowresource_ner.projection.word_alignment import WordAlignment


class WordAligner(Registrable):
    """
    Aligns the words of sentence pairs.

    Subclasses define `align`, and `prepare` if they need the text as a whole, or have files or models to check.
    """

    default_implementation = "encoder"

    has_vectors = False
    """Whether it can give vectors of words."""

    def prepare(self, text: ParallelText, num_lines: int, folder: Path) -> None:
        """
        Called once before `align`.

        # Parameters

        text : `ParallelText`
        num_lines : `int`
            The lines of the text, those that are left out included.
        folder : `Path`
            An existing folder for files, which is kept until the text is done: after an interruption, it is the same one.

        # Raises

        `ConfigurationError`
            For whatever would fail later.
        """

    def align(self, pairs: Sequence[SentencePair], vectors: bool = False) -> List[WordAlignment]:
        """
        Returns the alignment of each pair. Calls with many pairs are more efficient.

        # Parameters

        pairs : `Sequence[SentencePair]`
            In the order of the text.
        vectors : `bool`
            Whether to give the words' vectors; only if the aligner has them.
        """
        raise NotImplementedError
