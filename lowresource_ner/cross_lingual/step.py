"""One step of the way from corpora to a table."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List


@dataclass(frozen=True)
class Step:
    """
    A command, and what it reads and writes.

    # Parameters

    name : `str`
        Its log has the same.
    command : `List[str]`
        A program and its arguments.
    settings : `Dict[str, Any]`
        What its outputs depend on besides the contents of `inputs`. Where they have changed, it is run again.
    inputs : `List[Path]`
        Files that it reads.
    outputs : `List[Path]`
        Files that it makes. Where one is gone, it is run again.
    variables : `Dict[str, str]`, optional (default = `{}`)
        Environment variables that it is run with.
    after : `List[str]`, optional (default = `[]`)
        Names of steps that must come before and change nothing in what this one makes.
    is_training : `bool`, optional (default = `False`)
        An `allennlp train CONFIG -s FOLDER -o OVERRIDES` into the folder of its one output: it is told `--recover` where it was
        broken off, else `--force`.
    """

    name: str
    command: List[str]
    settings: Dict[str, Any]
    inputs: List[Path]
    outputs: List[Path]
    variables: Dict[str, str] = field(default_factory=dict)
    after: List[str] = field(default_factory=list)
    is_training: bool = False
