"""What stands on the screen: progress on one line, names in colour, figures in columns."""

import io
import os
import shutil
from typing import Any, Dict, List, Sequence, TextIO

_COLOURS = {"PER": 36, "LOC": 32, "ORG": 33, "MISC": 35}
_OTHER_COLOUR = 34


class OneLine(io.TextIOBase):
    """
    A stream in front of a screen. Progress bars, which tqdm begins with a carriage return, follow one another on one line; all
    else is shown as it stands.
    """

    def __init__(self, screen: TextIO) -> None:
        self._screen = screen
        self._has_bar = False

    def write(self, text: str) -> int:
        if text.startswith("\r"):
            self._show_bar(text.strip())
        elif text.strip() or not self._has_bar:  # tqdm ends a bar with an empty line
            self._wipe()
            self._screen.write(text)
        self._screen.flush()
        return len(text)

    def say(self, text: str) -> None:
        self.write(text + "\n")

    def flush(self) -> None:
        self._screen.flush()

    def _show_bar(self, bar: str) -> None:
        width = _width() - 4
        self._screen.write(f"\r   {bar[-width:]:<{width}}")  # of a long one the end, where the bar itself is
        self._has_bar = True

    def _wipe(self) -> None:
        if self._has_bar:
            self._screen.write(f"\r{'':<{_width() - 1}}\r")
        self._has_bar = False


def _width() -> int:
    return shutil.get_terminal_size().columns


def shows_colour(screen: TextIO) -> bool:
    """Whether a screen is a terminal that knows colours, and nobody minds them (https://no-color.org)."""
    return screen.isatty() and os.environ.get("TERM", "dumb") != "dumb" and not os.environ.get("NO_COLOR")


def highlighted(text: str, entities: Sequence[Dict[str, Any]], in_colour: bool) -> str:
    """
    A text with its names marked, each with its type: in colour, or else in brackets.

    # Parameters

    text : `str`
    entities : `Sequence[Dict[str, Any]]`
        As the predictor `ner` gives them: in the order of the text, with "start_char", "end_char" and "type".
    in_colour : `bool`
    """
    parts, end = [], 0
    for entity in entities:
        name = text[entity["start_char"] : entity["end_char"]]
        parts += [text[end : entity["start_char"]], _marked(name, entity["type"], in_colour)]
        end = entity["end_char"]
    return "".join([*parts, text[end:]])


def _marked(name: str, entity_type: str, in_colour: bool) -> str:
    if not in_colour:
        return f"[{name} {entity_type}]"
    colour = _COLOURS.get(entity_type, _OTHER_COLOUR)
    return f"\033[1;{colour}m{name}\033[0;{colour}m {entity_type}\033[0m"


def columns(rows: Sequence[Sequence[object]]) -> str:
    """Rows of a table below one another: the first column to the left, the others to the right; floats with one digit."""
    cells = [[f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells)]
    return "\n".join(_line(row, widths) for row in cells)


def _line(row: List[str], widths: List[int]) -> str:
    first, *others = (
        cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths))
    )
    return "   ".join([first, *others]).rstrip()
