"""Every way in which a CoNLL file can be wrong: the error has the file, the line and a remedy."""

import gzip
import logging
import os
import pickle
import re
from pathlib import Path

import pytest
from allennlp.common.checks import ConfigurationError

from lowresource_ner.data import text_lines
from lowresource_ner.data.conll import parser
from lowresource_ner.data.conll.format import ConllFormat
from lowresource_ner.data.conll.layout_inference import infer_layout
from lowresource_ner.data.conll.parser import read_conll
from lowresource_ner.data.conll.survey import survey_conll
from lowresource_ner.data.text_lines import ConllError

FORMATS = Path(__file__).parents[3] / "fixtures" / "formats"
GOOD = b"Storms NNS O\nhit VBD O\nCork NNP B-LOC\n\n"
PACKED = gzip.compress(GOOD * 200)

# Content, options, line, what is wrong, and the remedy.
BROKEN = {
    "empty": (b"", {}, 0, "the file is empty", "give a file with one token a line"),
    "blank": (b"\n \t\n\n", {}, 0, "there is no sentence", "give a file with one token a line"),
    "marks": (b"-DOCSTART- -X- O\n\n", {}, 0, "there is no sentence", "give a file with one token a line"),
    "marks elsewhere": (b"1 -DOCSTART- O\n", {"token_column": 1}, 0, "only document marks", "one token a line"),
    "comments": (b"# one\n# two three\n", {}, 0, "there is no sentence", '"comment_prefix": null'),
    "byte order mark": (b"\xef\xbb\xbf", {}, 0, "there is no sentence", "give a file with one token a line"),
    "latin-1": (GOOD + b"Le\xf3n NP B-LOC\n", {}, 5, "byte 0xf3 of the line is not valid in utf-8", '"latin-1"'),
    "ascii": ("é O\n".encode(), {"encoding": "ascii"}, 1, "not valid in ascii", '"encoding"'),
    "gbk": (b"\xff\xff O\n" * 2, {"encoding": "gbk"}, 1, "not valid in gbk", 'set "encoding" to the file\'s own'),
    "fewer columns": (
        GOOD + b"Bray NNP\n",
        {},
        5,
        "2 columns where the file's other lines have 3: 'Bray NNP'",
        "fix the line",
    ),
    "more columns": (GOOD + b"New York NNP O\n", {}, 5, "4 columns", "fix the line"),
    "more columns but tabs": (
        GOOD + b"New York\tNNP\tO\n",
        {},
        5,
        "4 columns",
        '"delimiter": "tab", if tokens hold spaces',
    ),
    "no tag between tabs": (b"a\tO\nb\n", {}, 2, "1 column where the file's other lines have 2", "fix the line"),
    "spaces among tabs": (
        b"a\tO\nb O\nc d\tO\n",
        {},
        2,
        "1 column where the file's other lines have 2",
        '"whitespace"',
    ),
    "carriage return": (GOOD + b"a\rb NN O\n", {}, 5, "the token 'a\\rb' holds a carriage return", "take it out"),
    "hash without a tag": (
        b"a\tNN\tO\n\n#b\tNN\n",
        {},
        3,
        "2 columns where the file's other lines",
        '"comment_prefix"',
    ),
    "only a header": (b"token\ttag\n", {"header": True}, 1, "no token line but the header", 'set "header"'),
    "empty tag": (b"a\tO\nb\t\n", {}, 2, "the tag is empty", "fill it, delete the line"),
    "empty tag within": (b"a\tO\tx\nb\t\tx\n", {"tag_column": 1}, 2, "the tag is empty", 'set "tag_column"'),
    "empty token": (b"a\tO\n\tO\n", {}, 2, "the token is empty in '\\tO'", "fill it, delete the line"),
    "endless tag": (GOOD + b"a NN B-" + b"x" * 1001 + b"\n", {}, 5, "has over 1002 characters", "shorten it"),
    "label or comment": (b"a P\nb L\n\n" * 9 + b"# game\n", {}, 28, "'# game' may be a comment, or a word", "to null"),
    "no such tag column": (GOOD, {"tag_column": 3}, 1, "3 columns, but 'tag_column' is 3", "from 0 to 2"),
    "no such token column": (GOOD, {"token_column": -4}, 1, "'token_column' is -4", "set it to a number"),
    "same column": (b"a b\n", {"token_column": 1}, 1, "tokens and tags would be the same one", '"token_column" or'),
    "one column": (b"Storms\nhit\n", {}, 1, "there is a single column where tokens and tags", '"labelled": false'),
    "commas": (b"Storms,O\nhit,O\n", {}, 1, "there is a single column", "not by commas or semicolons"),
    "no tabs": (b"Storms O\nhit O\n", {"delimiter": "tab"}, 1, "there is a single column", '"delimiter": "auto"'),
    "bare hash": (b"a O\n#b\nc O\n", {}, 2, "'#b' within a sentence may be a comment, or a token", "move it before"),
    "NUL": (GOOD + b"a\0b O O\n", {}, 5, "a NUL byte", "give text in UTF-8"),
    "UTF-16 without mark": (GOOD.decode().encode("utf-16-le"), {}, 1, "a NUL byte", "give text in UTF-8"),
    "UTF-16": (GOOD.decode().encode("utf-16"), {}, 1, "this is UTF-16 text", "iconv -f UTF-16 -t UTF-8"),
    "gzip": (PACKED, {}, 1, "this is gzip data", "end its name in .gz"),
    "zip": (b"PK\x03\x04rest", {}, 1, "this is a zip archive or an office document", "unpack it"),
    "PDF": (b"%PDF-1.7\n", {}, 1, "this is a PDF document", "export its text"),
    "Macintosh": (b"a O\rb O\r", {}, 1, "carriage returns alone", "tr '\\r' '\\n'"),
    "endless line": (b"x" * (1 << 20) + b"y", {}, 1, "the line is longer than", "one token a line"),
    "JSON": (b'{\n  "tokens": ["a"],\n  "tags": ["O"]\n}\n', {}, 1, "this is JSON", "as columns"),
    "long JSON": (b"[\n" + b' {"token": "a"},\n' * 2000 + b"]\n", {}, 1, "this is JSON", "as columns"),
    "JSON between tabs": (b'[\n\t{\n\t\t"tokens": [\n\t\t\t"a"]}]', {}, 1, "this is JSON", "as columns"),
    "JSON list": (b'["a", "b"]\n["c", "d"]\n', {"tag_column": None}, 1, "this is JSON", "as columns"),
    "XML": (b'<?xml version="1.0"?>\n<s>a</s>\n', {"tag_column": None}, 1, "this is XML or HTML", "as columns"),
    "XML without head": (b"<text>\n<s>a b</s>\n<s>c</s>\n</text>", {}, 1, "this is XML or HTML", "as columns"),
    "language": (b"en:a\tO\n" * 1001 + b"b\tO\n", {}, 1002, "expected a language prefix", '"language_prefix": false'),
    "empty with language": (b"en:a\tO\nen:\tO\n", {}, 2, "got 'en:'", "fix the token"),
    "prefix asked for": (b"en:a\tO\nb\tO\n", {"language_prefix": "en"}, 2, "got 'b'", "fix the token"),
    "missing token": (b"a\tb\nc\n", {"token_column": 1, "tag_column": None}, 2, "1 column where", "fix the line"),
    "running text": (b"a b c\nd e\nf\ng h i j\n", {"tag_column": None}, 1, "as in running text", "raw_text reader"),
}
FIXTURES = [
    ("missing_tag.txt", 3, "2 columns where the file's other lines have 3: 'Cork NNP'", "fix the line"),
    ("words.txt", 1, "there is a single column where tokens and tags are expected: 'Storms'", '"labelled": false'),
    ("sentences.jsonl", 1, "this is JSON, not a CoNLL file", "one token a line"),
    ("page.html", 1, "this is XML or HTML, not a CoNLL file", "one token a line"),
    ("prose.txt", 1, "as in running text", "raw_text reader"),
    ("conll2002_style_latin1.txt", 4, "byte 0xf3 of the line is not valid in utf-8", '"encoding": "latin-1"'),
    (".", 0, "this is a directory", "give a file in it"),
    ("nowhere.txt", 0, "there is no such file", "check the path"),
]


def assert_error(path, options, line, problem, remedy):
    with pytest.raises(ConllError) as raised:
        list(read_conll(path, ConllFormat(**options)))
    error = raised.value
    assert (error.path, error.line) == (str(path), line)
    assert str(error).startswith(f"{path}:{line}: ")
    wrong, _, what_to_do = error.complaint.partition("; ")
    assert problem in wrong
    assert remedy in what_to_do


@pytest.mark.parametrize("name", BROKEN)
def test_broken_content(tmp_path, name):
    content, *expected = BROKEN[name]
    path = tmp_path / "broken.txt"
    path.write_bytes(content)
    assert_error(path, *expected)


@pytest.mark.parametrize(("name", "line", "problem", "remedy"), FIXTURES)
def test_broken_fixtures(name, line, problem, remedy):
    assert_error(FORMATS / name, {}, line, problem, remedy)


def test_remedies_that_cannot_help_are_not_given(tmp_path):
    """Where no tab stands in the line, tabs do not part its columns."""
    path = tmp_path / "masakhaner.txt"
    path.write_text("Amina B-PER\nanaishi O\n O\n", encoding="utf-8")
    with pytest.raises(ConllError, match=":3: 1 column where .*' O'; fix the line$"):
        list(read_conll(path))


def test_a_pipe_is_refused_at_once(tmp_path):
    pipe = tmp_path / "pipe.conll"
    os.mkfifo(pipe)  # nobody writes to it, so that opening it would wait for ever
    assert_error(pipe, {}, 0, "this is a pipe or a device", "write what it gives to a file first")


def test_blank_lines_without_end_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(text_lines, "MAX_BLANK_LINES", 50)
    path = tmp_path / "blank.txt.gz"
    path.write_bytes(gzip.compress(GOOD + b"\n" * 49 + GOOD + b" \n" * 50 + GOOD))
    assert_error(path, {}, 107, "there are 51 blank lines in a row", "take them out")


def test_a_sentence_without_an_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(parser, "MAX_SENTENCE_CHARACTERS", 100)
    path = tmp_path / "endless.txt"
    path.write_text("x" * 100 + " O\n\n" + "word O\n" * 25 + "\n" + "word O\n" * 26, encoding="utf-8")
    assert_error(path, {}, 29, "or 100 characters up to line 54", '"sentence_end_mark"')
    monkeypatch.setattr(parser, "MAX_SENTENCE_WORDS", 10)
    assert_error(path, {}, 3, "has over 10 words", '"sentence_end_mark"')


def test_first_lines_that_are_long_do_not_fill_the_memory(tmp_path, monkeypatch):
    """The layout is found in so many characters, however many lines they are."""
    monkeypatch.setattr(parser, "LOOK_AHEAD_CHARACTERS", 1000)
    seen = []
    monkeypatch.setattr(
        parser, "infer_layout", lambda path, head, format: seen.extend(head) or infer_layout(path, head, format)
    )
    path = tmp_path / "long.txt"
    path.write_text(f"{'x' * 300} O\n" * 100, encoding="utf-8")
    assert sum(1 for _ in read_conll(path)) == 1
    assert len(seen) == 4  # of 302 characters each


@pytest.mark.parametrize("start", ['["x", ' + "1" * 5000, "[" * 3000, '{"a": ' * 2000])
def test_what_looks_like_json_and_cannot_be_parsed(tmp_path, start):
    path = tmp_path / "first.txt"
    path.write_text(f"{start}\nb O\n", encoding="utf-8")
    with pytest.raises(ConllError, match=":[12]: "):
        survey_conll(path)


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
def test_packed_file_that_is_none(tmp_path, suffix):
    path = tmp_path / f"file{suffix}"
    path.write_bytes(GOOD)
    assert_error(path, {}, 1, "the file is damaged or cut short", "fix its suffix")


def test_packed_file_cut_short(tmp_path):
    path = tmp_path / "file.gz"
    path.write_bytes(PACKED[:-12])
    with pytest.raises(
        ConllError, match="the file is damaged or cut short .*; download or compress it again"
    ) as raised:
        list(read_conll(path))
    assert raised.value.line > 1


def test_packed_file_with_a_wrong_checksum(tmp_path):
    path = tmp_path / "file.gz"
    path.write_bytes(PACKED[:-8] + b"\0" * 8)
    assert_error(path, {}, 801, "the file is damaged or cut short (CRC check failed", "download or compress it again")


def test_unreadable_file(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(text_lines, "opener", lambda path: refuse)
    assert_error(tmp_path / "file.txt", {}, 0, "the file cannot be opened (Permission denied)", "check its permissions")


@pytest.mark.parametrize(
    ("text", "scheme", "line", "problem", "remedy"),
    [
        ("a O\n\nb O\nc I-LOC\n", "IOB2", 4, "'I-LOC': no entity is open before it", '"repair": true'),
        ("a B-PER\nc I-LOC\n", "IOB2", 2, "the type changes from PER to LOC", '"repair": true'),
        ("a O\nb E-PER\n", "IOBES", 2, "'E-PER': no entity is open", '"file_tag_scheme"'),
        ("a B-PER\n\nb O\n", "IOBES", 1, "'B-PER': the entity is never closed", '"repair": true'),
        ("a B-PER\nb O\n", "IOB1", 1, "'B-PER': IOB1 writes B- only directly after", '"file_tag_scheme"'),
        ("a O\nb S-PER\n", "IOB2", 2, "'S-PER': IOB2 has no prefix 'S'", '"file_tag_scheme"'),
        ("a O\nb NNP\n", "IOB2", 2, "'NNP': a tag is", 'set "tag_column"'),
        ("a B-LOC\n\nb B-LOC\nc I-PER\n", None, 4, "no tag scheme fits all sequences; IOB2 comes closest", "repair"),
        ("a O\n\nb NNP\n", None, 3, "no tag scheme fits all", 'set "tag_column"'),
    ],
)
def test_invalid_tags(tmp_path, text, scheme, line, problem, remedy):
    path = tmp_path / "invalid.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConllError, match=re.escape(problem)) as raised:
        survey_conll(path, tag_scheme=scheme)
    assert (raised.value.path, raised.value.line) == (str(path), line)
    assert remedy in str(raised.value)


@pytest.mark.parametrize("scheme", ["IOB2", None])
def test_repair_cannot_read_what_is_no_tag(tmp_path, scheme):
    path = tmp_path / "invalid.txt"
    path.write_text("a O\nb I-PER\nc NNP\n", encoding="utf-8")
    with pytest.raises(ConllError, match=":3: invalid tag 'NNP': .*; fix the tag, set \"tag_column\""):
        survey_conll(path, tag_scheme=scheme, repair=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delimiter": ","}, "'delimiter' is ','; use one of auto, tab, whitespace"),
        ({"token_column": "word"}, "'token_column' is 'word'; use a number"),
        ({"token_column": None}, "tokens need a column of their own"),
        ({"tag_column": True}, "'tag_column' is True; use a number"),
        ({"token_column": 2, "tag_column": 2}, "tokens need a column of their own"),
        ({"language_prefix": "e n"}, "'language_prefix' is 'e n'; use \"auto\""),
        ({"language_prefix": None}, "'language_prefix' is None"),
        ({"comment_prefix": ""}, "'comment_prefix' is ''"),
        ({"comment_prefix": " #"}, "'comment_prefix' is ' #'"),
        ({"encoding": "utf-9"}, "'encoding' is 'utf-9', which Python does not know"),
        ({"encoding": "hex"}, "'encoding' is 'hex', which Python does not know"),
        ({"encoding": "utf-16"}, "'encoding' is 'utf-16', where a line feed is not a single byte"),
        ({"encoding": None}, "'encoding' is None"),
        ({"header": "yes"}, "'header' is 'yes'"),
        ({"sentence_end_mark": "a b"}, "'sentence_end_mark' is 'a b'"),
        ({"sentence_end_mark": ""}, "'sentence_end_mark' is ''"),
    ],
)
def test_format_is_checked_at_construction(options, message):
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        ConllFormat(**options)


def test_signature_of_utf_8_is_no_other_encoding():
    assert ConllFormat(encoding="utf-8-sig") == ConllFormat(encoding="utf-8")


def test_utf_8_read_as_latin_1_is_warned_of(caplog):
    with caplog.at_level(logging.WARNING):
        list(read_conll(FORMATS / "conll2002_style_latin1.txt", ConllFormat(encoding="latin-1")))
        assert not caplog.records
        list(read_conll(FORMATS / "conll2003_style.txt", ConllFormat(encoding="latin-1")))
    assert "conll2003_style.txt is read as latin-1, but looks like UTF-8" in caplog.text


def test_error_travels_between_processes():
    error = pickle.loads(pickle.dumps(ConllError("a.txt", 3, "wrong; do this")))
    assert isinstance(error, ConfigurationError)
    assert (error.path, error.line, str(error)) == ("a.txt", 3, "a.txt:3: wrong; do this")
