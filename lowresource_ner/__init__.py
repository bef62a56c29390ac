"""
Named entity recognition where labels are scarce: an AllenNLP plugin.

Importing the package registers its readers, models, metrics, callbacks, predictors and subcommands, and does nothing else.
"""

# The environment is checked before AllenNLP is imported, whose own errors would not say what to do.
from lowresource_ner._compatibility import check_environment

check_environment()

from lowresource_ner import (  # noqa: E402
    commands,
    data,
    distillation,
    metrics,
    models,
    modules,
    predictors,
    projection,
    training,
)
from lowresource_ner.version import VERSION as __version__  # noqa: E402

__all__ = [
    "__version__",
    "commands",
    "data",
    "distillation",
    "metrics",
    "models",
    "modules",
    "predictors",
    "projection",
    "training",
]
