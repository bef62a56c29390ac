"""The folder of a training run: locked while it works, taken up where it was broken off, whole when it is done."""

import contextlib
import fcntl
import json
import shutil
from pathlib import Path
from typing import Any, Dict, Iterator

from lowresource_ner.pretraining.encoder_folder import encoder_written_whole, said_of_writing
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from lowresource_ner.common.whole_files import remove_parts, written_whole
from lowresource_ner.pretraining.checkpoints import checkpoints

REMEDY = "Free space, and the same command goes on from the last checkpoint."

_WORK = ".training"
_SETTINGS = "settings.json"
_LOCK = "lock"


class RunFolder:
    """
    Holds at first, in `work`, what a broken-off run goes on from, and at the end an encoder and its report.

    # Parameters

    path : `Path`
    settings : `Dict[str, Any]`
        What the run was asked for, ready for JSON. A run is taken up with the same settings only.
    report_name : `str`
        The name of the report's file, which is written last.
    """

    def __init__(self, path: Path, settings: Dict[str, Any], report_name: str) -> None:
        self.path = path
        self.work = path / _WORK
        self._settings = settings
        self._report = path / report_name

    def is_done_but_for_tidying(self) -> bool:
        """Whether a run with these settings was broken off when all was written and its checkpoints were being removed."""
        report = read_json(self._report)
        return isinstance(report, dict) and report.get("settings") == self._settings and self.work.exists()

    def check(self) -> None:
        """
        # Raises

        `ValueError`
            Where the folder is neither new nor that of a run that was begun with the same settings, or has no checkpoint yet.
        """
        if self._report.exists():
            raise ValueError(f"{self.path} holds an encoder that is done. Name another folder, or remove this one.")
        begun = self.work / _SETTINGS
        earlier = read_json(begun)
        if not isinstance(earlier, dict):
            if self.path.exists() and any(path != self.work for path in self.path.iterdir()):
                raise ValueError(f"{self.path} holds other files. Name a new folder.")
            if checkpoints(self.work):
                raise ValueError(
                    f"{begun} is damaged or gone, so that nobody knows what the checkpoints beside it are of. Remove "
                    f"{self.work}, and the training begins anew."
                )
            return
        changes = [
            f"{key} was {earlier.get(key)} and is {value}"
            for key, value in self._settings.items()
            if value != earlier.get(key)
        ]
        if changes and checkpoints(self.work):
            raise ValueError(
                f"{self.path} holds a run that was begun with other settings: {'; '.join(changes)}. Take those, or another "
                "folder."
            )

    @contextlib.contextmanager
    def worked_on_alone(self) -> Iterator[None]:
        """
        Makes the folder where there is none, keeps other processes from working in it, and notes the settings.

        # Raises

        `ValueError`
            Where another process is working in it, or has, so that `check` refuses it.
        """
        self.work.mkdir(parents=True, exist_ok=True)
        with (self.work / _LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ValueError(
                    f"Another process is training in {self.path}. Wait for it, or name another folder."
                ) from None
            self.check()  # once more: another process may have worked here meanwhile
            self._begin()
            yield

    def save(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, report: Dict[str, Any]) -> None:
        """Writes the encoder, then its report, with the settings, by which it is known to be whole."""
        model.config.name_or_path = ""  # it would say where on this machine the encoder began
        with encoder_written_whole(self.path, REMEDY) as new:
            model.save_pretrained(new)
            tokenizer.save_pretrained(new, legacy_format=False)
        remove_parts(self.path)
        write_json(self._report, {"settings": self._settings, **report})

    def finish(self) -> Dict[str, Any]:
        """Takes away what is needed no more. Returns the report."""
        shutil.rmtree(self.work, ignore_errors=True)  # another process may be doing the same
        return json.loads(self._report.read_bytes())

    def _begin(self) -> None:
        """Notes the settings, unless a run has been begun with them: only then is what lies in the folder of use."""
        remove_parts(self.work)
        if read_json(self.work / _SETTINGS) == self._settings:
            return
        for path in self.work.iterdir():
            if path.name != _LOCK:
                path.unlink()
        write_json(self.work / _SETTINGS, self._settings)


def write_json(path: Path, content: Any) -> None:
    with said_of_writing(path, REMEDY), written_whole(path) as new:
        new.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """What a file holds; None where there is no file, or a damaged one."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
