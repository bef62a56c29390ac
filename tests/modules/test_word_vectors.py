"""Word vectors against a dictionary read from the same file; gradients, sparse and dense."""

import gzip
import math

import pytest
import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import Instance, Token, Vocabulary
from allennlp.data.fields import TextField
from conftest import FIXTURES

from lowresource_ner.data import NormalisedWordIndexer
from lowresource_ner.modules.word_vectors import WordVectors

VECTORS = {"the": [1, 2, 3], "Lima": [4, 5, 6], "lima": [-1, -2, -3], "oslo": [0.5, 0.25, 0.125], "bern": [7, 8, 9]}
TRAINING = ["Lima", "Oslo", "BERN", "unheard", "The"]


def write(path, vectors=VECTORS, before="", after=""):
    lines = [f"{word} {' '.join(map(str, vector))}\n" for word, vector in vectors.items()]
    path.write_text(before + "".join(lines) + after, encoding="utf-8")
    return str(path)


def vocabulary(path, words=TRAINING, minimum=-1):
    """Of training words and, where `minimum` is not None, those of the file."""
    indexer = NormalisedWordIndexer("words", "vector_words" if minimum is not None else None)
    text = TextField([Token(word) for word in words], {"w": indexer})
    options = {
        "pretrained_files": {"vector_words": path},
        "only_include_pretrained_words": True,
        "min_pretrained_embeddings": {"vector_words": minimum},
    }
    return Vocabulary.from_instances([Instance({"tokens": text})], **(options if minimum is not None else {}))


def embedder_of(path, words=TRAINING, dim=3, minimum=-1, file=True, **options):
    vocab = vocabulary(path, words, minimum)
    namespace = None if minimum is None else "vector_words"
    return WordVectors(vocab, dim, path if file else None, vectors_namespace=namespace, **options), vocab


def ids_of(vocab, words):
    indexer = NormalisedWordIndexer("words", "vector_words" if "vector_words" in vocab.get_namespaces() else None)
    return torch.tensor([indexer.tokens_to_indices([Token(word) for word in words], vocab)["tokens"]])


@pytest.mark.parametrize("minimum", [None, 0, -1])
def test_training_words_begin_as_in_the_file(minimum, tmp_path):
    embedder, vocab = embedder_of(write(tmp_path / "glove.txt"), minimum=minimum)
    found = embedder(ids_of(vocab, ["Lima", "Oslo", "BERN", "The"]))[0]
    # As it is written, else in lower case.
    assert found.tolist() == [VECTORS["Lima"], VECTORS["oslo"], VECTORS["bern"], VECTORS["the"]]
    assert embedder.get_output_dim() == 3


def test_words_that_training_never_saw_have_the_vectors_of_the_file(tmp_path):
    embedder, vocab = embedder_of(write(tmp_path / "glove.txt"))
    found = embedder(ids_of(vocab, ["the", "lima", "THE", "OSLO", "bern"]))[0]
    assert found.tolist() == [VECTORS[word] for word in ("the", "lima", "the", "oslo", "bern")]
    with torch.no_grad():
        embedder.weight += 1
    # Training changes the others alone.
    again, trained = embedder(ids_of(vocab, ["the", "lima", "THE", "OSLO", "bern"])), embedder(ids_of(vocab, ["Lima"]))
    assert again[0].tolist() == found.tolist() and trained.tolist() == [[[5, 6, 7]]]


def test_an_archive_needs_no_file(tmp_path):
    path = write(tmp_path / "glove.txt")
    embedder, vocab = embedder_of(path)
    words = [*VECTORS, *TRAINING, "nowhere"]
    expected = embedder(ids_of(vocab, words))
    vocab.save_to_files(str(tmp_path / "vocabulary"))
    torch.save(embedder.state_dict(), tmp_path / "weights.th")
    (tmp_path / "glove.txt").unlink()
    loaded_vocab = Vocabulary.from_files(str(tmp_path / "vocabulary"))
    loaded = WordVectors(loaded_vocab, 3, None, vectors_namespace="vector_words")
    assert not loaded(ids_of(loaded_vocab, words)).equal(expected)
    loaded.load_state_dict(torch.load(tmp_path / "weights.th"))
    assert loaded(ids_of(loaded_vocab, words)).equal(expected)


@pytest.mark.parametrize("dim", [3, 30])
def test_words_without_a_vector_begin_at_random(dim, tmp_path):
    words = [f"word{chr(ord('a') + number % 26)}{chr(ord('a') + number // 26)}" for number in range(600)]
    path = write(tmp_path / "glove.txt", {"known": [5.0] * dim})
    torch.manual_seed(3)
    embedder, vocab = embedder_of(path, [*words, "known"], dim=dim)
    rows = embedder(ids_of(vocab, words))[0]
    bound = math.sqrt(3 / dim)
    assert len(set(map(tuple, rows.tolist()))) == 600
    assert 0.98 * bound < rows.max() <= bound and -bound <= rows.min() < -0.98 * bound
    # Uniform, and of the variance 1 / dim.
    assert rows.var().item() == pytest.approx(1 / dim, rel=0.05) and abs(rows.mean().item()) < 0.05 * bound
    # So does the unknown word.
    (unknown,) = embedder(ids_of(vocab, ["nowhere"]))[0]
    assert 0 < unknown.abs().max() <= bound


def test_without_a_file_all_is_random_and_no_words_are_added(tmp_path):
    embedder, vocab = embedder_of(write(tmp_path / "glove.txt"), minimum=None, file=False)
    assert set(embedder.state_dict()) == {"weight", "vectors"} and embedder.vectors.shape == (0, 3)
    assert embedder.weight.shape == (2 + len(TRAINING), 3) and embedder.weight[1:].abs().min() > 0


@pytest.mark.parametrize("pack", [False, True])
@pytest.mark.parametrize("header", ["", "5 3\n"])
def test_packed_files_and_word2vecs_first_line(header, pack, tmp_path):
    path = write(tmp_path / "vectors.txt", before=header)
    if pack:
        packed = tmp_path / "vectors.txt.gz"
        packed.write_bytes(gzip.compress((tmp_path / "vectors.txt").read_bytes()))
        path = str(packed)
    embedder, vocab = embedder_of(path)
    assert embedder(ids_of(vocab, list(VECTORS)))[0].tolist() == list(VECTORS.values())
    # No word is made of the first line.
    assert vocab.get_vocab_size("vector_words") == 2 + len(VECTORS)


def test_spaces_at_the_ends_of_lines_and_blank_lines(tmp_path):
    path = tmp_path / "vectors.vec"
    path.write_text("5 3\n" + "".join(f"{w} {a} {b} {c} \n" for w, (a, b, c) in VECTORS.items()) + "\n")
    embedder, vocab = embedder_of(str(path))
    assert embedder(ids_of(vocab, list(VECTORS)))[0].tolist() == list(VECTORS.values())


def test_words_with_spaces(tmp_path):
    """As in GloVe 840B. AllenNLP's vocabulary takes their first part for a word, also where the file has no such word."""
    vectors = {
        ". .": [9, 9, 9],
        **VECTORS,
        "at name@domain.com": [8, 8, 8],
        "lima bean": [7, 7, 7],
        "OSLO city": [6, 6, 6],
    }
    path = write(tmp_path / "glove.txt", dict(list(vectors.items())[1:]), after=". . 9 9 9\n")
    embedder, vocab = embedder_of(path)
    words = vocab.get_token_to_index_vocabulary("vector_words")
    assert {"at", ".", "OSLO"} < set(words)
    found = dict(
        zip(["lima", "at", ".", "OSLO", *VECTORS], embedder(ids_of(vocab, ["lima", "at", ".", "OSLO", *VECTORS]))[0])
    )
    assert {word: found[word].tolist() for word in VECTORS} == VECTORS
    # The parts have no vector of their own: that of their lower case, or none.
    assert found["OSLO"].tolist() == VECTORS["oslo"]
    assert found["at"].tolist() == found["."].tolist() == [0, 0, 0]


def test_a_word_that_stands_twice_keeps_its_first_vector(tmp_path):
    embedder, vocab = embedder_of(write(tmp_path / "glove.txt", after="Lima 0 0 0\nthe 0 0 0\n"))
    assert embedder(ids_of(vocab, ["Lima", "the"]))[0].tolist() == [VECTORS["Lima"], VECTORS["the"]]


def test_odd_words(tmp_path):
    """Spaces other than the plain one are parts of words."""
    vectors = {"a\u00a0b": [1, 0, 0], "\u00a0": [0, 1, 0], "x\x85y": [0, 0, 1], "z\u2028": [1, 1, 1], "": [2, 2, 2]}
    embedder, vocab = embedder_of(write(tmp_path / "glove.txt", {**vectors, "Lima": [4, 5, 6]}))
    assert embedder(ids_of(vocab, list(vectors)))[0].tolist() == list(vectors.values())


@pytest.mark.parametrize("dim, size", [(2, 3), (4, 3), (100, 3)])
def test_vectors_of_another_size(dim, size, tmp_path):
    with pytest.raises(ConfigurationError, match=rf"glove\.txt: vector 1 has {size} numbers.*'embedding_dim' is {dim}"):
        embedder_of(write(tmp_path / "glove.txt"), dim=dim)


def test_a_line_that_was_cut_off(tmp_path):
    with pytest.raises(ConfigurationError, match=r"glove\.txt: vector 6 has 2 numbers, and 'embedding_dim' is 3"):
        embedder_of(write(tmp_path / "glove.txt", after="short 1 2\n"))


def test_a_line_that_is_not_numbers(tmp_path):
    with pytest.raises(ConfigurationError, match=r"glove\.txt: vector 6 \('Oslo'\) is not made of numbers: .*'two'"):
        embedder_of(write(tmp_path / "glove.txt", after="Oslo 1 two 3\n"))


@pytest.mark.parametrize(
    "name, content",
    [
        ("latin1.txt", b"Mal\xe9 1 2 3\n"),
        ("cut.txt.gz", gzip.compress(b"Lima 1 2 3\n" * 5000)[:-20]),
        ("damaged.txt.gz", b"Lima 1 2 3\n"),
        ("damaged.txt.xz", b"\xfd7zXZ\0" + b"x" * 40),
        ("missing.txt", None),
    ],
)
def test_a_file_that_cannot_be_read(name, content, tmp_path):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    vocab = vocabulary("no file is read", minimum=None)
    with pytest.raises(ConfigurationError, match=rf"{name} cannot be read as word vectors in UTF-8: .*Check the path"):
        WordVectors(vocab, 3, str(path))


def test_a_file_of_another_language(tmp_path):
    with pytest.raises(ConfigurationError, match=r"glove\.txt knows none of the 4 words"):
        embedder_of(write(tmp_path / "glove.txt"), words=["北", "京"])


def test_a_namespace_with_words_that_the_file_does_not_know(tmp_path):
    """As it comes about without `only_include_pretrained_words`."""
    path = write(tmp_path / "glove.txt")
    vocab = vocabulary(path)
    vocab.add_token_to_namespace("stranger", "vector_words")
    with pytest.raises(
        ConfigurationError, match=r"'vector_words' has 1 words that .*glove\.txt.*'stranger'.*only_incl"
    ):
        WordVectors(vocab, 3, path, vectors_namespace="vector_words")


@pytest.mark.parametrize("minimum", [None, -1])
def test_ids_that_the_embedder_does_not_have(minimum, tmp_path):
    """As where the indexer has words of the file and the embedder has not."""
    embedder, vocab = embedder_of(write(tmp_path / "glove.txt"), minimum=minimum)
    size = len(embedder.weight) + len(embedder.vectors)
    assert embedder(torch.tensor([[size - 1]])).shape == (1, 1, 3)
    with pytest.raises(IndexError):
        embedder(torch.tensor([[size]]))


def gradient_of(embedder, tokens, upstream):
    embedder.weight.grad = None
    (embedder(tokens) * upstream).sum().backward()
    return embedder.weight.grad


def test_sparse_and_dense_gradients(tmp_path):
    path = write(tmp_path / "glove.txt")
    sparse, vocab = embedder_of(path)
    dense, _ = embedder_of(path, sparse=False)
    dense.load_state_dict(sparse.state_dict())
    words = ["Lima", "the", "Lima", "nowhere", "BERN", "bern"]
    tokens = torch.cat([ids_of(vocab, words), torch.zeros(1, 2, dtype=torch.long)], dim=1)  # with padding
    upstream = torch.randn(1, 8, 3, generator=torch.Generator().manual_seed(1))
    expected = torch.zeros_like(sparse.weight)
    for position, word in enumerate(words):
        if word in ("Lima", "nowhere", "BERN"):  # trained; the others are the file's
            expected[tokens[0, position]] += upstream[0, position]
    found = gradient_of(sparse, tokens, upstream)
    assert found.is_sparse and not gradient_of(dense, tokens, upstream).is_sparse
    torch.testing.assert_close(found.to_dense(), expected)
    torch.testing.assert_close(dense.weight.grad, expected)
    # An optimizer that goes by rows touches those of the batch alone: no padding, and no row for the file's words.
    rows = {vocab.get_token_index(word, "words") for word in ("Lima", "@@UNKNOWN@@", "BERN")}
    assert set(found.coalesce().indices()[0].tolist()) == rows
    assert not sparse.vectors.requires_grad
    sparse.eval()
    assert not gradient_of(sparse, tokens, upstream).is_sparse


@pytest.mark.parametrize("sparse", [True, False])
def test_the_padding_row_stays_zero(sparse, tmp_path):
    embedder, vocab = embedder_of(write(tmp_path / "glove.txt"), sparse=sparse)
    before = embedder.vectors.clone()
    optimizer = torch.optim.SGD(embedder.parameters(), lr=1.0)
    tokens = torch.cat([ids_of(vocab, [*TRAINING, *VECTORS]), torch.zeros(1, 5, dtype=torch.long)], dim=1)
    for _ in range(3):
        optimizer.zero_grad()
        (embedder(tokens) - 3).square().sum().backward()
        optimizer.step()
    assert embedder(torch.zeros(2, 2, dtype=torch.long)).eq(0).all() and embedder.weight[0].eq(0).all()
    assert embedder.vectors.equal(before) and before[2:].abs().sum() > 0


def test_vectors_that_are_not_trained(tmp_path):
    embedder, vocab = embedder_of(write(tmp_path / "glove.txt"), trainable=False)
    assert not embedder(ids_of(vocab, TRAINING)).requires_grad
    assert embedder(ids_of(vocab, ["Lima"])).tolist() == [[VECTORS["Lima"]]]


def test_the_fixture_vectors():
    path = FIXTURES / "vectors" / "tiny.16d.txt.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        expected = {word: [float(number) for number in numbers] for word, *numbers in map(str.split, lines)}
    embedder, vocab = embedder_of(str(path), words=["The", "protein", "Xenon"], dim=16)
    assert len(expected) == len(embedder.vectors) - 2 > 700
    found = embedder(ids_of(vocab, list(expected)))[0]
    torch.testing.assert_close(found, torch.tensor(list(expected.values())), rtol=0, atol=0)


def test_more_training_words_are_refused(tmp_path):
    embedder, vocab = embedder_of(write(tmp_path / "glove.txt"))
    embedder.extend_vocab(vocab)
    vocab.add_token_to_namespace("newcomer", "words")
    with pytest.raises(ConfigurationError, match="--extend-vocab. Leave it out"):
        embedder.extend_vocab(vocab)
