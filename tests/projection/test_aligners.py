"""Word aligners: the encoder's against transformers' own forward of one sentence at a time, files of links, eflomal."""

import functools
import gzip
import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy
import pytest
import torch
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from conftest import FIXTURES, TINY_ENCODER
from transformers import AutoModel, AutoTokenizer

from lowresource_ner.projection import EflomalAligner, EncoderAligner, PharaohAligner, WordAligner
from lowresource_ner.projection.aligners.similarity_links import argmax_links, itermax_links, softmax_links
from lowresource_ner.projection.parallel_text import ParallelText, SentencePair
from lowresource_ner.projection.word_alignment import parse_links

PARALLEL = FIXTURES / "parallel"
TINY = str(TINY_ENCODER)


def forty() -> ParallelText:
    return ParallelText(str(PARALLEL / "en-es.tsv"), tokenised=True)


def pairs_of(text: ParallelText) -> list:
    return [pair for block in text.blocks() for pair in block.pairs]


@functools.lru_cache
def tiny() -> tuple:
    return AutoTokenizer.from_pretrained(TINY), AutoModel.from_pretrained(TINY).eval()


def subword_vectors(words: list, layer: int) -> tuple:
    """The vectors of a sentence's sub-words, and the word of each, by transformers alone."""
    tokenizer, model = tiny()
    batch = tokenizer(words, is_split_into_words=True, return_tensors="pt")
    with torch.no_grad():
        vectors = model(**batch, output_hidden_states=True).hidden_states[layer][0]
    inner = [position for position, word in enumerate(batch.word_ids()) if word is not None]
    return vectors[inner], [batch.word_ids()[position] for position in inner]


@pytest.mark.parametrize("layer, used", [(None, 3), (0, 0), (4, 4)])
def test_argmax_against_one_pair_at_a_time(layer, used) -> None:
    """Layer 3 of 4 is the default. Batches of any size give the same links."""
    pairs = pairs_of(forty())[:6]
    found = EncoderAligner(TINY, layer=layer, batch_size=60).align(pairs, vectors=True)
    for pair, alignment in zip(pairs, found):
        (source, source_words), (target, target_words) = (subword_vectors(each, used) for each in pair[2:4])
        expected = set()
        for i, vector in enumerate(source):
            cosines = [float(torch.cosine_similarity(vector, other, dim=0)) for other in target]
            j = max(range(len(target)), key=cosines.__getitem__)
            back = [float(torch.cosine_similarity(other, target[j], dim=0)) for other in source]
            if max(range(len(source)), key=back.__getitem__) == i:
                expected.add((source_words[i], target_words[j]))
        assert alignment.links == expected and len(expected) > 3
        assert alignment.vectors is not None
        for found_vectors, vectors, words in zip(alignment.vectors, (source, target), (source_words, target_words)):
            means = [
                torch.stack([vectors[i] for i, word in enumerate(words) if word == n]).mean(0)
                for n in sorted(set(words))
            ]
            numpy.testing.assert_allclose(found_vectors, torch.stack(means), atol=1e-5)


def test_long_sentences_are_read_in_windows() -> None:
    """The tiny encoder reads 128 sub-words. A sentence is aligned with itself, word by word, also beside a short one."""
    words = [f"w{number}" for number in range(200)]
    long, short = SentencePair(0, "a:1", words, words), SentencePair(1, "a:2", ["Ana"], ["Ana"])
    found = EncoderAligner(TINY).align([long, short])
    assert found[0].links == {(position, position) for position in range(200)}
    assert found[1].links == {(0, 0)} and found[1].vectors is None


SIMILARITIES = torch.tensor([[0.9, 0.8, 0.1], [0.7, 0.6, 0.2], [0.1, 0.3, 0.2]])


def test_links_of_a_matrix_by_hand() -> None:
    """
    Argmax: 0-0 alone, since rows 1 and 2 are not what their columns like best. In the second round of itermax, 0.8 at 0-1 and 0.7
    at 1-0 are discounted, to 0.72 and 0.63, and still the highest of their rows and columns; with a discount of 0.5 it is 0.6 at
    1-1, and in a third round 2-2.
    """
    assert argmax_links(SIMILARITIES).nonzero().tolist() == [[0, 0]]
    assert itermax_links(SIMILARITIES).nonzero().tolist() == [[0, 0], [0, 1], [1, 0]]
    assert itermax_links(SIMILARITIES, discount=0.5).nonzero().tolist() == [[0, 0], [1, 1]]
    assert itermax_links(SIMILARITIES, rounds=3, discount=0.5).nonzero().tolist() == [[0, 0], [1, 1], [2, 2]]
    scores = torch.tensor([[5.0, 0.0], [0.0, 5.0], [0.0, 0.0]])
    rows, columns = scores.softmax(1), scores.softmax(0)
    expected = [[i, j] for i in range(3) for j in range(2) if rows[i, j] > 0.1 and columns[i, j] > 0.1]
    assert softmax_links(scores, 0.1).nonzero().tolist() == expected == [[0, 0], [1, 1]]
    assert softmax_links(scores, 0.001).all(dim=1).tolist() == [True, True, True]


@pytest.mark.parametrize("method", ["itermax", "softmax"])
def test_other_methods_have_more_links(method) -> None:
    pairs = pairs_of(forty())[:6]
    argmax, other = (EncoderAligner(TINY, method=each).align(pairs) for each in ("argmax", method))
    if method == "itermax":
        assert all(first.links <= second.links for first, second in zip(argmax, other))
    assert sum(len(each.links) for each in other) > sum(len(each.links) for each in argmax)


def test_an_archive_is_read_as_it_was_trained(teacher: Path, tmp_path) -> None:
    """The encoder of a tagger, whose folder is gone; its words are those of the forty pairs."""
    (alignment,) = EncoderAligner(str(teacher), layer=2).align(pairs_of(forty())[:1])
    assert alignment.links


def test_options_of_the_encoder(tmp_path) -> None:
    for wrong in ({"method": "match"}, {"threshold": 1.0}):
        with pytest.raises(ConfigurationError, match=f"'{next(iter(wrong))}' of the aligner"):
            EncoderAligner(**wrong)  # type: ignore[arg-type]
    text = forty()
    with pytest.raises(ConfigurationError, match="'layer' of the aligner is 5, but encoder .* has 4 layers"):
        EncoderAligner(TINY, layer=5).prepare(text, 40, tmp_path)
    with pytest.raises(ConfigurationError):
        EncoderAligner(str(tmp_path / "nowhere")).prepare(text, 40, tmp_path)
    assert isinstance(WordAligner.from_params(Params({"layer": 1})), EncoderAligner)


def test_links_of_a_file(tmp_path) -> None:
    """Compressed or not, from either side, in any order of blocks."""
    lines = (PARALLEL / "en-es.pharaoh").read_text()
    packed = tmp_path / "links.gz"
    turned = [[link.partition("-")[::2] for link in line.split()] for line in lines.splitlines()]
    packed.write_bytes(gzip.compress("".join(" ".join(f"{j}-{i}" for i, j in line) + "\n" for line in turned).encode()))
    text = forty()
    pairs = pairs_of(text)
    first, second = PharaohAligner(str(PARALLEL / "en-es.pharaoh")), PharaohAligner(str(packed), reverse=True)
    second.prepare(text, 40, tmp_path)
    expected = [parse_links(line).sure for line in lines.splitlines()]
    assert [each.links for each in first.align(pairs)] == expected
    assert [each.links for each in second.align(pairs[3:9])] == expected[3:9]
    assert [each.links for each in second.align(pairs[20:21])] == expected[20:21]
    assert [each.links for each in second.align(pairs[1:2])] == expected[1:2]


@pytest.mark.parametrize(
    "change, complaint",
    [
        (lambda lines: lines[:-1], "links:40: the file has 39 lines, but the text has 40"),
        (lambda lines: [*lines, ""], "links:41: the file has 41 lines, but the text has 40"),
        (lambda lines: ["0-0 1", *lines[1:]], "links:1: '1' is not a link"),
        (
            lambda lines: [lines[0], "0-0 1-11", *lines[2:]],
            r"links:2: the link 1-11 \(source-target\) .* en-es.tsv:2 has 10 source and 11 target words.*--tokenised.*'reverse'",
        ),
    ],
)
def test_links_that_do_not_fit_the_text(tmp_path, change, complaint) -> None:
    path = tmp_path / "links"
    path.write_text("".join(f"{line}\n" for line in change((PARALLEL / "en-es.pharaoh").read_text().splitlines())))
    with pytest.raises(ConfigurationError, match=complaint.replace(" en-es", " .*en-es")):
        PharaohAligner(str(path)).prepare(forty(), 40, tmp_path)


class FakeEflomal:
    """Links words by their position in both directions, and the first source word to the last target word in one of them."""

    calls = 0

    def __init__(self, **options) -> None:
        assert options == {"n_iterations": (5, 5, 5), "n_samplers": 2, "null_prior": 0.2}

    def align(self, sources, targets, forward: str, reverse: str) -> None:
        FakeEflomal.calls += 1
        pairs = [(source.split(), target.split()) for source, target in zip(sources, targets, strict=True)]
        common = [[f"{n}-{n}" for n in range(min(map(len, pair)))] for pair in pairs]
        Path(reverse).write_text("".join(" ".join(each) + "\n" for each in common))
        more = [[*each, f"0-{len(target) - 1}"] if each else [] for each, (_, target) in zip(common, pairs)]
        Path(forward).write_text("".join(" ".join(each) + "\n" for each in more))


def test_eflomal_sees_all_lines_and_is_kept(tmp_path, monkeypatch) -> None:
    """Lines that are left out are empty for it; white space within a word separates none; what it found is found again."""
    monkeypatch.setitem(sys.modules, "eflomal", SimpleNamespace(Aligner=FakeEflomal))
    path = tmp_path / "text.tsv"
    path.write_text("\na\u00a0b c\tx y\u2003z v\none\t\nc\tx\n\n", encoding="utf-8")
    text = ParallelText(str(path), tokenised=True)
    aligner = EflomalAligner(iterations=5, samplers=2)
    aligner.prepare(text, text.check(), tmp_path)
    assert [each.links for each in aligner.align(pairs_of(text))] == [parse_links("0-0 1-1 0-2").sure, {(0, 0)}]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["eflomal.pharaoh", "text.tsv"]
    again = EflomalAligner(iterations=5, samplers=2)
    again.prepare(text, 5, tmp_path)
    assert again.align(pairs_of(text)) == aligner.align(pairs_of(text)) and FakeEflomal.calls == 1


def test_without_eflomal_it_is_said_how_to_install_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "eflomal", None)
    with pytest.raises(ConfigurationError, match=r"built from source.*pip install 'lowresource-ner\[eflomal\]'"):
        EflomalAligner().prepare(forty(), 40, tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("eflomal") is None, reason="an extra, built from source")
def test_the_real_eflomal_aligns_names(tmp_path) -> None:
    """Forty pairs are few for a statistical aligner; full stops, the most frequent word, it links."""
    text = forty()
    aligner = EflomalAligner()
    aligner.prepare(text, 40, tmp_path)
    pairs = pairs_of(text)
    stops = [
        (len(pair.source) - 1, len(pair.target) - 1) in each.links for pair, each in zip(pairs, aligner.align(pairs))
    ]
    assert sum(stops) >= 30
