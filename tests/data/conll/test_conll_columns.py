"""Columns of other people's files: comments that have columns, headers, numbers, notes, marks of sentences."""

import logging
import random

import pytest
from fuzz import conll_files, damaged_conll
from hypothesis import given, settings
from hypothesis import strategies as st

from lowresource_ner.data.conll import column_warnings
from lowresource_ner.data.conll.columns import columns_by_tabs, last_filled_column
from lowresource_ner.data.conll.format import ConllFormat
from lowresource_ner.data.conll.parser import read_conll
from lowresource_ner.data.conll.survey import survey_conll
from lowresource_ner.data.text_lines import ConllError

MULTICONER = (
    "\n# id 1111-aaaa\tdomain=en\nreno _ _ B-LOC\nis _ _ O\nbig _ _ O\n\n\n"
    "# id 2222-bbbb\tdomain=en\nmara _ _ B-PER\nsang _ _ O\n"
)
GERMEVAL = (
    "#\thttp://example.org/a [2010-01-02]\n1\tReno\tB-LOC\tO\n2\tist\tO\tO\n3\tgroß\tO\tO\n\n"
    "#\thttp://example.org/b [2010-01-03]\n1\tMara\tB-PER\tO\n2\tsang\tO\tO\n3\tdort\tO\tO\n"
)
GERMEVAL_OF_THREE = "#\thttp://example.org/a\t[2010-01-02]\n1\tReno\tB-LOC\n2\tist\tO\n\n#\thttp://example.org/b\t[2010-01-03]\n1\t#\tO\n2\tsang\tO\n"
HIPE = (
    "TOKEN\tNE-COARSE-LIT\tNE-COARSE-METO\tMISC\n# hipe2022:document_id = d1\n# hipe2022:date = 1900-01-01\n"
    "Mara\tB-pers\tO\t_\nsang\tO\tO\tEndOfSentence\n# segment_iiif_link = _\nReno\tB-loc\tO\tNoSpaceAfter\n"
    ".\tO\tO\tNoSpaceAfter|EndOfSentence\n"
)


@pytest.fixture(autouse=True)
def warnings_anew(caplog) -> None:
    column_warnings._warned.clear()
    caplog.set_level(logging.WARNING)


def told(caplog) -> list:
    """The warnings, whatever is logged beside them."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def both_ways(tmp_path, text, **options):
    """The words of each sentence, which are the same in labelled and in unlabelled reading, and the tags."""
    path = tmp_path / "file.conll"
    path.write_text(text, encoding="utf-8")
    survey_conll(path, ConllFormat(**options))
    labelled = list(read_conll(path, ConllFormat(**options)))
    unlabelled = list(read_conll(path, ConllFormat(**options, labelled=False)))
    assert [(each.tokens, each.lines) for each in unlabelled] == [(each.tokens, each.lines) for each in labelled]
    assert all(each.tags is None for each in unlabelled)
    return [list(each.tokens) for each in labelled], [list(each.tags) for each in labelled]


@pytest.mark.parametrize(
    "text, options, words",
    [
        (MULTICONER, {}, [["reno", "is", "big"], ["mara", "sang"]]),
        (MULTICONER.replace("domain=en", "domain=en-train"), {}, [["reno", "is", "big"], ["mara", "sang"]]),
        (GERMEVAL, {"token_column": 1, "tag_column": 2}, [["Reno", "ist", "groß"], ["Mara", "sang", "dort"]]),
        (GERMEVAL_OF_THREE, {"token_column": 1}, [["Reno", "ist"], ["#", "sang"]]),
        ("# newdoc\nreno B-LOC\nis O\n\n# newdoc\nmara B-PER\nsang O\n", {}, [["reno", "is"], ["mara", "sang"]]),
        ("# sent_id = 7\nreno N _ B-LOC\n\n# sent_id = 8\nmara N _ B-PER\n", {}, [["reno"], ["mara"]]),
        ("% id 7\nreno N O\n\n% id 8\nmara N O\n", {"comment_prefix": "%"}, [["reno"], ["mara"]]),
        # Words that begin as comments do: with a tag, with a tag that nothing else has, and within a sentence.
        (
            MULTICONER + "\n# id 3\tdomain=en\n# _ _ O\n1 _ _ O\n",
            {},
            [["reno", "is", "big"], ["mara", "sang"], ["#", "1"]],
        ),
        ("#good O\nday O\n\n# B-SIGN\nhere O\n\n#Reno B-LOC\n", {}, [["#good", "day"], ["#", "here"], ["#Reno"]]),
        ("is O\n# B-X\n\n#\tO\n", {"delimiter": "whitespace"}, [["is", "#"], ["#"]]),
    ],
)
def test_comments_that_have_columns_are_no_words(tmp_path, text, options, words) -> None:
    assert both_ways(tmp_path, text, **options)[0] == words


def test_comments_that_come_late_are_none_too(tmp_path) -> None:
    """After the lines in which the layout was found."""
    text = "reno _ B-LOC\nis _ O\n\n" * 400 + "# id late\nmara _ B-PER\n"
    words, _ = both_ways(tmp_path, text)
    assert words == [["reno", "is"]] * 400 + [["mara"]]


def test_a_comment_with_columns_is_told_where_it_is_no_rule(tmp_path, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        both_ways(tmp_path, MULTICONER)
    assert not told(caplog)
    with caplog.at_level(logging.WARNING):
        both_ways(tmp_path, "# BLOC\nis O\n" + "\nreno B-LOC\n" * 5)
    (message,) = told(caplog)
    assert "lines such as '# BLOC' (line 1) are read as comments" in message
    assert '"comment_prefix": null' in message


def test_comments_are_told_once_in_a_file(tmp_path, caplog) -> None:
    lines = "".join(f"\nreno B-LOC\n\nx O\n\n# id={number}\nis O\n" for number in range(5))
    both_ways(tmp_path, lines)
    (message,) = told(caplog)
    assert "lines such as '# id=0' (line 6)" in message


@pytest.mark.parametrize(
    "text, options, words",
    [
        ("#id3\tdomain=en\nReno\tO\n\n#id4\tdomain=en\nMara\tB-PER\n", {"comment_prefix": "#id"}, [["Reno"], ["Mara"]]),
        ("#id3\tx\na\tN\tO\n\n#id4\tB-X\tO\n", {"comment_prefix": "#id"}, [["a"], ["#id4"]]),
        ("a\tgame\nb\tO\n\n# newdoc\nb\tO\n", {"scheme": "IO", "comment_prefix": "# newdoc"}, [["a", "b"], ["b"]]),
    ],
)
def test_comments_that_begin_otherwise(tmp_path, text, options, words) -> None:
    scheme = options.pop("scheme", None)
    path = tmp_path / "file.conll"
    path.write_text(text, encoding="utf-8")
    survey_conll(path, ConllFormat(**options), scheme)
    for labelled in (True, False):
        assert [list(each.tokens) for each in read_conll(path, ConllFormat(**options, labelled=labelled))] == words


def test_a_word_with_a_label_that_is_new_is_not_taken_for_a_comment(tmp_path) -> None:
    """Where labels have no prefixes, "#" with one that the first lines lack may be both, and nobody knows."""
    path = tmp_path / "file.conll"
    path.write_text("a\tO\n\nb\tperson\n\n" * 20 + "#\tgame\n", encoding="utf-8")
    for labelled in (True, False):
        with pytest.raises(ConllError, match=r":81: '#\\tgame' may be a comment, or a word .*null if there are none"):
            list(read_conll(path, ConllFormat(labelled=labelled)))
    assert list(read_conll(path, ConllFormat(comment_prefix=None)))[-1].tags == ("game",)


def test_a_hashtag_without_a_tag_is_no_comment(tmp_path) -> None:
    with pytest.raises(ConllError, match=":4: 2 columns where the file's other lines have 3: '#tag"):
        both_ways(tmp_path, "a\tN\tO\nb\tN\tO\n\n#tag\tO\nis\tN\tO\n")
    with pytest.raises(ConllError, match=":3: 2 columns .*it is a comment"):
        both_ways(tmp_path, "a\tN\tO\nb\tN\tO\n#tag\tO\n")


@pytest.mark.parametrize("column, delimiter", [(1, "auto"), (1, "tab"), (-2, "auto")])
def test_a_last_column_that_is_mostly_empty(tmp_path, column, delimiter) -> None:
    text = "Mara\tB-PER\t\nsang\tO\ta note\n.\tO\t\n\nReno\tB-LOC\t\n"
    words, tags = both_ways(tmp_path, text, tag_column=column, delimiter=delimiter)
    assert (words, tags) == ([["Mara", "sang", "."], ["Reno"]], [["B-PER", "O", "O"], ["B-LOC"]])


def test_columns_that_are_empty_do_not_count_from_the_end(tmp_path) -> None:
    """Also where they turn out not to be empty after the lines in which the layout was found."""
    text = "Mara\tB-PER\t\t\nsang\tO\t\t\n\n" * 400 + "Reno\tB-LOC\t\tlate\n"
    assert both_ways(tmp_path, text)[1][-2:] == [["B-PER", "O"], ["B-LOC"]]


def test_a_header_is_passed_over(tmp_path, caplog) -> None:
    words, tags = both_ways(tmp_path, HIPE, tag_column=1)
    assert (words, tags) == ([["Mara", "sang", "Reno", "."]], [["B-pers", "O", "B-loc", "O"]])
    assert both_ways(tmp_path, "Wort\tArt\nReno\tB-LOC\n", header=True)[0] == [["Reno"]]
    assert both_ways(tmp_path, "token\tO\nReno\tB-LOC\n")[0] == [["token", "Reno"]]
    with pytest.raises(ConllError, match=":1: invalid tag 'TAG'"):
        both_ways(tmp_path, "TOKEN\tTAG\nReno\tB-LOC\n", header=False)


@pytest.mark.parametrize(
    "text, options, words",
    [
        ("#token\ttag\nfoo\tO\nbar\tB-X\n", {"header": True}, [["foo", "bar"]]),
        ("# a comment of words\ntoken\ttag\nfoo\tO\n", {}, [["foo"]]),
        ("id\tword\ttag\n1\tfoo\tO\n2\tbar\tB-X\n", {"token_column": 1}, [["foo", "bar"]]),
        ("Text\tmisc\nfoo\tO\nText\tmisc\n", {"header": False}, [["Text", "foo", "Text"]]),
        ("Text\tperson\nfoo\tO\n", {}, [["Text", "foo"]]),
    ],
)
def test_which_line_is_a_header(tmp_path, text, options, words) -> None:
    path = tmp_path / "file.conll"
    path.write_text(text, encoding="utf-8")
    for labelled in (True, False):
        assert [list(each.tokens) for each in read_conll(path, ConllFormat(**options, labelled=labelled))] == words


def test_an_index_column_under_a_header_is_warned_of(tmp_path, caplog) -> None:
    path = tmp_path / "file.conll"
    path.write_text("Nr\tWort\tArt\n1\tfoo\tO\n2\tbar\tB-X\n", encoding="utf-8")
    list(read_conll(path, ConllFormat(labelled=False)))
    (message,) = told(caplog)
    assert "the token column (column 0, counted from 0) holds nothing but numbers" in message


def test_a_mark_that_stands_nowhere_is_warned_of(tmp_path, caplog) -> None:
    both_ways(tmp_path, HIPE, tag_column=1, sentence_end_mark="EndofSentence")
    (message,) = told(caplog)
    assert '"EndOfSentence" occurs in a column' in message
    column_warnings._warned.clear()
    both_ways(tmp_path, "a B-X\n", sentence_end_mark="Ende")
    assert '"sentence_end_mark" is "Ende", which occurs in no column' in told(caplog)[-1]


def test_sentences_end_at_a_mark_in_a_column(tmp_path, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        both_ways(tmp_path, HIPE, tag_column=1)
    (message,) = told(caplog)
    assert '"sentence_end_mark": "EndOfSentence"' in message
    words, _ = both_ways(tmp_path, HIPE, tag_column=1, sentence_end_mark="EndOfSentence")
    assert words == [["Mara", "sang"], ["Reno", "."]]


@pytest.mark.parametrize(
    "text, proposal",
    [
        (GERMEVAL, '"token_column" to that of the words, perhaps 1'),
        ("1\tReno\tB-LOC\n2\tis\tO\n\n1\tMara\tB-PER\n", "perhaps 1"),
        ("17 Reno O\n3 is O\n4 a O\n8 nice O\n9 town O\n", "perhaps 1"),
        ("1\tAl\t_\n1-2\tdel\t_\n2\tl\t_\n3\tx\t_\n4\ty\t_\n", "perhaps 1"),
    ],
)
def test_a_token_column_of_numbers_is_warned_of(tmp_path, caplog, text, proposal) -> None:
    path = tmp_path / "file.conll"
    path.write_text(text, encoding="utf-8")
    for _ in range(2):
        list(read_conll(path, ConllFormat(labelled=False)))
    (message,) = told(caplog)
    assert f"{path}:" in message and proposal in message


def test_a_few_numbers_are_words(tmp_path, caplog) -> None:
    both_ways(tmp_path, "1990\tO\n\n7\tO\n3\tO\n")
    both_ways(tmp_path, "1\tO\n2\tO\n3\tO\nand\tO\n4\tO\n5\tO\n")
    assert not told(caplog)


def test_a_file_that_is_one_sentence_is_warned_of(tmp_path, caplog) -> None:
    both_ways(tmp_path, "a O\nb O\n" * 300)
    (message,) = told(caplog)
    assert "the first 600 words are one sentence" in message


def test_files_that_were_joined_have_their_byte_order_marks_within(tmp_path) -> None:
    text = "\ufeffReno\tB-LOC\n\n\ufeffMara\tB-PER\nsang\tO\n\ufeff\nx\tO\n"
    assert both_ways(tmp_path, text)[0] == [["Reno"], ["Mara", "sang"], ["x"]]


def test_empty_columns_are_counted_in_one_pass() -> None:
    """A row of a million tabs is a line that may be; each cell is looked at once or twice, not once for each column."""

    class Cell(str):
        looks = 0

        def strip(self, *characters: str) -> str:
            Cell.looks += 1
            return super().strip(*characters)

    row = [Cell("a"), Cell("O"), *[Cell("")] * 500]
    assert last_filled_column(row) == 2
    assert Cell.looks == 501
    assert columns_by_tabs(["\t".join(row)] * 3)[1:] == (502, 2, 3)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.integers(0, 2**32))
def test_labelled_and_unlabelled_reading_give_the_words_that_were_written(seed) -> None:
    conll_files.check(random.Random(seed))


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.integers(0, 2**32))
def test_damaged_files_are_read_or_refused(seed) -> None:
    damaged_conll.check(random.Random(seed))
