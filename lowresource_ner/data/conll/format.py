"""The options that describe the columns of a CoNLL file."""

import re
from dataclasses import dataclass
from typing import Optional, Union

from allennlp.common.checks import ConfigurationError

from lowresource_ner.data.text_lines import text_encoding

_DELIMITERS = ("auto", "tab", "whitespace")
_LANGUAGE_NAME = re.compile(r"[A-Za-z]+(?:-[A-Za-z0-9]+)*:?")


@dataclass(frozen=True, kw_only=True)
class ConllFormat:
    """
    Describes the columns of a file, as far as they are known before it is opened.

    # Parameters

    delimiter : `str`, optional (default = `"auto"`)
        "tab": tabs separate the columns, and a token may contain spaces. "whitespace": runs of ASCII spaces and tabs separate
        them. "auto": whichever makes more of the first lines agree in their number of columns, if that is more than one. If both
        do equally well, it is the tab, unless the last column would then contain spaces, or at least five lines contain the same
        number of them.
    token_column : `int`, optional (default = `0`)
        The column of the tokens, from 0, or from the end if negative.
    tag_column : `int`, optional (default = `-1`)
        The column of the tags, likewise. Columns that are empty in all of the first lines do not count from the end. `None`
        reads the file as unlabelled.
    labelled : `bool`, optional (default = `True`)
        False reads the same words without tags: the tags may be wrong, and in a tab-separated file they and other columns may be
        missing from any line.
    language_prefix : `Union[bool, str]`, optional (default = `"auto"`)
        A prefix that WikiANN puts before each token, as in "en:Paris". A string such as "en": this prefix is removed, and must
        be there. `True`: the prefix of any language is removed, and must be there. `False`: tokens are kept as they are.
        "auto": a prefix of two or three small letters and a colon is removed if all tokens of the first lines share it, and
        then all others must have it too.
    comment_prefix : `str`, optional (default = `"#"`)
        How a comment line begins. A line that begins like this and has the columns of a token line is a token ("#hashtag") inside
        a sentence, and wherever something other than a blank follows "#". Between sentences, "# id 7 domain=en" is a comment if
        its cell in the tag column is neither a tag nor found there in other lines. A prefix of your own ("#id") needs no blank
        after it. A line of a single word that begins like this is an error inside a sentence, as it may be a token whose tag is
        missing. `None`: there are no comments.
    header : `Union[bool, str]`, optional (default = `"auto"`)
        Whether the first line that is not a comment names the columns. "auto": it does if one of them is called "token", "word"
        or "form", and the name of the tag column begins like "NE", "tag" or "label".
    sentence_end_mark : `str`, optional (default = `None`)
        A mark in a column other than the token's that ends a sentence after its line ("EndOfSentence" in HIPE's files, alone or
        between "|"), in addition to blank lines.
    encoding : `str`, optional (default = `"utf-8"`)
        Any of Python's encodings in which a line feed is the byte of ASCII. Bytes that are invalid in it are an error.

    # Raises

    `ConfigurationError`
        If an option has any other value.
    """

    delimiter: str = "auto"
    token_column: int = 0
    tag_column: Optional[int] = -1
    labelled: bool = True
    language_prefix: Union[bool, str] = "auto"
    comment_prefix: Optional[str] = "#"
    encoding: str = "utf-8"
    header: Union[bool, str] = "auto"
    sentence_end_mark: Optional[str] = None

    @property
    def reads_tags(self) -> bool:
        """Whether the tag column is read."""
        return self.labelled and self.tag_column is not None

    def __post_init__(self) -> None:
        if self.delimiter not in _DELIMITERS:
            raise ConfigurationError(f"'delimiter' is {self.delimiter!r}; use one of {', '.join(_DELIMITERS)}.")
        for name in ("token_column", "tag_column"):
            column = getattr(self, name)
            if isinstance(column, bool) or not isinstance(column, (int, type(None))):
                raise ConfigurationError(f"{name!r} is {column!r}; use a number: 0 is the first column, -1 the last.")
        if not isinstance(self.labelled, bool):
            raise ConfigurationError(f"'labelled' is {self.labelled!r}; use true or false.")
        if self.token_column is None or (self.labelled and self.token_column == self.tag_column):
            raise ConfigurationError(
                f"'token_column' is {self.token_column}, 'tag_column' is {self.tag_column}; "
                "tokens need a column of their own."
            )
        self._check_prefixes()
        object.__setattr__(self, "encoding", text_encoding(self.encoding))

    def _check_prefixes(self) -> None:
        prefix = self.language_prefix
        if not isinstance(prefix, bool) and not (isinstance(prefix, str) and _LANGUAGE_NAME.fullmatch(prefix)):
            raise ConfigurationError(
                f'\'language_prefix\' is {prefix!r}; use "auto", true, false, or a language\'s code such as "en".'
            )
        comment = self.comment_prefix
        if comment is not None and not (isinstance(comment, str) and comment.strip() and comment[0] not in " \t"):
            raise ConfigurationError(
                f"'comment_prefix' is {comment!r}; use what comment lines begin with, such as \"#\", or null for none."
            )
        if self.header not in (True, False, "auto"):
            raise ConfigurationError(f"'header' is {self.header!r}; use \"auto\", true or false.")
        mark = self.sentence_end_mark
        if mark is not None and not (isinstance(mark, str) and mark and not set(mark) & set(" \t|")):
            raise ConfigurationError(
                f"'sentence_end_mark' is {mark!r}; use a word without blanks, such as \"EndOfSentence\", or null for none."
            )
