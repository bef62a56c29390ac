"""Runs AllenNLP's commands one after another in this process, which pays the seconds of a start once."""

import os
import shlex
import sys
import time
import traceback
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Dict, Iterator, List, TextIO

from demonstration.screen import OneLine
from lowresource_ner_command import defer_torchvision


class Commands:
    """
    Shows each command as a user would type it, and runs it as `allennlp` does. Progress bars and warnings go to the screen, the
    log goes to a file.

    # Parameters

    log : `TextIO`
        Where the log goes.
    """

    def __init__(self, log: TextIO) -> None:
        self._log = log
        self._screen = OneLine(sys.stdout)

    def start(self) -> None:
        """Imports AllenNLP and this package; that is what takes a command so long to start."""
        began = time.monotonic()
        with self._redirected():
            defer_torchvision()
            import lowresource_ner  # noqa: F401
        self._screen.say(f"   {time.monotonic() - began:.0f} s")

    def run(self, title: str, command: List[str], **variables: str) -> None:
        """
        Runs a command.

        # Parameters

        title : `str`
            What is done, for the screen.
        command : `List[str]`
            The arguments of `allennlp`.
        variables : `str`
            Environment variables of this command.

        # Raises

        `SystemExit`
            If the command fails; the message names the log.
        """
        from allennlp.commands import main

        shown = [
            *(f"{name}={shlex.quote(value)}" for name, value in variables.items()),
            "allennlp",
            shlex.join(command),
        ]
        self._screen.say(f"\n== {title}\n   {' '.join(shown)}")
        began = time.monotonic()
        try:
            with self._redirected(), _environment(variables), _arguments(command):
                main(prog="allennlp")
        except Exception as error:
            traceback.print_exc(file=self._log)
            sys.exit(f"\n'{title}' failed: {error}\nWhat the commands have said is in {self._log.name}.")
        self._screen.say(f"   {time.monotonic() - began:.0f} s")

    @contextmanager
    def _redirected(self) -> Iterator[None]:
        with redirect_stdout(self._log), redirect_stderr(self._screen), warnings.catch_warnings():
            for message, category, module in _OF_NO_USE:
                warnings.filterwarnings("ignore", message, category, module)
            yield


# Warnings about calls from one package of others to another: how they begin, their kind, and where they are caused.
_OF_NO_USE = [
    ("`torch.cuda.amp", FutureWarning, r"allennlp\."),
]


@contextmanager
def _environment(variables: Dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _arguments(command: List[str]) -> Iterator[None]:
    """Sets `sys.argv`, from which alone AllenNLP reads its arguments."""
    before = sys.argv
    sys.argv = ["allennlp", *command]
    try:
        yield
    finally:
        sys.argv = before
