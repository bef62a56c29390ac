"""
Recognises incomplete and damaged checkpoints of transformers' Trainer, which writes them file by file. A list of the files and
their digests is written last, and a checkpoint without the list, or with files that differ from it, is not used.
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Iterator, List, Optional

from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from lowresource_ner.common.whole_files import flush, written_whole

LIST = "whole.json"
KEPT = 2
"""The number of checkpoints to keep: the last one and, in case it is damaged, the one before."""


def complete(checkpoint: Path) -> None:
    """Marks a checkpoint as complete: flushes its files to the disk, and then writes the list."""
    files = sorted(checkpoint.iterdir())
    for path in files:
        flush(path)
    with written_whole(checkpoint / LIST) as new:
        new.write_text(json.dumps({path.name: file_digest(path) for path in files}, indent=2) + "\n")
    flush(checkpoint.parent)


def newest_whole(folder: Path) -> Optional[Path]:
    """
    The newest complete checkpoint in a folder, or None. Newer ones that are incomplete or damaged are removed, with a warning on
    standard error.
    """
    found = checkpoints(folder)
    for checkpoint in reversed(found):
        fault = next(_faults(checkpoint), None)
        if fault is None:
            return checkpoint
        _warn(f"{checkpoint} is skipped and removed: {fault}.")
        _remove(checkpoint)
    if found:
        _warn("The training starts over.")
    return None


def remove_old(folder: Path) -> None:
    """Removes all checkpoints but the last `KEPT` and the ones that these name as the best so far."""
    newest = checkpoints(folder)[-KEPT:]
    kept = {*newest, *map(_best, newest)}
    for checkpoint in checkpoints(folder):
        if checkpoint not in kept:
            _remove(checkpoint)


def checkpoints(folder: Path) -> List[Path]:
    """All checkpoints in a folder, the oldest first, incomplete ones included."""
    numbered = [(path.name.removeprefix(f"{PREFIX_CHECKPOINT_DIR}-"), path) for path in folder.glob("checkpoint-*")]
    return [path for _, path in sorted((int(number), path) for number, path in numbered if number.isdigit())]


def _faults(checkpoint: Path) -> Iterator[str]:
    """What is wrong with a checkpoint, or with the best checkpoint so far, which is needed at the end of the training."""
    yield from _own_faults(checkpoint)
    best = _best(checkpoint)
    if best not in (None, checkpoint):
        yield from (f"it needs {best}, and there {fault}" for fault in _own_faults(best))


def _own_faults(checkpoint: Path) -> Iterator[str]:
    try:
        digests = json.loads((checkpoint / LIST).read_bytes())
    except FileNotFoundError:
        yield "it was not completed"
        return
    except ValueError:
        yield f"{LIST} is damaged"
        return
    for name, digest in digests.items():
        if not (checkpoint / name).is_file() or file_digest(checkpoint / name) != digest:
            yield f"{name} is damaged"


def _best(checkpoint: Path) -> Optional[Path]:
    """The checkpoint with the lowest loss so far, if there is one. The folder may have been moved since."""
    try:
        best = json.loads((checkpoint / TRAINER_STATE_NAME).read_bytes())["best_model_checkpoint"]
    except (OSError, ValueError):
        return None
    return best and checkpoint.parent / Path(best).name


def _remove(checkpoint: Path) -> None:
    (checkpoint / LIST).unlink(missing_ok=True)  # first, so that a half-removed one is not called damaged
    shutil.rmtree(checkpoint)


def file_digest(path: Path) -> str:
    """The SHA-256 digest of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _warn(message: str) -> None:
    print(f"Warning: {message}", file=sys.stderr, flush=True)
