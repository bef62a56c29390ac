"""The parser of CoNLL files: layouts, oddities, memory, surveys. Its errors and the writer have files of their own."""

import bz2
import gzip
import lzma
import tracemalloc
from pathlib import Path

import pytest

from lowresource_ner.data import text_lines
from lowresource_ner.data.conll.format import ConllFormat
from lowresource_ner.data.conll.parser import ConllSentence, read_conll
from lowresource_ner.data.conll.survey import sentence_spans, survey_conll
from lowresource_ner.data.text_lines import ConllError
from lowresource_ner.tagging import get_scheme

FORMATS = Path(__file__).parents[3] / "fixtures" / "formats"
WORDS = ConllFormat(tag_column=None)

# File, options, sentences, tokens, entities and scheme, counted by hand.
HAND_COUNTED = [
    ("conll2003_style.txt", {}, 3, 22, 6, "IOB1"),
    ("conll2002_style_latin1.txt", {"encoding": "latin-1"}, 2, 20, 4, "IOB2"),
    ("wikiann_style.tsv", {}, 2, 12, 2, "IOB2"),
    ("windows.txt", {}, 2, 8, 2, "IOB2"),
    ("mixed_delimiters.txt", {}, 2, 8, 2, "IOB2"),
    ("tokens_with_spaces.tsv", {}, 2, 9, 2, "IOB2"),
    ("comments.txt", {}, 2, 8, 1, "IOB2"),
    ("unicode_spaces.tsv", {}, 1, 5, 1, "IOB2"),
    ("iobes.txt", {}, 1, 7, 3, "IOBES"),
    ("bilou.txt", {}, 1, 7, 3, "BILOU"),
    ("words.txt", {"tag_column": None}, 2, 7, 0, None),
]


def read(path, **options):
    return list(read_conll(path, ConllFormat(**options)))


def write(folder, text, name="file.txt"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


def tokens_of(sentences):
    return [list(sentence.tokens) for sentence in sentences]


@pytest.mark.parametrize(("name", "options", "sentences", "tokens", "entities", "scheme"), HAND_COUNTED)
def test_hand_counted_fixtures(name, options, sentences, tokens, entities, scheme):
    summary = survey_conll(FORMATS / name, ConllFormat(**options))
    assert (summary.sentences, summary.tokens, summary.entities) == (sentences, tokens, entities)
    assert (summary.scheme, summary.repaired) == (scheme, 0)
    assert sum(summary.entities_by_type.values()) == entities


@pytest.mark.parametrize("name", [row[0] for row in HAND_COUNTED])
def test_unlabelled_reading_gives_the_same_tokens_and_lines(name):
    options = dict(HAND_COUNTED[[row[0] for row in HAND_COUNTED].index(name)][1])
    labelled = read(FORMATS / name, **options)
    unlabelled = read(FORMATS / name, **{**options, "tag_column": None})
    assert [(s.tokens, s.lines, s.path) for s in unlabelled] == [(s.tokens, s.lines, s.path) for s in labelled]
    assert all(sentence.tags is None for sentence in unlabelled)


def test_all_of_a_sentence():
    path = str(FORMATS / "conll2003_style.txt")
    first, second, third = read(path)
    assert first == ConllSentence(
        tokens=("Ferry", "from", "Lübeck", "to", "Trelleborg", "delayed", "."),
        tags=("O", "O", "I-LOC", "O", "I-LOC", "O", "O"),
        path=path,
        lines=(3, 4, 5, 6, 7, 8, 9),
    )
    assert (second.lines[0], third.lines) == (13, (26, 27, 28))
    spans = sentence_spans(second, get_scheme("IOB1"))
    assert spans == [(1, 3, "PER"), (3, 5, "PER"), (6, 8, "ORG"), (8, 9, "MISC")]


def test_columns_by_index():
    first = read(FORMATS / "conll2003_style.txt", token_column=1, tag_column=2)[0]
    assert (first.tokens[0], first.tags[0]) == ("NN", "I-NP")
    first = read(FORMATS / "conll2003_style.txt", token_column=-4, tag_column=-3)[0]
    assert (first.tokens[0], first.tags[0]) == ("Ferry", "NN")


def test_document_mark_in_another_column(tmp_path):
    path = write(tmp_path, "0 -DOCSTART- O\n1 Cork B-LOC\n0 -DOCSTART- O\n\n1 Bray B-LOC\n")
    assert tokens_of(read(path, token_column=1)) == [["Cork"], ["Bray"]]


@pytest.mark.parametrize(
    "mark", ["-DOCSTART-", "-DOCSTART- O", "-DOCSTART-\tO", "-DOCSTART- (1 UNESCO)", "-DOCSTART- -X- -X- O"]
)
def test_document_marks_part_sentences_whatever_their_columns(tmp_path, mark):
    path = write(tmp_path, f"{mark}\nCork B-LOC\n{mark}\nBray B-LOC\n-DOCSTART-x O\n")
    assert tokens_of(read(path)) == [["Cork"], ["Bray", "-DOCSTART-x"]]


def test_windows_file():
    first, second = read(FORMATS / "windows.txt")
    assert (first.tokens, first.tags) == (("The", "Weser", "froze", "."), ("O", "B-LOC", "O", "O"))
    assert (second.tokens[0], second.tags[-1], second.lines) == ("Heike", "O", (8, 9, 10, 11))


def test_tabs_and_runs_of_spaces_in_one_line():
    first, second = read(FORMATS / "mixed_delimiters.txt")
    assert first.tokens == ("Trains", "to", "Braga", "are", "full")
    assert first.tags == ("O", "O", "B-LOC", "O", "O")
    assert second.tags == ("B-PER", "I-PER", "O")


def test_spaces_within_tokens_between_tabs():
    first, second = read(FORMATS / "tokens_with_spaces.tsv")
    assert first.tokens == ("flights", "to", "New York", "cost", "1 200", "dollars")
    assert second.tokens == ("Ho Chi Minh City", " ", "Airport")


def test_spaces_around_columns_do_not_belong_to_them(tmp_path):
    path = write(tmp_path, "New York \t B-LOC \nis\t O\t\n far \tO \t \n")
    (sentence,) = read(path)
    assert (sentence.tokens, sentence.tags) == (("New York", "is", "far"), ("B-LOC", "O", "O"))


def test_only_line_feeds_part_lines_and_only_ascii_blanks_part_columns(tmp_path):
    (sentence,) = read(FORMATS / "unicode_spaces.tsv")
    expected = ("10\u00a0000", "St.\u2028Gallen", "line\u0085feed", "\u3000", "form\u000cfeed")
    assert sentence.tokens == expected
    assert sentence.lines == (1, 2, 3, 4, 5)
    between_spaces = "".join(f"{token} O\n" for token in (*expected, "a\x1cb", "a\u2029b", "a\x0bb"))
    (sentence,) = read(write(tmp_path, between_spaces))
    assert sentence.tokens == (*expected, "a\x1cb", "a\u2029b", "a\x0bb")


def test_delimiter_is_the_one_that_more_lines_agree_on(tmp_path):
    damaged = write(tmp_path, "New York\tB-LOC\nis\tO\nfar off\tO\nwe\tO\nsaid\n")
    with pytest.raises(ConllError, match=r":5: 1 column where the file's other lines have 2"):
        read(damaged)
    mixed = write(tmp_path, "UNESCO\tNNP I-NP\tB-ORG\nrejects VBZ\tI-VP O\n")
    assert read(mixed)[0].tags == ("B-ORG", "O")


def test_delimiter_where_tabs_and_spaces_do_equally_well(tmp_path):
    one_token = write(tmp_path, "New York\tB-LOC\n")
    assert read(one_token)[0].tokens == ("New York",)
    last_column_holds_spaces = write(tmp_path, "UNESCO\tNNP B-ORG\nrejects\tVBZ O\n")
    assert read(last_column_holds_spaces)[0].tags == ("B-ORG", "O")
    tagger_output = write(tmp_path, "UNESCO NP B-ORG\tO\n" * 5)
    assert read(tagger_output)[0].tokens == ("UNESCO",) * 5
    assert read(tagger_output, delimiter="tab")[0].tokens == ("UNESCO NP B-ORG",) * 5


def test_comments_and_hash_signs():
    first, second = read(FORMATS / "comments.txt")
    assert first.tokens == ("Tickets", "for", "#", "7", "in", "Gouda")
    assert first.lines == (3, 4, 5, 6, 7, 9)
    assert second.tokens == ("#", "NoFilter")


def test_hash_signs_are_tokens_where_they_have_all_columns(tmp_path):
    assert tokens_of(read(write(tmp_path, "#\tO\n#1\tO\n"))) == [["#", "#1"]]
    assert tokens_of(read(write(tmp_path, "# O\nC B-LANG\n# I-LANG\n"))) == [["#", "C", "#"]]
    assert tokens_of(read(write(tmp_path, "# a b\tO\n# text\nC\tO\n"))) == [["# a b", "C"]]
    unlabelled = write(tmp_path, "# a comment\n#hashtag\nC\n#\n")
    assert tokens_of(read(unlabelled, tag_column=None)) == [["#hashtag", "C", "#"]]
    assert tokens_of(read(unlabelled, tag_column=None, delimiter="tab")) == [["#hashtag", "C", "#"]]


def test_other_comment_prefixes_and_none(tmp_path):
    path = write(tmp_path, "% a remark here\nCork B-LOC\n")
    assert tokens_of(read(path, comment_prefix="%")) == [["Cork"]]
    with pytest.raises(ConllError, match=r":1: 4 columns where the file's other lines have 2"):
        read(write(tmp_path, "# a remark here\nCork B-LOC\nis O\n"), comment_prefix=None)


def test_language_prefixes():
    first, second = read(FORMATS / "wikiann_style.tsv")
    assert first.tokens[:3] == ("Daraja", "la", "Kigamboni")
    assert second.tokens[3:5] == ("saa", "10:30")
    for prefix in (True, "sw", "sw:"):
        assert read(FORMATS / "wikiann_style.tsv", language_prefix=prefix) == [first, second]
    assert read(FORMATS / "wikiann_style.tsv", language_prefix=False)[0].tokens[0] == "sw:Daraja"


def test_language_prefix_is_taken_off_only_if_all_tokens_share_it(tmp_path):
    path = write(tmp_path, "en:Cork\tB-LOC\nde:Bonn\tB-LOC\n")
    assert tokens_of(read(path)) == [["en:Cork", "de:Bonn"]]
    assert tokens_of(read(path, language_prefix=True)) == [["Cork", "Bonn"]]
    path = write(tmp_path, "zh-yue:香港\tB-LOC\n")
    assert tokens_of(read(path)) == [["zh-yue:香港"]]
    assert tokens_of(read(path, language_prefix=True)) == [["香港"]]
    assert tokens_of(read(path, language_prefix="zh-yue")) == [["香港"]]


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".XZ", lzma.compress)])
def test_packed_files(tmp_path, suffix, pack):
    plain = FORMATS / "conll2003_style.txt"
    packed = write(tmp_path, pack(plain.read_bytes()), f"packed.txt{suffix}")
    assert tokens_of(read(packed)) == tokens_of(read(plain))
    assert read(packed)[0].path == str(packed)


def test_tag_column_is_never_looked_at_in_unlabelled_reading(tmp_path):
    words = ["flights", "to", "New York", "cost", "#", "1 200", "dollars"]
    for column in ("\tB-LOC", "\tno tag at all", "\t", "\t\tx", "\t\ufffd"):
        path = write(tmp_path, "".join(f"{word}{column}\n" for word in words))
        assert tokens_of(read(path, tag_column=None)) == [words]
    some_lack_it = "".join(f"{word}\tO\n" if position % 2 else f"{word}\t\n" for position, word in enumerate(words))
    assert tokens_of(read(write(tmp_path, some_lack_it), tag_column=None)) == [words]


def test_read_is_lazy(tmp_path):
    lines = "Cork B-LOC\n\n" * 3000 + "broken\n"
    sentences = read_conll(write(tmp_path, lines))
    assert next(sentences).tokens == ("Cork",)
    with pytest.raises(ConllError, match=":6001: "):
        list(sentences)


@pytest.mark.slow
def test_memory_is_flat(tmp_path):
    def peak(num_sentences):
        path = tmp_path / f"{num_sentences}.txt.gz"
        with gzip.open(path, "wt", encoding="utf-8") as stream:
            for number in range(num_sentences):
                stream.write(f"Town{number} NNP B-LOC\nis VBZ O\nfar RB O\n\n")
        tracemalloc.start()
        summary = survey_conll(path)
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert (summary.sentences, summary.entities) == (num_sentences, num_sentences)
        return highest

    peak(500)
    small, large = peak(1_000), peak(10_000)
    assert large < small + 50_000


def test_survey_repairs_as_conlleval_reads():
    summary = survey_conll(FORMATS / "invalid_iob2.txt", tag_scheme="BIO", repair=True)
    assert (summary.entities, summary.repaired, summary.scheme) == (4, 2, "IOB2")
    assert summary.entities_by_type == {"LOC": 2, "PER": 2}
    assert survey_conll(FORMATS / "invalid_iob2.txt", repair=True) == summary
    as_iob2 = survey_conll(FORMATS / "conll2003_style.txt", tag_scheme="IOB2", repair=True)
    assert (as_iob2.entities, as_iob2.repaired) == (6, 5)


def test_survey_counts_types_in_alphabetical_order():
    summary = survey_conll(FORMATS / "conll2003_style.txt")
    assert list(summary.entities_by_type.items()) == [("LOC", 2), ("MISC", 1), ("ORG", 1), ("PER", 2)]


def test_spans_of_an_unlabelled_sentence():
    with pytest.raises(ValueError, match="words.txt:1: the sentence was read as unlabelled"):
        sentence_spans(read(FORMATS / "words.txt", tag_column=None)[0], get_scheme("IOB2"))


@pytest.mark.parametrize(
    ("options", "times"), [({}, 1), ({"tag_scheme": "IOB2"}, 1), ({"repair": True}, 2), ({"format": WORDS}, 1)]
)
def test_a_survey_reads_the_file_once_unless_it_has_to_choose_what_to_repair(monkeypatch, options, times):
    opened = []
    open_binary = text_lines.open_binary
    monkeypatch.setattr(text_lines, "open_binary", lambda path: opened.append(path) or open_binary(path))
    path = FORMATS / "windows.txt"
    assert survey_conll(path, **options).sentences == 2
    assert opened == [str(path)] * times
