"""The base class of word aligners."""

from pathlib import Path
from typing import List, Sequence

from allennlp.common import Registrable

from lowresource_ner.projection.parallel_text import ParallelText, SentencePair
from lowresource_ner.projection.word_alignment import WordAlignment


class WordAligner(Registrable):
    """
    Aligns the words of sentence pairs.

    Subclasses implement `align`. They override `prepare` if they need the whole text, or have files or models to check.
    """

    default_implementation = "encoder"

    has_vectors = False
    """Whether the aligner can return word vectors."""

    def prepare(self, text: ParallelText, num_lines: int, folder: Path) -> None:
        """
        Prepares the alignment of a text. Called once before `align`.

        # Parameters

        text : `ParallelText`
        num_lines : `int`
            The number of lines in the text, including skipped ones.
        folder : `Path`
            An existing folder for intermediate files. It is kept until the whole text is done, so a resumed run finds them again.

        # Raises

        `ConfigurationError`
            If anything is wrong that would make `align` fail.
        """

    def align(self, pairs: Sequence[SentencePair], vectors: bool = False) -> List[WordAlignment]:
        """
        Returns the alignment of each pair. Calls with many pairs are more efficient.

        # Parameters

        pairs : `Sequence[SentencePair]`
            In the order of the text.
        vectors : `bool`
            Whether to return word vectors. Requires `has_vectors`.
        """
        raise NotImplementedError
