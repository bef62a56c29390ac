"""A step of a plan."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List


@dataclass(frozen=True)
class Step:
    """
    A command, the files that it reads and writes, and what else its outputs depend on.

    # Parameters

    name : `str`
        Also the name of its log.
    command : `List[str]`
        A program and its arguments.
    settings : `Dict[str, Any]`
        What the outputs depend on besides the contents of `inputs`. If they change, the step is run again.
    inputs : `List[Path]`
        Files that it reads.
    outputs : `List[Path]`
        Files that it writes. If one is missing, the step is run again.
    variables : `Dict[str, str]`, optional (default = `{}`)
        Environment variables of the command.
    after : `List[str]`, optional (default = `[]`)
        Names of steps that must be run before this one, although its outputs do not depend on them.
    is_training : `bool`, optional (default = `False`)
        Whether it is an `allennlp train CONFIG -s FOLDER -o OVERRIDES` with one output, an archive in that folder. `--recover` is
        added to resume it, otherwise `--force`.
    """

    name: str
    command: List[str]
    settings: Dict[str, Any]
    inputs: List[Path]
    outputs: List[Path]
    variables: Dict[str, str] = field(default_factory=dict)
    after: List[str] = field(default_factory=list)
    is_training: bool = False
