"""Raw text of every layout: odd characters, long runs, line ends of all kinds."""

import random
from functools import cache
from typing import List

from allennlp.common.checks import ConfigurationError

from fuzz.temporary import temporary_folder
from lowresource_ner.common.text_rules import split_words, word_fault
from lowresource_ner.data import RawTextReader, WordTokenizer
from lowresource_ner.data.file_kinds import kind_by_first_bytes

LANGUAGES = ["xx", "xx", "en", "de", "es", "hu", "ru"]
WORDS = [
    "Lima",
    "a",
    "z.B.",
    "EE.",
    "UU.",
    "don't",
    "1,5",
    "10\u00a0000",
    "http://a.b/c?d=e",
    "Ω",
    "и",
    "др.",
    ":-)",
    "U.S.A.",
]
BITS = list("aA1é._-–!?'\"()[]{}<>#@/:,;%$§°😀¿«»…。、中国ァーกำလ") + [
    "\u0301",
    "\u200d",
    "\u200b",
    "\u200f",
    "\ufeff",
    "ß",
    "km",
]
SPACES = [" ", " ", " ", "  ", "\t", "\u00a0", "\u2028", "\u3000", "\x0b", "\x1c", "\x85"]
RARE = ["\0", "\r", "\r\r", "\ufffe"]
PATH = temporary_folder() / "raw.txt"


def make_line(rng: random.Random) -> str:
    parts: List[str] = []
    for _ in range(rng.choice([0, 1, 3, 8, 20])):
        kind = rng.random()
        if kind < 0.5:
            parts.append(rng.choice(WORDS))
        elif kind < 0.8:
            parts.append("".join(rng.choices(BITS, k=rng.randint(1, 12))))
        elif kind < 0.99:
            parts.append(chr(rng.choice([rng.randrange(0x20, 0x3000), rng.randrange(0xE000, 0x20000)])))
        elif kind < 0.995:
            parts.append(rng.choice(RARE))
        else:
            unit = "".join(rng.choices(BITS, k=rng.choice([1, 1, 2, 5, 100])))
            parts.append((unit * 3000)[: rng.choice([63, 64, 65, 255, 256, 257, 300, 1000, 3000])])
        if rng.random() < 0.8:
            parts.append(rng.choice(SPACES))
    return "".join(parts).replace("\n", "")


@cache
def tokenizer(language: str) -> WordTokenizer:
    return WordTokenizer(language)


@cache
def reader(layout: str, tokenised: bool) -> RawTextReader:
    return RawTextReader(layout=layout, tokenised=tokenised, tokenizer=None if tokenised else tokenizer("xx"))


def check_offsets(language: str, text: str) -> None:
    """Words stand where they say, one after another, with nothing but white space between them, and can be words."""
    position = 0
    for token in tokenizer(language).tokenize(text):
        assert token.text == text[token.idx : token.idx_end], (language, text, token)
        assert not text[position : token.idx].strip(), (language, text, token)
        assert word_fault(token.text) is None or "\0" in text, (language, text, token)
        position = token.idx_end
    assert not text[position:].strip(), (language, text)


def check_reader(lines: List[str], line_end: str, layout: str, tokenised: bool) -> None:
    """Every word comes out, once and in its place, or an error says which character there is that no word can hold."""
    content = line_end.join(lines).encode("utf-8")
    PATH.write_bytes(content)
    # What is left of a line where the file is split at line feeds; of joined files, each may begin with a byte order mark.
    texts = [line.rstrip("\r").removeprefix("\ufeff") for line in content.decode("utf-8").split("\n")]
    try:
        sentences = [list(sentence.words) for sentence in reader(layout, tokenised).sentences(PATH)]
    except ConfigurationError as error:
        is_blank = not any(text.strip(" \t") if tokenised else text.strip() for text in texts)
        is_faulty = any("\0" in text or tokenised and "\r" in text.strip(" \t") for text in texts)
        first, line_feed, _ = content.partition(b"\n")
        is_other = kind_by_first_bytes(first + line_feed) is not None or (b"\r" in first and not line_feed)
        assert is_blank or is_faulty or is_other, (texts, layout, tokenised, str(error))
        return
    assert all(sentences)
    words = [word for sentence in sentences for word in sentence]
    if tokenised:
        assert words == [word for text in texts for word in split_words(text)], (texts, layout)
    else:
        assert "".join(words) == "".join("".join(texts).split()), (texts, layout)


def check(rng: random.Random) -> None:
    """One text, by a tokenizer and by a reader."""
    lines = [make_line(rng) for _ in range(rng.randint(1, 6))]
    check_offsets(rng.choice(LANGUAGES), rng.choice(lines))
    layout, tokenised = rng.choice(["lines", "running"]), rng.random() < 0.5
    check_reader(lines, rng.choice(["\n", "\n", "\r\n"]), layout, tokenised)
