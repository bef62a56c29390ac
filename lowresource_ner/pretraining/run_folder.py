"""Manages the folder of a training run, which is locked while a process works in it and can be resumed."""

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
from lowresource_ner.pretraining.options import REMEDY, WEIGHTS, TrainingOptions, named_files

_WORK = ".training"
_SETTINGS = "settings.json"
_DIGESTS = "sha256"
_LOCK = "lock"


class RunFolder:
    """
    The folder that a command writes an encoder to. During the training, the subfolder `work` contains the checkpoints; at the end
    the folder contains the encoder and its report.

    # Parameters

    path : `Path`
    options : `TrainingOptions`
        A run can be resumed only with the same options and the same contents of its text files.
    report_name : `str`
        The name of the report's file, which is written last.

    # Raises

    `ValueError`
        If two text files have the same name.
    """

    def __init__(self, path: Path, options: TrainingOptions, report_name: str) -> None:
        self.path = path
        self.work = path / _WORK
        self._options = dataclasses.asdict(options)
        texts = [*named_files(options.text).values(), *named_files(options.parallel).values()]
        # A missing file is reported when it is read.
        self._digests = {text: file_digest(Path(text)) for text in texts if Path(text).is_file()}
        self._report = path / report_name

    def is_finished(self) -> bool:
        """
        Whether a run with these options and texts has finished, although it may have been interrupted while its checkpoints were
        being removed.
        """
        report = read_json(self._report)
        is_same = isinstance(report, dict) and not self._changes(report.get("settings"))
        return is_same and (self.path / WEIGHTS).exists()

    def check(self) -> None:
        """
        Checks that a run can begin or be resumed in the folder.

        # Raises

        `ValueError`
            If the folder is neither new nor that of a run that was begun with the same options and texts, or that has no
            checkpoint yet.
        """
        if self._report.exists():
            raise ValueError(f"{self.path} contains a finished encoder. Name another folder, or remove this one.")
        begun = self.work / _SETTINGS
        earlier = read_json(begun)
        if not isinstance(earlier, dict):
            if self.path.exists() and any(path != self.work for path in self.path.iterdir()):
                raise ValueError(f"{self.path} contains other files. Name a new folder.")
            if checkpoints(self.work):
                raise ValueError(
                    f"{begun} is missing or damaged, so its checkpoints cannot be used. Remove {self.work} to start over."
                )
        elif checkpoints(self.work) and (changes := self._changes(earlier)):
            raise ValueError(
                f"{self.path} contains a run that was begun with other settings: {'; '.join(changes)}. Go back to those, or name "
                "another folder."
            )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """
        Creates the folder if necessary, keeps other processes from working in it, and writes the settings.

        # Raises

        `ValueError`
            If another process is working in it, or has worked in it meanwhile, so that `check` refuses it.
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
            model.save_pretrained(new, max_shard_size="1TB")  # one file of weights, of whatever size
            tokenizer.save_pretrained(new, legacy_format=False)
        remove_parts(self.path)
        write_json(self._report, {"settings": self._settings(), **report})

    def finish(self) -> Dict[str, Any]:
        """Removes the checkpoints. Returns the report."""
        shutil.rmtree(self.work, ignore_errors=True)  # another process may be doing the same
        return json.loads(self._report.read_bytes())

    def _begin(self) -> None:
        """Writes the settings, and removes the files of runs with other settings, none of which had a checkpoint."""
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
    """The contents of a JSON file; None if it is missing or damaged."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
