"""Paths, lists and globs to files, and what is said of those that are none."""

import os
from pathlib import Path

import pytest
from allennlp.common.checks import ConfigurationError

from lowresource_ner.data import RawTextReader
from lowresource_ner.data.dataset_readers.corpus_paths import corpus_files


@pytest.fixture
def files(tmp_path, monkeypatch) -> None:
    for path in ("a/1.txt", "a/2.txt", "[x]/b.txt", "[x]/[y]/c[1].txt", "x/no.txt", "d/e/f.txt"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("Lima\n")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "corpus, expected",
    [
        ("a/1.txt", ["a/1.txt"]),
        (Path("a/1.txt"), ["a/1.txt"]),
        (["a/2.txt", "a/1.txt"], ["a/2.txt", "a/1.txt"]),
        ("a/*.txt", ["a/1.txt", "a/2.txt"]),
        (["d/**/*.txt", ("a/[1].txt",)], ["d/e/f.txt", "a/1.txt"]),
        # A name that is there is a name, and no pattern.
        ("[x]/b.txt", ["[x]/b.txt"]),
        ("[x]/*.txt", ["[x]/b.txt"]),
        ("[x]/[y]/*", ["[x]/[y]/c[1].txt"]),
        ("[x]/*/c[[]1].txt", ["[x]/[y]/c[1].txt"]),
        ("[wx]/*.txt", ["x/no.txt"]),
        ("*", ["a", "d", "x"]),
    ],
)
def test_files(files, corpus, expected) -> None:
    if corpus == "*":
        with pytest.raises(ConfigurationError, match=r"No file matches '\*'"):
            corpus_files(corpus)
    else:
        assert corpus_files(corpus) == expected


def test_absolute_globs(files, tmp_path) -> None:
    assert corpus_files(f"{tmp_path}/[x]/*.txt") == [f"{tmp_path}/[x]/b.txt"]


@pytest.mark.parametrize(
    "corpus, complaint",
    [
        ("a/3.txt", r"There is no file 'a/3\.txt'"),
        ("./a/3.txt", "There is no file"),
        ("~/no/such/file.txt", "There is no file"),
        ("a\0b", "There is no file"),
        ("a" * 5000, "There is no file"),
        ("*" * 5000, "No file matches"),
        ("[z]/*.txt", r"No file matches '\[z\]/\*\.txt'.*written '\[\[\]'"),
        ("htps://example.org/a.txt", "'htps://example.org/a.txt' cannot be downloaded"),
        ("htps://example.org/a.txt?b=*", "cannot be downloaded"),
        ([], r"The path of a corpus is \[\]; give a path"),
        ("", "The path of a corpus is ''"),
        (None, "The path of a corpus is None"),
        ([["a/1.txt"], 3], "The path of a corpus is 3"),
        ([{"a": "a/1.txt"}], "The path of a corpus is {"),
    ],
)
def test_what_is_none(files, corpus, complaint) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        corpus_files(corpus)


def test_a_name_without_a_scheme_is_not_looked_for_elsewhere(files, monkeypatch) -> None:
    monkeypatch.setattr(
        "cached_path._cached_path.get_from_cache", lambda *_, **__: pytest.fail("the network was asked")
    )
    with pytest.raises(ConfigurationError, match="There is no file"):
        corpus_files("some-corpus/train.txt")


@pytest.mark.parametrize("corpus", ["pipe.txt", "*.txt", "a"])
def test_pipes_and_folders_are_refused_and_not_waited_for(files, corpus) -> None:
    os.mkfifo("pipe.txt")
    with pytest.raises(ConfigurationError, match="this is a (pipe|directory)"):
        next(RawTextReader().sentences(corpus))
