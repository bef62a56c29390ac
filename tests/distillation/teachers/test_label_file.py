"""What a label file costs, and files that end in no time or never."""

import gzip
import itertools
import json
import lzma
import os
import tempfile

import pytest
from allennlp.common.checks import ConfigurationError

from lowresource_ner.data import text_lines
from lowresource_ner.distillation.teachers import label_file
from lowresource_ner.distillation.teachers.label_file import LabelFile

LINES = [json.dumps({"tokens": [str(number)], "tags": ["O"]}).encode() + b"\n" for number in range(20)]


def complaint(path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        LabelFile(str(path), lambda line: None)
    return str(caught.value)


@pytest.mark.parametrize("pack, suffix", [(bytes, ""), (gzip.compress, ".gz"), (lzma.compress, ".xz")])
def test_lines_have_a_longest_length(tmp_path, monkeypatch, pack, suffix) -> None:
    assert label_file.MAX_LABEL_LINE_BYTES == 64 << 20
    monkeypatch.setattr(label_file, "MAX_LABEL_LINE_BYTES", 1000)
    path = tmp_path / f"labels.jsonl{suffix}"
    longest = LINES[0].strip().ljust(999) + b"\n"
    path.write_bytes(pack(LINES[1] + longest + LINES[2]))
    assert len(LabelFile(str(path), lambda line: None)) == 3
    path.write_bytes(pack(LINES[1] + b" " + longest + LINES[2]))
    assert f"labels.jsonl{suffix}:2: the line is longer than 1000 bytes; " in complaint(path)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_blank_lines_have_an_end(tmp_path, monkeypatch, suffix) -> None:
    monkeypatch.setattr(text_lines, "MAX_BLANK_LINES", 1000)
    path = tmp_path / f"labels.jsonl{suffix}"

    def write(*parts: bytes) -> None:
        path.write_bytes(gzip.compress(b"".join(parts)) if suffix else b"".join(parts))

    write(LINES[0], b" \r\n" * 1000, LINES[1], b"\n" * 1000)
    index = LabelFile(str(path), lambda line: None)
    assert [found.number for found in index.find([["0"], ["1"]])] == [1, 1002]
    write(LINES[0], b" \r\n" * 1001, LINES[1])
    assert f"labels.jsonl{suffix}:1002: there are 1001 blank lines in a row" in complaint(path)


def test_only_labelled_lines_are_unpacked_to_the_disk(tmp_path) -> None:
    path = tmp_path / "labels.jsonl.gz"
    others = [b"\n" * 5000, b'{"line": 1, "error": "none"}\n' * 100, b'{"tokens": []}\n']
    path.write_bytes(gzip.compress(b"".join(itertools.chain(*zip(LINES, itertools.cycle(others))))))
    index = LabelFile(str(path), lambda line: None)
    assert os.fstat(index._file.fileno()).st_size == sum(map(len, LINES))
    found = index.find([[str(number)] for number in range(20)])
    assert [each.words for each in found] == [[str(number)] for number in range(20)]


def test_a_disk_that_is_full(tmp_path, monkeypatch) -> None:
    path = tmp_path / "labels.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n" + LINES[0]))
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **options: open("/dev/full", "r+b", **options))
    assert (
        "labels.jsonl.gz:2: the file cannot be decompressed any further (No space left on device); free space"
        in complaint(path)
    )
    monkeypatch.undo()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    assert "labels.jsonl.gz: no temporary file can be created (No such file or directory); " in complaint(path)


def test_pipes_and_devices_are_refused_before_they_are_opened(tmp_path) -> None:
    os.mkfifo(tmp_path / "labels.jsonl")
    assert "labels.jsonl: this is a pipe or a device" in complaint(tmp_path / "labels.jsonl")
    assert "/dev/null: this is a pipe or a device" in complaint("/dev/null")
    assert "there is no such file" in complaint("labels\0.jsonl")
