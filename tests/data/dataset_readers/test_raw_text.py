"""Raw text: lines and running text, tokenised and not."""

import gzip
import itertools
import json
import random
from typing import List

import pytest
from allennlp.common.checks import ConfigurationError
from allennlp.data import Token, Tokenizer
from fuzz.raw_text import check

from lowresource_ner.common.text_rules import MAX_LINE_BYTES
from lowresource_ner.data import ConllNerReader, RawTextReader, WordTokenizer
from lowresource_ner.data.tokenizers.sentence_splitter import WordSentenceSplitter
from lowresource_ner.distillation.teachers.label_file_teacher import LabelFileTeacher


def read(text: str, tmp_path, **options) -> list:
    path = tmp_path / "raw.txt"
    path.write_text(text, encoding="utf-8")
    return [instance["metadata"].metadata for instance in RawTextReader(**options).read(path)]


def words(metadata: list) -> list:
    return [sentence["words"] for sentence in metadata]


def test_a_sentence_a_line(tmp_path) -> None:
    found = read("Ziwa linaitwa Victoria.\r\n\n  \nHabari, dunia!", tmp_path)
    assert words(found) == [["Ziwa", "linaitwa", "Victoria", "."], ["Habari", ",", "dunia", "!"]]
    assert [sentence["place"].rsplit(":")[-1] for sentence in found] == ["1", "4"]


def test_tokenised_lines_are_split_at_spaces_only(tmp_path) -> None:
    assert words(read("EE.UU. y 3,5 (sic)\n", tmp_path, tokenised=True)) == [["EE.UU.", "y", "3,5", "(sic)"]]


def test_running_text_is_split_into_sentences_over_line_breaks(tmp_path) -> None:
    text = "Lima is a city. It lies\non the sea.\n\nIs it big? “(Yes.)” Vale. ¿Sí? 北京。上海。"
    found = read(text, tmp_path, layout="running")
    assert [" ".join(sentence) for sentence in words(found)] == [
        "Lima is a city .",
        "It lies on the sea .",
        "Is it big ?",
        "“ ( Yes . ) ”",
        "Vale .",
        "¿ Sí ?",
        "北 京 。",
        "上 海 。",
    ]
    assert [sentence["place"].rsplit(":")[-1] for sentence in found] == ["1", "1", *"444444"]


def test_running_text_without_blank_lines_is_cut_at_sentence_ends_only(tmp_path) -> None:
    line = "Lima is a city. It lies on the\nsea and is large.\n"
    found = words(read(line * 2000, tmp_path, layout="running"))
    assert (
        found
        == [["Lima", "is", "a", "city", "."], ["It", "lies", "on", "the", "sea", "and", "is", "large", "."]] * 2000
    )


def test_tokenised_running_text(tmp_path) -> None:
    found = words(read("Lima is big . It lies\non the sea .", tmp_path, layout="running", tokenised=True))
    assert found == [["Lima", "is", "big", "."], ["It", "lies", "on", "the", "sea", "."]]


def test_packed_files_and_encodings(tmp_path) -> None:
    path = tmp_path / "raw.txt.gz"
    path.write_bytes(gzip.compress("Málaga\n".encode("latin-1")))
    (sentence,) = RawTextReader(encoding="latin-1").read(path)
    assert sentence["metadata"].metadata["words"] == ["Málaga"]
    with pytest.raises(ConfigurationError, match=r"raw\.txt\.gz:1: .*latin-1"):
        list(RawTextReader().read(path))


def test_no_text_no_labels_no_contradictions(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match=r"raw\.txt"):
        read("\n \n", tmp_path)
    with pytest.raises(ConfigurationError, match="'layout' of raw_text is 'pages'"):
        RawTextReader(layout="pages")
    instance = RawTextReader().text_to_instance(["Lima"])
    assert set(instance.fields) == {"tokens", "metadata"}


def test_a_sample_of_lines(tmp_path) -> None:
    text = "".join(f"word{number}\n" for number in range(30))
    found = words(read(text, tmp_path, sample=5))
    assert len(found) == 5 and all(len(sentence) == 1 for sentence in found)
    assert found == sorted(found, key=lambda sentence: int(sentence[0][4:]))


def test_a_paragraph_of_many_parts_has_the_sentences_that_it_has_as_a_whole(tmp_path) -> None:
    rng = random.Random(7)
    words_of_text = [
        "Lima",
        "z.B.",
        "U.S.",
        "don't",
        "“Yes.”",
        "(no!)",
        "¿Sí?",
        "3,5",
        "北京。",
        "city.",
        "is",
        "lies,",
        "…",
        "- No.",
    ]
    lines = [" ".join(rng.choices(words_of_text, k=rng.randint(1, 12))) for _ in range(3000)]
    whole = WordSentenceSplitter().split(WordTokenizer().tokenize(" ".join(lines)))
    assert len(" ".join(lines)) > 90_000 and len(whole) > 3000
    found = words(read("\n".join(lines), tmp_path, layout="running"))
    assert found == [[token.text for token in sentence] for sentence in whole]


def test_sentences_of_a_long_paragraph_know_about_where_they_stand(tmp_path) -> None:
    lines = [f"{number} is a number. It stands in this line." for number in range(1, 2001)]
    found = read("\n\n" + "\n".join(lines), tmp_path, layout="running")
    places = [int(sentence["place"].rsplit(":")[-1]) for sentence in found]
    assert places[0] == 3 and places == sorted(places) and len(set(places)) > 5
    for sentence, place in zip(found[::2], places[::2]):
        assert 0 <= int(sentence["words"][0]) + 2 - place < 300


class _Spy(WordTokenizer):
    """Writes down how much it is given in a call, and gives one word for each text."""

    def __init__(self) -> None:
        self.calls: List[List[int]] = []

    def batch_tokenize(self, texts: List[str]) -> List[List[Token]]:
        self.calls.append([len(text) for text in texts])
        return [[Token("a")] for _ in texts]


@pytest.mark.parametrize("layout", ["lines", "running"])
def test_what_is_tokenised_at_once_is_bounded(layout: str, tmp_path) -> None:
    spy = _Spy()
    read(("b" * 50_000 + "\n") * 40, tmp_path, layout=layout, tokenizer=spy)
    assert sum(map(sum, spy.calls)) >= 40 * 50_000
    assert max(map(sum, spy.calls)) <= 300_000
    spy.calls.clear()
    read("b\n" * 1000, tmp_path, tokenizer=spy)
    assert [len(call) for call in spy.calls] == [256, 256, 256, 232]


@pytest.mark.parametrize("tokenised", [True, False])
def test_a_paragraph_without_an_end_is_read_as_its_sentences_are_wanted(tokenised: bool, monkeypatch, tmp_path) -> None:
    lines = ((number, "word " * 1000) for number in itertools.count(1))
    monkeypatch.setattr("lowresource_ner.data.dataset_readers.raw_text.numbered_lines", lambda *_: lines)
    (tmp_path / "raw.txt").touch()
    sentences = RawTextReader(layout="running", tokenised=tokenised).sentences(tmp_path / "raw.txt")
    assert [len(sentence.words) for sentence in itertools.islice(sentences, 3)] == [10_000] * 3
    assert next(lines)[0] < 100  # a line has 1,000 words


@pytest.mark.parametrize("layout", ["lines", "running"])
def test_one_limit_for_a_line(layout: str, tmp_path) -> None:
    """Over the million characters that spaCy takes at once, up to the limit, and beyond it."""
    line = "." * (MAX_LINE_BYTES - 1)
    assert "".join(map("".join, words(read(line + "\n", tmp_path, layout=layout)))) == line
    with pytest.raises(ConfigurationError, match=rf"raw\.txt:2: the line is longer than {MAX_LINE_BYTES} bytes"):
        read(f"a\n{line}..\n", tmp_path, layout=layout)


def test_a_paragraph_over_a_million_characters(tmp_path) -> None:
    lines = ["." * 60_000] * 20
    found = words(read("\n".join(lines), tmp_path, layout="running"))
    assert "".join(map("".join, found)) == "".join(lines)


ODD = ["10\u00a0000", "a\u2028b", "x\x0by", "\u00a0", "\u3000", "z\x85", "\u200bq"]


def test_all_readers_agree_on_words_that_are_separated(tmp_path) -> None:
    """Text, CoNLL without labels, and label files: only ASCII spaces and tabs separate words."""
    text, conll, labels = tmp_path / "raw.txt", tmp_path / "words.conll", tmp_path / "labels.jsonl"
    sentences = [["Lima", *ODD], ["\u00a0"], ODD[::-1]]
    text.write_text("\n".join(" \t ".join(sentence) for sentence in sentences), encoding="utf-8")
    conll.write_text(
        "".join("".join(f"{word}\tO\n" for word in sentence) + "\n" for sentence in sentences), encoding="utf-8"
    )
    labels.write_text(
        "".join(json.dumps({"tokens": sentence, "tags": ["O"] * len(sentence)}) + "\n" for sentence in sentences)
    )
    raw = [list(sentence.words) for sentence in RawTextReader(tokenised=True).sentences(text)]
    reader = ConllNerReader(labelled=False, delimiter="tab", token_column=0)
    assert raw == sentences == [list(sentence.words) for sentence in reader.sentences(conll)]
    assert [len(answer) for answer in LabelFileTeacher(str(labels)).label(raw)] == [
        len(sentence) for sentence in sentences
    ]


def test_white_space_of_any_kind_separates_words_of_other_text(tmp_path) -> None:
    assert words(read("10\u00a0000 a\u2028b\rc\x0bd\n", tmp_path)) == [["10", "000", "a", "b", "c", "d"]]


@pytest.mark.parametrize(
    "content, options, complaint",
    [
        (b"a b\nc \rd e\n", {"tokenised": True}, r":2: the line holds a carriage return, which no word may contain"),
        (b"a b\nc \rd e\n", {"tokenised": True, "layout": "running"}, ":2: the line holds a carriage return"),
        (b"a\nb \0\n", {}, ":2: the line contains a NUL byte"),
        (b"a\nb +2AA- c\n", {"encoding": "utf-7"}, ":2: the line holds half of a surrogate pair"),
        (b"a\nb+AAA-c\n", {"encoding": "utf-7"}, ":2: the line holds a NUL"),
        (b"a\nb\\u000ac\n", {"encoding": "raw_unicode_escape", "tokenised": True}, ":2: the line holds a line feed"),
    ],
)
def test_what_no_word_can_hold_is_said_with_its_line(content: bytes, options: dict, complaint: str, tmp_path) -> None:
    path = tmp_path / "raw.txt"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"raw.txt{complaint}"):
        list(RawTextReader(**options).read(path))


@pytest.mark.parametrize(
    "encoding, complaint",
    [
        ("utf-9", "'encoding' is 'utf-9', which Python does not know"),
        ("hex", "'encoding' is 'hex', which Python does not know"),
        ("a\0b", "which Python does not know"),
        ("", "'encoding' is '', which Python does not know"),
        (None, "'encoding' is None"),
        ("utf-16", "'encoding' is 'utf-16', where a line feed is not a single byte"),
        ("cp037", "where a line feed is not a single byte"),
        ("idna", "'encoding' is 'idna'"),
    ],
)
def test_encodings_are_checked_before_any_file_is_read(encoding, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        RawTextReader(encoding=encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "UTF8"])
def test_a_byte_order_mark_is_no_part_of_a_word(encoding: str, tmp_path) -> None:
    path = tmp_path / "raw.txt"
    path.write_bytes("\ufeffLima\n\ufeffCusco\n".encode())
    assert words([each["metadata"].metadata for each in RawTextReader(encoding=encoding).read(path)]) == [
        ["Lima"],
        ["Cusco"],
    ]


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_odd_text_of_every_layout(first: int) -> None:
    for seed in range(first, first + 100):
        check(random.Random(seed))


class Fussy(Tokenizer):
    """Fails at one word, as spaCy's does at a million characters."""

    def tokenize(self, text: str) -> List[Token]:
        if "fail" in text:
            raise OverflowError("too much")
        return [Token(word) for word in text.split()]


def test_a_tokenizer_that_fails_is_said_with_its_line(tmp_path) -> None:
    path = tmp_path / "raw.txt"
    path.write_text("one line\n\nto fail here\n", encoding="utf-8")
    reader = RawTextReader(tokenizer=Fussy())
    with pytest.raises(ConfigurationError, match=r"raw\.txt:3: the tokenizer cannot split .*OverflowError: too much"):
        list(reader.read(path))
