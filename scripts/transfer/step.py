"""One step of the way from corpora to a table."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List


@dataclass(frozen=True)
class Step:
    """
    An `allennlp` command, and what it reads and writes.

    # Parameters

    name : `str`
        Its name in the run's folder, which its log has too.
    command : `List[str]`
        The arguments of `allennlp`.
    variables : `Dict[str, str]`
        Environment variables that it is run with.
    settings : `Dict[str, Any]`
        What its outputs depend on besides the contents of `inputs`: it is run again where they have changed.
    inputs : `List[Path]`
        Files that it reads.
    outputs : `List[Path]`
        Files that it makes. One that is gone is made again.
    after : `List[str]`, optional (default = `[]`)
        Steps that come before this one and change nothing in its outputs.
    """

    name: str
    command: List[str]
    variables: Dict[str, str]
    settings: Dict[str, Any]
    inputs: List[Path]
    outputs: List[Path]
    after: List[str] = field(default_factory=list)

    @property
    def is_training(self) -> bool:
        return self.command[0] == "train"
