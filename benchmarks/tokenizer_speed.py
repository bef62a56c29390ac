"""
Time of the tokenizer on lines that are hard for spaCy's rules, at doubled lengths, and on ordinary text against plain spaCy.

    python benchmarks/tokenizer_speed.py
    python benchmarks/tokenizer_speed.py --language de --longest 20 --text $NER_DATA/de/raw.txt

A line for each kind of text, which repeats some characters: microseconds a character at the greatest length, and what times the
time grew by each time that the length was doubled (2 where it grows linearly; plain spaCy comes to 4). Then words a second in
files of text, line by line as `raw_text` reads them, against spaCy alone, whose words become tokens in the same way: medians of
`--repeats`, in turn.
"""

import argparse
import statistics
import time
from functools import partial
from pathlib import Path
from typing import Callable, List

import spacy
from allennlp.data import Token

from lowresource_ner.data import WordTokenizer
from lowresource_ner.data.tokenizers.word_tokenizer import MAX_RUN

REPOSITORY = Path(__file__).resolve().parent.parent
UNITS = ["a", " ", "'", "...", "http://", "(", "!", "_", "=", "a-", "1,", "'s", "a ", "Lima. "]
UNITS += ["\U0001f600", "\u4e2d", "\u0301", "\u200d", "\u200f"]
WORST = "!" * MAX_RUN + " "


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", default="xx", help="spaCy's code (default: xx)")
    parser.add_argument("--shortest", type=int, default=16, help="a power of two, in characters (default: 16)")
    parser.add_argument("--longest", type=int, default=18, help="likewise (default: 18; 20 is the limit of a line)")
    parser.add_argument("--text", nargs="*", type=Path, default=sorted(REPOSITORY.glob("fixtures/corpora/*/raw.txt")))
    parser.add_argument("--repeats", type=int, default=15)
    args = parser.parse_args()

    tokenizer = WordTokenizer(args.language)
    tokenizer.tokenize("Lima.")
    lengths = [1 << power for power in range(args.shortest, args.longest + 1)]
    print(
        f"{'text':<24} {'µs a character':>14}   growth with each doubling from {lengths[0]:,} to {lengths[-1]:,} characters"
    )
    for unit in [*UNITS, WORST]:
        times = [seconds(partial(tokenizer.tokenize, (unit * length)[:length]), 3) for length in lengths]
        growth = "  ".join(f"{after / before:.1f}" for before, after in zip(times, times[1:]))
        name = f"{unit!a}" if unit != WORST else f"'!' * {MAX_RUN} + ' '"
        print(f"{name:<24} {times[-1] / lengths[-1] * 1e6:>14.1f}   {growth}", flush=True)
    for path in args.text:
        compare(tokenizer, path, args.repeats)


def compare(tokenizer: WordTokenizer, path: Path, repeats: int) -> None:
    texts = path.read_text(encoding="utf-8").splitlines()
    plain = PlainSpacy(tokenizer.language)
    ours, theirs = [], []
    for _ in range(repeats):
        theirs.append(seconds(lambda: plain.batch_tokenize(texts)))
        ours.append(seconds(lambda: tokenizer.batch_tokenize(texts)))
    num_words = sum(map(len, tokenizer.batch_tokenize(texts)))
    first, second = num_words / statistics.median(ours), num_words / statistics.median(theirs)
    print(
        f"{path}: {num_words} words, {first:,.0f} a second; plain spaCy {second:,.0f} ({first / second:.2f} of it)",
        flush=True,
    )


class PlainSpacy:
    """spaCy's words of a text as a whole, as AllenNLP's tokens."""

    def __init__(self, language: str) -> None:
        self._spacy = spacy.blank(language)

    def batch_tokenize(self, texts: List[str]) -> List[List[Token]]:
        with self._spacy.memory_zone():
            return [
                [
                    Token(word.text, idx=word.idx, idx_end=word.idx + len(word))
                    for word in self._spacy.make_doc(text)
                    if not word.is_space
                ]
                for text in texts
            ]


def seconds(run: Callable[[], object], repeats: int = 1) -> float:
    """The shortest of some runs, in seconds of the processor, so that other processes count for less."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


if __name__ == "__main__":
    main()
