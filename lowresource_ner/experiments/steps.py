"""Makes the steps that every experiment consists of: a training, and the tagging of a labelled file by what was trained."""

import json
import sys
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Sequence

from allennlp.common import Params
from allennlp.common.params import with_overrides

from lowresource_ner.experiments.step import Step

Overrides = Mapping[str, Any]

OURS = "ner"
"""The predictor for taggers of this package."""


def training(
    name: str,
    config: Path,
    variables: Mapping[str, str],
    overrides: Overrides,
    inputs: Iterable[Path],
    runs: Path,
    device: int,
    after: Sequence[str] = (),
) -> Step:
    """
    A training in the folder `runs / name`.

    # Parameters

    variables : `Mapping[str, str]`
        Environment variables that the config reads, besides those that are set.
    inputs : `Iterable[Path]`
        Files that it reads.
    after : `Sequence[str]`, optional (default = `()`)
        As in `Step`.

    # Raises

    `ValueError`
        Where the config cannot be evaluated, because a variable is not set for instance, or is not one of a training, and where
        the overrides do not fit it.
    """
    made = evaluated(config, variables)
    if "trainer" not in made:
        raise ValueError(f"{config} has no 'trainer', and is no config of a training.")
    try:
        with_overrides(made, dict(overrides))
    except ValueError as error:
        raise ValueError(f"The overrides do not fit {config}: {error}.") from error
    folder = runs / name
    return Step(
        name=name,
        command=allennlp("train", config, "-s", folder, "-o", json.dumps(overrides)),
        settings={"config": made, "overrides": overrides},
        inputs=list(inputs),
        outputs=[archive_of(folder)],
        variables={**variables, "DEVICE": str(device)},
        after=list(after),
        is_training=True,
    )


def tagging(
    name: str,
    archive: Path,
    data: Path,
    overrides: Overrides,
    runs: Path,
    device: int,
    also: Sequence[Path] = (),
    predictor: str = OURS,
) -> Step:
    """
    Has a labelled file tagged by an archive, in the order of its sentences. From these tags the report is made.

    # Parameters

    also : `Sequence[Path]`, optional (default = `()`)
        Other files that the archive reads.
    predictor : `str`, optional (default = `"ner"`)
        Another one is for models that are not of this package. Its output must have "tags".
    """
    predictions = runs / "predictions" / f"{name}.jsonl"
    options = ["--output-file", predictions, "--cuda-device", device, "-o", json.dumps(overrides)]
    if predictor == OURS:
        command = allennlp("tag", archive, data, "--input-format", "conll", *options)
    else:
        command = allennlp(
            "predict", archive, data, "--use-dataset-reader", "--predictor", predictor, "--silent", *options
        )
    return Step(
        name=f"tag-{name}",
        command=command,
        settings={"overrides": overrides, "predictor": predictor},
        inputs=[archive, data, *also],
        outputs=[predictions],
    )


def archive_of(folder: Path) -> Path:
    return folder / "model.tar.gz"


def allennlp(*arguments: object) -> List[str]:
    """An `allennlp` command for which no plugins file is needed."""
    return [sys.executable, "-m", "lowresource_ner_command", *map(str, arguments)]


def evaluated(config: Path, variables: Mapping[str, str]) -> Dict[str, Any]:
    """
    A config with these variables, but for the device: what a GPU has trained is not trained again on another machine.

    # Raises

    `ValueError`
        Where that is impossible.
    """
    try:
        made: Dict[str, Any] = Params.from_file(config, ext_vars={**variables, "DEVICE": "-1"}).as_dict(quiet=True)
    except RuntimeError as error:  # of Jsonnet
        reason = str(error).splitlines()[0].removeprefix("RUNTIME ERROR: ")
        raise ValueError(f"{config} cannot be read: {reason}") from error
    return made


def config_of(training: Step) -> Dict[str, Any]:
    """The config of a training with its overrides."""
    config: Dict[str, Any] = with_overrides(training.settings["config"], dict(training.settings["overrides"]))
    return config


def files_of(encoder: str) -> List[Path]:
    """The files of an encoder that is a folder or an archive. Empty for the name of an encoder."""
    path = Path(encoder)
    files = path.rglob("*") if path.is_dir() else [path]
    return sorted(each for each in files if each.is_file())
