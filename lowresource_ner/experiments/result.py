"""A trained system, as the report needs it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional


@dataclass(frozen=True)
class Result:
    """
    What a system with a seed leaves behind.

    # Parameters

    corpus : `str`
        What it was evaluated on, a heading of the report.
    system : `str`
    seed : `int`
    archive : `Path`
        In the folder of its training.
    data : `Path`, optional
        The file that it was evaluated on; None where there is none.
    predictions : `Path`, optional
        Its tags of that file.
    chosen_by : `str`
        What chose the checkpoint; see `checkpoint_choice`.
    validated_on : `str`
        Whose development data was used while it was trained: "target", "source", or "" for none.
    """

    corpus: str
    system: str
    seed: int
    archive: Path
    data: Optional[Path] = None
    predictions: Optional[Path] = None
    chosen_by: str = ""
    validated_on: str = ""
