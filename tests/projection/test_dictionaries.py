"""Bilingual dictionaries: read, derived from alignments, and used to translate labelled words."""

import gzip
from collections import Counter
from pathlib import Path

import pytest
from allennlp.common.checks import ConfigurationError

from lowresource_ner.projection.bilingual_dictionary import BilingualDictionary
from lowresource_ner.projection.derived_dictionary import DerivedDictionary
from lowresource_ner.projection.word_alignment import parse_links
from lowresource_ner.projection.word_translation import translate_sentence
from lowresource_ner.tagging import get_scheme

ENTRIES = [
    ("the", ["la"]),
    ("the", ["el"]),
    ("house", ["casa"]),
    ("railway", ["línea", "de", "tren"]),
    ("Polish", ["polaco"]),
    ("polish", ["pulir"]),
]


def written(folder: Path, text: str, name: str = "en-es.txt") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_files_of_muse_are_read(tmp_path) -> None:
    """Separated by a space or a tab; with a tab, translations may have several words."""
    spaces = BilingualDictionary.read(written(tmp_path, "the el\nhouse  casa\n\nthe la\nthe el\n"))
    assert len(spaces) == 2 and spaces.translate("the") == ("el",) and spaces.translate("house") == ("casa",)
    with gzip.open(tmp_path / "d.tsv.gz", "wt", encoding="utf-8") as file:
        file.write("railway\tlínea de tren\nnew york\tnueva york\n")
    tabs = BilingualDictionary.read(str(tmp_path / "d.tsv.gz"))
    assert tabs.translate("railway") == ("línea", "de", "tren") and tabs.translate("new york") == ("nueva", "york")


@pytest.mark.parametrize(
    "text, line", [("a b\nhouse\n", 2), ("a\tb\nhouse\t \n", 2), ("a\tb\n\tcasa\n", 2), ("\n\n", None)]
)
def test_entries_without_a_translation_are_errors(tmp_path, text, line) -> None:
    message = f"en-es.txt:{line}: a line of a dictionary has a word" if line else "there are no entries"
    with pytest.raises(ConfigurationError, match=message):
        BilingualDictionary.read(written(tmp_path, text))


def test_case_is_carried_over() -> None:
    dictionary = BilingualDictionary(ENTRIES)
    assert dictionary.translate("The") == ("La",) and dictionary.translate("HOUSE") == ("CASA",)
    assert dictionary.translate("Railway") == ("Línea", "de", "tren")
    assert dictionary.translate("Polish") == ("polaco",) and dictionary.translate("POLISH") == ("PULIR",)
    assert dictionary.translate("unknown") == () and dictionary.translate("") == ()


def test_random_translations_are_seeded_and_uniform() -> None:
    def draws(seed: int) -> list:
        dictionary = BilingualDictionary(ENTRIES, "random", seed)
        return [dictionary.translate("the") for _ in range(400)]

    assert draws(1) == draws(1) != draws(2)
    assert all(150 < count < 250 for count in Counter(draws(1)).values()) and len(set(draws(1))) == 2
    assert {BilingualDictionary(ENTRIES).translate("the") for _ in range(20)} == {("la",)}
    with pytest.raises(ConfigurationError, match="'best'; it is one of first, random"):
        BilingualDictionary(ENTRIES, "best")


WORDS = ["The", "house", "of", "Railway", "House", "is", "7"]


@pytest.mark.parametrize(
    "scheme, tags, expected",
    [
        ("IOB2", "O O O B-ORG I-ORG O O", "O O O B-ORG I-ORG I-ORG I-ORG O O"),
        ("IOBES", "O O O B-ORG E-ORG O O", "O O O B-ORG I-ORG I-ORG E-ORG O O"),
        ("BILOU", "O O O U-ORG U-PER O O", "O O O B-ORG I-ORG L-ORG U-PER O O"),
        ("IOB1", "O O O I-ORG B-ORG O O", "O O O I-ORG I-ORG I-ORG B-ORG O O"),
    ],
)
def test_entities_grow_with_their_translation(scheme, tags, expected) -> None:
    """5 of 6 words with letters are looked up with success ("is" and "of" fail); the number is no word to look up."""
    found = translate_sentence(WORDS, tags.split(), BilingualDictionary(ENTRIES), get_scheme(scheme), True)
    assert found.words == ["La", "casa", "of", "Línea", "de", "tren", "Casa", "is", "7"]
    assert found.tags == expected.split()
    assert (found.num_translated, found.num_to_translate) == (4, 6)


def test_entities_may_be_kept() -> None:
    tags = ["O", "O", "O", "B-ORG", "I-ORG", "O", "O"]
    found = translate_sentence(WORDS, tags, BilingualDictionary(ENTRIES), get_scheme("IOB2"), False)
    assert found.words == ["La", "casa", "of", "Railway", "House", "is", "7"] and found.tags == tags
    assert (found.num_translated, found.num_to_translate) == (2, 4)


def counted(*sentences: str, **options) -> DerivedDictionary:
    """Of sentences such as "the house / la casa / 0-0 1-1"."""
    dictionary = DerivedDictionary(**options)
    for sentence in sentences:
        source, target, links = sentence.split("/")
        dictionary.add(source.split(), target.split(), parse_links(links).sure)
    return dictionary


def test_a_dictionary_is_derived_from_links() -> None:
    """
    Side by side and alone with their source word, words are a translation. "ring up" has a target word in common, "called" two
    that are apart, and numbers and full stops are no words.
    """
    dictionary = counted(
        "The house burned 7 ./La casa se quemó 7 ./0-0 1-1 2-2 2-3 3-4 4-5",
        "the house/el hogar/0-0 1-1",
        "the house/la Casa/0-0 1-1",
        "ring up Bob/llama a Bob/0-0 1-0 2-2",
        "called her off/la llamó x y/0-1 0-3 1-0",
    )
    assert list(dictionary.entries(1, 0)) == [
        ("bob", "bob"),
        ("burned", "se quemó"),
        ("her", "la"),
        ("house", "casa"),
        ("house", "hogar"),
        ("the", "la"),
        ("the", "el"),
    ]
    assert list(dictionary.entries(2, 0)) == [("house", "casa"), ("the", "la")]
    assert list(dictionary.entries(1, 0.5)) == [
        each for each in dictionary.entries(1, 0) if each[1] not in ("hogar", "el")
    ]


def test_options_of_a_derived_dictionary() -> None:
    sentence = "The house/La casa bonita/0-0 1-1 1-2"
    assert list(counted(sentence, max_words=1).entries(1, 0)) == [("the", "la")]
    assert list(counted(sentence, keep_case=True).entries(1, 0)) == [("The", "La"), ("house", "casa bonita")]
