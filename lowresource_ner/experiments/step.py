"""A step of an experiment."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List


@dataclass(frozen=True)
class Step:
    """
    A command, the files that it reads and writes, and the settings that its outputs depend on.

    # Parameters

    name : `str`
        The name of the step, and of its log.
    command : `List[str]`
        The program and its arguments.
    settings : `Dict[str, Any]`
        Everything else that the outputs depend on. If it changes, the step is run again.
    inputs : `List[Path]`
        The files that it reads. If their contents change, the step is run again.
    outputs : `List[Path]`
        The files that it writes. If one is missing or has changed, the step is run again.
    variables : `Dict[str, str]`, optional (default = `{}`)
        Environment variables of the command.
    after : `List[str]`, optional (default = `[]`)
        Names of other steps to run before this one, although its outputs do not depend on them.
    is_training : `bool`, optional (default = `False`)
        Whether the command is `allennlp train CONFIG -s FOLDER -o OVERRIDES`, with one output, the archive in that folder. It is
        run with `--recover` to resume it, otherwise with `--force`.
    resumes_itself : `bool`, optional (default = `False`)
        Whether the command resumes an interrupted run, and does nothing if it has finished. All outputs are in one folder, which
        is removed before the command is run with other inputs or settings.
    """

    name: str
    command: List[str]
    settings: Dict[str, Any]
    inputs: List[Path]
    outputs: List[Path]
    variables: Dict[str, str] = field(default_factory=dict)
    after: List[str] = field(default_factory=list)
    is_training: bool = False
    resumes_itself: bool = False

    @property
    def product(self) -> Path:
        """What other trainings start from: the archive of a training, or the folder of a pretrained encoder."""
        return self.outputs[0] if self.is_training else self.outputs[0].parent
