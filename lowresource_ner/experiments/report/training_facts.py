"""Reads training time, model size and learning curve from the folder of a training."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from lowresource_ner.archives.archive import RUN_WEIGHTS, Archive
from lowresource_ner.experiments.checkpoint_choice import validation_key


@dataclass(frozen=True)
class TrainingFacts:
    """
    What the report shows of a training besides its scores.

    # Parameters

    seconds : `float`, optional
        The time of all epochs, with validation, but without epochs that an interruption has lost. None if nothing was trained.
    parameters : `int`, optional
        The number of weights, with word vectors and frozen weights. None if there are none.
    development_f1 : `List[float]`
        F1 after each epoch, from 0 to 1. Empty if there is no development data.
    teachers : `Dict[str, Any]`
        The content of a student's teachers.json.
    """

    seconds: Optional[float] = None
    parameters: Optional[int] = None
    development_f1: List[float] = field(default_factory=list)
    teachers: Dict[str, Any] = field(default_factory=dict)


def training_facts(folder: Path) -> TrainingFacts:
    """
    Reads the folder of a finished training.

    # Raises

    `ValueError`
        If a file is damaged.
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
    """Sums up the durations that AllenNLP records after each epoch, which start from zero when a training is resumed."""
    before = [0.0, *durations[:-1]]
    return sum(now - then if now >= then else now for then, now in zip(before, durations))


def read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged: {error}. Remove {path.parent}, and the same command trains it again."
        ) from error


def _seconds(duration: str) -> float:
    """Parses a duration in the format of `datetime.timedelta`, such as "1 day, 2:03:04.5"."""
    days, _, clock = duration.rpartition(", ")
    hours, minutes, seconds = clock.split(":")
    return 86_400 * int(days.split()[0] if days else 0) + 3600 * int(hours) + 60 * int(minutes) + float(seconds)


def _num_parameters(folder: Path) -> Optional[int]:
    if not (folder / RUN_WEIGHTS).exists():
        return None
    with Archive(folder) as archive:
        weights = archive.weights(names_and_shapes=True).values()
        # Shared weights occur under several names. Scalars, such as a temperature, are not learned.
        return sum({weight.data_ptr(): weight.numel() for weight in weights if weight.dim() > 0}.values()) or None
