"""The reader of CoNLL files: what becomes of tags, samples, several files, and of files without labels."""

import random
import tracemalloc
from pathlib import Path

import pytest
from allennlp.common.checks import ConfigurationError
from allennlp.data import Vocabulary
from allennlp.data.data_loaders import MultiProcessDataLoader
from conftest import CORPORA, TINY_ENCODER, conll_blocks

from lowresource_ner.data import ConllNerReader, SubwordIndexer

IOB1 = "U.N. I-ORG\nenvoy O\nKofi I-PER\nAnnan I-PER\nMandela B-PER\n\nParis I-LOC\n"
SPANISH = CORPORA / "es" / "train.conll"


def read(text_or_path, tmp_path: Path, **options) -> list:
    path = text_or_path
    if isinstance(text_or_path, str):
        path = tmp_path / "file.conll"
        path.write_text(text_or_path, encoding="utf-8")
    return list(ConllNerReader(**options).read(path))


def words(instances) -> list:
    return [instance["metadata"].metadata["words"] for instance in instances]


def tags(instances) -> list:
    return [instance["tags"].labels for instance in instances]


@pytest.mark.parametrize(
    "scheme, expected",
    [
        ("IOB1", ["I-ORG", "O", "I-PER", "I-PER", "B-PER"]),
        ("IOB2", ["B-ORG", "O", "B-PER", "I-PER", "B-PER"]),
        ("IOBES", ["S-ORG", "O", "B-PER", "E-PER", "S-PER"]),
        ("BILOU", ["U-ORG", "O", "B-PER", "L-PER", "U-PER"]),
    ],
)
def test_tags_are_converted_to_one_scheme(scheme, expected, tmp_path) -> None:
    assert tags(read(IOB1, tmp_path, tag_scheme=scheme))[0] == expected


def test_types_are_renamed_dropped_and_caught(tmp_path) -> None:
    label_map = {"ORG": "organisation", "PER": "O", "*": "other"}
    assert tags(read(IOB1, tmp_path, label_map=label_map)) == [["B-organisation", "O", "O", "O", "O"], ["B-other"]]


@pytest.mark.parametrize(
    "new, complaint",
    [
        ("", "into '', which is empty"),
        ("work of art", "into 'work of art', which holds white space. .* Take 'work-of-art'"),
        ("ORG-", "into 'ORG-', which begins or ends with a hyphen"),
        (None, "into None, which is not a string"),
    ],
)
def test_a_map_to_what_is_no_type_is_refused_before_anything_is_read(new, complaint) -> None:
    with pytest.raises(ConfigurationError, match=f"\"label_map\" turns type 'ORG' {complaint}"):
        ConllNerReader(label_map={"ORG": new})


@pytest.mark.parametrize(
    "name, complaint, suggestion",
    [
        ("work of art", "holds white space", "work-of-art"),
        ("PER-", "begins or ends with a hyphen", "PER"),
        ("O", 'is "O", which marks words outside of entities', "O"),
    ],
)
def test_what_is_no_type_is_refused_unless_it_is_renamed(name, complaint, suggestion, tmp_path) -> None:
    text = f"Kofi\tB-PER\nsang\tO\n\nin\tO\nAccra\tB-{name}\n"
    with pytest.raises(
        ConfigurationError, match=rf"file\.conll:5: the entity type '{name}' {complaint}; rename it"
    ) as raised:
        next(iter(ConllNerReader().read(_written(text, tmp_path))))
    assert f'"label_map": {{"{name}": "{suggestion}"}}' in str(raised.value)
    expected = "O" if suggestion == "O" else f"B-{suggestion}"
    assert tags(read(text, tmp_path, label_map={name: suggestion}))[1] == ["O", expected]
    assert tags(read(text, tmp_path, label_map={"*": "other"}))[1] == ["O", "B-other"]


def test_the_remedy_names_all_types_that_are_none(tmp_path) -> None:
    text = "a\tB-work of art\n\nb\tB-PER-\n\nc\tB-LOC\n\nd\tB-real name\n"
    expected = '"label_map": {"LOC": "GPE", "work of art": "work-of-art", "PER-": "PER", "real name": "real-name"}'
    with pytest.raises(ConfigurationError, match=r"file\.conll:1: ") as raised:
        read(text, tmp_path, label_map={"LOC": "GPE"})
    assert expected in str(raised.value)


@pytest.mark.parametrize(
    "text, scheme, remedies",
    [
        ("Wort\tArt\nfoo\tO\n", None, ['"tag_column"', '"file_tag_scheme": "IO"', '"header": true']),
        ("foo\tO\nWort\tArt\n", None, ['"tag_column"', '"file_tag_scheme": "IO"']),
        ("foo\tO\nWort\tO-X\n", "IO", ['"tag_column"']),
        ("foo\tO\nWort\tM-X\n", None, ['"tag_column"', '"file_tag_scheme": "BMES"']),
    ],
)
def test_remedies_are_those_that_may_help(text, scheme, remedies, tmp_path) -> None:
    with pytest.raises(ConfigurationError, match=r"file\.conll:\d: invalid tag") as raised:
        read(text, tmp_path, file_tag_scheme=scheme)
    named = ['"tag_column"', '"file_tag_scheme": "IO"', '"file_tag_scheme": "BMES"', '"header": true']
    assert [remedy for remedy in named if remedy in str(raised.value)] == remedies


def test_an_unknown_tag_is_reported_at_its_own_line(tmp_path) -> None:
    text = "a\tO\n\n# a comment in between\nb\tO\n# another one here\nKofi\tB-PER\n"
    (_, instance) = read(text, tmp_path)
    vocab = Vocabulary.from_instances([])
    vocab.add_tokens_to_namespace(["O", "B-LOC"], "labels")
    with pytest.raises(ConfigurationError, match=r"file\.conll:6: tag 'B-PER' is not among those"):
        instance["tags"].index(vocab)


def test_files_of_bare_types_and_of_bmes_are_read_where_that_is_said(tmp_path) -> None:
    bare = "Mo\tperson-artist\nFarah\tperson-artist\nin\tO\nAccra\tlocation\n"
    assert tags(read(bare, tmp_path, file_tag_scheme="IO")) == [
        ["B-person-artist", "I-person-artist", "O", "B-location"]
    ]
    with pytest.raises(ConfigurationError, match=r'file\.conll:1: invalid tag .*"file_tag_scheme": "IO"'):
        read(bare, tmp_path)
    bmes = "N\tB-PER\nM\tM-PER\nS\tE-PER\nX\tS-LOC\n"
    assert tags(read(bmes, tmp_path, file_tag_scheme="bmes", tag_scheme="BILOU")) == [
        ["B-PER", "I-PER", "L-PER", "U-LOC"]
    ]
    with pytest.raises(ConfigurationError, match=r'file\.conll:\d: invalid tag .*"file_tag_scheme": "BMES"'):
        read(bmes, tmp_path)
    with pytest.raises(ConfigurationError, match="Unknown tag scheme 'XYZ'.* IO .bare types. and BMES"):
        ConllNerReader(file_tag_scheme="XYZ")
    with pytest.raises(ConfigurationError, match="Unknown tag scheme 'IO'"):
        ConllNerReader(tag_scheme="IO")


def test_an_invalid_tag_stops_before_the_first_sentence(tmp_path) -> None:
    text = "Paris\tB-LOC\n\nof\tO\nKofi\tB-PER\nAnnan\tI-ORG\n"
    with pytest.raises(ConfigurationError, match=r"file\.conll:5: .*repair"):
        next(iter(ConllNerReader(file_tag_scheme="IOB2").read(_written(text, tmp_path))))
    assert tags(read(text, tmp_path, file_tag_scheme="IOB2", repair=True))[1] == ["O", "B-PER", "B-ORG"]


def _written(text: str, tmp_path: Path) -> Path:
    path = tmp_path / "file.conll"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_labels_the_tag_column_is_never_read(tmp_path) -> None:
    """The same words with right tags, with nonsense for tags, and without any give the same instances."""
    blocks = conll_blocks(SPANISH)
    nonsense = random.Random(0)
    versions = {
        "right": "\n\n".join("\n".join("\t".join(line) for line in block) for block in blocks),
        "nonsense": "\n\n".join("\n".join(f"{line[0]}\t{nonsense.random()}" for line in block) for block in blocks),
        "none": "\n\n".join("\n".join(line[0] for line in block) for block in blocks),
    }
    instances = {name: read(text + "\n", tmp_path, labelled=False) for name, text in versions.items()}
    expected = [[line[0] for line in block] for block in blocks]
    for name in versions:
        assert words(instances[name]) == expected, name
        assert all(set(instance.fields) == {"tokens", "metadata"} for instance in instances[name])
    with pytest.raises(ConfigurationError):
        read(versions["nonsense"], tmp_path)


def test_a_sample_is_seeded_nested_in_order_and_of_the_right_size() -> None:
    def sample(size=None, seed=1, **share):
        reader = ConllNerReader(sample=size, sample_seed=seed, **share)
        return [tuple(sentence) for sentence in words(reader.read(SPANISH))]

    everything = [tuple(sentence) for sentence in words(ConllNerReader().read(SPANISH))]
    ten, twenty = sample(10), sample(20)
    halves = [len(sample(sample_share=share)) for share in (0.5, 1.0, 1)]  # Jsonnet writes 1.0 as 1
    assert (len(ten), len(twenty), halves, len(everything)) == (10, 20, [25, 50, 50], 50)
    assert set(ten) < set(twenty) < set(everything)
    assert ten == sample(10) and ten != sample(10, seed=2)
    positions = [everything.index(sentence) for sentence in twenty]
    assert positions == sorted(positions)


@pytest.mark.parametrize(
    "options, message",
    [({"sample": size}, "'sample' is") for size in (0, -1, 1.5, True, "10")]
    + [({"sample_share": share}, "'sample_share' is") for share in (0, -0.1, 1.5)]
    + [({"sample": 5, "sample_share": 0.5}, "both given")],
)
def test_a_sample_that_is_neither_number_nor_share_is_refused(options, message) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ConllNerReader(**options)


def test_a_file_that_changes_is_surveyed_anew(tmp_path) -> None:
    reader = ConllNerReader()
    assert tags(reader.read(_written("Kofi\tI-PER\nAnnan\tI-PER\n", tmp_path))) == [["B-PER", "I-PER"]]
    assert tags(reader.read(_written("Kofi\tS-PER\nof\tO\nAccra\tS-LOC\n", tmp_path))) == [["B-PER", "O", "B-LOC"]]


def test_the_vocabulary_knows_every_tag_of_a_type_that_was_seen(tmp_path) -> None:
    instances = read("Kofi\tB-PER\nof\tO\nAccra\tB-LOC\n", tmp_path)
    for instance in instances:
        instance["tokens"].token_indexers = ConllNerReader().token_indexers
    vocab = Vocabulary.from_instances(instances)
    assert set(vocab.get_token_to_index_vocabulary("labels")) == {"O", "B-PER", "I-PER", "B-LOC", "I-LOC"}


def test_a_sample_of_more_than_there_is_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="asks for 51 sentences, and .* has 50"):
        list(ConllNerReader(sample=51).read(SPANISH))


def test_several_files_and_globs_are_read_in_order() -> None:
    reader = ConllNerReader()
    splits = [CORPORA / "de" / f"{name}.conll" for name in ("dev", "test", "train")]
    expected = [sentence for path in splits for sentence in words(reader.read(path))]
    assert len(expected) == 100
    assert words(reader.read(str(CORPORA / "de" / "*.conll"))) == expected
    assert words(reader.read([str(path) for path in splits])) == expected
    with pytest.raises(ConfigurationError, match="No file matches"):
        list(reader.read(str(CORPORA / "de" / "*.iob")))
    with pytest.raises(ConfigurationError, match="There is no file"):
        list(reader.read(str(CORPORA / "de" / "none.conll")))


@pytest.mark.slow
def test_memory_stays_flat_over_a_large_file(tmp_path) -> None:
    """
    Peak memory of a pass over 10 times as many sentences grows by less than their text alone would take; instances that were kept
    would take some twenty times that. (How much less depends on when garbage is collected.)
    """
    text = SPANISH.read_text(encoding="utf-8")

    def peak(copies: int) -> tuple:
        path = tmp_path / f"{copies}.conll"
        path.write_text(text * copies, encoding="utf-8")
        tracemalloc.start()
        number = sum(1 for _ in ConllNerReader().read(path))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return number, used, path.stat().st_size

    small_number, small, small_size = peak(20)
    number, large, size = peak(200)
    assert (small_number, number) == (1_000, 10_000)
    assert large - small < size - small_size


def test_lazy_loading_and_workers_give_every_sentence_once(monkeypatch) -> None:
    # The tokenizer then uses its threads also where it has been forked, and would wait for ever for those that are not there.
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "true")
    expected = sorted(map(tuple, words(ConllNerReader().read(SPANISH))))
    for options in (
        {"max_instances_in_memory": 7},
        {"num_workers": 2},
        {"num_workers": 2, "max_instances_in_memory": 8},
    ):
        indexers = {"encoder": SubwordIndexer(str(TINY_ENCODER))}
        loader = MultiProcessDataLoader(ConllNerReader(token_indexers=indexers), str(SPANISH), batch_size=4, **options)
        loader.index_with(Vocabulary.from_instances(ConllNerReader(token_indexers=indexers).read(SPANISH)))
        got = [tuple(sentence["words"]) for batch in loader for sentence in batch["metadata"]]
        assert sorted(got) == expected, options
