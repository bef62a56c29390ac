"""Commands that are told to stop end with the exit status of that, and can tidy up before."""

import os
import signal
from typing import Iterator

import pytest

from lowresource_ner.commands.interruption import interruptible


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """As in a terminal: a process in the background may ignore Ctrl-C. What was there for SIGTERM is there again in the end."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler), signal.getsignal(signal.SIGTERM)
    yield
    assert (signal.signal(signal.SIGINT, before[0]), signal.getsignal(signal.SIGTERM)) == (
        signal.default_int_handler,
        before[1],
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupts(capsys, how) -> None:
    tidied = False
    with pytest.raises(SystemExit) as caught, interruptible("Interrupted here."):
        try:
            os.kill(os.getpid(), how)
        finally:
            tidied = True
    assert tidied and caught.value.code == 130 and capsys.readouterr() == ("", "\nInterrupted here.\n")


def test_nobody_reads_any_more(capsys) -> None:
    with pytest.raises(SystemExit) as caught, interruptible("Interrupted here."):
        raise BrokenPipeError
    assert caught.value.code == 141 and capsys.readouterr() == ("", "")


def test_other_errors_pass_through() -> None:
    with pytest.raises(ValueError), interruptible("Interrupted here."):
        raise ValueError
