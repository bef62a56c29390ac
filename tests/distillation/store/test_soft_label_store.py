"""Soft labels come back as they were given, whoever writes beside us, dies, or damages the files."""

import json
import multiprocessing
import os
import pickle
import re
import shutil
import signal
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
from allennlp.common.checks import ConfigurationError
from conftest import file_under

from lowresource_ner.distillation.store import sentence_index, soft_label_store
from lowresource_ner.distillation.store.soft_label_store import SoftLabelStore

LABELS = ["O", "B-PER", "I-PER"]
REMOVE_FILE = "remove this file, and its contents are computed again"
SENTENCES = [["Storms", "hit", "Cork"], ["Rain"], ["New York", "won"], [], ["雨", "\ud800", "é" * 300], ["a"] * 700]
FORK = multiprocessing.get_context("fork")


def open_store(folder: Path, **options: Any) -> SoftLabelStore:
    return SoftLabelStore(folder, "teacher 1", LABELS, **options)


def probabilities_of(sentences: list, seed: int = 0) -> list:
    """Random ones in float32, independent of their sentences."""
    generator = numpy.random.default_rng(seed)
    return [generator.dirichlet([0.3] * 3, len(words)).astype(numpy.float32) for words in sentences]


def numbered(numbers: Any) -> tuple[list, list]:
    """Sentences of 1 to 5 words that say their number, and probabilities that follow from it."""
    sentences = [[f"word{number}"] * (1 + number % 5) for number in numbers]
    return sentences, [numpy.tile(row_of(int(words[0][4:])), (len(words), 1)) for words in sentences]


def row_of(number: int) -> numpy.ndarray:
    share = number % 1024 / 1024  # float16 holds it exactly
    return numpy.array([share, 1 - share, 0])


def assert_holds(store: SoftLabelStore, sentences: list, probabilities: list) -> None:
    found = store.get_many(sentences)
    assert len(found) == len(probabilities)
    for array, expected in zip(found, probabilities):
        assert array is not None and array.dtype == numpy.float16
        numpy.testing.assert_array_equal(array, expected.astype(numpy.float16), strict=True)


def segments(store: SoftLabelStore) -> list[Path]:
    return sorted(store.folder.glob("segment-*"))


def in_child(function: Callable[..., None], *arguments: Any) -> Any:
    process = FORK.Process(target=function, args=arguments)
    process.start()
    return process


def exit_code(process: Any) -> int:
    process.join()
    return process.exitcode


@pytest.fixture
def written(tmp_path: Path) -> SoftLabelStore:
    """A store with one segment."""
    with open_store(tmp_path) as store:
        store.add(SENTENCES, probabilities_of(SENTENCES))
    assert len(segments(store)) == 1
    return store


def test_round_trip(tmp_path: Path, written: SoftLabelStore) -> None:
    probabilities = probabilities_of(SENTENCES)
    for store in (written, open_store(tmp_path)):
        assert len(store) == len(SENTENCES)
        assert_holds(store, SENTENCES, probabilities)
        assert_holds(store, SENTENCES[::-1], probabilities[::-1])
        assert store.get_many([["Storms", "hit"], ["rain"]]) == [None, None]
        assert store.get_many([]) == store.missing([]) == []
        store.verify()


def test_pending_labels_are_found(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.add(SENTENCES, probabilities_of(SENTENCES))
    assert_holds(store, SENTENCES, probabilities_of(SENTENCES))
    assert len(store) == len(SENTENCES)
    assert (len(open_store(tmp_path)), segments(store)) == (0, [])


def test_tuples_and_lists_of_words_are_alike(written: SoftLabelStore) -> None:
    assert_holds(written, [tuple(words) for words in SENTENCES], probabilities_of(SENTENCES))


def test_separators_in_words_make_no_collisions(tmp_path: Path) -> None:
    text = "a b\nc\t1 2\0"
    cuts = [[text[:i], text[i:j], text[j:]] for i in range(len(text) + 1) for j in range(i, len(text) + 1)]
    more = [
        ["a b", "c"],
        ["a", "b c"],
        ["a b c"],
        ["a", "b", "c"],
        ["1", ""],
        ["", "1"],
        ["1 1\na"],
        ["a", "1 1\n"],
        [""],
        [],
    ]
    sentences = cuts + more
    assert len({tuple(words) for words in sentences}) == len(sentences) == 66 + 10
    with open_store(tmp_path) as store:
        store.add(sentences, probabilities_of(sentences))
    assert len(store) == len(sentences)
    assert_holds(store, sentences, probabilities_of(sentences))


@pytest.mark.parametrize("digest_bytes", [0, 8])
def test_colliding_digests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digest_bytes: int) -> None:
    """All sentences have one digest, or agree in its first half: the number of words and the second half tell them apart."""

    def colliding(words: list) -> bytes:
        digest = sentence_index.sentence_key(words)[:digest_bytes]
        return bytes(16 - digest_bytes) + digest + len(words).to_bytes(4, "little")

    monkeypatch.setattr(soft_label_store, "sentence_key", colliding)
    sentences = [[str(number)] * number for number in range(1, 20)]
    with open_store(tmp_path, sentences_per_segment=4) as store:
        store.add(sentences, probabilities_of(sentences))
    assert_holds(open_store(tmp_path), sentences, probabilities_of(sentences))
    assert store.get_many([["x"] * 20]) == [None]


def test_views_are_of_the_file(written: SoftLabelStore) -> None:
    array, again = (written.get_many(SENTENCES[:1])[0] for _ in range(2))
    assert array is not None and again is not None
    assert file_under(array) == segments(written)[0]
    assert not array.flags.owndata and not array.flags.writeable
    assert numpy.shares_memory(array, again)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 0


def test_segments_that_are_read_hold_no_file_open(tmp_path: Path) -> None:
    sentences, probabilities = numbered(range(60))
    with open_store(tmp_path, sentences_per_segment=1) as store:
        store.add(sentences, probabilities)
    before = len(os.listdir("/proc/self/fd"))
    reopened = open_store(tmp_path)
    assert len(segments(reopened)) == 60
    arrays = reopened.get_many(sentences)
    assert len({file_under(array) for array in arrays}) == 60
    assert len(os.listdir("/proc/self/fd")) <= before


def test_pending_labels_are_read_only_copies(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    given = probabilities_of([["a"]])[0].astype(numpy.float16)
    store.add([["a"]], [given])
    (array,) = store.get_many([["a"]])
    assert array is not None and not array.flags.writeable and array.base is None
    assert not numpy.shares_memory(array, given)


def test_missing(tmp_path: Path, written: SoftLabelStore) -> None:
    sentences = [["new"], SENTENCES[0], ["newer"], ["new"], SENTENCES[3], ["newest"], ["newer"]]
    assert written.missing(sentences) == [0, 2, 5]
    written.add([["newer"]], probabilities_of([["newer"]]))
    assert written.missing(sentences) == [0, 5]


def test_what_is_stored_stays(tmp_path: Path, written: SoftLabelStore) -> None:
    others = probabilities_of(SENTENCES, seed=1)
    for store in (written, open_store(tmp_path)):
        store.add(SENTENCES + SENTENCES, others + others)
        store.flush()
    assert len(segments(written)) == 1
    assert_holds(open_store(tmp_path), SENTENCES, probabilities_of(SENTENCES))


def test_segments_are_written_when_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path, sentences_per_segment=10)
    store.add(*numbered(range(29)))
    assert (len(segments(store)), len(open_store(tmp_path)), len(store)) == (2, 20, 29)
    monkeypatch.setattr(soft_label_store, "_WORDS_PER_SEGMENT", 100)
    store.add([["long"] * 100], probabilities_of([["long"] * 100]))
    assert (len(segments(store)), len(open_store(tmp_path))) == (3, 30)
    store.flush()
    store.flush()
    assert len(segments(store)) == 3
    assert_holds(store, *numbered(range(29)))


def test_an_error_within_with_loses_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), open_store(tmp_path) as store:
        store.add(*numbered(range(3)))
        raise KeyboardInterrupt
    assert_holds(open_store(tmp_path), *numbered(range(3)))


def test_a_write_that_fails_can_be_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    store = open_store(tmp_path)
    store.add(*numbered(range(3)))
    told = "segment-.*' of the soft-label store cannot be written: No space left on device. Free space .* same command then"
    with monkeypatch.context() as patched, pytest.raises(ConfigurationError, match=told):
        patched.setattr(os, "fsync", full)
        store.flush()
    assert os.listdir(store.folder) == ["header.json"]
    assert_holds(store, *numbered(range(3)))
    store.flush()
    assert_holds(open_store(tmp_path), *numbered(range(3)))


def write_and_be_killed(folder: Path) -> None:
    store = open_store(folder, sentences_per_segment=10)
    store.add(*numbered(range(20)))

    def kill(descriptor: int) -> None:
        os.truncate(f"/proc/self/fd/{descriptor}", 100)  # a part of the file is on the disk
        os.kill(os.getpid(), signal.SIGKILL)

    os.fsync = kill
    store.add(*numbered(range(20, 40)))


def test_a_killed_writer_loses_its_unfinished_segment_only(tmp_path: Path) -> None:
    assert exit_code(in_child(write_and_be_killed, tmp_path)) == -signal.SIGKILL
    store = open_store(tmp_path)
    (left,) = store.folder.glob(".*.part")
    assert left.stat().st_size == 100
    assert (len(store), len(segments(store))) == (20, 2)
    assert_holds(store, *numbered(range(20)))
    assert store.missing(numbered(range(40))[0]) == list(range(20, 40))
    with store:
        store.add(*numbered(range(40)))
    assert_holds(open_store(tmp_path), *numbered(range(40)))


def test_temporary_files_are_removed_when_they_are_stale(written: SoftLabelStore, tmp_path: Path) -> None:
    stale, live = (written.folder / f".segment-{name}.bin.{name}.part" for name in "ab")
    for path, age in ((stale, 2), (live, 0)):
        path.write_bytes(b"beginning")
        os.utime(path, (0, time.time() - age * 24 * 60 * 60))
    open_store(tmp_path)
    assert (stale.exists(), live.exists()) == (False, True)


def write_with_another(folder: Path, numbers: range, barrier: Any) -> None:
    barrier.wait()
    with open_store(folder, sentences_per_segment=7) as store:
        for number in numbers:
            if store.missing(numbered([number])[0]):
                store.add(*numbered([number]))
            if number % 50 == 0:
                store.refresh()
        assert_holds(store, *numbered(numbers))


def test_two_writers_at_once(tmp_path: Path) -> None:
    """They make the folder at the same time, too, and have half their sentences in common."""
    barrier = FORK.Barrier(2)
    writers = [
        in_child(write_with_another, tmp_path, numbers, barrier) for numbers in (range(300), range(449, 149, -1))
    ]
    assert [exit_code(writer) for writer in writers] == [0, 0]
    store = open_store(tmp_path)
    assert len(store) == 450
    assert_holds(store, *numbered(range(450)))
    assert not list(store.folder.glob(".*"))
    store.verify()


def test_refresh_takes_up_what_others_wrote(tmp_path: Path) -> None:
    reader, writer = open_store(tmp_path), open_store(tmp_path)
    reader.add(*numbered(range(2)))
    writer.add(*numbered(range(1, 4)))
    writer.flush()
    sentences, probabilities = numbered(range(4))
    assert (reader.missing(sentences), writer.missing(sentences)) == ([2, 3], [0])
    reader.refresh()
    assert (reader.missing(sentences), len(reader)) == ([], 4)
    reader.refresh()
    assert len(reader) == 4
    reader.flush()
    writer.refresh()
    for store in (reader, writer, open_store(tmp_path)):
        assert len(store) == 4
        assert_holds(store, sentences, probabilities)


def test_a_sentence_in_two_segments_counts_once(tmp_path: Path) -> None:
    stores = [open_store(tmp_path) for _ in range(3)]
    for store in stores:
        store.add(*numbered(range(100)))
        store.flush()
    store = open_store(tmp_path)
    assert (len(segments(store)), len(store)) == (3, 100)
    assert_holds(store, *numbered(range(100)))


def read_all(store: SoftLabelStore) -> None:
    assert_holds(store, SENTENCES, probabilities_of(SENTENCES))


def test_forked_processes_read(written: SoftLabelStore) -> None:
    written.get_many(SENTENCES)
    assert [exit_code(reader) for reader in [in_child(read_all, written) for _ in range(2)]] == [0, 0]


def test_pickled_stores_open_anew(written: SoftLabelStore) -> None:
    written.add([["pending"]], probabilities_of([["pending"]]))
    store = pickle.loads(pickle.dumps(written))
    read_all(store)
    assert (len(store), store.missing([["pending"]])) == (len(SENTENCES), [0])
    assert store._sentences_per_segment == written._sentences_per_segment


def test_the_index_is_small(tmp_path: Path) -> None:
    number = 100_000
    sentences = [[str(i)] for i in range(number)]
    with open_store(tmp_path) as store:
        store.add(sentences, [numpy.array([[1, 0, 0]])] * number)
    assert len(segments(store)) == 7
    tracemalloc.start()
    store = open_store(tmp_path)
    size, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(store) == number
    columns = [each for each in vars(store._index).values() if isinstance(each, numpy.ndarray)]
    assert sum(column.nbytes for column in columns) == 28 * number
    assert size < 30 * number
    assert peak < 120 * number
    assert store.missing(sentences) == []


def test_teachers_have_folders_of_their_own(tmp_path: Path, written: SoftLabelStore) -> None:
    other = SoftLabelStore(tmp_path, "teacher 2", ["O"])
    assert other.get_many(SENTENCES) == [None] * len(SENTENCES)
    assert other.folder != written.folder and other.folder.parent == written.folder.parent == tmp_path


def assert_refused(open_again: Callable[[], Any], path: Path, problem: str, remedy: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        open_again()
    message = str(raised.value)
    assert message.startswith(f"{path}: ")
    wrong, _, what_to_do = message.partition("; ")
    assert problem in wrong
    assert remedy in what_to_do


def cut(start: int, stop: int | None = None) -> Callable[[bytes], bytes]:
    return lambda content: content[start:stop]


def flip(position: int) -> Callable[[bytes], bytes]:
    return lambda content: flipped(content, position)


def flipped(content: bytes, position: int) -> bytes:
    changed = bytearray(content)
    changed[position] ^= 1
    return bytes(changed)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (cut(0, -1), "the file is cut short or damaged: it has 4445 bytes instead of 4446"),
        (cut(0, 100), "the file is cut short or damaged: it has 100 bytes instead of 4446"),
        (cut(0, 71), "the file is cut short, to 71 bytes"),
        (cut(0, 0), "the file is cut short, to 0 bytes"),
        (lambda content: content + b"\0", "it has 4447 bytes"),
        (lambda content: b"\n" * 4446, "this is not a segment of soft labels of this version"),
        (lambda content: b"NERsoft2" + content[8:], "this is not a segment of soft labels of this version"),
        (flip(10), "the segment belongs to another teacher or other labels, or is damaged"),
        (flip(30), "the digest of its keys differs"),
        (flip(40), "instead of"),
        (flip(70), "the digest of its keys differs"),
        (flip(90), "the digest of its keys differs"),
        (flip(191), "the digest of its keys differs"),
    ],
)
def test_damaged_segments(tmp_path: Path, written: SoftLabelStore, damage: Any, problem: str) -> None:
    (path,) = segments(written)
    content = path.read_bytes()
    # Head with digest, keys, probabilities.
    assert len(content) == 72 + len(SENTENCES) * 20 + sum(map(len, SENTENCES)) * 3 * 2
    path.write_bytes(damage(content))
    assert_refused(lambda: open_store(tmp_path), path, problem, REMOVE_FILE)
    path.unlink()
    assert open_store(tmp_path).missing(SENTENCES) == list(range(len(SENTENCES)))


@pytest.mark.parametrize("position", [192, -1])
def test_damaged_probabilities_are_found_by_verify(tmp_path: Path, written: SoftLabelStore, position: int) -> None:
    (path,) = segments(written)
    path.write_bytes(flipped(path.read_bytes(), position))
    assert_refused(open_store(tmp_path).verify, path, "the digest of its probabilities differs", REMOVE_FILE)


def test_damage_by_another_writer_changes_nothing(tmp_path: Path, written: SoftLabelStore) -> None:
    before = set(segments(written))
    writer = open_store(tmp_path)
    writer.add(*numbered(range(3)))
    writer.flush()
    (path,) = set(segments(writer)) - before
    path.write_bytes(path.read_bytes()[:-1])
    for _ in range(2):
        assert_refused(written.refresh, path, "cut short", REMOVE_FILE)
        assert len(written) == len(SENTENCES)
    read_all(written)


def test_segment_of_another_store(tmp_path: Path, written: SoftLabelStore) -> None:
    with SoftLabelStore(tmp_path, "teacher 2", LABELS) as other:
        other.add(*numbered(range(3)))
    copy = written.folder / "segment-copied.bin"
    shutil.copy(segments(other)[0], copy)
    assert_refused(lambda: open_store(tmp_path), copy, "belongs to another teacher", REMOVE_FILE)


def test_folder_of_another_teacher(tmp_path: Path, written: SoftLabelStore) -> None:
    other = SoftLabelStore(tmp_path, "teacher 2", LABELS).folder
    shutil.rmtree(other)
    shutil.copytree(written.folder, other)
    remedy = f"remove the folder {other}, and its soft labels are computed again"
    problem = "teacher_fingerprint is 'teacher 1' instead of 'teacher 2'"
    assert_refused(lambda: SoftLabelStore(tmp_path, "teacher 2", LABELS), other / "header.json", problem, remedy)


@pytest.mark.parametrize("labels", [["O", "B-PER"], ["B-PER", "O", "I-PER"]])
def test_other_labels(tmp_path: Path, written: SoftLabelStore, labels: list[str]) -> None:
    header = written.folder / "header.json"
    problem = f"labels is ['O', 'B-PER', 'I-PER'] instead of {labels}"
    remedy = f"remove the folder {header.parent}"
    assert_refused(lambda: SoftLabelStore(tmp_path, "teacher 1", labels), header, problem, remedy)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"format": "pictures"}, "format is 'pictures' instead of 'lowresource_ner soft labels'"),
        ({"version": 2}, "version is 2 instead of 1"),
        ({"dtype": "float32"}, "dtype is 'float32' instead of 'float16'"),
        ("{", "the file is damaged (Expecting property name"),
        ("\udcff", "the file is damaged"),
        ("", "the file is damaged"),
        ("[]", "the file is damaged (it holds a list instead of an object)"),
        ("{}", "format is None"),
    ],
)
def test_other_headers(tmp_path: Path, written: SoftLabelStore, change: Any, problem: str) -> None:
    path = written.folder / "header.json"
    header = json.loads(path.read_text())
    assert header == {
        "format": "lowresource_ner soft labels",
        "version": 1,
        "teacher_fingerprint": "teacher 1",
        "labels": LABELS,
        "dtype": "float16",
    }
    text = change if isinstance(change, str) else json.dumps({**header, **change})
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert_refused(lambda: open_store(tmp_path), path, problem, f"remove the folder {path.parent}")


def test_folders_without_header(tmp_path: Path, written: SoftLabelStore) -> None:
    path = written.folder / "header.json"
    path.unlink()
    problem = f"this file is missing, but the folder has others, such as {segments(written)[0].name}"
    assert_refused(lambda: open_store(tmp_path), path, problem, f"remove the folder {path.parent}")


def test_a_writer_killed_before_the_header(tmp_path: Path, written: SoftLabelStore) -> None:
    shutil.rmtree(written.folder)
    written.folder.mkdir()
    (written.folder / ".header.json.1.part").write_text("{")
    assert len(open_store(tmp_path)) == 0


def test_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with pytest.raises(ConfigurationError, match="file/teacher-.*cannot be created .*; give another folder"):
        open_store(tmp_path / "file")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("", LABELS), "'teacher_fingerprint' is ''"),
        (("teacher", []), "'labels' is []; give a list of strings"),
        (("teacher", "OBI"), "'labels' is 'OBI'; give a list of strings"),
        (("teacher", ["O", "O"]), "'labels' is ['O', 'O']; give a list of strings, not empty and without duplicates"),
        (("teacher", LABELS, 0), "'sentences_per_segment' is 0; give"),
    ],
)
def test_arguments_are_checked(tmp_path: Path, arguments: tuple, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(problem)):
        SoftLabelStore(tmp_path, *arguments)
    assert os.listdir(tmp_path) == []


NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ([[1, 0, 0]], "have shape (1, 3) instead of (words, labels), (2, 3). Give one row per word"),
        ([[1, 0], [0, 1]], "have shape (2, 2) instead of (words, labels), (2, 3)"),
        ([1, 0, 0], "have shape (3,)"),
        ([[1, 0, 0], [NAN, 0, 1]], "Word 1 of the sentence 'New Cork' has the probabilities [nan  0.  1.]"),
        ([[1, 0, 0], [INFINITY, 0, 0]], "[inf  0.  0.]"),
        ([[INFINITY, -INFINITY, 1], [1, 0, 0]], "Word 0 of the sentence 'New Cork'"),
        ([[1, 0, 0], [1e30, 0, 0]], "[inf  0.  0.]"),
        ([[1, 0, 0], [-0.1, 0.1, 1]], "and sum to 1"),
        ([[1, 0, 0], [1.1, 0, -0.1]], "and sum to 1"),
        ([[1, 0, 0], [0.33, 0.33, 0.32]], "give the teacher's probabilities, not its logits"),
        ([[0, 0, 0], [1, 0, 0]], "Word 0 of the sentence 'New Cork' has the probabilities [0. 0. 0.]"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_values_are_checked(tmp_path: Path, wrong: list, problem: str) -> None:
    store = open_store(tmp_path)
    sentences = [["Rain"], [], ["New", "Cork"], ["Storms"]]
    probabilities = [*probabilities_of(sentences[:2]), numpy.array(wrong), *probabilities_of(sentences[3:])]
    with pytest.raises(ConfigurationError, match=re.escape(problem)):
        store.add(sentences, probabilities)
    assert len(store) == 0


def test_one_array_for_each_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="There are 2 sentences, but 1 arrays of probabilities"):
        open_store(tmp_path).add([["a"], ["b"]], [numpy.array([[1, 0, 0]])])


def test_rounding_is_no_error(tmp_path: Path) -> None:
    rows = numpy.array([[1.0000001, -1e-9, 0], [0.333, 0.333, 0.33], [1e-30, 0.5, 0.5]], numpy.float32)
    with open_store(tmp_path) as store:
        store.add([["a", "b", "c"]], [rows])
    assert_holds(store, [["a", "b", "c"]], [rows])
