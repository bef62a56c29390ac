"""Word ids: which word of the training data or of the vector file a word is taken for, through AllenNLP's own vocabulary."""

from collections import defaultdict
from pathlib import Path
from typing import Dict, List, Optional

import pytest
from allennlp.common.checks import ConfigurationError
from allennlp.data import Batch, Instance, Token, Vocabulary
from allennlp.data.fields import TextField

from lowresource_ner.data import NormalisedWordIndexer

TRAINING = [["Run", "run", "lima", "Oslo", "runs", "0000"], ["run", "Quito", "p00"]]
VECTORS = ["the", "Run", "run", "Lima", "lima", "oslo", "bern", "Bern", "quito", "00", "p00"]


def instances(sentences: List[List[str]], indexer: NormalisedWordIndexer) -> List[Instance]:
    return [Instance({"tokens": TextField([Token(word) for word in words], {"w": indexer})}) for words in sentences]


def vocabulary(tmp_path: Path, indexer: NormalisedWordIndexer, **options) -> Vocabulary:
    """As the configs make it, of the training sentences and a small GloVe file."""
    path = tmp_path / "glove.txt"
    path.write_text("".join(f"{word} {number} 0.5\n" for number, word in enumerate(VECTORS)), encoding="utf-8")
    return Vocabulary.from_instances(
        instances(TRAINING, indexer),
        pretrained_files={"vectors": str(path)},
        only_include_pretrained_words=True,
        **options,
    )


def taken_for(vocab: Vocabulary, indexer: NormalisedWordIndexer, word: str) -> tuple:
    """Where a word was found, and as which: the ids read back by the vocabulary itself."""
    (index,) = indexer.tokens_to_indices([Token(word)], vocab)["tokens"]
    num_words = vocab.get_vocab_size("words")
    if index < num_words:
        return "words", vocab.get_token_from_index(index, "words")
    return "vectors", vocab.get_token_from_index(index - num_words, "vectors")


UNKNOWN = ("words", "@@UNKNOWN@@")
# A word, and what it is taken for where the vocabulary has all words of the file, those seen in training, and its first four.
LOOKUPS = [
    ("Run", ("words", "Run"), ("words", "Run"), ("words", "Run")),
    ("run", ("words", "run"), ("words", "run"), ("words", "run")),
    ("RUN", ("words", "run"), ("words", "run"), ("words", "run")),
    # As it is written in the file comes before lower case in training.
    ("Lima", ("vectors", "Lima"), ("words", "lima"), ("vectors", "Lima")),
    ("lima", ("words", "lima"), ("words", "lima"), ("words", "lima")),
    # Seen in training in another form only, which is neither this one nor its lower case.
    ("OSLO", ("vectors", "oslo"), ("vectors", "oslo"), ("vectors", "oslo")),
    ("oslo", ("vectors", "oslo"), ("vectors", "oslo"), ("vectors", "oslo")),
    ("Bern", ("vectors", "Bern"), UNKNOWN, UNKNOWN),
    ("BERN", ("vectors", "bern"), UNKNOWN, UNKNOWN),
    ("THE", ("vectors", "the"), UNKNOWN, ("vectors", "the")),
    ("Runs", ("words", "runs"), ("words", "runs"), ("words", "runs")),
    ("Riga", UNKNOWN, UNKNOWN, UNKNOWN),
    ("1994", ("words", "0000"), ("words", "0000"), ("words", "0000")),
    ("42", ("vectors", "00"), UNKNOWN, UNKNOWN),
    ("P53", ("words", "p00"), ("words", "p00"), ("words", "p00")),
    ("777", UNKNOWN, UNKNOWN, UNKNOWN),
]


@pytest.mark.parametrize("column, minimum", [(0, -1), (1, 0), (2, 4)], ids=["all", "seen", "first-four"])
def test_what_a_word_is_taken_for(column: int, minimum: int, tmp_path) -> None:
    indexer = NormalisedWordIndexer(namespace="words", vectors_namespace="vectors")
    vocab = vocabulary(tmp_path, indexer, min_pretrained_embeddings={"vectors": minimum})
    found = [(word, taken_for(vocab, indexer, word)) for word, *_ in LOOKUPS]
    assert found == [(word, expected[column]) for word, *expected in LOOKUPS]


@pytest.mark.parametrize(
    "minimum, expected",
    [
        (-1, set(VECTORS)),
        (0, {"Run", "run", "lima", "oslo", "quito", "p00"}),
        (2, {"Run", "run", "lima", "oslo", "quito", "p00", "the"}),
    ],
)
def test_the_vocabulary_holds_the_words_of_the_file_that_were_asked_for(minimum, expected, tmp_path) -> None:
    indexer = NormalisedWordIndexer(namespace="words", vectors_namespace="vectors")
    vocab = vocabulary(tmp_path, indexer, min_pretrained_embeddings={"vectors": minimum})
    special = {"@@PADDING@@", "@@UNKNOWN@@"}
    assert set(vocab.get_token_to_index_vocabulary("vectors")) == expected | special
    # The file does not restrict the training words.
    assert set(vocab.get_token_to_index_vocabulary("words")) == {word for words in TRAINING for word in words} | special


def test_rare_training_words_are_those_of_the_file(tmp_path) -> None:
    """`min_count` of the training words leaves the others to the file."""
    indexer = NormalisedWordIndexer(namespace="words", vectors_namespace="vectors")
    vocab = vocabulary(tmp_path, indexer, min_count={"words": 2}, min_pretrained_embeddings={"vectors": -1})
    assert [taken_for(vocab, indexer, word) for word in ["run", "lima", "Quito", "runs"]] == [
        ("words", "run"),
        ("vectors", "lima"),
        ("vectors", "quito"),
        UNKNOWN,
    ]


@pytest.mark.parametrize("minimum", [-1, 0])
def test_each_word_has_an_id_of_its_own(minimum: int, tmp_path) -> None:
    indexer = NormalisedWordIndexer(namespace="words", vectors_namespace="vectors")
    vocab = vocabulary(tmp_path, indexer, min_pretrained_embeddings={"vectors": minimum})
    words = vocab.get_token_to_index_vocabulary("words")
    others = [word for word in vocab.get_token_to_index_vocabulary("vectors") if word not in words]
    known = [*words, *others]
    ids = indexer.tokens_to_indices([Token(word) for word in known], vocab)["tokens"]
    assert len(set(ids)) == len(known) == len(words) + len(others)
    assert ids[: len(words)] == list(range(len(words)))
    size = len(words) + vocab.get_vocab_size("vectors")
    # Neither the padding nor the unknown word of the file's namespace is ever an id.
    assert all(len(words) + 2 <= index < size for index in ids[len(words) :])


def test_ids_are_the_same_after_the_vocabulary_was_saved(tmp_path) -> None:
    strange = ["na\u00a0ïve", "a\u2028b", "a\x85b", "@@UNKNOWN@@", "{}", "北"]
    TRAINED = [*TRAINING, strange]
    indexer = NormalisedWordIndexer(namespace="words", vectors_namespace="vectors")
    path = tmp_path / "glove.txt"
    path.write_text("".join(f"{word} 1 2\n" for word in [*VECTORS, "x\x85y", "ü\u2028"]), encoding="utf-8")
    vocab = Vocabulary.from_instances(
        instances(TRAINED, indexer),
        pretrained_files={"vectors": str(path)},
        only_include_pretrained_words=True,
        min_pretrained_embeddings={"vectors": -1},
    )
    vocab.save_to_files(str(tmp_path / "vocabulary"))
    loaded = Vocabulary.from_files(str(tmp_path / "vocabulary"))
    words = [Token(word) for word in [*VECTORS, "x\x85y", "Ü\u2028", "Riga", *(word for s in TRAINED for word in s)]]
    ids = indexer.tokens_to_indices(words, vocab)
    assert ids == indexer.tokens_to_indices(words, loaded)
    assert len(set(ids["tokens"])) > 20


def test_words_are_counted_in_an_order_that_does_not_change_from_run_to_run() -> None:
    """Equally frequent words keep the order in which they were counted, and so do their ids."""
    words = [f"W{chr(number)}" for number in range(ord("a"), ord("z") + 1)]
    counter: Dict[str, Dict[str, int]] = defaultdict(lambda: defaultdict(int))
    indexer = NormalisedWordIndexer("words", "vectors")
    for word in [*words, words[0]]:
        indexer.count_vocab_items(Token(word), counter)
    assert list(counter["vectors"]) == [form for word in words for form in (word, word.lower())]
    assert dict(counter["words"]) == {word: 2 if word == words[0] else 1 for word in words}
    assert counter["vectors"][words[0]] == 2


@pytest.mark.parametrize(
    "zero_digits, expected", [(True, ["0", "p00", "0,0", "x0"]), (False, ["7", "p53", "3,5", "x٣"])]
)
def test_digits(zero_digits: bool, expected: List[str]) -> None:
    counter: Dict[str, Dict[str, int]] = defaultdict(lambda: defaultdict(int))
    indexer = NormalisedWordIndexer("words", zero_digits=zero_digits)
    for word in ["7", "p53", "3,5", "x٣"]:
        indexer.count_vocab_items(Token(word), counter)
    assert {namespace: list(counts) for namespace, counts in counter.items()} == {"words": expected}


@pytest.mark.parametrize("vectors", [None, "vectors"])
def test_batches(vectors: Optional[str], tmp_path) -> None:
    indexer = NormalisedWordIndexer("words", vectors)
    vocab = vocabulary(tmp_path, NormalisedWordIndexer("words", "vectors"), min_pretrained_embeddings={"vectors": -1})
    batch = Batch(instances([["run", "Bern", "Riga"], ["lima"], []], indexer))
    batch.index_instances(vocab)
    bern = vocab.get_vocab_size("words") + vocab.get_token_index("Bern", "vectors") if vectors else 1
    run, lima = (vocab.get_token_index(word, "words") for word in ("run", "lima"))
    assert batch.as_tensor_dict()["tokens"]["w"]["tokens"].tolist() == [[run, bern, 1], [lima, 0, 0], [0, 0, 0]]


def test_one_namespace_for_both_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="both 'words'"):
        NormalisedWordIndexer("words", "words")
