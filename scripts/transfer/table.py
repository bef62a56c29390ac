"""What came out, as a table for people and as JSON for programs."""

import json
import statistics
from typing import Any, Dict, List, Sequence

from transfer.plan import Request, Result

COLUMNS = {"F1": "f1", "precision": "precision", "recall": "recall"}


def collect(results: Sequence[Result]) -> Dict[str, Dict[int, Dict[str, float]]]:
    """By system and seed, what `allennlp evaluate` wrote: entity scores, over all types and by type."""
    found: Dict[str, Dict[int, Dict[str, float]]] = {}
    for result in results:
        found.setdefault(result.system, {})[result.seed] = json.loads(result.scores.read_text(encoding="utf-8"))
    return found


def as_markdown(request: Request, scores: Dict[str, Dict[int, Dict[str, float]]]) -> str:
    seeds = ", ".join(map(str, request.seeds))
    spread = (
        f"mean ± standard deviation of {len(request.seeds)} seeds ({seeds})"
        if len(request.seeds) > 1
        else f"seed {seeds}"
    )
    lines = [
        f"{' + '.join(request.sources)} → {request.target}, {request.split}; {request.encoder}; entity scores in %, {spread}.",
        "",
        "| system | " + " | ".join(COLUMNS) + " |",
        "|---" + "|--:" * len(COLUMNS) + "|",
    ]
    for system, by_seed in scores.items():
        cells = [cell([100 * by_seed[seed][key] for seed in by_seed]) for key in COLUMNS.values()]
        lines.append(f"| {system} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def as_json(request: Request, scores: Dict[str, Dict[int, Dict[str, float]]]) -> Dict[str, Any]:
    return {
        "sources": request.sources,
        "target": request.target,
        "split": request.split,
        "encoder": request.encoder,
        "label_map": request.label_map,
        "seeds": request.seeds,
        "f1": {system: summary([by_seed[seed]["f1"] for seed in by_seed]) for system, by_seed in scores.items()},
        "scores": scores,
    }


def summary(values: List[float]) -> Dict[str, Any]:
    return {"mean": statistics.mean(values), "standard_deviation": spread(values), "num_seeds": len(values)}


def spread(values: List[float]) -> float | None:
    """Of a sample, that is over n - 1; None for one value."""
    return statistics.stdev(values) if len(values) > 1 else None


def cell(values: List[float]) -> str:
    deviation = spread(values)
    mean = f"{statistics.mean(values):.1f}"
    return mean if deviation is None else f"{mean} ± {deviation:.1f}"
