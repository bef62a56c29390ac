"""The folder of a training run: locked while it works, taken up where it was broken off, whole when it is done."""

import contextlib
import dataclasses
import fcntl
import json
import shutil
from pathlib import Path
from typing import Any, Dict, Iterator, List

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from lowresource_ner.common.whole_files import remove_parts, written_whole
from lowresource_ner.pretraining.checkpoints import checkpoints, file_digest
from lowresource_ner.pretraining.encoder_folder import encoder_written_whole, writing_errors_explained
from lowresource_ner.pretraining.options import REMEDY, TrainingOptions
from lowresource_ner.pretraining.texts import named_files

_WORK = ".training"
_SETTINGS = "settings.json"
_DIGESTS = "sha256"
_LOCK = "lock"


class RunFolder:
    """
    The folder that a command writes an encoder to. While it works, the subfolder `work` holds the checkpoints; at the end the
    folder holds the encoder and its report.

    # Parameters

    path : `Path`
    options : `TrainingOptions`
        A run is taken up with the same options only, and with the same contents of its text files.
    report_name : `str`
        The name of the report's file, which is written last.

    # Raises

    `ValueError`
        Where two text files have one name.
    """

    def __init__(self, path: Path, options: TrainingOptions, report_name: str) -> None:
        self.path = path
        self.work = path / _WORK
        self._options = dataclasses.asdict(options)
        texts = [*named_files(options.text).values(), *named_files(options.parallel).values()]
        # Where one is gone, whoever reads it says so.
        self._digests = {text: file_digest(Path(text)) for text in texts if Path(text).is_file()}
        self._report = path / report_name

    def is_done_but_for_tidying(self) -> bool:
        """Whether a run with these options was broken off when all was written and its checkpoints were being removed."""
        report = read_json(self._report)
        return isinstance(report, dict) and not self._changes(report.get("settings")) and self.work.exists()

    def check(self) -> None:
        """
        # Raises

        `ValueError`
            Where the folder is neither new nor that of a run that was begun with the same options and texts, or has no checkpoint
            yet.
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
        elif checkpoints(self.work) and (changes := self._changes(earlier)):
            raise ValueError(
                f"{self.path} holds a run that was begun with other settings: {'; '.join(changes)}. Go back to those, or name "
                "another folder."
            )

    @contextlib.contextmanager
    def worked_on_alone(self) -> Iterator[None]:
        """
        Makes the folder where there is none, keeps other processes from working in it, and writes the settings down.

        # Raises

        `ValueError`
            Where another process is working in it, or has worked in it meanwhile, so that `check` refuses it.
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
        """Writes the encoder, and then its report with the settings, which marks the encoder as complete."""
        model.config.name_or_path = ""  # a path of this machine
        with encoder_written_whole(self.path, REMEDY) as new:
            model.save_pretrained(new)
            tokenizer.save_pretrained(new, legacy_format=False)
        remove_parts(self.path)
        write_json(self._report, {"settings": self._settings(), **report})

    def finish(self) -> Dict[str, Any]:
        """Removes the checkpoints. Returns the report."""
        shutil.rmtree(self.work, ignore_errors=True)  # another process may be doing the same
        return json.loads(self._report.read_bytes())

    def _begin(self) -> None:
        """Writes the settings down, and removes what runs with other settings have left. (None of them had a checkpoint.)"""
        remove_parts(self.work)
        if not self._changes(read_json(self.work / _SETTINGS)):
            return
        for path in self.work.iterdir():
            if path.name != _LOCK:
                path.unlink()
        write_json(self.work / _SETTINGS, self._settings())

    def _settings(self) -> Dict[str, Any]:
        return {**self._options, _DIGESTS: self._digests}

    def _changes(self, earlier: Any) -> List[str]:
        """What differs from the settings of an earlier run. Runs of earlier versions have no digests."""
        if not isinstance(earlier, dict):
            return ["none are known"]
        options = [
            f"{name} was {earlier.get(name)} and is {value}"
            for name, value in self._options.items()
            if value != earlier.get(name)
        ]
        digests = earlier.get(_DIGESTS, {})
        texts = [text for text, digest in self._digests.items() if digest != digests.get(text, digest)]
        return [*options, *(f"the contents of '{text}' have changed" for text in texts)]


def write_json(path: Path, content: Any) -> None:
    with writing_errors_explained(path, REMEDY), written_whole(path) as new:
        new.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """What a file holds; None where there is no file, or a damaged one."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
