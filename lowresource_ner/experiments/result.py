"""The outputs of a training that the report is made from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional


@dataclass(frozen=True)
class Result:
    """
    The outputs of a system that was trained with one seed.

    # Parameters

    corpus : `str`
        The heading of its section in the report.
    system : `str`
    seed : `int`
    archive : `Path`
        The archive, in the folder of its training.
    data : `Path`, optional
        The file that it was evaluated on, if any.
    predictions : `Path`, optional
        The predicted tags of that file.
    chosen_by : `str`
        What the checkpoint was selected by; see `checkpoint_choice`.
    validated_on : `str`
        Whose development data it was validated on; see `validated_on`.
    """

    corpus: str
    system: str
    seed: int
    archive: Path
    data: Optional[Path] = None
    predictions: Optional[Path] = None
    chosen_by: str = ""
    validated_on: str = ""
