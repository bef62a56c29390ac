"""Tag schemes against hand-counted spans, regular expressions, conlleval's rules and seqeval."""

import itertools
import pickle
import re

import pytest
from allennlp.common.checks import ConfigurationError
from allennlp.modules.conditional_random_field import allowed_transitions
from hypothesis import given
from hypothesis import strategies as st
from seqeval import scheme as seqeval_scheme
from seqeval.metrics.sequence_labeling import get_entities

from lowresource_ner.tagging import (
    SCHEMES,
    EntitySpan,
    InvalidTagSequence,
    SchemeDetector,
    get_file_scheme,
    get_scheme,
    is_tag,
    split_tag,
    tag_scheme,
)

NAMES = ["IOB2", "IOB1", "IOBES", "BILOU"]
LETTERS = {"IOB1": "BI", "IOB2": "BI", "IOBES": "BIES", "BILOU": "BILU"}
TYPES = ["PER", "LOC", "Gene-or-product"]

# What is valid, written down a second time: each tag is followed by a space.
GRAMMARS = {
    "IOB1": re.compile(r"(?:O |I-(\S+) (?:[IB]-\1 )*)*"),
    "IOB2": re.compile(r"(?:O |B-(\S+) (?:I-\1 )*)*"),
    "IOBES": re.compile(r"(?:O |S-\S+ |B-(\S+) (?:I-\1 )*E-\1 )*"),
    "BILOU": re.compile(r"(?:O |U-\S+ |B-(\S+) (?:I-\1 )*L-\1 )*"),
}

# The same sentence in all schemes, and its entities counted by hand.
HAND_COUNTED = [
    ("IOB1", "I-PER I-PER B-PER O I-LOC I-ORG I-ORG"),
    ("IOB2", "B-PER I-PER B-PER O B-LOC B-ORG I-ORG"),
    ("IOBES", "B-PER E-PER S-PER O S-LOC B-ORG E-ORG"),
    ("BILOU", "B-PER L-PER U-PER O U-LOC B-ORG L-ORG"),
]
HAND_COUNTED_SPANS = [(0, 2, "PER"), (2, 3, "PER"), (4, 5, "LOC"), (5, 7, "ORG")]


@st.composite
def spans_and_length(draw):
    length = draw(st.integers(0, 12))
    bounds = sorted(draw(st.lists(st.integers(0, length), max_size=8, unique=True)))
    pairs = [pair for pair in itertools.pairwise(bounds) if draw(st.booleans())]
    return [EntitySpan(start, end, draw(st.sampled_from(TYPES))) for start, end in pairs], length


def tag_sequences(letters, types=tuple(TYPES)):
    tags = ["O", *(f"{letter}-{entity_type}" for letter in letters for entity_type in types)]
    return st.lists(st.sampled_from(tags), max_size=12)


def converted(tags, source, target):
    return get_scheme(target).tags(get_scheme(source).spans(tags), len(tags))


def detected(sequences):
    detector = SchemeDetector()
    for tags in sequences:
        detector.add(tags)
    return detector.result()


@pytest.mark.parametrize(("name", "tags"), HAND_COUNTED)
def test_hand_counted_spans(name, tags):
    scheme = get_scheme(name)
    assert scheme.spans(tags.split()) == HAND_COUNTED_SPANS
    assert scheme.spans(tags.split(), repair=True) == HAND_COUNTED_SPANS
    assert scheme.tags(HAND_COUNTED_SPANS, 7) == tags.split()


@pytest.mark.parametrize("source", HAND_COUNTED)
@pytest.mark.parametrize("target", HAND_COUNTED)
def test_hand_counted_conversions(source, target):
    assert converted(source[1].split(), source[0], target[0]) == target[1].split()


@pytest.mark.parametrize(
    ("name", "tags", "position", "reason"),
    [
        ("IOB2", "O I-PER", 1, "no entity is open before it; IOB2 begins one with B-PER"),
        ("IOB2", "I-PER", 0, "no entity is open"),
        ("IOB2", "B-PER I-PER I-LOC", 2, "the type changes from PER to LOC inside an entity"),
        ("IOB2", "O S-PER", 1, "IOB2 has no prefix 'S', only B, I and O"),
        ("IOB2", "O PER", 1, 'a tag is "O", or one of'),
        ("IOB2", "b-PER", 0, 'a tag is "O", or one of'),
        ("IOB2", "", None, ""),
        ("IOB1", "O B-PER", 1, "IOB1 writes B- only directly after an entity of the same type, and I- elsewhere"),
        ("IOB1", "I-LOC B-PER", 1, "IOB1 writes B- only directly after"),
        ("IOB1", "I-LOC I-PER", None, ""),
        ("IOB1", "I-LOC B-LOC B-LOC", None, ""),
        ("IOBES", "O E-PER", 1, "no entity is open before it; IOBES begins one with B-PER"),
        ("IOBES", "O B-PER O", 1, "the entity is never closed; IOBES expects E-PER at its end"),
        ("IOBES", "B-PER I-PER", 1, "the entity is never closed"),
        ("IOBES", "B-PER S-PER", 0, "the entity is never closed"),
        ("IOBES", "B-PER B-PER E-PER", 0, "the entity is never closed"),
        ("IOBES", "B-PER E-LOC", 1, "the type changes from PER to LOC inside an entity"),
        ("IOBES", "S-PER E-PER", 1, "no entity is open"),
        ("IOBES", "B-PER E-PER I-PER", 2, "no entity is open"),
        ("IOBES", "U-PER", 0, "IOBES has no prefix 'U', only B, I, E, S and O"),
        ("BILOU", "L-PER", 0, "no entity is open before it; BILOU begins one with B-PER"),
        ("BILOU", "B-PER O", 0, "BILOU expects L-PER at its end"),
        ("BILOU", "B-PER E-PER", 1, "BILOU has no prefix 'E', only B, I, L, U and O"),
        ("BILOU", "B-", 0, "the entity type is missing; expected B-TYPE"),
        ("BILOU", "O O-PER", 1, '"O" takes no entity type'),
    ],
)
def test_first_error(name, tags, position, reason):
    error = get_scheme(name).first_error(tags.split())
    if position is None:
        assert error is None
        assert get_scheme(name).check(tags.split()) is None
        return
    assert (error.position, error.tag) == (position, tags.split()[position])
    assert reason in error.reason
    with pytest.raises(InvalidTagSequence, match=re.escape(f"tag {position}, {error.tag!r}: {error.reason}")):
        get_scheme(name).spans(tags.split())


@pytest.mark.parametrize("name", NAMES)
def test_check_accepts_what_the_grammar_does_and_what_tags_writes(name):
    """Every sequence of up to four tags of two types."""
    scheme = get_scheme(name)
    tags = scheme.tag_set(["X", "Y"])
    num_valid = num_sequences = 0
    for sequence in itertools.chain.from_iterable(itertools.product(tags, repeat=length) for length in range(5)):
        is_valid = scheme.first_error(sequence) is None
        assert is_valid == bool(GRAMMARS[name].fullmatch("".join(f"{tag} " for tag in sequence))), sequence
        assert is_valid == (scheme.tags(scheme.spans(sequence, repair=True), len(sequence)) == list(sequence)), sequence
        num_sequences += 1
        num_valid += is_valid
    assert num_sequences == sum(len(tags) ** length for length in range(5))
    assert 0 < num_valid < num_sequences


@pytest.mark.parametrize("name", NAMES)
@given(spans_and_length())
def test_spans_to_tags_and_back(name, case):
    spans, length = case
    scheme = get_scheme(name)
    tags = scheme.tags(reversed(spans), length)
    assert len(tags) == length
    assert set(tags) <= set(scheme.tag_set(TYPES))
    assert scheme.spans(tags) == spans
    assert scheme.spans(tags, repair=True) == spans


@pytest.mark.parametrize(("source", "target"), list(itertools.permutations(NAMES, 2)))
@given(spans_and_length())
def test_conversions_there_and_back(source, target, case):
    tags = get_scheme(source).tags(*case)
    assert converted(converted(tags, source, target), target, source) == tags


def seqeval_spans(tags):
    return [EntitySpan(start, end + 1, entity_type) for entity_type, start, end in get_entities(tags)]


@given(tag_sequences("BIES"))
def test_repair_reads_as_seqeval_does(tags):
    """On any tags that seqeval knows, valid or not. It has no L and U, and calls a missing type "_"."""
    for name in NAMES:
        assert get_scheme(name).spans(tags, repair=True) == seqeval_spans(tags)


@given(tag_sequences("BILU"))
def test_repair_reads_l_as_e_and_u_as_s(tags):
    renamed = [tag.replace("L-", "E-", 1).replace("U-", "S-", 1) if tag[0] in "LU" else tag for tag in tags]
    assert get_scheme("BILOU").spans(tags, repair=True) == seqeval_spans(renamed)


def conlleval_spans(tags):
    """The reading of conlleval.pl: pairs of letters at which a chunk begins, ends, and what a change of type does."""
    begins = {("B", "B"), ("I", "B"), ("O", "B"), ("O", "I"), ("E", "E"), ("E", "I"), ("O", "E")}
    ends = {("B", "B"), ("B", "O"), ("I", "B"), ("I", "O"), ("E", "E"), ("E", "I"), ("E", "O")}
    spans, start, before = [], None, ("O", None)
    for position, tag in enumerate([*tags, "O"]):
        now = split_tag(tag)
        pair, differs = (before[0], now[0]), before[1] != now[1]
        if pair in ends or (before[0] != "O" and differs):
            spans.append(EntitySpan(start, position, before[1]))
        if pair in begins or (now[0] != "O" and differs):
            start = position
        before = now
    return spans


@given(tag_sequences("BI"))
def test_repair_reads_as_conlleval_does(tags):
    assert get_scheme("IOB2").spans(tags, repair=True) == conlleval_spans(tags)


@given(tag_sequences("BIE", types=("PER", "LOC")))
def test_repair_departs_from_conlleval_only_where_b_follows_e(tags):
    if not any(a[0] == "E" and b == f"B{a[1:]}" for a, b in itertools.pairwise(tags)):
        assert get_scheme("IOBES").spans(tags, repair=True) == conlleval_spans(tags)


def test_conlleval_and_seqeval_part_where_b_follows_e():
    tags = ["B-PER", "E-PER", "B-PER", "E-PER"]
    assert conlleval_spans(tags) == [(0, 4, "PER")]
    assert seqeval_spans(tags) == get_scheme("IOBES").spans(tags, repair=True) == [(0, 2, "PER"), (2, 4, "PER")]


@pytest.mark.parametrize("name", NAMES)
@given(case=spans_and_length())
def test_valid_tags_read_as_in_seqevals_strict_mode(name, case):
    tags = get_scheme(name).tags(*case)
    entities = seqeval_scheme.Entities([tags], getattr(seqeval_scheme, name)).entities[0]
    assert [(entity.start, entity.end, entity.tag) for entity in entities] == get_scheme(name).spans(tags)


@pytest.mark.parametrize("tag", ["PER", "", "o", "B", "I-", "O-PER", "X-PER"])
def test_repair_cannot_read_what_is_no_tag(tag):
    with pytest.raises(InvalidTagSequence) as raised:
        get_scheme("IOB2").spans(["O", tag], repair=True)
    assert (raised.value.position, raised.value.tag, raised.value.repairable) == (1, tag, False)


def test_error_that_repair_overcomes_says_so_and_travels_between_processes():
    error = get_scheme("IOB2").first_error(["I-PER"])
    error.sequence = 3
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(copy, ConfigurationError)
    assert (copy.position, copy.tag, copy.reason, copy.sequence) == (0, "I-PER", error.reason, 3)
    assert copy.repairable


def test_types_with_hyphens():
    assert split_tag("B-Gene-or-product") == ("B", "Gene-or-product")
    assert split_tag("B--x") == ("B", "-x")
    assert split_tag("O") == ("O", None)
    assert split_tag("B-") == ("B", None)
    assert split_tag("PER") == ("PER", None)
    assert get_scheme("BIO").spans(["B-a-b", "I-a-b", "B-a"]) == [(0, 2, "a-b"), (2, 3, "a")]


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        ([(0, 2, "PER"), (1, 3, "LOC")], "overlap"),
        ([(0, 4, "PER")], "out of range"),
        ([(-1, 2, "PER")], "out of range"),
        ([(1, 1, "PER")], "out of range"),
        ([(0, 1, "")], "no type"),
    ],
)
def test_spans_that_no_tags_can_hold(spans, message):
    with pytest.raises(ValueError, match=message):
        get_scheme("IOBES").tags(spans, 3)


def test_memory_of_judged_pairs_is_bounded(monkeypatch):
    monkeypatch.setattr(tag_scheme, "_MAX_CACHED_PAIRS", 10)
    scheme = tag_scheme.TagScheme(name="IOB2", first="B", inside="I", last="I", single="B")
    for number in range(100):
        scheme.check([f"B-{number}", f"I-{number}"])
    assert len(scheme._violations) <= 10
    assert repr(scheme) == "TagScheme(IOB2)"


@pytest.mark.parametrize(
    "constraints, name", [("IOB1", "IOB1"), ("BIO", "IOB2"), ("BIOUL", "BILOU"), ("BIOUL", "IOBES")]
)
def test_what_may_follow_is_what_allennlp_allows(constraints, name):
    scheme = get_scheme(name)
    tags = scheme.tag_set(["PER", "LOC"])
    iobes_letters = {"S": "U", "E": "L"}  # AllenNLP knows IOBES by the letters of BILOU
    renamed = [iobes_letters.get(tag[0], tag[0]) + tag[1:] if name == "IOBES" else tag for tag in tags]
    outside = [*tags, "O", "O"]  # the last two stand for the beginning and the end
    start, end = len(tags), len(tags) + 1
    places = [(i, j) for i in range(start + 1) for j in [*range(start), end] if (i, j) != (start, end)]
    found = {(i, j) for i, j in places if scheme.allows(outside[i], outside[j])}
    assert found == set(allowed_transitions(constraints, dict(enumerate(renamed))))


@pytest.mark.parametrize("source", NAMES)
@pytest.mark.parametrize("target", NAMES)
def test_letters_are_converted_where_no_other_word_matters(source, target):
    """By all entities of three words: in the end a letter has one translation, or there is none to be had."""
    letters = SCHEMES[source].letters_in(SCHEMES[target])
    spans = [(start, end, "X") for start in range(3) for end in range(start + 1, 4)]
    sets = [chosen for number in range(4) for chosen in itertools.combinations(spans, number)]
    flat = [chosen for chosen in sets if all(one[1] <= other[0] for one, other in itertools.pairwise(chosen))]
    pairs = {
        (old[0], new[0])
        for chosen in flat
        for old, new in zip(
            *(get_scheme(name).tags([EntitySpan(*span) for span in chosen], 3) for name in (source, target))
        )
        if old != "O"
    }
    if letters is None:
        assert len(dict(pairs)) < len(pairs)
    else:
        assert pairs == set(letters.items())


def test_tag_set():
    types = iter(["PER", "LOC", "PER"])
    assert get_scheme("IOB2").tag_set(types) == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    assert get_scheme("IOB1").tag_set(["X"]) == ["O", "B-X", "I-X"]
    assert get_scheme("IOBES").tag_set(["X"]) == ["O", "B-X", "I-X", "E-X", "S-X"]
    assert get_scheme("BILOU").tag_set(["X"]) == ["O", "B-X", "I-X", "L-X", "U-X"]
    assert get_scheme("BILOU").tag_set([]) == ["O"]


def test_names_and_aliases():
    for alias, name in [("bio", "IOB2"), ("BIOES", "IOBES"), ("bioul", "BILOU"), ("Iob", "IOB1"), ("IOB2", "IOB2")]:
        assert get_scheme(alias).name == name
    assert pickle.loads(pickle.dumps(get_scheme("BIO"))) is get_scheme("IOB2")
    with pytest.raises(ConfigurationError, match=r"'BMES'; use one of IOB2, IOB1, IOBES, BILOU .*BIO = IOB2"):
        get_scheme("BMES")
    with pytest.raises(ConfigurationError, match="Unknown tag scheme None"):
        get_scheme(None)


@pytest.mark.parametrize(
    ("sequences", "name"),
    [
        ([], "IOB2"),
        ([[]], "IOB2"),
        (["O O", "O"], "IOB2"),
        (["B-PER O", "B-LOC B-LOC"], "IOB2"),
        (["I-PER I-PER O", "O I-LOC"], "IOB1"),
        (["I-PER B-PER"], "IOB1"),
        (["S-PER"], "IOBES"),
        (["B-PER E-PER"], "IOBES"),
        (["U-PER"], "BILOU"),
        (["B-PER L-PER"], "BILOU"),
        (["B-PER", "O B-PER I-PER"], "IOB2"),
    ],
)
def test_detection(sequences, name):
    assert detected(s.split() if isinstance(s, str) else s for s in sequences).name == name


@given(st.sampled_from(NAMES), st.lists(spans_and_length(), max_size=4))
def test_detection_takes_the_first_scheme_that_fits_all(name, cases):
    sequences = [get_scheme(name).tags(*case) for case in cases]
    fits = [
        other
        for other in NAMES
        if all(GRAMMARS[other].fullmatch("".join(f"{tag} " for tag in tags)) for tags in sequences)
    ]
    assert name in fits
    assert detected(iter(sequences)).name == fits[0]


def test_detection_names_the_first_error_under_the_best_scheme():
    detector = SchemeDetector()
    for tags in ("B-PER I-PER", "O I-LOC", "B-PER O", "B-LOC I-PER"):
        detector.add(tags.split())
    assert detector.best().name == "IOB2"
    with pytest.raises(InvalidTagSequence, match="no tag scheme fits all sequences; IOB2 comes closest") as raised:
        detector.result()
    assert (raised.value.sequence, raised.value.position, raised.value.tag) == (1, 1, "I-LOC")
    assert "2 of 4 sequences" in str(raised.value)
    assert "no entity is open before it" in str(raised.value)


@pytest.mark.parametrize(
    "name, tags, spans",
    [
        (
            "IO",
            "O person-artist person-artist PER O I-LOC LOC",
            [(1, 3, "person-artist"), (3, 4, "PER"), (5, 7, "LOC")],
        ),
        ("io", "", []),
        ("IO", "L L O S", [(0, 2, "L"), (3, 4, "S")]),
        ("BMES", "B-PER M-PER M-PER E-PER S-LOC B-LOC E-LOC", [(0, 4, "PER"), (4, 5, "LOC"), (5, 7, "LOC")]),
    ],
)
def test_schemes_that_are_only_read(name, tags, spans):
    scheme = get_file_scheme(name)
    assert scheme.spans(tags.split()) == scheme.spans(tags.split(), repair=True) == spans
    assert scheme.count_repaired(tags.split(), scheme.spans(tags.split())) == 0
    assert pickle.loads(pickle.dumps(scheme)) is scheme
    with pytest.raises(ConfigurationError, match=f"Tags are not written in {name.upper()}; take one of IOB2"):
        scheme.tags(spans, 10)


@pytest.mark.parametrize(
    "name, tags, position, reason, repairable",
    [
        ("IO", "PER B-PER", 1, "IO has no prefix 'B', only I and O", True),
        ("IO", "O-PER", 0, '"O" takes no entity type', False),
        ("BMES", "B-PER I-PER", 1, "BMES has no prefix 'I', only B, M, E, S and O", True),
        ("BMES", "B-PER M-PER O", 1, "the entity is never closed; BMES expects E-PER at its end", True),
        ("BMES", "O M-PER", 1, "no entity is open before it; BMES begins one with B-PER", True),
        ("BMES", "PER", 0, 'a tag is "O", or one of', False),
    ],
)
def test_errors_in_schemes_that_are_only_read(name, tags, position, reason, repairable):
    error = get_file_scheme(name).first_error(tags.split())
    assert (error.position, error.tag, error.repairable) == (position, tags.split()[position], repairable)
    assert reason in error.reason
    assert pickle.loads(pickle.dumps(error)).repairable is repairable


def test_repair_in_schemes_that_are_only_read():
    scheme = get_file_scheme("BMES")
    tags = "M-PER M-PER O S-LOC E-LOC".split()
    spans = scheme.spans(tags, repair=True)
    assert spans == [(0, 2, "PER"), (3, 4, "LOC"), (4, 5, "LOC")]
    assert scheme.count_repaired(tags, spans) == 3  # B-PER E-PER O S-LOC S-LOC
    with pytest.raises(InvalidTagSequence, match="tag 1, 'PER'"):
        scheme.spans(["O", "PER"], repair=True)


@pytest.mark.parametrize("name", ["IOB", "bioes"])
def test_file_schemes_are_all_others_too(name):
    assert get_file_scheme(name) is get_scheme(name)


def test_what_looks_like_a_tag():
    assert all(map(is_tag, ["O", "B-PER", "M-PER", "L-a-b"]))
    assert not any(map(is_tag, ["", "PER", "B-", "M-", "O-X", "NNP", "b-PER", "domain=en"]))
