"""How the columns of one CoNLL file are laid out."""

import re
from dataclasses import dataclass
from typing import FrozenSet, List, Optional, Pattern, Tuple

from lowresource_ner.common.text_rules import MAX_TYPE_CHARACTERS, split_words, word_fault
from lowresource_ner.data.text_lines import ConllError
from lowresource_ner.tagging import is_tag

DOCUMENT_MARK = "-DOCSTART-"
BLANKS = " \t"
DEFAULT_COMMENT_PREFIX = "#"
MAX_TAG_CHARACTERS = MAX_TYPE_CHARACTERS + 2

# What stands in comments, and in no label.
_NO_LABEL = re.compile(r"[\d=:/()\[\]{}]")


@dataclass(frozen=True)
class FileLayout:
    """Where tokens and tags stand in one file. Make one with `infer_layout`.

    # Parameters

    path : `str`
        The file, for error messages.
    by_tabs : `bool`
        Whether tabs part the columns, rather than runs of spaces and tabs.
    num_columns : `int`
        How many columns a token line has at most.
    min_columns : `int`
        How many it has at least: the others at the end are empty in all of the first lines.
    token_index : `int`
        The column of the token, from 0.
    tag_index : `int`, optional
        The column of the tag, from 0; `None` for unlabelled reading.
    comment_prefix, sentence_end_mark : `str`, optional
        See `ConllFormat`.
    likely_tag_index : `int`, optional (default = `None`)
        The column where the tags are, or would be, in unlabelled reading too.
    likely_tags : `FrozenSet[str]`, optional (default = `None`)
        What stands there in the first lines; `None` where that is no closed set, as words or numbers are none.
    expects_comments_in_columns : `bool`, optional (default = `False`)
        Whether comments that have columns are the rule in this file.
    header_line : `int`, optional (default = `0`)
        The number of the line that names the columns, 0 where there is none.
    language : `Pattern[str]`, optional (default = `None`)
        What is taken off the beginning of each token.
    """

    path: str
    by_tabs: bool
    num_columns: int
    min_columns: int
    token_index: int
    tag_index: Optional[int]
    comment_prefix: Optional[str]
    sentence_end_mark: Optional[str] = None
    likely_tag_index: Optional[int] = None
    likely_tags: Optional[FrozenSet[str]] = None
    expects_comments_in_columns: bool = False
    header_line: int = 0
    language: Optional[Pattern[str]] = None

    def split(self, text: str) -> List[str]:
        """The columns of a line; empty ones after the last column of the file are dropped."""
        return split_columns(text, self.by_tabs, self.num_columns)

    def is_comment(self, text: str, inside: bool) -> bool:
        """Whether the line, within a sentence (`inside`) or before one, is a comment. See `comment_prefix` of `ConllFormat`."""
        if self.comment_prefix is None or not text.startswith(self.comment_prefix):
            return False
        if self.num_columns == 1:
            return bool(set(BLANKS) & set(text.strip(BLANKS)))
        if not self._may_be_token(text):
            return True
        return not inside and self.is_comment_in_columns(text)

    def is_comment_in_columns(self, text: str) -> bool:
        """
        Whether a line before a sentence, which begins as comments do, is one although it has columns: a blank follows the prefix
        (unless that was given and is longer than "#"), and there are not the columns of a token line, or what stands where a tag
        would is none.
        """
        assert self.comment_prefix is not None
        is_word = self.comment_prefix == DEFAULT_COMMENT_PREFIX and text[len(self.comment_prefix) :][:1] not in BLANKS
        if is_word or not self._may_be_token(text):
            return False
        columns = self.split(text)
        if not self._is_complete(columns):
            return True
        return self.likely_tags is not None and not self._is_likely_tag(columns)

    def may_be_word(self, text: str) -> bool:
        """
        Whether a line that is a comment by its tag might be a word after all, with a label that the first lines lack: their
        labels have no prefixes, and it looks like one.
        """
        columns = self.split(text)
        index, labels = self.likely_tag_index, self.likely_tags or frozenset()
        if not index or not self._is_complete(columns) or self.comment_prefix != DEFAULT_COMMENT_PREFIX:
            return False
        return not all(map(is_tag, labels)) and _NO_LABEL.search(columns[index]) is None

    def ends_sentence(self, text: str) -> bool:
        """Whether the mark that ends a sentence stands in the line."""
        mark = self.sentence_end_mark
        return mark is not None and any(
            mark in cell.split("|") for index, cell in enumerate(self.split(text)) if index != self.token_index
        )

    def cells(self, number: int, text: str) -> Tuple[str, Optional[str]]:
        """The token as it stands in the line, and its tag, `None` in unlabelled reading."""
        columns = split_columns(text, self.by_tabs, self.num_columns)
        if len(columns) != self.num_columns and not (self._is_complete(columns) or self._has_token(columns)):
            raise self._wrong_number(number, text, len(columns))
        token = columns[self.token_index]
        if not token:
            raise self._empty("token", "token_column", number, text)
        tag = None
        if self.tag_index is not None:
            tag = columns[self.tag_index].strip(" ")
            if not tag:
                raise self._empty("tag", "tag_column", number, text)
            if len(tag) > MAX_TAG_CHARACTERS:
                raise ConllError(
                    self.path,
                    number,
                    f'the tag {shown(tag)} has over {MAX_TAG_CHARACTERS} characters; shorten it, or set "tag_column"',
                )
        token = token.strip(" ") or token
        if not token.isprintable():  # as nearly all are, and what no word holds is not
            self._check_word(number, token)
        return token, tag

    def without_language(self, number: int, token: str) -> str:
        """The token without its language prefix, if the file has one."""
        if self.language is None:
            return token
        match = self.language.match(token)
        if match is None or match.end() == len(token):
            raise ConllError(
                self.path,
                number,
                f'expected a language prefix such as "en:" and a word after it, got {shown(token)}; '
                'mend the token, or set "language_prefix": false to keep all tokens as they are',
            )
        return token[match.end() :]

    def _check_word(self, number: int, token: str) -> None:
        fault = word_fault(token)
        if fault is not None:
            raise ConllError(self.path, number, f"the token {shown(token)} {fault}; take it out")

    def _may_be_token(self, text: str) -> bool:
        """Whether a line that begins as comments do could be a token line as well."""
        return "\t" in text if self.by_tabs else len(self.split(text)) == self.num_columns

    def _is_likely_tag(self, columns: List[str]) -> bool:
        index, tags = self.likely_tag_index, self.likely_tags or ()
        if index is None or index >= len(columns):
            return False
        cell = columns[index].strip(" ")
        return cell in tags or is_tag(cell)

    def _is_complete(self, columns: List[str]) -> bool:
        return self.min_columns <= len(columns) <= self.num_columns

    def _has_token(self, columns: List[str]) -> bool:
        return self.by_tabs and self.tag_index is None and len(columns) > self.token_index

    def _empty(self, what: str, option: str, number: int, text: str) -> ConllError:
        return ConllError(
            self.path, number, f'the {what} is empty in {shown(text)}; fill it, delete the line, or set "{option}"'
        )

    def _wrong_number(self, number: int, text: str, num_found: int) -> ConllError:
        remedy = "mend the line"
        if self.by_tabs and len(split_words(text)) == self.num_columns:
            remedy += ', or set "delimiter": "whitespace", if spaces part columns too'
        elif not self.by_tabs and len(text.split("\t")) == self.num_columns:
            remedy += ', or set "delimiter": "tab", if tokens hold spaces'
        if self.comment_prefix is not None and text.startswith(self.comment_prefix):
            remedy += ', or, if it is a comment, set "comment_prefix" to all that such lines begin with'
        return ConllError(
            self.path,
            number,
            f"{number_of_columns(num_found)} where the file's other lines have {self.num_columns}: {shown(text)}; {remedy}",
        )


def split_columns(text: str, by_tabs: bool, num_columns: int) -> List[str]:
    """The columns of a line; between tabs, empty ones after the first `num_columns` are dropped."""
    if not by_tabs:
        return split_words(text)
    columns = text.split("\t")
    while len(columns) > num_columns and not columns[-1].strip(" "):
        columns.pop()
    return columns


def is_boundary(text: str) -> bool:
    """Whether the line parts sentences: a blank one, or a document mark with whatever columns."""
    if text.startswith(DOCUMENT_MARK):
        return text[len(DOCUMENT_MARK) :][:1] in ("", " ", "\t")
    return not text.strip(BLANKS)


def number_of_columns(number: int) -> str:
    """The number with its noun, for a message."""
    return f"{number} column{'' if number == 1 else 's'}"


def shown(text: str) -> str:
    """A text as a message quotes it: in quotation marks, and no more of it than fits."""
    return repr(text if len(text) <= 80 else text[:80])
