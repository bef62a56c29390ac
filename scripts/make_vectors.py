"""
Makes word vectors from tokenised text: positive pointwise mutual information of words within a window, and of that matrix a
truncated singular value decomposition. A line for each word in GloVe's text format, the most frequent first.

    python scripts/make_vectors.py fixtures/vectors/tiny.16d.txt.gz fixtures/corpora/en/train.conll \\
        fixtures/corpora/bio/train.conll fixtures/corpora/bio/raw.txt fixtures/corpora/sea/raw.txt \\
        --dim 16 --window 4 --min-count 2

Words are in lower case, with 0 for every digit. For tests, and where no published vectors are at hand: those were made from
far more text. On one machine the same texts give the same file, byte for byte.
"""

import argparse
import gzip
import io
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Iterator, List

import numpy
from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.whole_files import written_whole
from lowresource_ner.data.conll.format import ConllFormat
from lowresource_ner.data.conll.parser import read_conll
from lowresource_ner.data.dataset_readers.raw_text import RawTextReader
from lowresource_ner.pretraining.count_vectors import positive_pmi, singular_vectors, window_counts

TOO_RARE = -1

UNLABELLED = ConllFormat(tag_column=None)


def sentences(path: str) -> Iterator[List[str]]:
    """The words of each line of a text file, and of each sentence of a CoNLL file, in lower case and with 0 for digits."""
    if path.endswith(".conll"):
        found = (list(sentence.tokens) for sentence in read_conll(path, UNLABELLED))
    else:
        found = (list(sentence.words) for sentence in RawTextReader(tokenised=True).sentences(path))
    for words in found:
        yield [re.sub(r"\d", "0", word.lower()) for word in words]


def most_frequent_first(counts: Counter, min_count: int) -> List[str]:
    """Equally frequent words in the order of their characters. A word with a space in it has no place in the format."""
    words = [word for word, count in counts.items() if count >= min_count and " " not in word]
    return sorted(words, key=lambda word: (-counts[word], word))


def word_vectors(texts: List[List[str]], words: List[str], window: int, dim: int) -> numpy.ndarray:
    """
    U √S of the words' positive pointwise mutual information, (words, dim), scaled to a mean squared length of 1. Words that are
    not in `words` count for the distance and for nothing else. Of the signs, which the decomposition leaves open, those are taken
    that make the largest number of each dimension positive.
    """
    index = {word: number for number, word in enumerate(words)}
    ids = [numpy.array([index.get(word, TOO_RARE) for word in text]) for text in texts]
    matrix = positive_pmi(window_counts(ids, len(words), window, weight=lambda distance: 1))
    if not matrix.nnz:
        sys.exit("No two words stand side by side more often than by chance. Give more text, or a wider --window.")
    vectors = singular_vectors(matrix.astype(float), dim, seed=0)
    # The first of those that are as large as the largest but for rounding.
    size = abs(vectors)
    largest = numpy.argmax(size > 0.999 * size.max(axis=0), axis=0)
    vectors *= numpy.sign(vectors[largest, range(dim)])
    return vectors / numpy.sqrt((vectors**2).sum(axis=1).mean())


def write(path: Path, words: List[str], vectors: numpy.ndarray) -> None:
    text = io.StringIO()
    for word, vector in zip(words, vectors.round(4) + 0.0):  # adding 0 makes 0 of -0
        text.write(" ".join([word, *(f"{number:.4f}" for number in vector)]) + "\n")
    content = text.getvalue().encode("utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as new:
        new.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not above 0")
    return number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="where the vectors are written; packed if it ends in .gz")
    parser.add_argument(
        "text",
        nargs="+",
        help="text in UTF-8, words between spaces or tabs and a sentence a line, or CoNLL files (*.conll)",
    )
    parser.add_argument("--dim", type=positive, default=100, help="numbers of a vector (default: 100)")
    parser.add_argument("--window", type=positive, default=5, help="words to each side that count (default: 5)")
    parser.add_argument("--min-count", type=positive, default=5, help="leave rarer words out (default: 5)")
    args = parser.parse_args()

    try:
        texts = [sentence for path in args.text for sentence in sentences(path)]
    except ConfigurationError as error:
        sys.exit(str(error))
    counts = Counter(word for sentence in texts for word in sentence)
    if not counts:
        sys.exit(f"There are no words in {', '.join(args.text)}. Check that these are the files that were meant.")
    words = most_frequent_first(counts, args.min_count)
    if len(words) < args.dim:
        sys.exit(
            f"{len(words)} words occur --min-count {args.min_count} times or more, too few for --dim {args.dim}. "
            "Give more text, or lower one of the two."
        )
    vectors = word_vectors(texts, words, args.window, args.dim)
    try:
        write(args.file, words, vectors)
    except OSError as error:
        sys.exit(f"'{args.file}' could not be written: {error}. Is the disk full? A file that was there is as it was.")
    share = sum(counts[word] for word in words) / sum(counts.values())
    print(
        f"{args.file}: {len(words)} words x {args.dim}, which are {share:.1%} of the {sum(counts.values()):,} in the texts"
    )


if __name__ == "__main__":
    main()
