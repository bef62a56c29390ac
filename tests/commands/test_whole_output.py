"""What a command writes: errors of the file are told with its name, those of the work pass through, and nothing is lost."""

import os
from pathlib import Path

import pytest
from allennlp.common.checks import ConfigurationError
from support.full_disk import no_file_over

from lowresource_ner.commands.whole_output import whole_output


@pytest.fixture
def path(tmp_path) -> Path:
    path = tmp_path / "output.txt"
    path.write_text("earlier")
    return path


@pytest.mark.parametrize("mode, content", [("w", "Ñandú\r\n"), ("wb", b"\0\xff")])
def test_what_is_written_appears_when_all_is(path, mode, content) -> None:
    with whole_output(str(path), mode) as file:
        file.write(content)
        assert path.read_text() == "earlier"
    assert path.read_bytes() == (content if isinstance(content, bytes) else content.encode("utf-8"))


def test_without_a_path_there_is_no_file() -> None:
    with whole_output(None) as file:
        assert file is None


@pytest.mark.parametrize("num_writes", [1, 100], ids=["found when the file is closed", "found while it is written"])
def test_a_full_disk_is_told_and_leaves_the_earlier_file(path, num_writes) -> None:
    with (
        pytest.raises(
            ConfigurationError,
            match=r"output.txt' cannot be written: File too large. Free space.*An existing file is unchanged",
        ),
        no_file_over(1000),
        whole_output(str(path)) as file,
    ):
        for _ in range(num_writes):
            file.write("x" * 2000)
    assert path.read_text() == "earlier" and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError("of a teacher's file"), KeyboardInterrupt(), ValueError()])
def test_errors_of_the_work_pass_through(path, error) -> None:
    with pytest.raises(type(error)) as caught, whole_output(str(path)) as file:
        file.write("half")
        raise error
    assert caught.value is error
    assert path.read_text() == "earlier" and list(path.parent.iterdir()) == [path]


def test_what_cannot_be_written_is_told_before_the_work(path, tmp_path) -> None:
    for name, complaint in {
        ".": "is not a regular file, and cannot be replaced",
        "nowhere/out": "No such file or directory",
        "output.txt/out": "Not a directory",
    }.items():
        wrong = f"{tmp_path}/{name}"
        with pytest.raises(ConfigurationError, match=f"^'{wrong}' cannot be written: .*{complaint}. Give a file"):
            with whole_output(wrong):
                pytest.fail("the work began")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_folder_that_is_read_only_is_told_before_the_work(path) -> None:
    path.parent.chmod(0o500)
    with pytest.raises(ConfigurationError, match="Permission denied"), whole_output(str(path)):
        pytest.fail("the work began")


def test_a_file_that_cannot_take_its_place_is_named(path) -> None:
    with pytest.raises(
        ConfigurationError, match="cannot be replaced: Is a directory.*kept as '.*/.output.txt.*part'; move"
    ):
        with whole_output(str(path)) as file:
            file.write("later")
            path.unlink()
            path.mkdir()
    (kept,) = set(path.parent.iterdir()) - {path}
    assert kept.read_text() == "later"


def test_nothing_is_written_into_a_folder_that_the_command_reads(tmp_path) -> None:
    (tmp_path / "run" / "vocabulary").mkdir(parents=True)
    for name in ("config.json", "vocabulary/labels.txt"):
        with pytest.raises(
            ConfigurationError, match=f"{name}' lies in the folder '{tmp_path / 'run'}', which this command"
        ):
            with whole_output(str(tmp_path / "run" / name), inputs=[tmp_path / "run"]):
                pytest.fail("the work began")
    with whole_output(str(tmp_path / "out"), inputs=[tmp_path / "run"]) as file:
        file.write("beside")


def test_what_the_command_reads_is_not_overwritten(path, tmp_path) -> None:
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(ConfigurationError, match="link' is also read by this command"):
        with whole_output(str(link), inputs=[tmp_path / "other", path]):
            pytest.fail("the work began")
    assert path.read_text() == "earlier"


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_standard_output_holds_what_is_written_alone(capfd, name) -> None:
    os.write(1, b"before\n")  # to the file that pytest has redirected it to
    with whole_output(name, inputs=["-"]) as file:
        print("of a library")
        file.write("first\n")
        assert capfd.readouterr() == ("before\nfirst\n", "of a library\n"), "each line at once"
        file.write("last")
    print("after")
    assert capfd.readouterr() == ("lastafter\n", "")


def test_a_pipe_is_written_to_line_by_line(tmp_path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(BrokenPipeError), whole_output(str(pipe)) as file:
        file.write("first\n")
        assert os.read(reader, 100) == b"first\n"
        os.close(reader)
        file.write("last\n")
    assert list(tmp_path.iterdir()) == [pipe] and pipe.is_fifo()


def test_devices_are_written_to() -> None:
    with whole_output("/dev/null", "wb") as file:
        file.write(b"nothing")
    with pytest.raises(ConfigurationError, match="'/dev/full' cannot be written: No space .* on another disk.$"):
        with whole_output("/dev/full") as file:
            file.write("nothing\n")
    assert Path("/dev/null").is_char_device() and Path("/dev/full").is_char_device()
