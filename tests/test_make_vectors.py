"""scripts/make_vectors.py against counts by hand, and against a plain computation of the same decomposition."""

import gzip
import os
import resource
import runpy
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy
import pytest
from conftest import FIXTURES, REPOSITORY

SCRIPT = REPOSITORY / "scripts" / "make_vectors.py"


def make(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    """The script as a user calls it, but for a process of its own, which has all of AllenNLP to import."""
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *map(str, arguments)])
    runpy.run_path(str(SCRIPT), run_name="__main__")


def read(path: Path) -> tuple[list[str], numpy.ndarray]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    fields = [line.split(" ") for line in content.decode("utf-8").splitlines()]
    return [word for word, *_ in fields], numpy.array([numbers for _, *numbers in fields], dtype=float)


def plain_gram(texts: list[list[str]], words: list[str], window: int, dim: int) -> numpy.ndarray:
    """All inner products of the vectors, which are the same whatever signs and rotations a decomposition leaves open."""
    index = {word: number for number, word in enumerate(words)}
    counts = numpy.zeros((len(words), len(words)))
    for text in texts:
        for here, word in enumerate(text):
            for there in range(max(0, here - window), min(len(text), here + window + 1)):
                if there != here and word in index and text[there] in index:
                    counts[index[word], index[text[there]]] += 1
    expected = counts.sum(1, keepdims=True) * counts.sum(0, keepdims=True) / counts.sum()
    with numpy.errstate(divide="ignore", invalid="ignore"):
        pmi = numpy.where(counts > 0, numpy.log(counts / expected), 0)
    left, values, _ = numpy.linalg.svd(numpy.maximum(pmi, 0))
    gram = left[:, :dim] * values[:dim] @ left[:, :dim].T
    return gram / numpy.trace(gram) * len(words)


@pytest.mark.parametrize("dim", [2, 3])
def test_a_text_counted_by_hand(dim: int, monkeypatch, tmp_path) -> None:
    """
    Pairs side by side: red 00 three times, blue 00 once. Of 8 ends of pairs red has 3, 00 has 4 and blue 1, so that both pairs
    stand together twice as often as by chance. With m = log 2, [[0, m, m], [m, 0, 0], [m, 0, 0]] has the singular values √2 m,
    √2 m and 0, and √2 m [[1, 0, 0], [0, 1/2, 1/2], [0, 1/2, 1/2]] as its vectors' inner products, before scaling.
    """
    text, output = tmp_path / "text.txt", tmp_path / "new" / "vectors.txt"
    text.write_text("Red 12\nred 34\n\nBlue 99 RED\n")
    make(monkeypatch, output, text, "--dim", dim, "--window", 1, "--min-count", 1)
    words, vectors = read(output)
    assert words == ["00", "red", "blue"]
    assert vectors.shape == (3, dim)
    numpy.testing.assert_allclose(vectors @ vectors.T, [[1.5, 0, 0], [0, 0.75, 0.75], [0, 0.75, 0.75]], atol=2e-3)


LARGE = pytest.param(2100, 4, 8, marks=pytest.mark.slow)


@pytest.mark.parametrize(("num_words", "window", "dim"), [(60, 3, 60), (200, 2, 10), LARGE])
def test_vectors_equal_those_of_a_plain_computation(
    num_words: int, window: int, dim: int, monkeypatch, tmp_path
) -> None:
    """All dimensions, a few of them, and a few of so many words that they are found by iteration. One word in four is rare."""
    random = numpy.random.default_rng(3)
    # Every word at least twice, the first ones far more often.
    numbers = [*range(num_words), *range(num_words), *(random.zipf(1.5, 4 * num_words) % num_words)]
    rare = [f"rare{chr(number + 0x4E00)}" for number in range(2 * num_words)]
    tokens = [f"w{chr(number + 0x4E00)}" for number in numbers] + rare
    tokens = [str(token) for token in random.permutation(tokens)]
    texts = [tokens[start : start + 9] for start in range(0, len(tokens), 9)]
    text, output = tmp_path / "text.txt", tmp_path / "vectors.txt.gz"
    text.write_text("\n".join(" ".join(words) for words in texts) + "\n", encoding="utf-8")
    make(monkeypatch, output, text, "--dim", dim, "--window", window, "--min-count", 2)

    words, vectors = read(output)
    counts = Counter(tokens)
    assert words == sorted((word for word in counts if counts[word] > 1), key=lambda word: (-counts[word], word))
    assert len(words) == num_words and vectors.shape == (num_words, dim)
    numpy.testing.assert_allclose(vectors @ vectors.T, plain_gram(texts, words, window, dim), atol=5e-3)
    largest = vectors[abs(vectors).argmax(axis=0), range(dim)]
    assert (largest >= 0).all(), "signs are settled"
    # The columns are singular vectors, the largest first.
    lengths = (vectors**2).sum(axis=0)
    assert (numpy.diff(lengths) < 1e-2).all()


def test_words_in_the_same_company_have_the_same_vector(monkeypatch, tmp_path) -> None:
    text, output = tmp_path / "text.txt", tmp_path / "vectors.txt"
    places = ["the {} left port at dawn", "they saw a {} near land", "no {} has two masts"]
    text.write_text("".join(place.format(ship) + "\n" for place in places for ship in ("brig", "sloop")))
    make(monkeypatch, output, text, "--dim", 5, "--window", 4, "--min-count", 2)
    words, vectors = read(output)
    brig, sloop, dawn = (vectors[words.index(word)] for word in ("brig", "sloop", "dawn"))

    def cosine(first: numpy.ndarray, second: numpy.ndarray) -> float:
        return first @ second / numpy.linalg.norm(first) / numpy.linalg.norm(second)

    assert cosine(brig, sloop) == pytest.approx(1, abs=1e-3)
    assert cosine(brig, dawn) < 0.9


def test_conll_files_are_read_as_their_words(monkeypatch, tmp_path) -> None:
    text, conll = tmp_path / "text.txt", tmp_path / "text.conll"
    text.write_text("The ship left Bergen\nBergen saw the ship\nthe port\n")
    conll.write_text(
        "The\tO\nship\tO\nleft\tO\nBergen\tB-LOC\n\nBergen\tB-LOC\nsaw\tO\nthe\tO\nship\tO\n\nthe\tO\nport\tO\n"
    )
    outputs = [tmp_path / "of_text.txt", tmp_path / "of_conll.txt"]
    for source, output in zip([text, conll], outputs):
        make(monkeypatch, output, source, "--dim", 3, "--window", 2, "--min-count", 1)
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    assert read(outputs[0])[0] == ["the", "bergen", "ship", "left", "port", "saw"]


def test_a_word_with_a_space_is_left_out(monkeypatch, tmp_path) -> None:
    conll, output = tmp_path / "text.conll", tmp_path / "vectors.txt"
    conll.write_text("sailed\tO\n4 000\tO\nmiles\tO\n\nsailed\tO\nmiles\tO\n")
    make(monkeypatch, output, conll, "--dim", 2, "--window", 1, "--min-count", 1)
    assert read(output)[0] == ["miles", "sailed"]


def test_a_no_break_space_is_part_of_a_word(monkeypatch, tmp_path) -> None:
    """As in other text that is tokenised already, and in the vector files that AllenNLP reads."""
    text, output = tmp_path / "text.txt", tmp_path / "vectors.txt"
    text.write_text("sailed\t10\u00a0000 miles\nsailed 20\u00a0000 miles\n", encoding="utf-8")
    make(monkeypatch, output, text, "--dim", 2, "--window", 1, "--min-count", 1)
    assert read(output)[0] == ["00\u00a0000", "miles", "sailed"]


@pytest.mark.slow
def test_a_process_of_its_own_writes_the_same_bytes_each_time(tmp_path) -> None:
    text = FIXTURES / "corpora" / "sea" / "raw.txt"
    contents = []
    for seed in ("1", "2"):
        output = tmp_path / seed / "vectors.txt.gz"  # the name of the file would stand in its head
        completed = subprocess.run(
            [sys.executable, SCRIPT, output, text, "--dim", "8", "--window", "4", "--min-count", "2"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
        )
        assert completed.returncode == 0, completed.stderr
        words, vectors = read(output)
        assert f"{len(words)} words x 8" in completed.stdout
        contents.append(output.read_bytes())
    assert contents[0] == contents[1]


def test_the_fixture_is_what_the_documented_command_makes(monkeypatch, tmp_path) -> None:
    command = SCRIPT.read_text(encoding="utf-8").split("    python scripts/make_vectors.py ")[1].split("\n\n")[0]
    fixture, *arguments = shlex.split(command.replace("\\\\\n", ""))
    monkeypatch.chdir(REPOSITORY)
    make(monkeypatch, tmp_path / "vectors.txt.gz", *arguments)
    words, vectors = read(tmp_path / "vectors.txt.gz")
    expected_words, expected = read(REPOSITORY / fixture)
    assert words == expected_words
    # Other processors round otherwise in the last place.
    numpy.testing.assert_allclose(vectors, expected, atol=5e-4)


@pytest.mark.parametrize(
    ("content", "options", "complaint"),
    [
        (None, [], "There is no file .*text.txt"),
        (b"\n \n", [], "text.txt:1: there is no text in this file"),
        (b"one\ntwo \rthree\n", [], "text.txt:2: the line holds a carriage return"),
        (b"one two two\n", ["--dim", "3"], "2 words occur --min-count 1 times or more, too few for --dim 3"),
        (b"one two two\n", ["--min-count", "3"], "0 words occur --min-count 3 times"),
        (b"one\ntwo\nthree\n", [], "No two words stand side by side more often than by chance"),
        (b"S\xe3o Tom\xe9\n", [], "text.txt:1: byte 0xe3 .* not valid in utf-8"),
    ],
    ids=["no file", "no words", "carriage return", "too many dimensions", "all rare", "no pairs", "latin-1"],
)
def test_errors_say_what_is_wrong(content, options: list, complaint: str, monkeypatch, tmp_path) -> None:
    text, output = tmp_path / "text.txt", tmp_path / "vectors.txt"
    if content is not None:
        text.write_bytes(content)
    with pytest.raises(SystemExit, match=complaint):
        make(monkeypatch, output, text, "--dim", 2, "--window", 2, "--min-count", 1, *options)
    assert not output.exists()


def test_a_full_disk_leaves_what_was_there(monkeypatch, tmp_path) -> None:
    text, output = tmp_path / "text.txt", tmp_path / "vectors.txt"
    text.write_text("one two\n")
    output.write_text("earlier")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        with pytest.raises(SystemExit, match="vectors.txt' could not be written: .* Is the disk full"):
            make(monkeypatch, output, text, "--dim", 2, "--window", 2, "--min-count", 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert output.read_text() == "earlier" and sorted(tmp_path.iterdir()) == [text, output]


@pytest.mark.parametrize("option", ["--dim", "--window", "--min-count"])
def test_numbers_are_above_zero(option: str, monkeypatch, tmp_path, capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        make(monkeypatch, tmp_path / "vectors.txt", tmp_path / "text.txt", option, "0")
    assert stop.value.code == 2
    assert f"argument {option}: 0 is not above 0" in capsys.readouterr().err
