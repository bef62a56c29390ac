"""The corpora and vectors for cross-domain runs: what they hold is counted, so that no edit changes it unnoticed."""

import gzip
from pathlib import Path

import pytest
from conftest import CORPORA, FIXTURES, conll_blocks

from lowresource_ner.data.conll.survey import survey_conll

BIO_TYPES = ["Cellular_component", "Complex", "Gene_or_gene_product", "Simple_chemical"]
NEWS_TYPES = ["LOC", "MISC", "ORG", "PER"]

# Sentences, tokens, and the entities of each type in alphabetical order.
COUNTS = {
    "bio/train": (90, 1199, [40, 19, 145, 42]),
    "bio/dev": (40, 490, [17, 10, 64, 19]),
    "bio/test": (40, 500, [21, 11, 63, 24]),
    "sea/dev": (40, 623, [38, 22, 9, 27]),
    "sea/test": (40, 595, [40, 24, 14, 28]),
}


def sentences(path: Path) -> list[tuple[str, ...]]:
    if path.suffix == ".txt":
        return [tuple(line.split(" ")) for line in path.read_text(encoding="utf-8").splitlines()]
    return [tuple(token for token, _ in block) for block in conll_blocks(path)]


@pytest.mark.parametrize("name", COUNTS)
def test_a_corpus_holds_what_it_should_and_needs_no_repair(name: str) -> None:
    path = CORPORA / f"{name}.conll"
    summary = survey_conll(path)
    types = BIO_TYPES if name.startswith("bio") else NEWS_TYPES
    num_sentences, num_tokens, entities = COUNTS[name]
    assert (summary.scheme, summary.sentences, summary.tokens) == ("IOB2", num_sentences, num_tokens)
    assert summary.entities_by_type == dict(zip(types, entities))
    assert summary.repaired == survey_conll(path, repair=True).repaired == 0
    # The same by a count that does without the package.
    tags = [tag for block in conll_blocks(path) for _, tag in block]
    assert [tags.count(f"B-{kind}") for kind in types] == entities
    assert len(tags) == num_tokens


def test_the_sea_has_the_types_of_the_news_often_enough_to_be_scored() -> None:
    news = {tag[2:] for block in conll_blocks(CORPORA / "en" / "train.conll") for _, tag in block if tag != "O"}
    assert sorted(news) == NEWS_TYPES
    assert all(min(entities) >= 8 for name, (_, _, entities) in COUNTS.items() if name.startswith("sea"))
    assert not (CORPORA / "sea" / "train.conll").exists(), "a domain without labels to train on"


@pytest.mark.parametrize("domain", ["bio", "sea"])
def test_no_sentence_of_a_domain_stands_twice(domain: str) -> None:
    files = sorted((CORPORA / domain).iterdir())
    assert {"dev.conll", "raw.txt", "test.conll"} <= {path.name for path in files}
    found = [tuple(word.lower() for word in words) for path in files for words in sentences(path)]
    assert len(found) == len(set(found)) == {"bio": 90 + 40 + 40 + 160, "sea": 40 + 40 + 160}[domain]


@pytest.mark.parametrize("domain", ["bio", "sea"])
def test_raw_text_is_tokenised_a_sentence_a_line(domain: str) -> None:
    raw = sentences(CORPORA / domain / "raw.txt")
    assert len(raw) == 160
    assert all(all(words) and words[-1] == "." and len(words) >= 6 for words in raw)


@pytest.mark.parametrize("name", ["train.conll", "dev.conll", "test.conll", "raw.txt"])
def test_biomedical_tokens_are_parted_at_every_mark(name: str) -> None:
    """As in the corpora of Crichton et al. (2017)."""
    for words in sentences(CORPORA / "bio" / name):
        assert all(word.isalnum() or len(word) == 1 for word in words), words


@pytest.mark.parametrize("name", ["train", "dev", "test"])
def test_biomedical_sentences_are_of_like_length_and_rich_in_entities(name: str) -> None:
    for block in conll_blocks(CORPORA / "bio" / f"{name}.conll"):
        assert 8 <= len(block) <= 25
        assert 1 <= sum(tag.startswith("B-") for _, tag in block) <= 4


@pytest.mark.parametrize("name", ["dev", "test"])
def test_training_knows_some_biomedical_entities_and_not_others(name: str) -> None:
    known = set(entities(CORPORA / "bio" / "train.conll"))
    met = [entity in known for entity in entities(CORPORA / "bio" / f"{name}.conll")]
    assert 0.5 < sum(met) / len(met) < 0.7


def entities(path: Path) -> list[tuple[str, ...]]:
    """The type and the words of each entity."""
    found: list[list[str]] = []
    for block in conll_blocks(path):
        for token, tag in block:
            if tag.startswith("B-"):
                found.append([tag[2:]])
            if tag != "O":
                found[-1].append(token)
    return [tuple(entity) for entity in found]


def test_vectors_have_a_word_and_sixteen_numbers_a_line() -> None:
    packed = (FIXTURES / "vectors" / "tiny.16d.txt.gz").read_bytes()
    assert packed[4:8] == bytes(4), "no time of packing, which would make the bytes others each time"
    fields = [line.split(" ") for line in gzip.decompress(packed).decode("utf-8").splitlines()]
    words = [word for word, *_ in fields]
    assert len(words) == len(set(words)) == 806
    assert all(word and word == word.lower() for word in words)
    assert not any(character.isdigit() and character != "0" for word in words for character in word)
    for _, *numbers in fields:
        assert len(numbers) == 16
        assert all(number == f"{float(number):.4f}" for number in numbers)


def test_vectors_know_words_of_each_domain() -> None:
    lines = gzip.decompress((FIXTURES / "vectors" / "tiny.16d.txt.gz").read_bytes()).decode("utf-8").splitlines()
    known = {line.split(" ")[0] for line in lines}
    assert {"university", "mitochondria", "phosphorylated", "sailed", "island", "the", "0000"} <= known
