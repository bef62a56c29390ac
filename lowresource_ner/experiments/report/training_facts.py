"""What the folder of a training says of it besides scores."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from lowresource_ner.archives.archive import RUN_WEIGHTS, Archive
from lowresource_ner.experiments.checkpoint_choice import validation_key


@dataclass(frozen=True)
class TrainingFacts:
    """
    # Parameters

    seconds : `float`, optional
        From the first epoch to the last, validation included; what a kill has lost is not. None where nothing was trained.
    parameters : `int`, optional
        All numbers in the weights, of frozen parts and word vectors as well. None where there are none.
    development_f1 : `List[float]`
        After each epoch (0 to 1). Empty where there is no development data.
    teachers : `Dict[str, Any]`
        Of a student, what it has written of its teachers.
    """

    seconds: Optional[float] = None
    parameters: Optional[int] = None
    development_f1: List[float] = field(default_factory=list)
    teachers: Dict[str, Any] = field(default_factory=dict)


def training_facts(folder: Path) -> TrainingFacts:
    """
    # Raises

    `ValueError`
        Where a file is damaged.
    """
    paths = sorted(folder.glob("metrics_epoch_*.json"), key=lambda path: int(path.stem.rsplit("_", 1)[1]))
    epochs = [read(path) for path in paths]
    key = validation_key(read(folder / "config.json"))
    durations = [_seconds(epoch["training_duration"]) for epoch in epochs if "training_duration" in epoch]
    teachers = folder / "teachers.json"
    return TrainingFacts(
        total(durations) if durations else None,
        _num_parameters(folder),
        [epoch[key] for epoch in epochs if key in epoch],
        read(teachers) if teachers.exists() else {},
    )


def total(durations: Sequence[float]) -> float:
    """The duration of a training, of what AllenNLP notes after each epoch: the time since it was begun or taken up again."""
    before = [0.0, *durations[:-1]]
    return sum(now - then if now >= then else now for then, now in zip(before, durations))


def read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged: {error}. Remove {path.parent}, and the same command makes it anew."
        ) from error


def _seconds(duration: str) -> float:
    """Of "1 day, 2:03:04.5", as `datetime.timedelta` is written."""
    days, _, clock = duration.rpartition(", ")
    hours, minutes, seconds = clock.split(":")
    return 86_400 * int(days.split()[0] if days else 0) + 3600 * int(hours) + 60 * int(minutes) + float(seconds)


def _num_parameters(folder: Path) -> Optional[int]:
    if not (folder / RUN_WEIGHTS).exists():
        return None
    with Archive(folder) as archive:
        weights = archive.weights(names_and_shapes=True).values()
        # Parts that share their weights have them under two names. Single numbers, such as a temperature, are not learned.
        return sum({weight.data_ptr(): weight.numel() for weight in weights if weight.dim() > 0}.values()) or None
