"""The steps of planned experiments."""

from typing import Any, Dict, Union

from allennlp.common import Params

from lowresource_ner.experiments.cross_lingual.plan import Plan
from lowresource_ner.experiments.step import Step
from lowresource_ner.experiments.tables.plan import TablePlan


def by_name(plan: Union[Plan, TablePlan]) -> Dict[str, Step]:
    return {step.name: step for step in plan.steps}


def as_trained(step: Step) -> Dict[str, Any]:
    """Returns the config of a training as `allennlp train` reads it, which raises an error for overrides that do not fit."""
    overrides = step.command[step.command.index("-o") + 1]
    return Params.from_file(step.command[4], overrides, step.variables).as_dict(quiet=True)
