"""Files that are written piece by piece: what was committed stays, what was not is gone."""

import pytest

from lowresource_ner.common.resumable_parts import InUseError, OtherWorkError, ResumableParts


def contents(parts: ResumableParts) -> list:
    return [parts.path(name).read_bytes() for name in ("a", "b")]


def test_what_was_not_committed_is_cut_off(tmp_path) -> None:
    parts = ResumableParts(tmp_path / "work", ["a", "b"], {"seed": 1})
    assert parts.state == {}
    parts.append("a", b"one ")
    parts.append("b", b"1 ")
    parts.mark({"done": 1})
    parts.commit()
    parts.append("a", b"two ")
    parts.commit()  # of the last mark, whatever was appended after it
    parts.close()  # as if killed: the file has more than the state says
    assert contents(parts) == [b"one two ", b"1 "]
    again = ResumableParts(tmp_path / "work", ["a", "b"], {"seed": 1})
    assert again.state == {"done": 1} and contents(again) == [b"one ", b"1 "]
    again.append("a", b"2")
    again.mark({"done": 2})
    again.commit()
    assert contents(again) == [b"one 2", b"1 "]
    again.remove()
    assert not (tmp_path / "work").exists()


def test_one_process_at_a_time(tmp_path) -> None:
    parts = ResumableParts(tmp_path / "work", ["a", "b"], {})
    with pytest.raises(InUseError, match="Another process is using '.*work'"):
        ResumableParts(tmp_path / "work", ["a", "b"], {})
    parts.close()
    ResumableParts(tmp_path / "work", ["a", "b"], {}).close()


def test_work_without_a_commit_begins_anew(tmp_path) -> None:
    parts = ResumableParts(tmp_path / "work", ["a", "b"], {"seed": 1})
    parts.append("a", b"one ")
    parts.close()
    again = ResumableParts(tmp_path / "work", ["a", "b"], {"seed": 2})
    assert again.state == {} and contents(again) == [b"", b""]


@pytest.mark.parametrize(
    "names, settings, difference",
    [
        (["a", "b"], {"seed": 2, "inputs": [["x", 1]]}, "seed"),
        (["a", "b"], {"seed": 1, "inputs": [["x", 2]], "more": None}, "inputs"),
        (["a"], {"seed": 1, "inputs": [["x", 1]]}, "output files"),
    ],
)
def test_the_work_of_others_is_refused_and_kept(tmp_path, names, settings, difference) -> None:
    parts = ResumableParts(tmp_path / "work", ["a", "b"], {"seed": 1, "inputs": [("x", 1)]})
    parts.append("a", b"one")
    parts.mark({"done": 1})
    parts.commit()
    parts.close()
    with pytest.raises(OtherWorkError, match=difference):
        ResumableParts(tmp_path / "work", names, settings)
    assert contents(parts) == [b"one", b""]
    assert ResumableParts(tmp_path / "work", ["a", "b"], {"seed": 1, "inputs": [("x", 1)]}).state == {"done": 1}


def test_a_file_that_was_cut_is_not_filled_with_zeros(tmp_path) -> None:
    parts = ResumableParts(tmp_path / "work", ["a", "b"], {})
    parts.append("a", b"one")
    parts.mark({"done": 1})
    parts.commit()
    parts.close()
    parts.path("a").write_bytes(b"o")
    with pytest.raises(OtherWorkError, match="a, which was truncated or removed"):
        ResumableParts(tmp_path / "work", ["a", "b"], {})
