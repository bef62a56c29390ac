"""CoNLL files of every layout, made together with the words and tags that they hold."""

import random
from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

from fuzz.temporary import temporary_folder
from lowresource_ner.data.conll.format import ConllFormat
from lowresource_ner.data.conll.parser import read_conll
from lowresource_ner.data.conll.survey import survey_conll
from lowresource_ner.data.text_lines import ConllError
from lowresource_ner.tagging import EntitySpan, get_scheme

WORDS = [
    "Reno",
    "a",
    "#",
    "#tag",
    "##",
    "# x",
    "10\u00a0000",
    "1",
    "2",
    "-",
    "O",
    "B-PER",
    "é",
    "\u2028",
    "x:y",
    "<b>",
    "{",
    '"',
]
TYPES = ["PER", "LOC", "person-artist"]
FOLDER = temporary_folder()


@dataclass
class Case:
    """A file's text, the options to read it with, and the sentences in it."""

    text: str
    options: Dict[str, Any]
    sentences: List[List[Tuple[str, str]]]
    is_plain: bool
    """Whether it leaves no doubt, so that it must be read without an error."""


def make_case(rng: random.Random) -> Case:
    by_tabs = rng.random() < 0.5
    words = WORDS if by_tabs else [word for word in WORDS if " " not in word]
    if rng.random() < 0.3:
        words = ["Reno", "a", "1", "b", "-"]
    scheme = rng.choice(["IOB2", "IOB2", "IOB1", "IOBES", "BILOU", "IO", "BMES"])
    sentences = [_tagged(rng, words, scheme) for _ in range(rng.randint(1, 6))]
    num_columns = rng.randint(2, 5)
    token_column = rng.randrange(num_columns)
    tag_column = rng.choice([column for column in range(num_columns) if column != token_column])
    file = _File(rng, "\t" if by_tabs else " ", num_columns, token_column, tag_column, scheme)
    text = file.text(sentences)
    options: Dict[str, Any] = {
        "token_column": token_column,
        "tag_column": tag_column - num_columns if rng.random() < 0.3 and not file.notes else tag_column,
        "delimiter": ("tab" if by_tabs else "whitespace") if rng.random() < 0.8 else "auto",
    }
    if file.end_mark:
        options["sentence_end_mark"] = "EndOfSentence"
    if file.comment_prefix:
        options["comment_prefix"] = file.comment_prefix
    if file.scheme in ("IO", "BMES"):
        options["scheme"] = file.scheme
    used = {word for sentence in sentences for word, _ in sentence}
    # Such words make a file look like HTML or JSON. Where all begin as comments do, comments of other kinds are doubtful.
    is_plain = (
        options["delimiter"] != "auto"
        and not used & {"<b>", "{", '"'}
        and not all(word.startswith("#") for word in used)
        and not file.is_doubtful(sentences)
    )
    return Case(text, options, sentences, is_plain)


def _tagged(rng: random.Random, words: List[str], scheme: str) -> List[Tuple[str, str]]:
    length = rng.randint(1, 6)
    spans, start = [], 0
    while start < length:
        end = min(length, start + rng.randint(1, 2))
        if rng.random() < 0.4:
            spans.append(EntitySpan(start, end, rng.choice(TYPES)))
        start = end
    tags = get_scheme({"IO": "IOB2", "BMES": "IOBES"}.get(scheme, scheme)).tags(spans, length)
    if scheme == "IO":
        tags = [tag if tag == "O" else tag[2:] for tag in tags]
    if scheme == "BMES":
        tags = [f"M{tag[1:]}" if tag.startswith("I-") else tag for tag in tags]
    return [(rng.choice(words), tag) for tag in tags]


class _File:
    def __init__(self, rng: random.Random, delimiter: str, num_columns: int, token: int, tag: int, scheme: str) -> None:
        self.rng = rng
        self.delimiter = delimiter
        self.num_columns = num_columns
        self.token = token
        self.tag = tag
        self.scheme = scheme
        self.comments = rng.choice(["none", "text", "columns", "some columns", "first", "own prefix"])
        self.comment_prefix = "#id" if self.comments == "own prefix" else None
        self.has_numbers = token > 0 and tag > 0 and rng.random() < 0.3
        self.notes = delimiter == "\t" and max(token, tag) < num_columns - 1 and rng.random() < 0.3
        self.end_mark = not self.notes and max(token, tag) < num_columns - 1 and rng.random() < 0.2
        self.others = rng.choice([["_"], ["NN", "VB", "_"], [str(number) for number in range(50)]])
        self.line_end = rng.choice(["\n", "\n", "\r\n"])

    def text(self, sentences: List[List[Tuple[str, str]]]) -> str:
        rng = self.rng
        lines = []
        if rng.random() < 0.2:
            lines.append(
                self.delimiter.join(["TOKEN" if column == self.token else "NE" for column in range(self.num_columns)])
            )
        for number, sentence in enumerate(sentences):
            if rng.random() < 0.1:
                lines += ["-DOCSTART- -X- O", ""]
            comment = self.comment(number)
            if comment is not None:
                lines.append(comment)
            last = len(sentence) - 1
            lines += [
                self.line(word, tag, position + 1, position == last) for position, (word, tag) in enumerate(sentence)
            ]
            if not self.end_mark or rng.random() < 0.3:
                lines += [""] * rng.randint(1, 2)
        mark = "\ufeff" if rng.random() < 0.2 else ""
        return mark + self.line_end.join(lines) + (self.line_end if rng.random() < 0.8 else "")

    def line(self, word: str, tag: str, position: int, is_last: bool) -> str:
        cells = [self.rng.choice(self.others) for _ in range(self.num_columns)]
        if self.has_numbers:
            cells[0] = str(position)
        cells[self.token], cells[self.tag] = word, tag
        if self.notes:
            cells[-1] = self.rng.choice(["", "", "", "a note"])
        if self.end_mark:
            cells[-1] = "NoSpaceAfter|EndOfSentence" if is_last else "_"
        return self.delimiter.join(cells)

    def comment(self, number: int) -> str | None:
        in_columns = self.delimiter.join(["#", *(f"x{number}={column}" for column in range(1, self.num_columns))])
        if self.comments == "own prefix":
            return f"#id{in_columns[1:]}"
        if self.comments == "first":
            return in_columns if number == 0 else None
        if self.comments == "some columns":
            return in_columns if self.rng.random() < 0.5 else None
        return {"none": None, "text": f"# a text of several words and number {number}", "columns": in_columns}[
            self.comments
        ]

    def is_doubtful(self, sentences: List[List[Tuple[str, str]]]) -> bool:
        """
        Whether labels have no prefixes, and a sentence begins with "#" and one that need not occur a second time, or words that
        begin otherwise are too few to know them.
        """
        words = [pair for sentence in sentences for pair in sentence]
        others = [(word, tag) for word, tag in words if not word.startswith("#")]
        starts_doubtfully = any(sentence[0][0] in ("#", "# x") for sentence in sentences)
        return self.scheme == "IO" and (starts_doubtfully or _are_few(words) or _are_few(others))


def _are_few(pairs: List[Tuple[str, str]]) -> bool:
    """Whether these words do not tell what labels there are."""
    labels = [label for _, label in pairs]
    return "O" not in labels and 2 * len(set(labels)) > len(labels)


def check(rng: random.Random) -> None:
    """
    One file: what labelled reading gives is what was written, and unlabelled reading gives the same words; the only exception is
    a `ConllError`, and none where the file leaves no doubt.
    """
    case = make_case(rng)
    path = FOLDER / "case.conll"
    path.write_text(case.text, encoding="utf-8", newline="")
    scheme = case.options.pop("scheme", None)
    try:
        survey_conll(path, ConllFormat(**case.options), scheme)
        labelled = list(read_conll(path, ConllFormat(**case.options)))
    except ConllError:
        assert not case.is_plain, (case.text, case.options)
        return
    if case.is_plain:
        assert [list(zip(each.tokens, each.tags or ())) for each in labelled] == case.sentences, (
            case.text,
            case.options,
        )
    unlabelled = list(read_conll(path, ConllFormat(**case.options, labelled=False)))
    assert [each.tokens for each in unlabelled] == [each.tokens for each in labelled], (case.text, case.options)
    assert [each.lines for each in unlabelled] == [each.lines for each in labelled]
