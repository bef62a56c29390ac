"""Weights by the agreement of neighbours, against a full matrix of distances and loops over its rows."""

import math
from pathlib import Path
from typing import Any, Dict, List, Sequence

import numpy
import pytest
import torch
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from conftest import TINY_ENCODER

from lowresource_ner.distillation import NeighbourConsistency, Selection, Teacher, WordEncoder
from lowresource_ner.distillation.selections import nearest_neighbours as blocks
from lowresource_ner.distillation.selections import neighbour_agreement as files
from lowresource_ner.distillation.selections.nearest_neighbours import nearest_neighbours
from lowresource_ner.distillation.selections.neighbour_consistency import consistency_weights
from lowresource_ner.distillation.teacher_ensemble import TeacherEnsemble

LABELS = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
TEXT = [
    "Ana vive en Oslo".split(),
    "Oslo es una ciudad de Noruega".split(),
    "Ana y Juan Garcia".split(),
    "no".split(),
    "Nueva York no es Oslo".split(),
]


class ByWord(Teacher):
    """Labels a word by its letters; does not label sentences that begin with a given word."""

    fingerprint = "by word"
    labels = LABELS
    tag_scheme = "IOB2"

    def __init__(self, skipped: str = "") -> None:
        self.skipped = skipped
        self.num_labelled = 0

    @staticmethod
    def label_of(word: str) -> int:
        return sum(map(ord, word)) % len(LABELS) if word[0].isupper() else 0

    def _label(self, sentences: Sequence[Sequence[str]]) -> List[Any]:
        self.num_labelled += len(sentences)
        rows = numpy.full((len(LABELS), len(LABELS)), 0.1, numpy.float32) + 0.5 * numpy.eye(5, dtype=numpy.float32)
        return [
            None if words[0] == self.skipped else rows[[self.label_of(word) for word in words]] for words in sentences
        ]


def encoder(**options: Any) -> WordEncoder:
    return WordEncoder(str(TINY_ENCODER), **options)


def by_hand(sentences: List[List[str]], number: int, sharpness: float, **options: Any) -> List[List[float]]:
    """The formulas of `NeighbourConsistency`, a word at a time."""
    words = [word for sentence in sentences for word in sentence]
    kinds = [LABELS[ByWord.label_of(word)].split("-")[-1] for word in words]
    vectors = numpy.concatenate(encoder(**options).encode(sentences)).astype(numpy.float64)
    vectors /= numpy.linalg.norm(vectors, axis=1, keepdims=True)
    agreement = []
    for i, similarities in enumerate(vectors @ vectors.T):
        others = sorted((j for j in range(len(words)) if j != i), key=lambda j: -similarities[j])
        if number < len(others):
            gap = similarities[others[number - 1]] - similarities[others[number]]
            assert gap > 1e-3 or kinds[others[number - 1]] == kinds[others[number]], "too near to be sure of"
        agreement.append(sum(kinds[j] == kinds[i] for j in others[:number]) / number)
    weights = [0.0] * len(words)
    for kind in set(kinds):
        own = [i for i in range(len(words)) if kinds[i] == kind]
        highest = max(agreement[i] for i in own)
        consistency = {i: agreement[i] / highest if highest else 0.0 for i in own}
        mean = sum(consistency.values()) / len(own)
        sigmoid = {i: 1 / (1 + math.exp(-sharpness * (consistency[i] - mean))) for i in own}
        for i in own:
            weights[i] = sigmoid[i] / max(sigmoid.values())
    remaining = iter(weights)
    return [[next(remaining) for _ in sentence] for sentence in sentences]


def ensemble(store: Any = None, **options: Any) -> TeacherEnsemble:
    return TeacherEnsemble({"a": ByWord(**options)}, store=store and str(store))


def weighed(selection: Selection, text: List[List[str]]) -> List[Any]:
    found = selection.word_weights(text, [])
    assert all(each is None or each.dtype == numpy.float32 for each in found)
    return [None if each is None else each.tolist() for each in found]


@pytest.mark.parametrize("number, sharpness", [(3, 6.0), (7, 6.0), (3, 1.5), (3, 0.0)])
def test_weights_are_those_of_the_formula(number: int, sharpness: float) -> None:
    selection = NeighbourConsistency(encoder(), number, sharpness)
    summary = selection.prepare(lambda: iter(TEXT), ensemble())
    expected = by_hand(TEXT, number, sharpness)
    for found, wanted in zip(weighed(selection, TEXT[::-1]), expected[::-1]):
        assert found == pytest.approx(wanted, abs=1e-6)
    assert len({round(weight, 3) for row in expected for weight in row}) > (3 if sharpness else 0)
    assert (summary["num_words"], summary["num_neighbours"]) == (20, number)
    kinds = [LABELS[ByWord.label_of(word)].split("-")[-1] for words in TEXT for word in words]
    assert {name: each["words"] for name, each in summary["classes"].items()} == {k: kinds.count(k) for k in kinds}


def test_a_text_of_fewer_words_than_neighbours_and_of_one_word() -> None:
    selection = NeighbourConsistency(encoder())
    assert selection.prepare(lambda: TEXT, ensemble())["num_neighbours"] == 19
    # All others are neighbours, so that all words of a class agree alike.
    assert [row == pytest.approx([1.0] * len(row)) for row in weighed(selection, TEXT)] == [True] * 5
    selection.prepare(lambda: [["no"]], ensemble())
    assert weighed(selection, [["no"], TEXT[0]]) == [[1.0], None]


def test_copies_of_a_sentence_are_no_neighbours_of_it_and_skipped_ones_of_none() -> None:
    selection = NeighbourConsistency(encoder(), 3)
    selection.prepare(lambda: [TEXT[0], TEXT[0], *TEXT, ["skip", "Oslo"], TEXT[3]], ensemble(skipped="skip"))
    found = weighed(selection, [*TEXT, ["skip", "Oslo"]])
    assert found.pop() is None
    for row, wanted in zip(found, by_hand(TEXT, 3, 6.0)):
        assert row == pytest.approx(wanted, abs=1e-6)


def test_layers_are_averaged() -> None:
    """Against the encoder's own hidden states, 0 being the output of its embeddings."""
    each = [encoder(layers=[layer]).encode(TEXT) for layer in (0, 1, 4)]
    for number, mean in enumerate(encoder(layers=[0, -1]).encode(TEXT)):
        numpy.testing.assert_allclose(mean, (each[0][number] + each[2][number]) / 2, atol=1e-5)
        assert mean.shape == (len(TEXT[number]), 32) and not numpy.allclose(each[1][number], each[2][number])
    with pytest.raises(ConfigurationError, match=r"'layers' of the word vectors is \[-6\], and .* has 4 layers"):
        encoder(layers=[-6]).load()
    with pytest.raises(ConfigurationError, match="'layers' of the word vectors is empty"):
        encoder(layers=[])


class Recorded:
    """An array that notes how many rows are read at once."""

    def __init__(self, array: numpy.ndarray) -> None:
        self.array, self.read = array, []

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, rows: slice) -> numpy.ndarray:
        found = self.array[rows]
        self.read.append(len(found))
        return found


@pytest.mark.parametrize("number", [1, 5, 60, 199])
def test_neighbours_are_those_of_the_full_matrix(number: int, monkeypatch) -> None:
    """In blocks of 37 rows, of which no more are in memory at once."""
    monkeypatch.setattr(blocks, "_OTHERS", 37)
    generator = numpy.random.default_rng(3)
    vectors = generator.normal(size=(200, 8))
    vectors = (vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)).astype(numpy.float16)
    exact = vectors.astype(numpy.float64) @ vectors.astype(numpy.float64).T
    numpy.fill_diagonal(exact, -numpy.inf)
    compared: List[int] = []
    topk = torch.Tensor.topk

    def spied(self: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        compared.append(self.numel())
        return topk(self, *args, **kwargs)

    monkeypatch.setattr(torch.Tensor, "topk", spied)
    for start, stop in [(0, 30), (30, 31), (170, 200)]:
        recorded = Recorded(vectors)
        found = nearest_neighbours(recorded, start, stop, number, torch.device("cpu"))
        assert found.shape == (stop - start, number)
        for row, neighbours in zip(range(start, stop), found.tolist()):
            assert len(set(neighbours)) == number and row not in neighbours
            worst = exact[row, neighbours].min()
            others = numpy.delete(exact[row], neighbours)
            assert worst >= others.max() - 1e-6, "a similar one was left out"
        assert max(recorded.read) <= 37 and max(compared) <= 30 * (37 + number)


@pytest.mark.parametrize("agreement, expected", [([0.0, 0.0, 0.0], [1, 1, 1]), ([0.5, 0.5, 0.5], [1, 1, 1])])
def test_a_class_whose_words_agree_alike_counts_in_full(agreement, expected) -> None:
    assert consistency_weights(numpy.array(agreement), numpy.zeros(3, int), 6.0).tolist() == expected


class Interrupted(Exception):
    pass


def test_what_was_interrupted_is_continued(tmp_path, monkeypatch) -> None:
    """After the vectors of two sentences and a half, then after the neighbours of eight words; then nothing is left to do."""
    monkeypatch.setattr(files, "QUERIES", 4)
    monkeypatch.setattr(files, "sentence_blocks", lambda corpus: ([words] for words in corpus()))
    encoded: List[List[str]] = []
    counted: List[int] = []
    encode, nearest = WordEncoder.encode, files.nearest_neighbours

    def failing_encode(self: WordEncoder, sentences: Sequence[Sequence[str]]) -> List[numpy.ndarray]:
        if len(encoded) == 3:
            raise Interrupted
        encoded.extend(map(list, sentences))
        return encode(self, sentences)

    def failing_nearest(vectors: Any, start: int, *args: Any) -> torch.Tensor:
        if start == 8:
            raise Interrupted
        counted.append(start)
        return nearest(vectors, start, *args)

    def prepared() -> NeighbourConsistency:
        selection = NeighbourConsistency(encoder(), 3)
        selection.prepare(lambda: iter(TEXT), ensemble(tmp_path))
        return selection

    monkeypatch.setattr(WordEncoder, "encode", failing_encode)
    with pytest.raises(Interrupted):
        prepared()
    (folder,) = tmp_path.glob("neighbours-*")
    vectors = folder / "vectors.bin"
    vectors.write_bytes(vectors.read_bytes()[:-40])  # as a kill within a write leaves it
    monkeypatch.setattr(WordEncoder, "encode", encode)
    monkeypatch.setattr(files, "nearest_neighbours", failing_nearest)
    with pytest.raises(Interrupted):
        prepared()
    assert counted == [0, 4] and vectors.stat().st_size == 20 * 32 * 2
    monkeypatch.setattr(files, "nearest_neighbours", lambda *args: (counted.append(args[1]), nearest(*args))[1])
    found = weighed(prepared(), TEXT)
    assert counted == [0, 4, 8, 12, 16] and not vectors.exists()
    for row, wanted in zip(found, by_hand(TEXT, 3, 6.0)):
        assert row == pytest.approx(wanted, abs=1e-6)
    monkeypatch.setattr(WordEncoder, "encode", failing_encode)
    encoded[:] = [[]] * 3
    assert weighed(prepared(), TEXT) == found
    # With other labels or neighbours, another folder.
    monkeypatch.setattr(WordEncoder, "encode", encode)
    NeighbourConsistency(encoder(), 4).prepare(lambda: TEXT, ensemble(tmp_path))
    NeighbourConsistency(encoder(layers=[1]), 3).prepare(lambda: TEXT, ensemble(tmp_path))
    assert len(list(tmp_path.glob("neighbours-*"))) == 3


def test_labels_are_stored_and_a_text_without_any_is_told(tmp_path, caplog) -> None:
    one = ensemble(tmp_path)
    NeighbourConsistency(encoder(), 3).prepare(lambda: TEXT, one)
    again = ensemble(tmp_path)
    NeighbourConsistency(encoder(), 3).prepare(lambda: TEXT, again)
    assert (one._teachers[0].num_labelled, again._teachers[0].num_labelled) == (5, 0)
    assert "once before" not in caplog.text
    with pytest.raises(ConfigurationError, match="no labelled sentences for neighbour_consistency"):
        NeighbourConsistency(encoder(), 3).prepare(lambda: [["no"]], ensemble(skipped="no"))
    assert "makes the teachers label the text an extra time before training. Set 'store'" in caplog.text


def test_vectors_that_are_no_numbers_are_told(monkeypatch) -> None:
    monkeypatch.setattr(
        WordEncoder, "encode", lambda self, sentences: [numpy.full((len(words), 32), numpy.nan) for words in sentences]
    )
    with pytest.raises(ConfigurationError, match="gives vectors that are not finite"):
        NeighbourConsistency(encoder(), 3).prepare(lambda: TEXT, ensemble())


def test_it_is_asked_for_after_it_is_prepared() -> None:
    with pytest.raises(RuntimeError, match="Call 'prepare' of"):
        NeighbourConsistency(encoder()).word_weights(TEXT, [])


@pytest.mark.parametrize("options", [{"num_neighbours": 0}, {"sharpness": -1.0}, {"sharpness": float("nan")}])
def test_numbers_out_of_range(options: Dict[str, Any]) -> None:
    config = {"type": "neighbour_consistency", "encoder": {"model_name": str(TINY_ENCODER)}, **options}
    with pytest.raises(ConfigurationError, match="at least 1 neighbour, and a sharpness of at least 0"):
        Selection.from_params(Params(config))


def test_an_encoder_that_is_missing_is_told_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere"):
        NeighbourConsistency(WordEncoder(str(tmp_path / "nowhere"))).open()
