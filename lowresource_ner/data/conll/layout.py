"""The layout of one CoNLL file: what its lines and columns mean."""

import re
from dataclasses import dataclass
from typing import FrozenSet, List, Optional, Pattern, Tuple

from lowresource_ner.common.quoting import quoted
from lowresource_ner.common.text_rules import BLANKS, MAX_TYPE_CHARACTERS, split_words, word_fault
from lowresource_ner.data.conll.columns import number_of_columns, split_columns
from lowresource_ner.data.text_lines import ConllError
from lowresource_ner.tagging import is_tag

DOCUMENT_MARK = "-DOCSTART-"
DEFAULT_COMMENT_PREFIX = "#"
MAX_TAG_CHARACTERS = MAX_TYPE_CHARACTERS + 2

# Characters of comments that no label contains.
_NO_LABEL = re.compile(r"[\d=:/()\[\]{}]")


@dataclass(frozen=True)
class FileLayout:
    """
    Which columns of a file contain the tokens and the tags, and which lines are comments. Make one with `infer_layout`.

    # Parameters

    path : `str`
        The file, for error messages.
    by_tabs : `bool`
        Whether tabs separate the columns, rather than runs of spaces and tabs.
    num_columns : `int`
        The most columns of a token line.
    min_columns : `int`
        The fewest columns of a token line: the last columns may be empty.
    token_index : `int`
        The column of the token, from 0.
    tag_index : `int`, optional
        The column of the tag, from 0; `None` for unlabelled reading.
    comment_prefix, sentence_end_mark : `str`, optional
        See `ConllFormat`.
    likely_tag_index : `int`, optional (default = `None`)
        The column where the tags are, or would be, in unlabelled reading too.
    likely_tags : `FrozenSet[str]`, optional (default = `None`)
        What that column contains in the first lines; `None` if it is not a closed set of labels, but words or numbers.
    expects_comments_in_columns : `bool`, optional (default = `False`)
        Whether comments with columns are common in this file.
    header_line : `int`, optional (default = `0`)
        The number of the line that names the columns, 0 if there is none.
    language : `Pattern[str]`, optional (default = `None`)
        The prefix that is removed from each token.
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
        """Whether the line, inside a sentence or between sentences, is a comment. See `comment_prefix` of `ConllFormat`."""
        if self.comment_prefix is None or not text.startswith(self.comment_prefix):
            return False
        if self.num_columns == 1:
            return bool(set(BLANKS) & set(text.strip(BLANKS)))
        if not self._may_be_token(text):
            return True
        return not inside and self.is_comment_in_columns(text)

    def is_comment_in_columns(self, text: str) -> bool:
        """
        Whether a line between sentences that begins with the comment prefix is a comment although it has columns: a blank follows
        the prefix (unless the user has set another prefix than "#"), and the line lacks columns of a token line, or a tag in the
        column of the tags.
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
        Whether a line that is taken for a comment might be a word after all, with a label that the first lines lack: their labels
        have no prefixes, and its label looks like them.
        """
        columns = self.split(text)
        index, labels = self.likely_tag_index, self.likely_tags or frozenset()
        if not index or not self._is_complete(columns) or self.comment_prefix != DEFAULT_COMMENT_PREFIX:
            return False
        return not all(map(is_tag, labels)) and _NO_LABEL.search(columns[index]) is None

    def ends_sentence(self, text: str) -> bool:
        """Whether the line contains the mark that ends a sentence."""
        mark = self.sentence_end_mark
        return mark is not None and any(
            mark in cell.split("|") for index, cell in enumerate(self.split(text)) if index != self.token_index
        )

    def cells(self, number: int, text: str) -> Tuple[str, Optional[str]]:
        """
        The token of a line and its tag, `None` in unlabelled reading.

        # Raises

        `ConllError`
            If the line does not have the file's columns, or its token or tag is not allowed.
        """
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
                    f'the tag {quoted(tag)} has over {MAX_TAG_CHARACTERS} characters; shorten it, or set "tag_column"',
                )
        token = token.strip(" ") or token
        if not token.isprintable():  # nearly all tokens are, and then they are allowed
            fault = word_fault(token)
            if fault is not None:
                raise ConllError(self.path, number, f"the token {quoted(token)} {fault}; take it out")
        return token, tag

    def without_language(self, number: int, token: str) -> str:
        """The token without its language prefix, in a file that has them."""
        assert self.language is not None
        match = self.language.match(token)
        if match is None or match.end() == len(token):
            raise ConllError(
                self.path,
                number,
                f'expected a language prefix such as "en:" and a word after it, got {quoted(token)}; '
                'fix the token, or set "language_prefix": false to keep all tokens as they are',
            )
        return token[match.end() :]

    def _may_be_token(self, text: str) -> bool:
        """Whether a line that begins with the comment prefix could be a token line as well."""
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
            self.path, number, f'the {what} is empty in {quoted(text)}; fill it, delete the line, or set "{option}"'
        )

    def _wrong_number(self, number: int, text: str, num_found: int) -> ConllError:
        remedy = "fix the line"
        if self.by_tabs and len(split_words(text)) == self.num_columns:
            remedy += ', or set "delimiter": "whitespace", if spaces separate columns too'
        elif not self.by_tabs and len(text.split("\t")) == self.num_columns:
            remedy += ', or set "delimiter": "tab", if tokens hold spaces'
        if self.comment_prefix is not None and text.startswith(self.comment_prefix):
            remedy += ', or, if it is a comment, set "comment_prefix" to all that such lines begin with'
        return ConllError(
            self.path,
            number,
            f"{number_of_columns(num_found)} where the file's other lines have {self.num_columns}: {quoted(text)}; {remedy}",
        )


def is_boundary(text: str) -> bool:
    """Whether the line separates sentences: a blank line, or a document mark with any columns."""
    if text.startswith(DOCUMENT_MARK):
        return text[len(DOCUMENT_MARK) :][:1] in ("", " ", "\t")
    return not text.strip(BLANKS)
