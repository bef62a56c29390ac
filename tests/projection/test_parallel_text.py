"""Parallel text: what is a pair, what is left out, and what is an error that names its line."""

import gzip
from pathlib import Path

import pytest
from allennlp.common.checks import ConfigurationError

from lowresource_ner.data.dataset_readers.conll_ner import ConllNerReader
from lowresource_ner.data.tokenizers.word_tokenizer import WordTokenizer
from lowresource_ner.projection import parallel_text
from lowresource_ner.projection.labelled_source import LabelledSource
from lowresource_ner.projection.parallel_text import ParallelText

TEXT = "Ana lives here.\tAna vive aquí.\n\nNo one.\t \nIt's Li's.\tEs de Li.\r\n"


def written(folder: Path, text: str, name: str = "text.tsv") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return str(path)


def read(text: ParallelText, start: int = 0) -> tuple:
    """The pairs, and what was left out."""
    left_out: dict = {}
    pairs = []
    for block in text.blocks(start):
        pairs += block.pairs
        for reason, count in block.left_out.items():
            left_out[reason] = left_out.get(reason, 0) + count
    return pairs, left_out


def test_pairs_are_tokenised_and_numbered(tmp_path) -> None:
    path = written(tmp_path, TEXT)
    text = ParallelText(path, source_tokenizer=WordTokenizer("en"))
    assert text.check() == 4
    (first, last), left_out = read(text)
    assert left_out == {"empty": 2}
    assert (first.number, first.place) == (0, f"{path}:1") and (last.number, last.place) == (3, f"{path}:4")
    assert first.source == ["Ana", "lives", "here", "."] and first.target == ["Ana", "vive", "aquí", "."]
    assert last.source == ["It", "'s", "Li", "'s", "."] and last.target == ["Es", "de", "Li", "."]


def test_tokenised_text_is_split_at_spaces_only(tmp_path) -> None:
    text = ParallelText(written(tmp_path, "a  b.c\u00a0d \t \u00a0 e\n"), tokenised=True)
    ((pair,), _) = read(text)
    assert pair.source == ["a", "b.c\u00a0d"] and pair.target == ["\u00a0", "e"]


def test_several_files_compressed_and_columns_by_number(tmp_path) -> None:
    with gzip.open(tmp_path / "a.tsv.gz", "wt", encoding="utf-8") as file:
        file.write("1\thola\tx\thello\n2\tsí\tx\tyes\n")
    written(tmp_path, "3\tno\tx\tno\n", "b.tsv")
    text = ParallelText([str(tmp_path / "a.tsv.gz"), str(tmp_path / "b.tsv")], columns=[3, 1], tokenised=True)
    assert text.check() == 3
    pairs, _ = read(text)
    assert [(pair.number, pair.source, pair.target) for pair in pairs] == [
        (0, ["hello"], ["hola"]),
        (1, ["yes"], ["sí"]),
        (2, ["no"], ["no"]),
    ]
    assert [pair.place.rpartition("/")[2] for pair in pairs] == ["a.tsv.gz:1", "a.tsv.gz:2", "b.tsv:1"]


def test_blocks_go_on_at_any_line(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(parallel_text, "_BLOCK", 3)
    text = ParallelText(written(tmp_path, "".join(f"a{n}\tb{n}\n" for n in range(10))), tokenised=True)
    assert [block.end for block in text.blocks()] == [3, 6, 9, 10]
    everything = read(text)[0]
    for start in range(11):
        assert read(text, start)[0] == everything[start:]


def test_long_pairs_are_left_out(tmp_path) -> None:
    text = ParallelText(written(tmp_path, "a b c\tx\na b\tx y z\na b\tx y\n"), tokenised=True, max_words=2)
    pairs, left_out = read(text)
    assert [pair.number for pair in pairs] == [2] and left_out == {"too_long": 2}


@pytest.mark.parametrize(
    "line, complaint",
    [
        ("no tab", "the line has 1 columns instead of two, .*--columns.*--skip-malformed"),
        ("a\tb\tc", "the line has 3 columns instead of two"),
        ("a\tb\rc", "the line holds a carriage return, which words must not contain"),
    ],
)
def test_malformed_lines_are_errors_or_left_out(tmp_path, line, complaint) -> None:
    path = written(tmp_path, f"a\tb\n{line}\nc\td\n")
    with pytest.raises(ConfigurationError, match=f"text.tsv:2: {complaint}"):
        ParallelText(path).check()
    text = ParallelText(path, skip_malformed=True)
    assert text.check() == 3
    pairs, left_out = read(text)
    assert [pair.number for pair in pairs] == [0, 2] and left_out == {"malformed": 1}


def test_columns_that_are_not_there(tmp_path) -> None:
    path = written(tmp_path, "a\tb\tc\nd\te\n")
    with pytest.raises(
        ConfigurationError, match=r"text.tsv:2: the line has 2 columns, but --columns refers to column 2"
    ):
        ParallelText(path, columns=[0, 2]).check()
    for columns in ([0], [1, 1], [-1, 0]):
        with pytest.raises(ConfigurationError, match="two different column indices from 0"):
            ParallelText(path, columns=columns)


def test_text_without_pairs_is_an_error(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="this text has no sentence pairs"):
        ParallelText(written(tmp_path, "\nonly one side\t\n")).check()
    with pytest.raises(ConfigurationError, match="There is no file"):
        ParallelText(str(tmp_path / "missing.tsv"))


def test_options_that_exclude_each_other(tmp_path) -> None:
    path = written(tmp_path, TEXT)
    with pytest.raises(ConfigurationError, match="'tokenised' and a tokenizer"):
        ParallelText(path, tokenised=True, target_tokenizer=WordTokenizer())
    with pytest.raises(ConfigurationError, match="'max_words' is 0"):
        ParallelText(path, max_words=0)
    labels = LabelledSource(written(tmp_path, "Ana\tB-PER\n", "source.conll"), ConllNerReader())
    with pytest.raises(ConfigurationError, match="Malformed lines cannot be skipped"):
        ParallelText(path, source_labels=labels, skip_malformed=True)


SOURCE = "Ana\tB-PER\nlives\tO\nhere\tO\n.\tO\n\nNo one\tO\n.\tO\n\nIt's\tO\nLi\tB-PER\n's.\tO\n\n"


def labelled(folder: Path, source: str) -> ParallelText:
    labels = LabelledSource(written(folder, source, "source.conll"), ConllNerReader())
    return ParallelText(written(folder, TEXT), source_labels=labels)


def test_labelled_sentences_belong_to_lines_in_order(tmp_path) -> None:
    """Also a line that is left out has one, where it has a source side. Words are those of the labels."""
    text = labelled(tmp_path, SOURCE)
    assert text.check() == 4
    (first, last), left_out = read(text)
    assert left_out == {"empty": 2}
    assert first.source_tags == ["B-PER", "O", "O", "O"]
    assert last.source == ["It's", "Li", "'s."] and last.source_tags == ["O", "B-PER", "O"]
    assert read(text, 3)[0] == [last]


@pytest.mark.parametrize(
    "old, new, complaint",
    [
        (
            "lives",
            "lived",
            r"text.tsv:1: the source side is 'Ana lives here.', but the next labelled .*source.conll:1\) is",
        ),
        ("No one\tO\n.\tO\n\n", "", r"text.tsv:3: the source side is 'No one.'.*in the same order"),
        ("It's\tO\nLi\tB-PER\n's.\tO\n\n", "", "text.tsv:4: no sentence of .*source.conll is left for this line"),
        ("'s.\tO\n\n", "'s.\tO\n\nMore\tO\n\n", "source.conll:13: .*text.tsv has no line for this sentence"),
        ("B-PER\nlives", "I-\nlives", "source.conll:1: "),
    ],
)
def test_labelled_sentences_that_do_not_fit(tmp_path, old, new, complaint) -> None:
    assert old in SOURCE
    with pytest.raises(ConfigurationError, match=complaint):
        labelled(tmp_path, SOURCE.replace(old, new)).check()
