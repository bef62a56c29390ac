"""The writer of CoNLL files: what it writes is read back, and what would not be is refused."""

import io
import re

import pytest
from allennlp.common.checks import ConfigurationError
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lowresource_ner.data.conll.format import ConllFormat
from lowresource_ner.data.conll.parser import read_conll
from lowresource_ner.data.conll.writer import write_conll
from lowresource_ner.data.text_lines import ConllError

SENTENCES = [
    (["#", "New York", "is", "#1", "\ufeff", "10\u00a0000", "a\u2028b", " ", '{"a":'], ["O", "B-LOC"] + ["O"] * 7),
    (["-DOCSTART", "\x85", "<b>", "'", "%"], ["O"] * 5),
]
TAGS = st.sampled_from(["O", "B-PER", "I-Gene-or-product", "S-<x>", "person-artist"])
ODD = [
    "#",
    "# x",
    "New York",
    "  ",
    "en:a",
    "en:",
    '{"a":',
    "[",
    "<s>",
    "-DOCSTART",
    "\ufeff",
    "\ufeff\ufeffa",
    "%PDF-1.4",
    "PK\x03\x04",
    "BZh91AY&SY",
    "#hashtag",
    "# id 7",
    "O",
    "B-PER",
    "token",
    "7",
    "\xa0",
    "\x85",
    "\u2028",
]


def readable(token):
    return token.strip(" ") in ("", token) and not re.match("-DOCSTART-(?: |$)", token)


def tokens_without(characters):
    text = st.text(st.characters(exclude_characters=f"\t\n\r\0{characters}", exclude_categories=["Cs"]), min_size=1)
    odd = [token for token in ODD if not set(token) & set(characters)]
    return (text | st.sampled_from(odd)).filter(readable)


def sentences_of(tokens):
    rows = st.lists(st.tuples(tokens, TAGS), min_size=1, max_size=6)
    return st.lists(rows.map(lambda rows: tuple(zip(*rows))), min_size=1, max_size=4)


def read(path, **options):
    return [(sentence.tokens, sentence.tags) for sentence in read_conll(path, ConllFormat(**options))]


def round_trip(folder, sentences, written_between="\t", **options):
    path = folder / "written.txt"
    write_conll(sentences, path, written_between, ConllFormat(**options))
    return read(path, **options)


def test_what_is_written():
    stream = io.StringIO()
    write_conll([(["New York", "!"], ["B-LOC", "O"]), (["Yes"], ["O"])], stream)
    assert stream.getvalue() == "New York\tB-LOC\n!\tO\n\nYes\tO\n\n"
    stream = io.StringIO()
    write_conll([(["Cork", "!"], ["B-LOC", "O"])], stream, delimiter=" ")
    assert stream.getvalue() == "Cork B-LOC\n! O\n\n"


@pytest.mark.parametrize("token", ['{"a":', '["a",', "[", "<?xml", "<s>"])
def test_tokens_like_the_beginning_of_json_and_xml(tmp_path, token):
    sentences = [((token, "b"), ("B-LOC", "O"))]
    assert round_trip(tmp_path, sentences) == sentences
    assert round_trip(tmp_path, sentences, " ") == sentences


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz"])
def test_path_is_packed_by_its_suffix_and_read_back(tmp_path, suffix):
    path = tmp_path / f"written.conll{suffix}"
    write_conll(iter(SENTENCES), path)
    assert read(path) == [(tuple(tokens), tuple(tags)) for tokens, tags in SENTENCES]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


NOTHING_TO_FIND_OUT = {"delimiter": "tab", "language_prefix": False, "header": False, "comment_prefix": None}
PROPERTY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, derandomize=True)


@PROPERTY
@given(sentences_of(tokens_without("")))
def test_round_trip_with_the_format_given(tmp_path, sentences):
    assert round_trip(tmp_path, sentences, **NOTHING_TO_FIND_OUT) == sentences


@PROPERTY
@given(sentences_of(tokens_without("")), st.sampled_from("\t "))
def test_what_is_written_is_read_back_or_refused(tmp_path, sentences, delimiter):
    try:
        got = round_trip(tmp_path, sentences, delimiter)
    except ConllError as error:
        assert error.path == str(tmp_path / "written.txt") and "would not be read back" in error.complaint
        assert list(tmp_path.iterdir()) == []
        return
    assert got == sentences
    (tmp_path / "written.txt").unlink()


@PROPERTY
@given(sentences_of(tokens_without(" #")))
def test_round_trip_between_spaces(tmp_path, sentences):
    options = {**NOTHING_TO_FIND_OUT, "delimiter": "whitespace"}
    assume(sentences[0][0][0] not in ("[", '{"a":'))  # JSON, and the first line of a file
    assert round_trip(tmp_path, sentences, " ", **options) == sentences


@pytest.mark.parametrize(
    "token", ["%PDF-1.4", "PK\x03\x04", "BZh91AY&SY", "\x1f\x8b", "\ufeff", "\ufeff%PDF-", "\ufeffa"]
)
@pytest.mark.parametrize("delimiter", ["\t", " "])
def test_first_words_like_files_of_other_kinds(tmp_path, token, delimiter):
    sentences = [((token, "b"), ("B-LOC", "O")), ((token,), ("O",))]
    assert round_trip(tmp_path, sentences, delimiter) == sentences


@pytest.mark.parametrize(
    "tokens", [("#", "a"), ("#hashtag",), ("a", "#"), ("#", "#", "#"), ("# 7",), ("#", "#a", "# b")]
)
def test_words_like_comments(tmp_path, tokens):
    sentences = [(tokens, ("B-LOC", *["O"] * (len(tokens) - 1))), (("b",), ("O",)), (tokens, ("O",) * len(tokens))]
    assert round_trip(tmp_path, sentences) == sentences
    assert round_trip(tmp_path, sentences[:1]) == sentences[:1]


@pytest.mark.parametrize(
    ("tokens", "delimiter", "complaint"),
    [
        (("en:a", "en:b"), "\t", "would differ"),
        (("New York",) * 5, "\t", "would differ|would not be read"),
        (("<html>", "b"), " ", "this is XML or HTML"),
    ],
)
def test_files_that_would_be_read_otherwise_are_refused(tmp_path, tokens, delimiter, complaint):
    path = tmp_path / "written.txt"
    sentences = [(tokens, ("B-<x>",) + ("O",) * (len(tokens) - 1))]
    with pytest.raises(ConllError, match=complaint) as raised:
        write_conll(sentences, path, delimiter)
    assert raised.value.path == str(path) and "say how it will be read" in raised.value.complaint
    assert list(tmp_path.iterdir()) == []
    if delimiter == "\t":
        assert round_trip(tmp_path, sentences, **NOTHING_TO_FIND_OUT) == sentences


def test_nothing_to_write(tmp_path):
    with pytest.raises(ConllError, match="there is no sentence to write"):
        write_conll([], tmp_path / "written.txt")
    assert list(tmp_path.iterdir()) == []


def test_reading_back_warns_of_nothing(tmp_path, caplog):
    path = tmp_path / "written.txt"
    write_conll([((str(number),), ("O",)) for number in range(20)], path)
    assert caplog.records == []
    assert len(read(path)) == 20
    assert str(path) in caplog.text


@pytest.mark.parametrize(
    ("token", "delimiter", "reason"),
    [
        ("", "\t", "is empty"),
        ("a\nb", "\t", "holds a line feed"),
        ("a\rb", "\t", "holds a carriage return"),
        ("a\0b", "\t", "holds a NUL"),
        ("a\tb", "\t", "holds a tab"),
        ("a\tb", " ", "holds a tab"),
        ("a b", " ", "holds a delimiter"),
        (" a", "\t", "begins or ends with a space"),
        ("-DOCSTART-", "\t", "marks the beginning of a document"),
        ("-DOCSTART- x", "\t", "marks the beginning of a document"),
        ("#", " ", "may be taken for a comment"),
        ("a\ud800", "\t", "holds half of a surrogate pair"),
    ],
)
def test_tokens_that_would_not_be_read_back(tmp_path, token, delimiter, reason):
    path = tmp_path / "written.txt"
    with pytest.raises(ConllError) as raised:
        write_conll([(["fine"], ["O"]), (["a", token], ["O", "O"])], path, delimiter)
    assert str(raised.value) == f"{path}:4: the token {token!r} {reason}" + raised.value.complaint.partition(reason)[2]
    assert raised.value.complaint.endswith("so it would not be read back; replace it")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("tag", ["", "B-A B", "B-\t", "O\n", "O\r", "B-O", "I-a-", "B-a\u00a0b", "S-a\ud800"])
def test_tags_that_would_not_be_read_back(tag):
    with pytest.raises(ConllError, match="<stream>:1: the tag .* would not be read back; replace it"):
        write_conll([(["a"], [tag])], io.StringIO())


@pytest.mark.parametrize(("tokens", "tags"), [([], []), (["a"], []), (["a"], ["O", "O"])])
def test_sentences_without_a_tag_for_each_token(tokens, tags):
    with pytest.raises(ConllError, match=f"{len(tokens)} tokens and {len(tags)} tags; give each token one tag"):
        write_conll([(tokens, tags)], io.StringIO())


def test_token_too_long_for_the_parser():
    with pytest.raises(ConllError, match="longer than 1048576 bytes; shorten the token"):
        write_conll([(["x" * (1 << 20)], ["O"])], io.StringIO())


def test_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "written.txt"
    path.write_text("before", encoding="utf-8")

    def sentences():
        yield ["a"], ["O"]
        assert path.read_text(encoding="utf-8") == "before"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_conll(sentences(), path)
    assert path.read_text(encoding="utf-8") == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["written.txt"]


def test_symbolic_link_stays_one(tmp_path):
    (tmp_path / "target.txt").write_text("before", encoding="utf-8")
    (tmp_path / "link.txt").symlink_to("target.txt")
    write_conll([(["a"], ["O"])], tmp_path / "link.txt")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "target.txt").read_text(encoding="utf-8") == "a\tO\n\n"


def test_device(capfd):
    write_conll([(["a"], ["O"])], "/dev/stdout")
    assert capfd.readouterr().out == "a\tO\n\n"


def test_places_that_cannot_be_written(tmp_path):
    with pytest.raises(ConllError, match="this is a directory; give the path of a file"):
        write_conll([(["a"], ["O"])], tmp_path)
    with pytest.raises(ConllError, match="the file cannot be written .*; check its folder"):
        write_conll([(["a"], ["O"])], tmp_path / "nowhere" / "file.txt")
    with pytest.raises(ConfigurationError, match="'delimiter' is ','; use a tab or a space"):
        write_conll([(["a"], ["O"])], tmp_path / "file.txt", delimiter=",")
