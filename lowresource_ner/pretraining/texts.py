"""Reads raw and parallel text for language modelling, holds some of it out, and splits the rest into sub-words."""

import random
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, NamedTuple, Sequence, Set, Tuple

import numpy as np
from allennlp.common.checks import ConfigurationError
from transformers import PreTrainedTokenizerFast

from lowresource_ner.data.text_lines import ConllError, numbered_lines

# A text is one line; a pair of translations is two.
Text = Tuple[str, ...]


class Corpus(NamedTuple):
    """The lines of one file, by name: a language, a domain, or two languages."""

    name: str
    training: List[Text]
    held_out: List[Text]
    num_dropped: int
    """training lines that are left out because a corpus holds them out"""


class Encoded(NamedTuple):
    """A text as ids without special tokens, shape (num_sub_words,). `second` is empty where the text is not a pair."""

    first: np.ndarray
    second: np.ndarray

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


def encode(texts: Sequence[Text], tokenizer: PreTrainedTokenizerFast, max_length: int) -> List[Encoded]:
    """
    Splits texts into sub-words. Nothing is cut off: a text that is longer than `max_length`, special tokens included, becomes
    several texts, and a longer pair becomes two texts.
    """
    encoded: List[Encoded] = []
    nothing = np.empty(0, dtype=np.int32)
    num_sides = len(texts[0]) if texts else 1
    for pair in zip(*(_ids([text[side] for text in texts], tokenizer) for side in range(num_sides))):
        if len(pair) == 2 and len(pair[0]) and len(pair[1]) and len(pair[0]) + len(pair[1]) + 3 <= max_length:
            encoded.append(Encoded(pair[0], pair[1]))
            continue
        for ids in pair:
            for start in range(0, len(ids), max_length - 2):
                encoded.append(Encoded(ids[start : start + max_length - 2], nothing))
    return encoded


def encode_corpora(corpora: Sequence[Corpus], tokenizer: PreTrainedTokenizerFast, max_length: int) -> EncodedCorpora:
    """Encodes the training and held-out texts of all corpora."""
    encoded = EncodedCorpora(corpora, [], [], {})
    for number, corpus in enumerate(corpora):
        texts = encode(corpus.training, tokenizer, max_length)
        encoded.texts.extend(texts)
        encoded.numbers.extend([number] * len(texts))
        if corpus.held_out:
            encoded.held_out[corpus.name] = encode(corpus.held_out, tokenizer, max_length)
    return encoded


def _ids(lines: List[str], tokenizer: PreTrainedTokenizerFast) -> Iterator[np.ndarray]:
    for start in range(0, len(lines), 10_000):
        block = lines[start : start + 10_000]
        # verbose=False: the tokenizer would warn of lines over its limit, which are cut into windows here.
        for ids in tokenizer(block, add_special_tokens=False, return_attention_mask=False, verbose=False)["input_ids"]:
            yield np.array(ids, dtype=np.int32)


def named_files(arguments: Iterable[str]) -> Dict[str, str]:
    """
    Paths by name. An argument is `name=path`, or `path`, which is named after the file without its suffixes.

    # Raises

    `ValueError`
        If two files have the same name.
    """
    files: Dict[str, str] = {}
    for argument in arguments:
        name, equals, path = argument.partition("=")
        if not equals or "/" in name:
            name, path = Path(argument).name.split(".")[0], argument
        if name in files:
            raise ValueError(f"Two files are called '{name}'. Name them apart: NAME=PATH.")
        files[name] = path
    return files
