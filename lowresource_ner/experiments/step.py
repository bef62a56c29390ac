"""A step on the way from corpora to a table."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List


@dataclass(frozen=True)
class Step:
    """
    A command, the files that it reads and writes, and what else its outputs depend on.

    # Parameters

    name : `str`
        The log of the step has the same name.
    command : `List[str]`
        A program and its arguments.
    settings : `Dict[str, Any]`
        What the outputs depend on besides the contents of `inputs`. Where they have changed, the step is run again.
    inputs : `List[Path]`
        Files that it reads.
    outputs : `List[Path]`
        Files that it writes. Where one is gone, the step is run again.
    variables : `Dict[str, str]`, optional (default = `{}`)
        Environment variables of the command.
    after : `List[str]`, optional (default = `[]`)
        Names of steps that must come before this one, and on which its outputs do not depend.
    is_training : `bool`, optional (default = `False`)
        Whether it is an `allennlp train CONFIG -s FOLDER -o OVERRIDES` with one output, an archive in that folder. `--recover` is
        added where it was broken off, otherwise `--force`.
    """

    name: str
    command: List[str]
    settings: Dict[str, Any]
    inputs: List[Path]
    outputs: List[Path]
    variables: Dict[str, str] = field(default_factory=dict)
    after: List[str] = field(default_factory=list)
    is_training: bool = False
