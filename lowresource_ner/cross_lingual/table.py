"""Collects the scores, and formats them as a Markdown table and as JSON."""

import json
import statistics
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from lowresource_ner.cross_lingual.plan import Result
from lowresource_ner.cross_lingual.request import Request

COLUMNS = {"F1": "f1", "precision": "precision", "recall": "recall"}

Collected = Dict[str, Dict[int, Dict[str, Any]]]


def collect(results: Sequence[Result]) -> Collected:
    """
    For each system and seed, "scores" as `allennlp evaluate` wrote them, overall and by entity type, and for students "teachers",
    the teachers.json of the training, if there is one: the teachers' weights and the selection of text.
    """
    found: Collected = {}
    for result in results:
        if result.scores is None:
            continue
        entry = {"scores": read(result.scores)}
        if result.student is not None and (result.student / "teachers.json").exists():
            entry["teachers"] = read(result.student / "teachers.json")
        found.setdefault(result.system, {})[result.seed] = entry
    return found


def as_markdown(request: Request, found: Collected) -> str:
    seeds = ", ".join(map(str, request.seeds))
    of_seeds = f"mean ± standard deviation of {len(request.seeds)} seeds" if len(request.seeds) > 1 else "one seed"
    lines = [
        f"{', '.join(request.sources)} → {request.target} ({request.split}), encoder {request.encoder}; "
        f"entity scores in percent, {of_seeds} ({seeds}).",
        "",
        "| system | " + " | ".join(COLUMNS) + " |",
        "|---" + "|--:" * len(COLUMNS) + "|",
    ]
    for system, by_seed in found.items():
        cells = [cell([100 * entry["scores"][key] for entry in by_seed.values()]) for key in COLUMNS.values()]
        lines.append(f"| {system} | " + " | ".join(cells) + " |")
    weights = [f"- {system}: {text}" for system, by_seed in found.items() if (text := weights_text(by_seed))]
    if weights:
        lines += ["", "Weights of the teachers:", "", *weights]
    return "\n".join(lines) + "\n"


def as_json(request: Request, found: Collected) -> Dict[str, Any]:
    return {
        "sources": request.sources,
        "target": request.target,
        "split": request.split,
        "encoder": request.encoder,
        "label_map": request.label_map,
        "overrides": request.overrides,
        "config_overrides": request.config_overrides,
        "f1": {
            system: summary([entry["scores"]["f1"] for entry in by_seed.values()]) for system, by_seed in found.items()
        },
        "by_seed": found,
    }


def as_places(results: Sequence[Result]) -> str:
    """The paths of the taggers, a line for each."""
    return "\n".join(f"- {result.system}, seed {result.seed}: {result.archive}" for result in results)


def weights_text(by_seed: Dict[int, Dict[str, Any]]) -> str:
    """The teachers' weights, averaged over seeds. Empty if they are unknown."""
    alphas = [entry.get("teachers", {}).get("weights", {}).get("alpha", {}) for entry in by_seed.values()]
    return ", ".join(f"{name} {statistics.mean(alpha[name] for alpha in alphas):.3f}" for name in alphas[0])


def summary(values: List[float]) -> Dict[str, Any]:
    return {"mean": statistics.mean(values), "standard_deviation": deviation(values), "num_seeds": len(values)}


def deviation(values: List[float]) -> Optional[float]:
    """The standard deviation of a sample, over n - 1. None for a single value."""
    return statistics.stdev(values) if len(values) > 1 else None


def cell(values: List[float]) -> str:
    spread = deviation(values)
    mean = f"{statistics.mean(values):.1f}"
    return mean if spread is None else f"{mean} ± {spread:.1f}"


def read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged: {error}. Remove {path.parent}, and run the same command again."
        ) from error
