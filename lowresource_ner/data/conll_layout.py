"""How the columns of one CoNLL file are laid out."""

from dataclasses import dataclass
from typing import List, Optional, Pattern, Tuple

from lowresource_ner.data.conll_lines import ConllError

DOCUMENT_MARK = "-DOCSTART-"
BLANKS = " \t"


@dataclass(frozen=True)
class FileLayout:
    """Where tokens and tags stand in one file. Make one with `infer_layout`.

    # Parameters

    path : `str`
        The file, for error messages.
    by_tabs : `bool`
        Whether tabs part the columns, rather than runs of spaces and tabs.
    num_columns : `int`
        How many columns a token line has.
    token_index : `int`
        The column of the token, from 0.
    tag_index : `int`, optional
        The column of the tag, from 0; `None` for unlabelled reading.
    comment_prefix : `str`, optional
        See `ConllFormat`.
    language : `Pattern[str]`, optional (default = `None`)
        What is taken off the beginning of each token.
    """

    path: str
    by_tabs: bool
    num_columns: int
    token_index: int
    tag_index: Optional[int]
    comment_prefix: Optional[str]
    language: Optional[Pattern[str]] = None

    def split(self, text: str) -> List[str]:
        """The columns of a line; empty ones after the last column of the file are dropped."""
        if not self.by_tabs:
            return [column for column in text.replace("\t", " ").split(" ") if column]
        columns = text.split("\t")
        while len(columns) > self.num_columns and not columns[-1].strip(" "):
            columns.pop()
        return columns

    def is_comment(self, text: str) -> bool:
        """Whether the line is a comment. See `comment_prefix` of `ConllFormat`."""
        if self.comment_prefix is None or not text.startswith(self.comment_prefix):
            return False
        if self.num_columns == 1:
            return bool(set(BLANKS) & set(text.strip(BLANKS)))
        if self.by_tabs and self.tag_index is None:
            return "\t" not in text
        return len(self.split(text)) != self.num_columns

    def cells(self, number: int, text: str) -> Tuple[str, Optional[str]]:
        """The token as it stands in the line, and its tag, `None` in unlabelled reading."""
        columns = self.split(text)
        if len(columns) != self.num_columns and not self._has_token(columns):
            raise self._wrong_number(number, text, len(columns))
        token = columns[self.token_index]
        if not token:
            raise self._empty("token", "token_column", number, text)
        tag = None
        if self.tag_index is not None:
            tag = columns[self.tag_index].strip(" ")
            if not tag:
                raise self._empty("tag", "tag_column", number, text)
        return token.strip(" ") or token, tag

    def without_language(self, number: int, token: str) -> str:
        """The token without its language prefix, if the file has one."""
        if self.language is None:
            return token
        match = self.language.match(token)
        if match is None or match.end() == len(token):
            raise ConllError(
                self.path,
                number,
                f'expected a language prefix such as "en:" and a word after it, got {token!r}; '
                'mend the token, or set "language_prefix": false to keep all tokens as they are',
            )
        return token[match.end() :]

    def _has_token(self, columns: List[str]) -> bool:
        return self.by_tabs and self.tag_index is None and len(columns) > self.token_index

    def _empty(self, what: str, option: str, number: int, text: str) -> ConllError:
        return ConllError(
            self.path, number, f'the {what} is empty in {text[:80]!r}; fill it, delete the line, or set "{option}"'
        )

    def _wrong_number(self, number: int, text: str, num_found: int) -> ConllError:
        other = '"whitespace", if spaces part columns too' if self.by_tabs else '"tab", if tokens hold spaces'
        return ConllError(
            self.path,
            number,
            f"{number_of_columns(num_found)} where the file's other lines have {self.num_columns}: {text[:80]!r}; "
            f'mend the line, or set "delimiter": {other}',
        )


def is_boundary(text: str) -> bool:
    """Whether the line parts sentences: a blank one, or a document mark with whatever columns."""
    if text.startswith(DOCUMENT_MARK):
        return text[len(DOCUMENT_MARK) :][:1] in ("", " ", "\t")
    return not text.strip(BLANKS)


def number_of_columns(number: int) -> str:
    """The number with its noun, for a message."""
    return f"{number} column{'' if number == 1 else 's'}"
