"""Checks whether the source language most similar to the target gives the best single-source F1."""

import json
import statistics
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

from lowresource_ner.experiments.report.scores import Section
from lowresource_ner.experiments.writing import written

Numbers = Dict[str, Dict[str, float]]


def source_choice(
    rankings: Sequence[Path], sections: Sequence[Section], systems: Sequence[str], sources: Sequence[str]
) -> Dict[str, Any]:
    """
    Finds the source language nearest to the target by each measure, and compares its F1 with the best.

    # Parameters

    rankings : `Sequence[Path]`
        The output files of `allennlp rank-sources --json`, one for each seed.
    sections : `Sequence[Section]`
        The sections of the report that have the scores; empty if nothing was evaluated.
    systems : `Sequence[str]`
        The systems that learn from a single source.
    sources : `Sequence[str]`
        The source languages, at least two.

    # Returns

    `Dict[str, Any]`
        Values that can be written as JSON, averaged over seeds:

        - "similarities": by measure and source.
        - "f1": by system and source, from 0 to 1.
        - "choices": by measure. "nearest" is the nearest source. "best" has for each system the "source" with the best F1 (the
          first one if several are equal), "is_right", whether the nearest source reaches that F1, and "lost", the difference.

    # Raises

    `ValueError`
        If a ranking file is damaged.
    """
    found = [_read(path) for path in rankings]
    similarities: Numbers = {
        measure: {source: statistics.mean(each[measure][source] for each in found) for source in sources}
        for measure in found[0]
    }
    rows = {row.system: row for section in sections for row in section.rows}
    f1: Numbers = {
        system: {source: statistics.mean(rows[f"{system} ({source})"].scores("f1")) for source in sources}
        for system in (systems if rows else [])
    }
    choices: Dict[str, Any] = {}
    for measure, similarity in similarities.items():
        nearest = _greatest(similarity)
        best = {system: _greatest(scores) for system, scores in f1.items()}
        lost = {system: scores[best[system]] - scores[nearest] for system, scores in f1.items()}
        of_systems = {each: {"source": best[each], "is_right": lost[each] <= 0, "lost": lost[each]} for each in f1}
        choices[measure] = {"nearest": nearest, "best": of_systems}
    return {"similarities": similarities, "f1": f1, "choices": choices}


def as_markdown(choice: Mapping[str, Any]) -> str:
    """Formats the result of `source_choice` as two tables."""
    similarities, f1, choices = choice["similarities"], choice["f1"], choice["choices"]
    sources = list(next(iter(similarities.values())))
    columns = [*similarities, *(f"F1 of {system}" for system in f1)]
    rows = [
        [
            source,
            *(f"{each[source]:.3f}" for each in similarities.values()),
            *(f"{100 * each[source]:.1f}" for each in f1.values()),
        ]
        for source in sources
    ]
    verdicts = [
        [measure, choice_of["nearest"], *(_verdict(choice_of["best"][system]) for system in f1)]
        for measure, choice_of in choices.items()
    ]
    about = "Similarity of each source to the target text by four measures (means over seeds, which sum to 1)" + (
        ", and F1 in percent of the systems that learn from this source alone." if f1 else "."
    )
    return "\n\n".join(
        [
            "## Which source is nearest, and which is best?",
            about,
            _table(["source", *columns], rows, "--:"),
            _table(["measure", "nearest", *f1], verdicts, "---"),
        ]
    )


def write_source_choice(choice: Mapping[str, Any], stem: Path) -> str:
    """Writes the result to `stem`-sources.md and `stem`-sources.json, and returns the Markdown text."""
    text = as_markdown(choice)
    for suffix, content in ((".md", text), (".json", json.dumps(choice, indent=2, ensure_ascii=False))):
        with written(stem.with_name(f"{stem.name}-sources{suffix}")) as new:
            new.write_text(content + "\n", encoding="utf-8")
    return text


def _read(path: Path) -> Numbers:
    try:
        similarities: Numbers = json.loads(path.read_text(encoding="utf-8"))["similarities"]
    except (ValueError, KeyError) as error:
        raise ValueError(f"{path} is damaged: {error}. Remove the file and run the same command again.") from error
    return similarities


def _greatest(numbers: Mapping[str, float]) -> str:
    return max(numbers, key=lambda name: numbers[name])


def _verdict(best: Mapping[str, Any]) -> str:
    return "right" if best["is_right"] else f"wrong: {best['source']} is {100 * best['lost']:.1f} better"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], alignment: str) -> str:
    lines: List[Sequence[str]] = [head, *rows]
    cells = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([cells[0], "|---" + f"|{alignment}" * (len(head) - 1) + "|", *cells[1:]])
