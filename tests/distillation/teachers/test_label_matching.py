"""Teachers' labels as the student's: against all tag sequences of a short sentence, each weighted and rewritten as a whole."""

import functools
import itertools
import json

import numpy
import pytest
from allennlp.common.checks import ConfigurationError

from lowresource_ner.distillation.teacher_ensemble import TeacherEnsemble
from lowresource_ner.distillation.teachers.label_matching import label_matrix, student_labels
from lowresource_ner.distillation.teachers.teacher import Teacher
from lowresource_ner.tagging import get_scheme, letters_by_type, scheme_of_labels

NUM_WORDS = 4


@functools.lru_cache
def weighted_sequences(scheme: str, *types: str, seed: int = 7) -> list[tuple[tuple[str, ...], float]]:
    """All valid sequences of a scheme, each with a probability."""
    valid = [
        tags
        for tags in itertools.product(get_scheme(scheme).tag_set(types), repeat=NUM_WORDS)
        if get_scheme(scheme).first_error(tags) is None
    ]
    weights = numpy.random.default_rng(seed).random(len(valid)) ** 4
    return list(zip(valid, weights / weights.sum()))


def marginals(sequences, labels: list[str]) -> numpy.ndarray:
    """(NUM_WORDS, num_labels)"""
    table = numpy.zeros((NUM_WORDS, len(labels)))
    for tags, weight in sequences:
        for word, tag in enumerate(tags):
            table[word, labels.index(tag)] += weight
    return table


def renamed(tags, scheme: str, label_map: dict[str, str]) -> list[str]:
    spans = [span._replace(type=label_map.get(span.type, span.type)) for span in get_scheme(scheme).spans(tags)]
    return get_scheme(scheme).tags([span for span in spans if span.type != "O"], len(tags))


def converted(tags, source: str, target: str) -> list[str]:
    return get_scheme(target).tags(get_scheme(source).spans(tags), len(tags))


SCHEMES = [("IOBES", "IOB2"), ("BILOU", "IOB2"), ("IOBES", "BILOU"), ("BILOU", "IOBES")]
SCHEMES += [(scheme, scheme) for scheme in ("IOB2", "IOBES", "IOB1")]
MAPS = [{}, {"LOC": "place"}, {"LOC": "O"}, {"LOC": "PER"}]
CASES = [(*schemes, each) for schemes in SCHEMES for each in (MAPS[:3] if "IOB1" in schemes else MAPS)]


@pytest.mark.parametrize("source, target, label_map", CASES)
def test_marginals_are_those_of_the_rewritten_sequences(source, target, label_map) -> None:
    types = ["LOC", "PER"]
    labels = get_scheme(source).tag_set(types)[::-1]  # in an order of its own
    wanted = student_labels([labels], [label_map], target)
    sequences = weighted_sequences(source, *types)
    assert len(sequences) > 100
    rewritten = [(converted(renamed(tags, source, label_map), source, target), weight) for tags, weight in sequences]
    matrix = label_matrix(labels, source, wanted, target, label_map)
    assert matrix.shape == (len(labels), len(wanted)) and matrix.dtype == numpy.float32
    assert (matrix.sum(axis=1) == 1).all()
    numpy.testing.assert_allclose(
        marginals(sequences, labels) @ matrix, marginals(rewritten, wanted), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize(
    "source, target",
    [("IOB2", "IOBES"), ("IOB2", "IOB1"), ("IOB2", "BILOU"), ("IOB1", "IOB2"), ("IOB1", "IOBES"), ("IOBES", "IOB1")],
)
def test_what_marginals_do_not_say_is_refused_and_rightly_so(source, target) -> None:
    labels, wanted = get_scheme(source).tag_set(["PER"]), get_scheme(target).tag_set(["PER"])
    with pytest.raises(ConfigurationError, match=f"{source} and the student's {target}.*cannot be converted: in IOB"):
        label_matrix(labels, source, wanted, target)
    # No matrix would do: that which fits one distribution over sequences best is wrong for others.
    pairs = []
    for seed in range(8):
        sequences = weighted_sequences(source, "PER", seed=seed)
        rewritten = [(converted(tags, source, target), weight) for tags, weight in sequences]
        pairs.append((marginals(sequences, labels), marginals(rewritten, wanted)))
    given, true = (numpy.concatenate(side) for side in zip(*pairs))
    _, residuals, *_ = numpy.linalg.lstsq(given, true, rcond=None)
    assert residuals.sum() > 1e-3


def test_merged_types_are_no_iob1() -> None:
    labels = get_scheme("IOB1").tag_set(["GPE", "LOC"])
    with pytest.raises(ConfigurationError, match="several types, but its scheme is IOB1"):
        label_matrix(labels, "IOB1", ["O", "B-LOC", "I-LOC"], "IOB1", {"GPE": "LOC"})


def test_labels_that_a_teacher_never_saw_have_no_probability() -> None:
    wanted = student_labels([["B-PER", "O"]], [None], "IOB2")
    assert wanted == ["O", "B-PER", "I-PER"]
    assert label_matrix(["B-PER", "O"], "IOB2", wanted, "BIO").tolist() == [[0, 1, 0], [1, 0, 0]]


def test_the_students_labels_are_o_and_then_by_type() -> None:
    teachers = [["I-PER", "B-PER", "B-LOC", "O", "B-MISC"], ["O", "S-PERSON", "S-GPE", "S-LOC"]]
    maps = [{"MISC": "O"}, {"PERSON": "PER", "GPE": "LOC"}]
    assert student_labels(teachers, maps, "iob2") == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    assert student_labels(teachers[:1], [{"*": "X", "PER": "PER"}], "IOBES")[1:] == [
        f"{letter}-{each}" for each in ("PER", "X") for letter in "BIES"
    ]


def test_teachers_of_other_types_are_told_what_would_make_them_alike() -> None:
    teachers = [["O", "B-PER", "B-LOC", "B-MISC"], ["O", "B-Person", "B-GPE", "B-LOC", "B-LAW"]]
    with pytest.raises(ConfigurationError) as caught:
        student_labels(teachers, [None, {}], "IOB2", names=["'a'", "'b'"])
    message = str(caught.value)
    assert "'a' has LOC, MISC, PER; 'b' has GPE, LAW, LOC, Person" in message
    assert """set in 'label_maps' for 'b': {"GPE": "LOC", "LAW": "O", "Person": "PER"}""" in message
    assert """and for 'a': {"MISC": "O"}""" in message
    suggested = [{"MISC": "O"}, {"GPE": "LOC", "LAW": "O", "Person": "PER"}]
    assert student_labels(teachers, suggested, "IOB2") == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]


def test_what_is_suggested_goes_with_the_map_that_is_there() -> None:
    with pytest.raises(ConfigurationError) as caught:
        student_labels([["O", "B-ORG"], ["O", "B-firm", "B-club", "B-X"]], [None, {"firm": "Organisation"}], "IOB2")
    assert """{"X": "O", "club": "O", "firm": "ORG"}""" in str(caught.value)
    with pytest.raises(ConfigurationError, match="give 'label_maps' that map the types"):
        student_labels([["O", "B-a"], ["O", "B-b"]], [None, None], "IOB2")


def test_a_student_that_is_there_already_must_have_the_types() -> None:
    student = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    with pytest.raises(ConfigurationError) as caught:
        label_matrix(["O", "B-PERSON", "B-DATE"], "IOB2", student, "IOB2", name="teacher 'x'")
    assert """set in 'label_maps' for teacher 'x': {"DATE": "O", "PERSON": "PER"}""" in str(caught.value)
    assert "remove LOC from the types of the student" in str(caught.value)
    with pytest.raises(ConfigurationError, match="'I-PER', a label of .* is not among the student's labels"):
        label_matrix(["O", "I-PER"], "IOB2", ["O", "B-PER"], "IOB2")


@pytest.mark.parametrize(
    "label_map, complaint",
    [
        ({"PERS": "PER"}, "names PERS, but its types are PER"),
        ({"PER": ""}, "types to types"),
        ({"PER": None}, "types to types"),
        ({"PER": "O"}, "No entity type is left"),
        ({"PER": "a person"}, "turns type 'PER' into 'a person', which holds white space"),
        ({"PER": "PER-"}, "turns type 'PER' into 'PER-', which begins or ends with a hyphen"),
    ],
)
def test_label_maps_are_checked(label_map, complaint) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        student_labels([["O", "B-PER"]], [label_map], "IOB2")


class Odd(Teacher):
    """A model of somebody else's, with types that cannot be ones here."""

    labels = ["B-work of art", "O", "B-O", "B-PER-", "B- PER", "B-PER"]
    tag_scheme = "IOB2"
    fingerprint = "odd"

    def _label(self, sentences):
        return [numpy.array([[0.5, 0.25, 0.125, 0.0625, 0.03125, 0.03125]], numpy.float32) for _ in sentences]


def test_types_that_cannot_be_are_told_by_the_name_of_the_teacher_and_can_be_renamed() -> None:
    with pytest.raises(ConfigurationError) as caught:
        TeacherEnsemble({"hf": Odd()}, label_maps={"hf": {"PER": "person"}}).open()
    message = str(caught.value)
    assert "Teacher 'hf': entity type ' PER' holds white space" in message
    suggested = {"PER": "person", " PER": "PER", "O": "O", "PER-": "PER", "work of art": "work-of-art"}
    assert f"with 'label_maps' for teacher 'hf': {json.dumps(suggested)} ('O' drops a type)" in message
    ensemble = TeacherEnsemble({"hf": Odd()}, label_maps={"hf": {**suggested, "PER": "PER"}})
    assert ensemble.labels == ["O", "B-PER", "I-PER", "B-work-of-art", "I-work-of-art"]
    (answer,) = ensemble.label([["word"]])
    assert answer is not None and answer.probabilities.tolist() == [[0.375, 0.125, 0, 0.5, 0]]


def test_a_type_called_o_is_not_dropped_silently() -> None:
    with pytest.raises(ConfigurationError, match="Teacher 1: entity type 'O' is \"O\""):
        student_labels([["O", "B-O", "B-PER"]], [None], "IOB2")
    assert student_labels([["O", "B-O", "B-PER"]], [{"O": "OBJ"}], "IOB2")[1] == "B-OBJ"
    with pytest.raises(ConfigurationError) as caught:  # what is dropped already stays so in what is suggested
        student_labels([["O", "B-X"], ["O", "B-O", "B-Y"]], [{}, {"O": "O", "Y": "person"}], "IOB2", ["a", "b"])
    assert "give 'label_maps' that map the types" in str(caught.value)
    with pytest.raises(ConfigurationError) as caught:
        student_labels([["O", "B-PER"], ["O", "B-O", "B-person"]], [{}, {"O": "O"}], "IOB2", ["a", "b"])
    assert """for b: {"O": "O", "person": "PER"}""" in str(caught.value)


class Counted(str):
    """A text that counts how often it is compared."""

    comparisons = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return str.__eq__(self, other)


def test_the_work_grows_with_the_number_of_labels_and_not_with_its_square() -> None:
    """Also where an error is to be said."""
    labels = [Counted(f"B-{number}") for number in range(1000)]
    Counted.comparisons = 0
    assert len(letters_by_type(labels, "x")) == 1000
    with pytest.raises(ConfigurationError, match="B-0, B-1, .* and 970 more comes more than once") as caught:
        letters_by_type(labels + [Counted(label) for label in labels], "x")
    assert Counted.comparisons < 20_000 and len(str(caught.value)) < 1000


def test_numbers_of_teachers_and_maps_agree() -> None:
    for teachers, maps in (([], []), ([["O", "B-A"]], [])):
        with pytest.raises(ConfigurationError, match="label maps"):
            student_labels(teachers, maps, "IOB2")


@pytest.mark.parametrize(
    "labels, scheme",
    [
        ("O B-PER I-PER", "IOB2"),
        ("O B-PER", "IOB2"),
        ("O", "IOB2"),
        ("I-PER B-LOC I-LOC O", "IOB1"),
        ("O B-PER I-PER E-PER S-PER", "IOBES"),
        ("O S-PER B-LOC E-LOC", "IOBES"),
        ("O B-PER I-PER L-PER U-PER", "BILOU"),
        ("O B-a-b I-a-b", "IOB2"),
    ],
)
def test_schemes_are_told_from_labels(labels, scheme) -> None:
    assert scheme_of_labels(labels.split(), None, "x").name == scheme
    assert scheme_of_labels(labels.split(), scheme, "x").name == scheme


@pytest.mark.parametrize(
    "labels, given, complaint",
    [
        ("O PER", None, "'PER', a label of x, is not a tag"),
        ("O B_PER", None, "'B_PER'"),
        ("O B- I-", None, "'B-'"),
        ("O B-PER O", None, "O comes more than once"),
        ("O B-PER B-PER", None, "B-PER comes more than once"),
        ("O B-PER E-PER L-PER", None, "not fit any tag scheme"),
        ("O B-PER I-PER", "IOBES", "not tags of the scheme IOBES"),
        ("O S-PER", "IOB2", "not tags of the scheme IOB2"),
        ("O B-PER", "IOBX", "Unknown tag scheme"),
    ],
)
def test_labels_that_are_not_tags_are_refused(labels, given, complaint) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        scheme_of_labels(labels.split(), given, "x")
