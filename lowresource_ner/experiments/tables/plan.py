"""Plans the steps of a table, without running them."""

import os
from pathlib import Path
from string import Template
from typing import Any, Dict, List, Mapping, Tuple

from allennlp.common.checks import ConfigurationError

from lowresource_ner.configs import config_names, config_path
from lowresource_ner.experiments.checkpoint_choice import checkpoint_choice, validated_on, without_target_labels
from lowresource_ner.experiments.pretraining import files_of_pretraining, pretraining
from lowresource_ner.experiments.result import Result
from lowresource_ner.experiments.step import Step
from lowresource_ner.experiments.steps import archive_of, config_of, tagging, training
from lowresource_ner.experiments.tables.files_read import files_read
from lowresource_ner.experiments.tables.table import System, Table
from lowresource_ner.pretraining.options import PretrainingOptions

# The only encoder that the configs treat as small.
_SMALL_ENCODER = "multilingual-mini"

# Defaults of environment variables, as in training_configs/defaults.sh.
_DEFAULTS = {"ENCODER_SIZE": "auto", "WEIGHTS": "uniform"}


class TablePlan:
    """
    The steps of a table, each after those that it depends on, and the results.

    # Parameters

    table : `Table`
    runs : `Path`
        The folder of all outputs.
    device : `int`, optional (default = `-1`)
        The number of a GPU, or -1 for the CPU.

    # Raises

    `ValueError`
        If a step would fail: for unknown configs, variables that are not set, missing files, and overrides that do not fit. The
        message names the system and the corpus.
    """

    def __init__(self, table: Table, runs: Path, device: int = -1) -> None:
        self._table = table
        self._runs = runs
        self._device = device
        self._steps: Dict[str, Step] = {}
        self._cells: Dict[str, Tuple[str, str, int]] = {}
        self._small_encoders = {_SMALL_ENCODER}
        self.results: List[Result] = []
        for corpus in table.corpora:
            for system in table.systems_of(corpus):
                for seed in table.seeds_of(system):
                    try:
                        self._evaluation(corpus, system, seed, self._training(corpus, system, seed))
                    except ValueError as error:
                        raise ValueError(f"'{system}' on '{corpus}': {error}") from error

    @property
    def steps(self) -> List[Step]:
        return list(self._steps.values())

    def _training(self, corpus: str, system: str, seed: int) -> Step:
        """Adds a training or a pretraining, after those that it starts from."""
        asked = self._table.systems[system]
        seed = (asked.pretraining or {}).get("seed", seed)
        name = f"{system}-{corpus}-{seed}"
        if self._cells.setdefault(name, (corpus, system, seed)) != (corpus, system, seed):
            raise ValueError(f"another system and corpus have the same folder, {name}. Rename one of them.")
        if name in self._steps:
            return self._steps[name]
        needed = {variable: self._training(corpus, other, seed) for variable, other in asked.after.items()}
        products = {variable: str(step.product) for variable, step in needed.items()}
        variables = {**self._variables(corpus, asked, products), "SEED": str(seed)}
        earlier = {str(step.product): step for step in needed.values()}
        if asked.pretraining is None:
            step = self._trained(name, corpus, asked, variables, earlier)
        else:
            try:
                step = self._pretrained(name, {"seed": seed, **asked.pretraining}, variables, earlier)
            except ValueError as error:
                raise ValueError(f"'pretraining' of '{system}': {error}") from error
        self._steps[name] = step
        return step

    def _trained(
        self, name: str, corpus: str, asked: System, variables: Dict[str, str], earlier: Mapping[str, Step]
    ) -> Step:
        """Returns the step of a training. `earlier` has the steps that it starts from, by the paths of their products."""
        assert asked.config is not None
        encoder = {**os.environ, **variables}.get("ENCODER")
        if encoder in self._small_encoders:
            variables = self._for_small_encoder(variables)
        config = _config(asked.config)
        overrides = {**self._table.overrides, **self._table.corpora[corpus].overrides, **asked.overrides}
        step = training(name, config, variables, overrides, [], self._runs, self._device)
        if not self._table.select_on_target:
            overrides = _unselected(config_of(step), overrides, self._owners(corpus))
        inputs = files_read(config_of(step), {path: each.outputs for path, each in earlier.items()})
        step = training(name, config, variables, overrides, inputs, self._runs, self._device)
        if encoder in self._small_encoders:
            self._small_encoders.add(str(step.product))
        return step

    def _pretrained(
        self, name: str, asked: Mapping[str, Any], variables: Mapping[str, str], earlier: Mapping[str, Step]
    ) -> Step:
        """Returns the step of a pretraining; see `_trained`."""
        known = {**os.environ, **variables}
        options = PretrainingOptions(**{key: _resolved_within(key, value, known) for key, value in asked.items()})
        step = pretraining(name, options, files_of_pretraining(options, earlier), self._runs, self._device)
        if options.encoder is None or options.encoder in self._small_encoders:
            self._small_encoders.add(str(step.product))
        return step

    def _for_small_encoder(self, variables: Dict[str, str]) -> Dict[str, str]:
        """Replaces ENCODER_SIZE=auto, with which a config cannot tell that the encoder in an archive or a folder is small."""
        known = {**os.environ, **variables}
        if known["ENCODER"] == _SMALL_ENCODER or known["ENCODER_SIZE"] != "auto":
            return variables
        return {**variables, "ENCODER_SIZE": "small"}

    def _evaluation(self, corpus: str, system: str, seed: int, step: Step) -> None:
        """Adds the tagging of the evaluated file, and the result."""
        asked, data = self._table.systems[system], self._file(corpus)
        if not data.is_file():
            raise ValueError(f"there is no file {data} to evaluate on.")
        name = f"{step.name}-{self._table.split}"
        archive = archive_of(self._runs / step.name)
        tagged = tagging(
            name,
            archive,
            data,
            asked.evaluation_overrides,
            self._runs,
            self._device,
            also=[path for path in step.inputs if path.name == archive.name],  # a vote refers to its teachers' archives
            predictor=asked.predictor,
        )
        self._steps[tagged.name] = tagged
        config, owners = config_of(step), self._owners(corpus)
        self.results.append(
            Result(
                corpus,
                system,
                seed,
                archive,
                data,
                tagged.outputs[0],
                checkpoint_choice(config, owners),
                validated_on(config, owners),
            )
        )

    def _variables(self, corpus: str, system: System, archives: Mapping[str, str]) -> Dict[str, str]:
        """
        Returns the variables of the table, of the corpus, of the archives that the system starts from, and of the system itself,
        and the defaults of variables that the environment does not set. References are resolved in this order.
        """
        found = {name: value for name, value in _DEFAULTS.items() if name not in os.environ}
        found |= _all_resolved(self._table.variables, found)
        found |= _all_resolved(self._table.corpora[corpus].variables, found)
        found |= archives
        return found | _all_resolved(system.variables, found)

    def _corpus_variables(self, corpus: str) -> Mapping[str, str]:
        return {**os.environ, **self._variables(corpus, System(), {})}

    def _file(self, corpus: str) -> Path:
        """Returns the file to evaluate on."""
        variables, file = self._corpus_variables(corpus), self._table.corpora[corpus].file
        return Path(_resolved("file", file or f"$NER_DATA/$TARGET/{self._table.split}.conll", variables))

    def _owners(self, corpus: str) -> Dict[Path, str]:
        """Returns the roles of the corpora, "source" or "target", by their folders."""
        variables = self._corpus_variables(corpus)
        sources = [variables.get("SOURCE", ""), *variables.get("SOURCES", "").split(",")]
        owners = {Path(variables.get("NER_DATA", ""), source): "source" for source in sources if source}
        if "TARGET" in variables:
            owners[Path(variables.get("NER_DATA", ""), variables["TARGET"])] = "target"
        owners[self._file(corpus).parent] = "target"
        return owners


def _config(name: str) -> Path:
    if Path(name).is_file():
        return Path(name)
    try:
        return config_path(name)
    except ConfigurationError as error:
        raise ValueError(
            f"there is no config '{name}', neither a file nor one that comes with the package: {', '.join(config_names())}."
        ) from error


def _all_resolved(variables: Mapping[str, str], found: Mapping[str, str]) -> Dict[str, str]:
    known = {**os.environ, **found}
    return {name: _resolved(name, value, known) for name, value in variables.items()}


def _resolved(name: str, value: str, known: Mapping[str, str]) -> str:
    try:
        return Template(value).substitute(known)
    except KeyError as error:
        raise ValueError(
            f"{name} is '{value}', and the variable {error.args[0]} is not set. Set it in the environment or in the table."
        ) from error
    except ValueError as error:
        raise ValueError(f"{name} is '{value}': {error}. A dollar sign is written $$.") from error


def _resolved_within(name: str, value: Any, known: Mapping[str, str]) -> Any:
    """Resolves the references in a string, or in the strings of a list."""
    if isinstance(value, list):
        return [_resolved_within(name, each, known) for each in value]
    return _resolved(name, value, known) if isinstance(value, str) else value


def _unselected(config: Dict[str, Any], overrides: Dict[str, Any], owners: Mapping[Path, str]) -> Dict[str, Any]:
    """Adds overrides that keep labels of the target from selecting the checkpoint. The config contains the given overrides."""
    added = without_target_labels(config, owners)
    if not added:
        return overrides
    # The new list of callbacks contains the earlier overrides of it. An override of the whole trainer is merged with the new.
    kept = {key: value for key, value in overrides.items() if not key.startswith("trainer.callbacks")}
    if "trainer" not in kept:
        return {**kept, **added}
    trainer = {key.removeprefix("trainer."): value for key, value in added.items()}
    return {**kept, "trainer": {**kept["trainer"], **trainer}}
