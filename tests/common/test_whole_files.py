"""Files that are written completely or not at all: what is there after an error, an interrupt, a kill, and on a full disk."""

import os
import signal
import stat

import pytest
from support.forked_python import run_python

from lowresource_ner.common.whole_files import NotReplacedError, remove_parts, written_whole


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "output [1].txt"
    path.write_text("earlier")
    return path


def test_a_file_takes_the_place_of_the_earlier_one_when_it_is_done(path):
    with written_whole(path) as new:
        new.write_text("later")
        assert path.read_text() == "earlier"
    assert path.read_text() == "later"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_earlier_one_and_nothing_else(path, error):
    with pytest.raises(error), written_whole(path) as new:
        new.write_text("half")
        raise error
    assert path.read_text() == "earlier"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.slow
def test_a_kill_leaves_the_earlier_one_and_a_part_that_is_removed(path):
    script = (
        "import os, signal, sys\n"
        "from lowresource_ner.common.whole_files import written_whole\n"
        "with written_whole(sys.argv[1]) as new:\n"
        "    new.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = run_python(["-c", script, path], path.parent, os.environ)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "earlier"
    mine = path.parent / ".output 1.txt.abc.part"
    mine.write_text("of another file")
    assert len(list(path.parent.iterdir())) == 3
    remove_parts(path)
    assert sorted(path.parent.iterdir()) == [mine, path]


def test_two_writers_do_not_meet(path):
    with written_whole(path) as first, written_whole(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"  # whose block ended last
    assert list(path.parent.iterdir()) == [path]


def test_others_may_read_what_they_could_read_of_a_plain_file(path):
    plain = path.with_name("plain")
    plain.touch()
    with written_whole(path):
        pass
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_a_link_stays_and_its_file_is_replaced(path, tmp_path):
    (tmp_path / "other").mkdir()
    link = tmp_path / "other" / "link"
    link.symlink_to(path)
    with written_whole(link) as new:
        new.write_text("later")
    assert link.is_symlink() and path.read_text() == "later"


def test_a_new_file_that_cannot_take_its_place_is_kept(path):
    with pytest.raises(NotReplacedError) as caught, written_whole(path) as new:
        new.write_text("later")
        path.unlink()
        path.mkdir()
    assert f"'{path}' cannot be replaced: Is a directory. The new file is complete, and is kept as '{new}'" in str(
        caught.value
    )
    assert new.read_text() == "later"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_file_that_is_read_only_is_not_replaced(path):
    path.chmod(0o444)
    with pytest.raises(PermissionError, match="Permission denied"), written_whole(path):
        pytest.fail("the block was entered")
    assert path.read_text() == "earlier" and list(path.parent.iterdir()) == [path]


def test_what_cannot_be_written_is_found_before_the_work(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe, tmp_path / "nowhere" / "output"):
        with pytest.raises(OSError), written_whole(path):
            pytest.fail("the block was entered")
