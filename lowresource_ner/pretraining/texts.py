"""Reads raw and parallel text for language modelling, holds some of it out, and splits the rest into sub-words."""

import random
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

import numpy as np
from allennlp.common.checks import ConfigurationError
from transformers import PreTrainedTokenizerFast

from lowresource_ner.data.text_lines import ConllError, numbered_lines
from lowresource_ner.pretraining.options import named_files

# A text is one line; a pair of translations is two.
Text = Tuple[str, ...]

# Longer words are probably text of a language that is written without spaces.
_LONGEST_WORD = 20


class Corpus(NamedTuple):
    """The lines of one file, by name: a language, a domain, or two languages."""

    name: str
    training: List[Text]
    held_out: List[Text]
    num_dropped: int
    """training lines that are left out because a corpus holds them out"""


class Side(NamedTuple):
    """
    A text, or one of the two texts of a pair, without special tokens.

    `ids` : the sub-words' ids. Shape: (num_sub_words,)
    `word_starts` : whether a word begins at each sub-word. Shape: (num_sub_words,)
    """

    ids: np.ndarray
    word_starts: np.ndarray


NOTHING = np.empty(0, dtype=np.int32)


class Encoded(NamedTuple):
    """
    A text as ids without special tokens, shape (num_sub_words,). `second` is empty where the text is not a pair. The word starts
    of both, as in `Side`, are empty where they were not asked for.
    """

    first: np.ndarray
    second: np.ndarray
    first_word_starts: np.ndarray = NOTHING
    second_word_starts: np.ndarray = NOTHING

    @property
    def sides(self) -> List[Side]:
        """The text, or both texts of a pair. Where word starts were not asked for, each sub-word is a word."""
        found = [Side(self.first, self.first_word_starts), Side(self.second, self.second_word_starts)]
        return [
            side if len(side.word_starts) else Side(side.ids, np.ones(len(side.ids), dtype=bool))
            for side in (found if len(self.second) else found[:1])
        ]

    @property
    def length(self) -> int:
        """The number of sub-words, with [CLS] and a [SEP] after each text."""
        return len(self.first) + len(self.second) + (3 if len(self.second) else 2)


class EncodedCorpora(NamedTuple):
    """The texts of several corpora."""

    corpora: Sequence[Corpus]
    texts: List[Encoded]
    """all training texts"""
    numbers: List[int]
    """the number of each training text's corpus, from 0"""
    held_out: Dict[str, List[Encoded]]
    """the held-out texts by the name of their corpus"""

    def lengths(self) -> List[int]:
        return [text.length for text in self.texts]

    def sizes(self) -> Dict[str, int]:
        """The number of training sub-words of each corpus, special tokens included."""
        sizes = np.bincount(self.numbers, weights=self.lengths(), minlength=len(self.corpora)).astype(int).tolist()
        return dict(zip([corpus.name for corpus in self.corpora], sizes))

    def description(self) -> Dict[str, Dict[str, int]]:
        """The sizes of each corpus, for a report."""
        return {
            corpus.name: {
                "training_lines": len(corpus.training),
                "training_sub_words": size,
                "held_out_lines": len(corpus.held_out),
                "lines_dropped_because_held_out": corpus.num_dropped,
            }
            for corpus, size in zip(self.corpora, self.sizes().values())
        }


def read_corpora(text: Iterable[str], parallel: Iterable[str], num_held_out: int, seed: int) -> List[Corpus]:
    """
    Reads text files and files of translations, each given as `name=path` or `path`.

    # Raises

    `ValueError`
        If two files have the same name.
    `ConfigurationError`
        If a file does not exist, cannot be read, or holds no text.
    """
    files = named_files(text)
    pairs = named_files(parallel)
    if twice := sorted(files.keys() & pairs.keys()):
        raise ValueError(f"A text and a parallel file are both called '{twice[0]}'. Name them apart: NAME=PATH.")
    corpora = {name: list(read_text(path)) for name, path in files.items()}
    corpora.update({name: list(read_pairs(path)) for name, path in pairs.items()})
    empty = [name for name, texts in corpora.items() if not texts]
    if empty:
        raise ConfigurationError(f"{({**files, **pairs})[empty[0]]} contains no text. Check the path.")
    return split_corpora(corpora, num_held_out, seed)


def read_text(path: str) -> Iterator[Text]:
    """Yields the lines of a text file except blank ones. Lines that were encoded twice are repaired."""
    for _, line in numbered_lines(path, "utf-8"):
        if line.strip():
            yield (repaired(line.strip()),)


def read_pairs(path: str) -> Iterator[Text]:
    """
    Yields the lines of a file of translations, `text<TAB>translation`.

    # Raises

    `ConllError`
        If a line is not two texts with a tab between them. The message names file and line.
    """
    for number, line in numbered_lines(path, "utf-8"):
        if not line.strip():
            continue
        pair = [repaired(text.strip()) for text in line.split("\t")]
        if len(pair) != 2 or not all(pair):
            raise ConllError(
                path, number, "a text, a tab and its translation were expected. Correct the line or take it out."
            )
        yield pair[0], pair[1]


def repaired(line: str) -> str:
    """The line, decoded once more if it is UTF-8 that was read as Latin-1: "ó" for "Ã³"."""
    if "Ã" not in line and "Â" not in line:
        return line
    try:
        return line.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return line


def split_corpora(corpora: Dict[str, List[Text]], num_held_out: int, seed: int) -> List[Corpus]:
    """
    Holds out `num_held_out` random lines of each corpus, a tenth of it at most, and drops all training lines that repeat one of
    them. The same seed holds out the same lines.
    """
    held_out: Dict[str, List[Text]] = {}
    for name, texts in corpora.items():
        distinct = list(dict.fromkeys(texts))
        generator = random.Random(f"{seed} {name}")
        held_out[name] = generator.sample(distinct, min(num_held_out, len(distinct) // 10))
    forbidden: Set[str] = {line for texts in held_out.values() for text in texts for line in text}
    result = []
    for name, texts in corpora.items():
        training = [text for text in texts if forbidden.isdisjoint(text)]
        dropped = len(texts) - len(training) - len(held_out[name])
        result.append(Corpus(name, training, held_out[name], dropped))
    return result


def encode(
    texts: Sequence[Text], tokenizer: PreTrainedTokenizerFast, max_length: int, word_starts: bool = False
) -> List[Encoded]:
    """
    Splits texts into sub-words. Nothing is cut off: a text that is longer than `max_length`, special tokens included, becomes
    several texts, and a longer pair becomes two texts.

    # Parameters

    word_starts : `bool`, optional (default = `False`)
        Whether it is recorded where words begin, which takes a quarter more memory. Words are those that the tokenizer divides
        into sub-words.
    """
    encoded: List[Encoded] = []
    num_sides = len(texts[0]) if texts else 1
    for pair in zip(*(_sides([text[side] for text in texts], tokenizer, word_starts) for side in range(num_sides))):
        num_ids = [len(side.ids) for side in pair]
        if len(pair) == 2 and all(num_ids) and sum(num_ids) + 3 <= max_length:
            encoded.append(Encoded(pair[0].ids, pair[1].ids, pair[0].word_starts, pair[1].word_starts))
            continue
        for side in pair:
            for start in range(0, len(side.ids), max_length - 2):
                window = slice(start, start + max_length - 2)
                encoded.append(Encoded(side.ids[window], NOTHING, side.word_starts[window]))
    return encoded


def encode_corpora(
    corpora: Sequence[Corpus], tokenizer: PreTrainedTokenizerFast, max_length: int, word_starts: bool = False
) -> EncodedCorpora:
    """Encodes the training and held-out texts of all corpora; see `encode`."""
    encoded = EncodedCorpora(corpora, [], [], {})
    for number, corpus in enumerate(corpora):
        texts = encode(corpus.training, tokenizer, max_length, word_starts)
        encoded.texts.extend(texts)
        encoded.numbers.extend([number] * len(texts))
        if corpus.held_out:
            encoded.held_out[corpus.name] = encode(corpus.held_out, tokenizer, max_length, word_starts)
    return encoded


def _sides(lines: List[str], tokenizer: PreTrainedTokenizerFast, word_starts: bool) -> Iterator[Side]:
    """Encodes lines. The word starts are empty if they are not asked for."""
    for start in range(0, len(lines), 10_000):
        block = lines[start : start + 10_000]
        # verbose=False: the tokenizer would warn of lines over its limit, which are cut into windows here.
        encoded = tokenizer(block, add_special_tokens=False, return_attention_mask=False, verbose=False)
        for number, ids in enumerate(encoded["input_ids"]):
            starts = _word_starts(encoded.word_ids(number)) if word_starts else NOTHING
            yield Side(np.array(ids, dtype=np.int32), starts)


def _word_starts(word_ids: Sequence[Optional[int]]) -> np.ndarray:
    """
    Whether a word begins at each sub-word. A word of over 20 sub-words, such as a sentence of a language that is written without
    spaces, is divided into its sub-words.
    """
    numbers = np.array([-1 if number is None else number for number in word_ids])
    starts = np.diff(numbers, prepend=-2) != 0
    words = np.cumsum(starts) - 1
    return starts | (np.bincount(words)[words] > _LONGEST_WORD) if len(words) else starts
