"""Measures how similar the modules of a parameter generation network are."""

from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy
import torch
from allennlp.common.checks import ConfigurationError

from lowresource_ner.models import PgnBilstmCrossdomain
from lowresource_ner.modules.encoder_parameters import ParameterGenerator
from lowresource_ner.modules.generated_lstm import GeneratedLstm

Numbers = List[float]
Matrix = List[Numbers]

# The parts by their indices among the four tensors of a direction and layer: w_ih, w_hh, b_ih, b_hh.
_PARTS = {"input_weights": (0,), "recurrent_weights": (1,), "biases": (2, 3)}

# Decimal digits that determine a 32-bit number.
_DIGITS = 9


def module_similarities(model: PgnBilstmCrossdomain) -> Dict[str, Any]:
    """
    Compares the parameters θ of the modules' LSTMs (Jia et al. 2019, P19-1236), and the embeddings they are generated from.

    With a generator near its random initial weights, the cosine of two θ is near the product of the cosines of their tasks and of
    their domains. A difference from it shows the effect of training.

    # Returns

    Values for JSON, matrices as lists of rows:

    - tasks, domains: the embedding of each, by name; `None` if the model learns none (`lstm_parameters` "shared").
    - task_cosine, domain_cosine: cosines between these, in their order, or `None`.
    - modules: name, task and domain of each module, in the order of the config (which Jsonnet sorts). All that follows has this
      order.
    - norms: ‖θ_i‖.
    - cosine: of θ_i and θ_j.
    - distance: ‖θ_i - θ_j‖ divided by the mean of ‖θ_i‖ and ‖θ_j‖: 0 for the same LSTM, √2 for orthogonal ones of one length,
      2 for opposite ones.
    - by_part: for each direction ("forward", "backward"), the cosines of its "input_weights", "recurrent_weights" and
      "biases", those of all layers together.

    # Raises

    `ConfigurationError`
        If a vector is zero or not finite, so that it has no direction.
    """
    names = list(model.branches)
    pairs = [branch.pair for branch in model.branches.values()]
    theta = model.encoder_parameters.generate(pairs).detach().cpu()  # (num_modules, num_parameters)
    vectors = theta.double().numpy()
    tasks, domains = _embeddings(model)
    return {
        "tasks": tasks,
        "domains": domains,
        "task_cosine": None if tasks is None else _cosines(tasks, "The embedding of task"),
        "domain_cosine": None if domains is None else _cosines(domains, "The embedding of domain"),
        "modules": [{"name": name, "task": pair.task, "domain": pair.domain} for name, pair in zip(names, pairs)],
        "norms": _rounded(numpy.linalg.norm(vectors, axis=1)),
        "cosine": _cosines(dict(zip(names, vectors)), "θ of module"),
        "distance": _distances(vectors),
        "by_part": _cosines_by_part(_lstm(model), dict(zip(names, theta))),
    }


def _embeddings(model: PgnBilstmCrossdomain) -> Tuple[Optional[Dict[str, Numbers]], Optional[Dict[str, Numbers]]]:
    parameters = model.encoder_parameters
    if not isinstance(parameters, ParameterGenerator):
        return None, None
    tasks, domains = (_rounded(each.detach()) for each in (parameters.task_embeddings, parameters.domain_embeddings))
    return dict(zip(parameters.tasks, tasks)), dict(zip(parameters.domains, domains))


def _lstm(model: PgnBilstmCrossdomain) -> GeneratedLstm:
    (lstm,) = (module for module in model.modules() if isinstance(module, GeneratedLstm))
    return lstm


def _cosines_by_part(lstm: GeneratedLstm, theta: Dict[str, torch.Tensor]) -> Dict[str, Dict[str, Matrix]]:
    by_module = {name: lstm.weights(row) for name, row in theta.items()}
    return {
        direction: {
            part: _cosines(
                {name: _flat(weights[number], places) for name, weights in by_module.items()},
                f"The {part.replace('_', ' ')} ({direction}) of module",
            )
            for part, places in _PARTS.items()
        }
        for number, direction in enumerate(("forward", "backward"))
    }


def _flat(weights: Sequence[torch.Tensor], places: Sequence[int]) -> numpy.ndarray:
    """One part of a direction, with all its layers, as one vector."""
    chosen = [weight.flatten() for number, weight in enumerate(weights) if number % 4 in places]
    return torch.cat(chosen).double().numpy()


def _cosines(vectors: Dict[str, Any], what: str) -> Matrix:
    from sklearn.metrics.pairwise import cosine_similarity

    rows = numpy.array(list(vectors.values()), dtype=numpy.float64)  # (num_vectors, dim)
    for name, norm in zip(vectors, numpy.linalg.norm(rows, axis=1)):
        if not 0 < norm < numpy.inf:
            raise ConfigurationError(
                f"{what} '{name}' has the length {norm}, and no cosine with others. Has the training diverged?"
            )
    return _rounded(cosine_similarity(rows))


def _distances(rows: numpy.ndarray) -> Matrix:
    norms = numpy.linalg.norm(rows, axis=1)
    return _rounded(
        [[2 * numpy.linalg.norm(a - b) / (m + n) for b, n in zip(rows, norms)] for a, m in zip(rows, norms)]
    )


def _rounded(numbers: Any) -> Any:
    """Tensors, arrays and lists of numbers as lists."""
    if isinstance(numbers, (torch.Tensor, numpy.ndarray)):
        numbers = numbers.tolist()
    return [_rounded(each) if isinstance(each, list) else float(f"{each:.{_DIGITS}g}") for each in numbers]
