"""Writes the files of the report."""

import json
from functools import partial
from pathlib import Path
from typing import Any, Callable, List, Mapping, Sequence

from lowresource_ner.common.figures import write_figure
from lowresource_ner.experiments.report.latex import as_latex
from lowresource_ner.experiments.report.markdown import as_markdown
from lowresource_ner.experiments.report.records import as_csv, as_json
from lowresource_ner.experiments.report.scores import Section
from lowresource_ner.experiments.writing import written

_FIGURE_SUFFIXES = (".pdf", ".png")


def write_report(sections: Sequence[Section], stem: Path, about: str, settings: Mapping[str, Any]) -> str:
    """
    Writes the tables, `stem` with .md, .csv, .tex and .json, and the figures, `stem` with -epochs and -types, as PDF and PNG.

    # Returns

    `str`
        The table in Markdown.

    # Raises

    `OSError`
        If a file cannot be written.
    """
    # Matplotlib is slow to import.
    from lowresource_ner.experiments.report.figures import draw_curves, draw_types

    table = as_markdown(sections, about)
    _write(stem, ".md", table)
    _write(stem, ".csv", as_csv(sections))
    _write(stem, ".tex", as_latex(sections))
    _write(stem, ".json", json.dumps(as_json(sections, settings), indent=2, ensure_ascii=False) + "\n")
    figures: List[tuple[str, Callable]] = [("-epochs", draw_curves), ("-types", draw_types)]
    for name, draw in figures:
        for suffix in _FIGURE_SUFFIXES:
            with written(stem.with_name(f"{stem.name}{name}{suffix}")) as new, new.open("wb") as file:
                write_figure(partial(draw, sections), file, suffix)
    return table


def _write(stem: Path, suffix: str, text: str) -> None:
    with written(stem.with_name(stem.name + suffix)) as new:
        new.write_text(text, encoding="utf-8")
