"""Label files: every way to write labels against answers written out by hand, and each mistake with its line."""

import bz2
import gzip
import hashlib
import json
import logging
import os
import random

import numpy
import pytest
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError

from lowresource_ner.distillation.teachers.label_file_teacher import LabelFileTeacher
from lowresource_ner.distillation.teachers.teacher import Teacher
from lowresource_ner.tagging import get_scheme

LABELS = ["O", "B-PER", "I-PER"]
GRACE = {"tokens": ["Grace", "Ogot", "wrote"], "tags": ["B-PER", "I-PER", "O"]}
SOFT = {"tokens": ["Nairobi", "."], "labels": ["I-PER", "O", "B-PER"], "distributions": [[0.5, 0.25, 0.25], [0, 1, 0]]}


def written(path, *items) -> str:
    lines = [item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in items]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def teacher_of(tmp_path):
    def make(*items, **options) -> LabelFileTeacher:
        return LabelFileTeacher(written(tmp_path / "labels.jsonl", *items), **options)

    return make


def hard(labels, tags) -> list:
    return [[float(label == tag) for label in labels] for tag in tags]


def test_every_kind_of_label_in_one_file(teacher_of) -> None:
    entities = {"tokens": ["Ngũgĩ", "wa", "Thiong'o"], "entities": [{"type": "PER", "start_token": 0, "end_token": 3}]}
    probabilities = {"tokens": ["."], "labels": LABELS, "probabilities": [[0.8, 0.1, 0.1]]}
    none = {"tokens": ["Ndiyo", "!"], "entities": []}
    teacher = teacher_of(GRACE, "", SOFT, entities, probabilities, none)
    assert teacher.labels == LABELS and teacher.tag_scheme == "IOB2"
    assert not teacher.is_stored and isinstance(teacher, Teacher)
    asked = [probabilities, none, GRACE, {"tokens": []}, SOFT, entities, GRACE]
    answers = teacher.label([item["tokens"] for item in asked])
    expected = [
        [[0.8, 0.1, 0.1]],
        hard(LABELS, ["O", "O"]),
        hard(LABELS, GRACE["tags"]),
        [],
        [[0.25, 0.25, 0.5], [1, 0, 0]],
        hard(LABELS, ["B-PER", "I-PER", "I-PER"]),
        hard(LABELS, GRACE["tags"]),
    ]
    for item, answer, rows in zip(asked, answers, expected):
        assert answer.shape == (len(item["tokens"]), 3) and answer.dtype == numpy.float32
        numpy.testing.assert_allclose(answer, numpy.reshape(rows, (-1, 3)), rtol=0, atol=1e-7)


def test_what_a_predictor_writes_is_read_as_it_is(teacher_of) -> None:
    """Lines as `allennlp predict` writes them, with distributions and without, and its answer to a line that was no sentence."""
    entity = {"text": "Wien", "type": "LOC", "start_token": 0, "end_token": 1, "confidence": 0.9}
    plain = {"text": "Wien .", "tokens": ["Wien", "."], "tags": ["B-LOC", "O"], "probabilities": [0.9, 0.8]}
    plain["entities"] = [entity]
    soft = {**plain, "tokens": ["Graz", "."], "labels": ["O", "B-LOC"], "distributions": [[0.1, 0.9], [0.8, 0.2]]}
    empty = {"text": "", "tokens": [], "tags": [], "probabilities": [], "entities": [], "labels": ["O", "B-LOC"]}
    empty["distributions"] = []
    teacher = teacher_of({"line": 1, "error": "a JSON object was expected"}, plain, empty, soft)
    assert teacher.labels == ["O", "B-LOC", "I-LOC"]
    hard_answer, soft_answer = teacher.label([["Wien", "."], ["Graz", "."]])
    assert hard_answer.tolist() == hard(teacher.labels, ["B-LOC", "O"])
    numpy.testing.assert_allclose(soft_answer, [[0.1, 0.9, 0], [0.8, 0.2, 0]], rtol=1e-6)


@pytest.mark.parametrize("pack, suffix", [(open, ""), (gzip.open, ".gz"), (bz2.open, ".bz2")])
def test_sentences_are_found_by_their_words_in_files_packed_or_not(tmp_path, pack, suffix) -> None:
    path = str(tmp_path / f"labels.jsonl{suffix}")
    generator = random.Random(5)
    scheme = get_scheme("IOBES")
    labels = scheme.tag_set(["A", "B"])
    sentences = {}
    while len(sentences) < 500:
        words = tuple(
            generator.choice(["ab", "a", "b", "ü", "中", " ", "\\n", '"']) for _ in range(generator.randint(1, 9))
        )
        spans = [(i, i + 1, generator.choice("AB")) for i in range(len(words)) if generator.random() < 0.3]
        sentences[words] = scheme.tags([], len(words))
        for start, _, entity_type in spans:
            sentences[words][start] = f"S-{entity_type}"
    with pack(path, "wb") as file:
        file.write(b"\xef\xbb\xbf")
        for number, (words, tags) in enumerate(sentences.items()):
            end = b"\r\n" if number % 2 else b"\n\n"
            file.write(json.dumps({"tokens": words, "tags": tags}, ensure_ascii=False).encode() + end)
        file.write(b'{"tokens": ["B", "E"], "tags": ["B-A", "E-A"]}')  # without a line's end
    teacher = LabelFileTeacher(path)
    assert (teacher.labels, teacher.tag_scheme) == (labels, "IOBES")
    asked = [*sentences, ("B", "E")]
    generator.shuffle(asked)
    sentences[("B", "E")] = ["B-A", "E-A"]
    answers = teacher.label(asked)
    assert [answer.tolist() for answer in answers] == [hard(labels, sentences[words]) for words in asked]
    with pytest.raises(ConfigurationError, match="no line for the sentence 'E B'"):
        teacher.label([["B", "E"], ["E", "B"]])


def test_a_sentence_that_is_missing_is_an_error_or_passed_over(teacher_of) -> None:
    unknown = ["Grace", "Ogot", "wrote", "on", "and", "on", "and", "on", "."]
    with pytest.raises(ConfigurationError) as caught:
        teacher_of(GRACE).label([GRACE["tokens"], unknown])
    message = str(caught.value)
    assert "labels.jsonl: there is no line for the sentence 'Grace Ogot wrote on and on and on...' (9 words)" in message
    assert "set 'missing' to 'skip'" in message
    first, second = teacher_of(GRACE, missing="skip").label([unknown, GRACE["tokens"]])
    assert first is None and second.tolist() == hard(LABELS, GRACE["tags"])
    with pytest.raises(ConfigurationError, match="'missing' is 'no'"):
        teacher_of(GRACE, missing="no")


@pytest.mark.parametrize(
    "tags, scheme",
    [("I-A O I-A B-A", "IOB1"), ("B-A I-A O B-A", "IOB2"), ("B-A E-A O S-A", "IOBES"), ("U-A O", "BILOU")],
)
def test_the_scheme_is_found_out_and_hard_labels_can_be_had_in_any(teacher_of, tags, scheme) -> None:
    item = {"tokens": tags.split(), "tags": tags.split()}  # the words mean nothing
    teacher = teacher_of(item)
    assert teacher.tag_scheme == scheme and teacher.labels == get_scheme(scheme).tag_set(["A"])
    (answer,) = teacher.label([item["tokens"]])
    assert answer.tolist() == hard(teacher.labels, item["tags"])
    for other in ("IOB1", "IOB2", "IOBES", "BILOU"):
        teacher = teacher_of(item, tag_scheme=other)
        (answer,) = teacher.label([item["tokens"]])
        spans = get_scheme(scheme).spans(item["tags"])
        assert answer.tolist() == hard(teacher.labels, get_scheme(other).tags(spans, len(item["tags"])))


def test_invalid_tags_stop_with_their_line_or_are_read_as_conlleval_does(teacher_of) -> None:
    lines = [GRACE, {"tokens": ["O", "Ogot"], "tags": ["O", "I-PER"]}]
    with pytest.raises(ConfigurationError, match=r"labels.jsonl:2: tag 2, 'I-PER', is invalid in IOB2.*'repair'"):
        teacher_of(*lines).label([])
    with pytest.raises(ConfigurationError, match=r"labels.jsonl:1: tag 2, 'I-PER', is invalid in IOBES.*never closed"):
        teacher_of(*lines, file_tag_scheme="IOBES").label([])
    for entity_type in ("\ud83d", "a" * 10**6):
        with pytest.raises(ConfigurationError, match="labels.jsonl:1: tag 1, .* no entity is open before it") as caught:
            line = json.dumps({"tokens": ["a"], "tags": [f"E-{entity_type}"]})
            teacher_of(line, file_tag_scheme="IOBES").labels  # noqa: B018
        assert len(str(caught.value).encode("utf-8")) < 1000
    (answer,) = teacher_of(*lines, repair=True).label([["O", "Ogot"]])
    assert answer.tolist() == hard(LABELS, ["O", "B-PER"])


def test_types_may_be_given(teacher_of) -> None:
    assert teacher_of(GRACE, types=["PER", "LOC"]).labels == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    for item in (GRACE, SOFT, {"tokens": ["a"], "entities": [{"type": "PER", "start_token": 0, "end_token": 1}]}):
        with pytest.raises(ConfigurationError, match=r"labels.jsonl:1: PER is not among 'types' \(LOC\)"):
            teacher_of(item, types=["LOC"]).labels  # noqa: B018


ODD = ["work of art", " PER", "PER-", "-PER", "O", "\u00a0", "a\tb"]


def with_type(entity_type: str) -> list:
    """A sentence of each kind, whose first word is an entity of the type."""
    entity = {"type": entity_type, "start_token": 0, "end_token": 1}
    return [
        {"tokens": ["Mara", "sang"], "entities": [entity]},
        {"tokens": ["Mara", "swam"], "tags": [f"B-{entity_type}", "O"]},
        {"tokens": ["Mara", "ran"], "labels": [f"B-{entity_type}", "O"], "distributions": [[0.75, 0.25], [0, 1]]},
    ]


@pytest.mark.parametrize("kind", range(3))
@pytest.mark.parametrize("entity_type", ODD)
def test_a_type_that_cannot_be_one_is_refused_or_renamed(teacher_of, kind, entity_type) -> None:
    item = with_type(entity_type)[kind]
    with pytest.raises(ConfigurationError) as caught:
        teacher_of(GRACE, item).labels  # noqa: B018
    message = str(caught.value)
    assert f"labels.jsonl:2: entity type {entity_type!r} " in message
    suggested = json.loads(message.partition("labels.jsonl: ")[2].rpartition(" ('O' drops")[0])
    assert list(suggested) == [entity_type]
    teacher_of(GRACE, item, label_map=suggested).labels  # noqa: B018
    teacher = teacher_of(GRACE, item, label_map={entity_type: "X"})
    assert teacher.labels == ["O", "B-PER", "I-PER", "B-X", "I-X"]
    (answer,) = teacher.label([item["tokens"]])
    assert answer.tolist() == [[0.25, 0, 0, 0.75, 0] if kind == 2 else [0, 0, 0, 1, 0], [1, 0, 0, 0, 0]]
    for label_map in ({entity_type: "O"}, {"*": "O", "PER": "PER"}):
        teacher = teacher_of(GRACE, item, label_map=label_map)
        assert teacher.labels == LABELS
        assert teacher.label([item["tokens"]])[0].tolist() == [[1, 0, 0], [1, 0, 0]]


def test_all_types_that_cannot_be_are_told_at_once(teacher_of) -> None:
    items = [GRACE, *with_type("work of art"), *with_type("PERSON"), *with_type("PER-")[:1]]
    items = [{**item, "tokens": [*item["tokens"][:-1], str(number)]} for number, item in enumerate(items)]
    label_map = {"PERSON": "PER"}
    with pytest.raises(ConfigurationError) as caught:
        teacher_of(*items, label_map=label_map).labels  # noqa: B018
    message = str(caught.value)
    assert "labels.jsonl:2: entity type 'work of art' holds white space" in message
    suggested = {"PERSON": "PER", "work of art": "work-of-art", "PER-": "PER"}
    assert json.dumps(suggested) in message
    assert teacher_of(*items, label_map=suggested).labels == ["O", "B-PER", "I-PER", "B-work-of-art", "I-work-of-art"]


def test_types_that_become_one_are_added_up(teacher_of) -> None:
    labels = ["B-GPE", "I-LOC", "B-LOC", "O", "B-DATE", "I-GPE"]
    item = {"tokens": ["Lima"], "labels": labels, "distributions": [[0.125, 0.25, 0.0625, 0.25, 0.25, 0.0625]]}
    neighbours = {"tokens": ["New", "York", "Texas"], "tags": ["B-GPE", "I-GPE", "B-LOC"]}
    teacher = teacher_of(item, neighbours, label_map={"GPE": "LOC", "DATE": "O"})
    assert teacher.labels == ["O", "B-LOC", "I-LOC"]
    answer, other = teacher.label([item["tokens"], neighbours["tokens"]])
    assert answer.tolist() == [[0.5, 0.1875, 0.3125]]
    assert other.tolist() == hard(teacher.labels, ["B-LOC", "I-LOC", "B-LOC"])
    with pytest.raises(ConfigurationError, match=r"labels.jsonl:1: 'label_map' merges several types.*IOB1"):
        teacher_of(item, tag_scheme="IOB1", label_map={"*": "LOC"}).labels  # noqa: B018
    iob1 = {"tokens": ["Lima", "Peru"], "tags": ["I-GPE", "I-LOC"]}
    teacher = teacher_of(iob1, tag_scheme="IOB1", label_map={"*": "LOC"})
    assert teacher.label([iob1["tokens"]])[0].tolist() == hard(teacher.labels, ["I-LOC", "B-LOC"])


@pytest.mark.parametrize(
    "options, complaint",
    [
        (
            {"label_map": {"PER": "per son"}},
            "'label_map' of .*labels.jsonl turns type 'PER' into 'per son', which holds white",
        ),
        ({"label_map": {"PER": ""}}, "which is empty"),
        ({"label_map": {"PER": None}}, "which is not a string"),
        ({"types": ["PER", "PER-"]}, "'types' of .*labels.jsonl: entity type 'PER-' .*\\{\"PER-\": \"PER\"\\}"),
        ({"types": ["O"]}, "entity type 'O' is \"O\""),
    ],
)
def test_types_of_the_options_are_checked_without_a_look_at_the_file(options, complaint) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        LabelFileTeacher("nowhere/labels.jsonl", **options)


def test_given_types_are_those_of_the_answers(teacher_of) -> None:
    item = with_type("work of art")[0]
    assert teacher_of(item, types=["art", "PER"], label_map={"work of art": "art"}).labels[1] == "B-PER"
    with pytest.raises(ConfigurationError, match=r"labels.jsonl:1: art is not among 'types' \(PER\)"):
        teacher_of(item, types=["PER"], label_map={"work of art": "art"}).labels  # noqa: B018


def test_words_of_all_kinds_are_found_exactly(teacher_of) -> None:
    words = [
        ["10\u00a0000"],
        ["10 000"],
        ["10", "000"],
        ["New York"],
        ["New\u2028York"],
        ["\ufeffa"],
        ["a"],
        ["a\u0301"],
        ["á"],
    ]
    items = [{"tokens": each, "tags": [f"B-{number}", *["O"] * (len(each) - 1)]} for number, each in enumerate(words)]
    teacher = teacher_of(*items)
    for number, answer in enumerate(teacher.label(words)):
        assert answer[0].argmax() == teacher.labels.index(f"B-{number}")
    nobody = ["cut", "\ud83d", "a" * 10**6]
    assert teacher_of(*items, missing="skip").label([nobody]) == [None]
    with pytest.raises(ConfigurationError, match=r"no line for the sentence 'cut \\ud83d aaa.*\(3 words\)") as caught:
        teacher.label([nobody])
    assert len(str(caught.value).encode("utf-8")) < 1000


def test_a_sentence_that_stands_twice_must_have_the_same_labels(teacher_of) -> None:
    other = {"tokens": GRACE["tokens"], "entities": [{"type": "PER", "start_token": 0, "end_token": 2}]}
    assert len(teacher_of(GRACE, other, GRACE).label([GRACE["tokens"]])) == 1
    rounded = {**SOFT, "distributions": [[0.5003, 0.25, 0.25], [0, 1, 0]]}
    teacher_of(SOFT, rounded).label([SOFT["tokens"]])
    with pytest.raises(
        ConfigurationError, match=r"labels.jsonl:4: the sentence 'Grace Ogot wrote' has different labels in line 1;"
    ):
        teacher_of(GRACE, SOFT, other, {**GRACE, "tags": ["O", "O", "O"]}).labels  # noqa: B018
    unlike = {**SOFT, "distributions": [[0.6, 0.15, 0.25], [0, 1, 0]]}
    with pytest.raises(ConfigurationError, match=r"labels.jsonl:3: .* has different labels in line 2;"):
        teacher_of(GRACE, SOFT, unlike).labels  # noqa: B018


@pytest.mark.parametrize(
    "line, complaint",
    [
        ('{"tokens": ["a"], ', "this is not JSON .* one line"),
        ("{", "jq -c"),
        ('[{"tokens": ["a"], "tags": ["O"]}]', "expected an object, got list"),
        ('{"words": ["a"], "tags": ["O"]}', '"tokens" is missing'),
        ('{"tokens": "a", "tags": ["O"]}', '"tokens" is missing or not a list'),
        ('{"tokens": ["a", ""], "tags": ["O", "O"]}', "word 2 of .* is empty"),
        ('{"tokens": ["a"]}', "the sentence has no labels"),
        ('{"tokens": ["a"], "tags": ["O", "O"]}', "1 tokens and 2 tags"),
        ('{"tokens": ["a"], "tags": "O"}', '"tags" is not a list'),
        ('{"tokens": ["a"], "tags": ["PER"]}', "'PER' is not a tag"),
        ('{"tokens": ["a"], "tags": ["B-"]}', "'B-' is not a tag"),
        ('{"tokens": ["a"], "probabilities": [0.7]}', "one number per word"),
        ('{"tokens": ["a"], "distributions": [[1.0]]}', '"labels" is missing'),
        (
            '{"tokens": ["a"], "distributions": [[1.0]], "labels": ["PER"]}',
            "'PER', a label of the distributions, is not a tag",
        ),
        ('{"tokens": ["a"], "distributions": [[0.5, 0.5]], "labels": ["O", "O"]}', "O comes more than once"),
        (
            '{"tokens": ["a"], "distributions": [[1, 0]], "labels": ["O", "S-A"]}',
            "tags of IOBES, but those of the lines before are of IOB2",
        ),
        ('{"tokens": ["a"], "distributions": [[0.5]], "labels": ["O", "B-A"]}', "1 lists .* of 2 numbers"),
        ('{"tokens": ["a", "b"], "distributions": [[1, 0]], "labels": ["O", "B-A"]}', "2 lists .* of 2 numbers"),
        ('{"tokens": ["a"], "distributions": [[1, "x"]], "labels": ["O", "B-A"]}', "lists .* of 2 numbers"),
        ('{"tokens": ["a"], "distributions": {"O": 1}, "labels": ["O", "B-A"]}', '"distributions" is dict'),
        (
            '{"tokens": ["a"], "distributions": [[3.0, -2.0]], "labels": ["O", "B-A"]}',
            "of word 1, .* are not probabilities",
        ),
        (
            '{"tokens": ["a", "b"], "distributions": [[1, 0], [0.5, 0.3]], "labels": ["O", "B-A"]}',
            "of word 2, .*sum to 1",
        ),
        ('{"tokens": ["a"], "distributions": [[NaN, 1]], "labels": ["O", "B-A"]}', "are not probabilities"),
        ('{"tokens": ["a"], "entities": {}}', '"entities" is not a list'),
        (
            '{"tokens": ["a"], "entities": [{"type": "A", "start": 0, "end": 1}]}',
            'is not an entity; give "start_token"',
        ),
        ('{"tokens": ["a"], "entities": [{"type": "A", "start_token": 0, "end_token": 2}]}', "out of range"),
        (
            '{"tokens": ["a"], "entities": [{"type": "A", "start_token": 0, "end_token": 1},'
            ' {"type": "B", "start_token": 0, "end_token": 1}]}',
            "overlap",
        ),
    ],
)
def test_an_invalid_line_is_reported_before_any_labels_are_returned(teacher_of, line, complaint) -> None:
    teacher = teacher_of(GRACE, "", SOFT, line, GRACE)
    with pytest.raises(ConfigurationError, match=rf"(?s)labels\.jsonl:4: .*{complaint}"):
        teacher.label([GRACE["tokens"]])


def test_distributions_can_be_had_in_their_own_scheme_only(teacher_of) -> None:
    assert teacher_of(SOFT, tag_scheme="IOB1").tag_scheme == "IOB1"
    with pytest.raises(ConfigurationError, match=r"labels.jsonl:1: .*not tags of the scheme IOBES"):
        teacher_of(SOFT, tag_scheme="IOBES").labels  # noqa: B018


def test_files_of_another_kind(tmp_path) -> None:
    def complaint(path) -> str:
        with pytest.raises(ConfigurationError) as caught:
            LabelFileTeacher(str(path)).label([])
        return str(caught.value)

    assert "there is no such file" in complaint(tmp_path / "none.jsonl")
    assert "this is a directory" in complaint(tmp_path)
    assert "no labelled sentence" in complaint(written(tmp_path / "a.jsonl", "", '{"line": 1, "error": "no"}'))
    (tmp_path / "b.jsonl").write_bytes(gzip.compress(b"{}"))
    assert "b.jsonl:1: this is gzip data, not JSON; end its name in .gz" in complaint(tmp_path / "b.jsonl")
    packed = gzip.compress("\n".join(json.dumps({"tokens": [str(n)], "tags": ["O"]}) for n in range(999)).encode())
    (tmp_path / "c.jsonl.gz").write_bytes(packed[:-100])
    assert "damaged or cut short" in complaint(tmp_path / "c.jsonl.gz")
    (tmp_path / "d.jsonl").write_bytes('{"tokens": ["ü"], "tags": ["O"]}'.encode("latin-1"))
    assert "d.jsonl:1: the line is not UTF-8" in complaint(tmp_path / "d.jsonl")


def test_a_file_that_is_changed_while_it_is_in_use(tmp_path) -> None:
    path = tmp_path / "labels.jsonl"
    teacher = LabelFileTeacher(written(path, GRACE))
    assert teacher.labels == LABELS
    path.write_text(path.read_text().replace("Ogot", "Agot"))
    with pytest.raises(ConfigurationError, match="labels.jsonl:1: the file was changed"):
        teacher.label([GRACE["tokens"]])


def test_the_fingerprint_is_of_the_contents(tmp_path) -> None:
    def fingerprint(name, *items, **options) -> str:
        return LabelFileTeacher(written(tmp_path / name, *items), **options).fingerprint

    first = fingerprint("a.jsonl", GRACE, SOFT)
    assert first == fingerprint("b.jsonl", GRACE, SOFT) and len(first) == 64
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes()))
    assert first == LabelFileTeacher(str(tmp_path / "c.jsonl.gz")).fingerprint
    others = {
        fingerprint("a.jsonl", GRACE),
        fingerprint("a.jsonl", GRACE, {**SOFT, "distributions": [[0.5, 0.2501, 0.2499], [0, 1, 0]]}),
        fingerprint("a.jsonl", GRACE, SOFT, types=["PER", "LOC"]),
        fingerprint("a.jsonl", GRACE, SOFT, tag_scheme="IOB1"),
        fingerprint("a.jsonl", GRACE, SOFT, label_map={"PER": "PER"}),
        fingerprint("a.jsonl", GRACE, SOFT, label_map={"PER": "person"}),
        fingerprint("a.jsonl", GRACE, SOFT, types=["person"], label_map={"*": "person"}),
    }
    assert len({first, *others}) == 8
    assert first == fingerprint("a.jsonl", GRACE, SOFT, label_map={})


def test_the_fingerprint_of_earlier_versions_stays(tmp_path) -> None:
    """Computed by hand, and once by the version that knew no `label_map`."""
    path = tmp_path / "labels.jsonl"
    path.write_bytes(b'\n{"tokens": ["Grace"], "tags": ["B-PER"]}\r\n{"line": 2, "error": "no"}\n')
    parts = [LABELS, "IOB2", hashlib.sha256(path.read_bytes()).hexdigest()]
    expected = hashlib.sha256(f"label_file 1\n{json.dumps(parts)}".encode()).hexdigest()
    assert (
        LabelFileTeacher(str(path)).fingerprint
        == expected
        == "a973837f3896aaf6da04ef6369c84eac6a786eacd1754711802d670a52f81b30"
    )


def test_forked_workers_read_beside_each_other(teacher_of) -> None:
    items = [{"tokens": [str(number)], "tags": ["B-A" if number % 3 else "O"]} for number in range(300)]
    teacher = teacher_of(*items)
    assert len(teacher.labels) == 3
    children = []
    for worker in range(2):
        child = os.fork()
        if child == 0:
            order = random.Random(worker).sample(items, len(items))
            right = all(
                teacher.label([item["tokens"]])[0].tolist() == hard(teacher.labels, item["tags"]) for item in order
            )
            os._exit(0 if right else 1)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]


def test_it_is_made_from_a_config(tmp_path) -> None:
    path = written(tmp_path / "labels.jsonl", GRACE)
    teacher = Teacher.from_params(Params({"type": "label_file", "path": path, "types": ["PER"], "missing": "skip"}))
    assert teacher.label([["?"]]) == [None]


def test_a_name_of_the_label_map_that_no_line_has_is_warned_of(teacher_of, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        assert teacher_of(GRACE, SOFT, label_map={"PER": "PERSON", "*": "O"}).labels
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        assert teacher_of(GRACE, SOFT, label_map={"PRESON": "X", "*": "PER", "LCO": "LOC"}).labels == LABELS
    (record,) = caplog.records
    assert (
        "labels.jsonl: 'label_map' names types that do not occur (LCO, PRESON). The file's types are: PER."
        in record.getMessage()
    )
