"""Creates the steps that all experiments share: trainings, and the tagging of labelled files with the trained models."""

import functools
import json
import os
import sys
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple

from allennlp.common import Params
from allennlp.common.params import with_overrides

from lowresource_ner.experiments.step import Step

Overrides = Mapping[str, Any]

NER_PREDICTOR = "ner"
"""The predictor for models of this package."""


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
    Returns the training of a model in the folder `runs / name`.

    # Parameters

    variables : `Mapping[str, str]`
        Environment variables that the config reads, in addition to those that are set.
    inputs : `Iterable[Path]`
        The files that it reads.
    after : `Sequence[str]`, optional (default = `()`)
        See `Step`.

    # Raises

    `ValueError`
        If the config cannot be evaluated, for instance because a variable is not set, if it is not the config of a training, or
        if the overrides do not fit it.
    """
    params = evaluated(config, variables)
    if "trainer" not in params:
        raise ValueError(f"{config} is not the config of a training: it has no 'trainer'.")
    try:
        with_overrides(params, dict(overrides))
    except ValueError as error:
        raise ValueError(f"The overrides do not fit {config}: {error}.") from error
    folder = runs / name
    return Step(
        name=name,
        command=allennlp("train", config, "-s", folder, "-o", json.dumps(overrides)),
        settings={"config": params, "overrides": overrides},
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
    predictor: str = NER_PREDICTOR,
) -> Step:
    """
    Returns the tagging of a labelled file with an archive. The report is made from its output, a JSON line for each sentence.

    # Parameters

    also : `Sequence[Path]`, optional (default = `()`)
        Other files that the archive reads.
    predictor : `str`, optional (default = `"ner"`)
        The predictor. For models of other packages, give one whose output contains "tags".
    """
    predictions = runs / "predictions" / f"{name}.jsonl"
    options = ["--output-file", predictions, "--cuda-device", device, "-o", json.dumps(overrides)]
    if predictor == NER_PREDICTOR:
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
    """Returns an `allennlp` command that does not need a plugins file."""
    return [sys.executable, "-m", "lowresource_ner_command", *map(str, arguments)]


def evaluated(config: Path, variables: Mapping[str, str]) -> Dict[str, Any]:
    """
    Evaluates a config with these variables, and with the CPU as its device, so that a model that was trained on a GPU counts as
    up to date on another machine.

    # Raises

    `ValueError`
        If the config cannot be evaluated.
    """
    all_variables = {**os.environ, **variables, "DEVICE": "-1"}
    try:
        params: Dict[str, Any] = json.loads(_evaluated_json(config, tuple(sorted(all_variables.items()))))
    except RuntimeError as error:  # from Jsonnet
        reason = str(error).splitlines()[0].removeprefix("RUNTIME ERROR: ")
        raise ValueError(f"{config} cannot be read: {reason}") from error
    return params


@functools.lru_cache(
    maxsize=1
)  # a table needs a config twice: to find the files that it reads, and for the step itself
def _evaluated_json(config: Path, variables: Tuple[Tuple[str, str], ...]) -> str:
    return json.dumps(Params.from_file(config, ext_vars=dict(variables)).as_dict(quiet=True))


def config_of(training: Step) -> Dict[str, Any]:
    """Returns the config of a training with its overrides."""
    config: Dict[str, Any] = with_overrides(training.settings["config"], dict(training.settings["overrides"]))
    return config


def files_of(encoder: str) -> List[Path]:
    """Returns the files of an encoder that is a folder or an archive; none for an encoder that is given by name."""
    path = Path(encoder)
    files = path.rglob("*") if path.is_dir() else [path]
    return sorted(each for each in files if each.is_file())
