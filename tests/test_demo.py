"""scripts/demo.py: what is shown is what is run, the screen stays readable, and no folder of anybody's is emptied."""

import io
import json
import logging
import os
import shlex
import sys
import warnings
from typing import Any, Callable, List

import demo
import pytest
from conftest import CORPORA, REPOSITORY, TINY_ENCODER
from demonstration.commands import Commands
from demonstration.screen import OneLine, columns, highlighted, shows_colour
from tqdm import tqdm

ENTITIES = [
    {"text": "Amina", "type": "PER", "start_char": 0, "end_char": 5},
    {"text": "Dar es Salaam", "type": "LOC", "start_char": 14, "end_char": 27},
    {"text": "FC", "type": "ORG/CLUB", "start_char": 27, "end_char": 29},
]
TEXT = "Amina anaishi Dar es SalaamFC."


class TestScreen:
    def test_names_are_marked_where_they_stand(self) -> None:
        assert highlighted(TEXT, ENTITIES, in_colour=False) == "[Amina PER] anaishi [Dar es Salaam LOC][FC ORG/CLUB]."
        assert highlighted("", [], in_colour=False) == ""
        in_colour = highlighted(TEXT, ENTITIES, in_colour=True)
        assert in_colour.startswith(
            "\033[1;36mAmina\033[0;36m PER\033[0m anaishi \033[1;32mDar es Salaam\033[0;32m LOC\033[0m"
        )
        assert in_colour.endswith("\033[0m."), "what follows a name has no colour"

    @pytest.mark.parametrize(
        ("is_terminal", "variables", "expected"),
        [
            (True, {"TERM": "xterm"}, True),
            (True, {"TERM": "xterm", "NO_COLOR": ""}, True),
            (True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
            (True, {"TERM": "dumb"}, False),
            (True, {}, False),
            (False, {"TERM": "xterm"}, False),
        ],
    )
    def test_colour_is_for_terminals_that_know_it(self, is_terminal, variables, expected, monkeypatch) -> None:
        for name in ("TERM", "NO_COLOR"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        screen = io.StringIO()
        monkeypatch.setattr(screen, "isatty", lambda: is_terminal)
        assert shows_colour(screen) == expected

    def test_columns(self) -> None:
        rows = [["system", "Spanish", "mean"], ["MT", 6.04, 106.25], ["a student", 63.0, 9.96]]
        assert columns(rows).splitlines() == [
            "system      Spanish    mean",
            "MT              6.0   106.2",
            "a student      63.0    10.0",
        ]

    def test_bars_take_turns_on_one_line_and_all_else_stands(self, monkeypatch) -> None:
        monkeypatch.setenv("COLUMNS", "60")
        screen = io.StringIO()
        stream = OneLine(screen)
        for step in tqdm(range(3), desc="a description that is far too long for it", file=stream, mininterval=0):
            if step == 1:
                print("a warning", file=stream)
        stream.say("done")
        shown = as_terminal_shows(screen.getvalue())
        assert [line for line in shown if line] == ["a warning", "done"], "no bar is left when the work is done"
        bars = [part for part in screen.getvalue().split("\r") if "/3 [" in part]
        assert len(bars) >= 4 and max(map(len, bars)) < 60 and "100%|" in bars[-1]


def as_terminal_shows(text: str) -> List[str]:
    """Lines on which a carriage return has what follows written over what stands there."""
    lines = []
    for line in text.split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown.rstrip())
    return lines


class TestCommands:
    @pytest.fixture
    def run(self, tmp_path, monkeypatch, capsys) -> Callable[..., str]:
        """Runs a function in place of `allennlp`, and gives what stands on the screen."""

        def with_main(main: Callable[[], None], *command: str, **variables: str) -> str:
            monkeypatch.setattr("allennlp.commands.main", lambda prog: main())
            with (tmp_path / "demo.log").open("a") as log:
                Commands(log).run("Do something", list(command), **variables)
            return capsys.readouterr().out

        return with_main

    def test_a_command_gets_what_is_shown_and_leaves_nothing_behind(self, run, tmp_path, monkeypatch) -> None:
        monkeypatch.setenv("TARGET", "de")
        got: List[Any] = []

        def main() -> None:
            got.extend([sys.argv[:], os.environ["TARGET"]])
            os.environ["OF_THE_COMMAND"] = "set"
            print("its log")

        argv, command = sys.argv[:], ["train", "a config", "-o", '{"trainer.num_epochs": 2}']
        screen = run(main, *command, TARGET="es es")
        assert got == [["allennlp", *command], "es es"]
        (shown,) = [line for line in screen.splitlines() if "allennlp" in line]
        assert shlex.split(shown) == ["TARGET=es es", "allennlp", *command]
        assert sys.argv == argv and os.environ["TARGET"] == "de" and "OF_THE_COMMAND" not in os.environ
        assert (tmp_path / "demo.log").read_text() == "its log\n" and "its log" not in screen

    def test_only_the_warning_that_nobody_can_do_anything_about_is_kept_back(self, run) -> None:
        def warn(message: str, kind: type, module: str) -> None:
            warnings.warn_explicit(message, kind, f"{module}.py", 1, module)

        def main() -> None:
            warn("`torch.cuda.amp.autocast(args...)` is deprecated.", FutureWarning, "allennlp.training.trainer")
            warn("`torch.cuda.amp.autocast(args...)` is deprecated: yours.", FutureWarning, "my_plugin")
            warn("Something else of the future.", FutureWarning, "allennlp.training.trainer")

        with warnings.catch_warnings():
            warnings.simplefilter("always")
            # pytest records warnings; shown as Python shows them, they are on the screen.
            warnings.showwarning = lambda message, *_: print(message, file=sys.stderr)
            screen = run(main)
        assert "deprecated: yours" in screen and "Something else" in screen
        assert screen.count("deprecated") == 1

    def test_a_failure_says_of_what_and_where_to_read_more(self, run, tmp_path) -> None:
        def main() -> None:
            raise ValueError("no such corpus")

        with pytest.raises(SystemExit, match="'Do something' failed: no such corpus\n.*demo.log"):
            run(main)
        assert "in main" in (tmp_path / "demo.log").read_text(), "the traceback"


class TestFolder:
    def test_an_earlier_demonstration_makes_room_for_the_next(self, tmp_path) -> None:
        demo.clear(tmp_path / "demo")
        (tmp_path / "demo" / "teacher").mkdir()
        (tmp_path / "demo" / "teacher" / "best.th").touch()
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "mine").touch()
        (tmp_path / "demo" / "link").symlink_to(elsewhere)
        demo.clear(tmp_path / "demo")
        assert [path.name for path in (tmp_path / "demo").iterdir()] == [".demo"]
        assert (elsewhere / "mine").exists()

    def test_nobody_elses_folder_is_emptied(self, tmp_path) -> None:
        (tmp_path / "mine").touch()
        with pytest.raises(SystemExit, match="holds something other than an earlier demonstration"):
            demo.clear(tmp_path)
        assert (tmp_path / "mine").exists()


@pytest.mark.slow
def test_from_english_to_another_language(tmp_path, monkeypatch, capsys) -> None:
    """All of it with one language and an encoder that knows nothing: the figures shown are those of the files that are left."""
    monkeypatch.setattr(demo, "LANGUAGES", {"sw": "Swahili"})
    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # a training's, which outlive it, end with the test
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.chdir(REPOSITORY)
    runs = tmp_path / "runs"
    demo.main(["--runs", str(runs), "--encoder", str(TINY_ENCODER), "--epochs", "1"])
    screen = as_terminal_shows(capsys.readouterr().out)
    commands = [shlex.split(line) for line in screen if " allennlp " in line and str(runs) in line]
    assert [command[command.index("allennlp") + 1] for command in commands] == [
        *("train", "evaluate", "train", "evaluate", "tag")
    ]
    for name, title in (("mt", "MT"), ("ts", "TS")):
        f1 = 100 * json.loads((runs / f"{name}_sw.json").read_text())["f1"]
        (row,) = [line for line in screen if line.startswith(title)]
        assert row.split()[-2:] == [f"{f1:.1f}", f"{f1:.1f}"], "of one language, and the mean of one"
    answers = [json.loads(line) for line in (runs / "entities_sw.jsonl").read_text(encoding="utf-8").splitlines()]
    text = (CORPORA / "sw" / "raw.txt").read_text(encoding="utf-8").splitlines()
    assert [answer["text"] for answer in answers] == text
    begin = screen.index("The first 4 of 160 raw Swahili sentences, as the student reads them:") + 1
    for shown, line, answer in zip(screen[begin : begin + 4], text, answers):
        for entity in answer["entities"]:
            shown = shown.replace(f"[{entity['text']} {entity['type']}]", entity["text"], 1)
        assert shown.strip() == line
    assert {"teacher", "student_sw", "demo.log"} <= {path.name for path in runs.iterdir()}
    assert not list(runs.glob("*/training_state*")), "no checkpoints, which nobody would go on from"
