"""Draws the report's two figures: development F1 by epoch, and F1 by entity type, of all systems."""

import statistics
from typing import TYPE_CHECKING, Dict, List, Sequence, Tuple

from lowresource_ner.common.figures import COLOURS
from lowresource_ner.experiments.report.scores import Row, Section, deviation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = "osD^vP"
_HATCHES = ("", "///", "...")

# Inches.
_WIDTH, _HEIGHT = 6.4, 3.6
_LEGEND_WIDTH = 2.0
_BAR = 0.11

_GROUP_WIDTH = 0.84
"""The share of the space of an entity type that its bars take."""

_WIDEST_BAR = 0.25


def draw_curves(sections: Sequence[Section]) -> "Figure":
    """
    Draws development F1 after each epoch: a panel for each corpus, and a line for each system, the mean over seeds, with the
    range from the worst seed to the best. Systems without development data are left out; if it is not the target's, the legend
    says so.
    """
    from matplotlib.ticker import MaxNLocator

    figure, panels = _panels(sections, _WIDTH + _LEGEND_WIDTH)
    looks = _looks(sections)
    for axes, section in zip(panels, sections):
        for row in section.rows:
            _draw_curve(axes, row, _label(row, section), *looks[row.system])
        axes.set(title=section.title, xlabel="epoch", ylabel="development F1 in percent")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        if axes.lines:
            lowest, highest = axes.get_ylim()
            axes.set_ylim(max(lowest, 0), min(highest, 100))
            _legend(axes)
        else:
            axes.text(0.5, 0.5, "no development data", transform=axes.transAxes, ha="center")
    return _laid_out(figure)


def draw_types(sections: Sequence[Section]) -> "Figure":
    """
    Draws F1 by entity type on the evaluated file: a panel for each corpus, and a bar for each system, the mean over seeds, with
    the standard deviation if there are several.
    """
    most = max(len(section.types) * (len(section.rows) + 1) for section in sections)
    figure, panels = _panels(sections, max(_WIDTH, most * _BAR) + _LEGEND_WIDTH)
    looks = _looks(sections)
    for axes, section in zip(panels, sections):
        types, width = section.types, min(_GROUP_WIDTH / len(section.rows), _WIDEST_BAR)
        for number, row in enumerate(section.rows):
            colour, style = looks[row.system]
            scores = [[100 * score for score in row.scores(f"f1-{name}")] for name in types]
            axes.bar(
                [place + (number - (len(section.rows) - 1) / 2) * width for place in range(len(types))],
                [statistics.mean(values) for values in scores],
                width,
                yerr=[deviation(values) or 0.0 for values in scores] if len(row.runs) > 1 else None,
                label=_label(row, section),
                color=colour,
                hatch=_HATCHES[style % len(_HATCHES)],
                edgecolor="white",
                error_kw={"elinewidth": 0.8, "capsize": 1.5},
            )
        axes.set_xticks(range(len(types)), [f"{_wrapped(name)}\n({count:,})" for name, count in types.items()])
        axes.set(title=section.title, ylabel="F1 in percent", ylim=(0, 100))
        axes.set_axisbelow(True)
        axes.grid(axis="y", alpha=0.3)
        _legend(axes)
    return _laid_out(figure)


def _label(row: Row, section: Section) -> str:
    """Returns the system, with its number of seeds if not all have the same."""
    if section.has_same_seeds:
        return row.system
    return f"{row.system}, {len(row.seeds)} seed{'s' if len(row.seeds) > 1 else ''}"


def _draw_curve(axes: "Axes", row: Row, label: str, colour: str, style: int) -> None:
    curves = [[100 * f1 for f1 in run.facts.development_f1] for run in row.runs]
    # Early stopping may end the training of one seed before another's.
    by_epoch: Dict[int, List[float]] = {}
    for curve in curves:
        for epoch, f1 in enumerate(curve, 1):
            by_epoch.setdefault(epoch, []).append(f1)
    if not by_epoch:
        return
    epochs = list(by_epoch)
    elsewhere = "" if row.validated_on == "target" else f" (on {row.validated_on})"
    axes.plot(
        epochs,
        [statistics.mean(values) for values in by_epoch.values()],
        color=colour,
        marker=_MARKERS[style % len(_MARKERS)],
        markersize=3.5,
        markevery=max(1, len(epochs) // 20),
        linestyle="--" if elsewhere else "-",
        label=label + elsewhere,
    )
    if len(curves) > 1:
        worst, best = map(min, by_epoch.values()), map(max, by_epoch.values())
        axes.fill_between(epochs, list(worst), list(best), color=colour, alpha=0.15, linewidth=0)


def _looks(sections: Sequence[Section]) -> Dict[str, Tuple[str, int]]:
    """Returns the colour of each system, and the number of its marker or hatch, which changes when the colours are used up."""
    systems = dict.fromkeys(row.system for section in sections for row in section.rows)
    return {system: (COLOURS[number % len(COLOURS)], number // len(COLOURS)) for number, system in enumerate(systems)}


def _panels(sections: Sequence[Section], width: float) -> Tuple["Figure", List["Axes"]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, _HEIGHT * len(sections)))
    figure.set_layout_engine("constrained")
    panels = figure.subplots(len(sections), squeeze=False)
    return figure, list(panels[:, 0])


def _legend(axes: "Axes") -> None:
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0, frameon=False)


def _wrapped(name: str) -> str:
    """Breaks the lines of a long name, such as Gene_or_gene_product."""
    lines = [""]
    for part in name.replace("-", "-\0").replace("_", "_\0").split("\0"):
        if lines[-1] and len(lines[-1] + part) > 14:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def _laid_out(figure: "Figure") -> "Figure":
    figure.draw_without_rendering()  # the layout takes two passes, of which saving makes one
    return figure
