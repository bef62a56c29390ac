"""Draws how similar the modules of a parameter generation network are."""

from typing import IO, TYPE_CHECKING, Any, Dict, List, Sequence, Tuple

import numpy

from lowresource_ner.common.figures import COLOURS, write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TASKS, _DOMAINS = "Task embeddings", "Domain embeddings"
_COSINES = "LSTM parameters θ of the modules"

# The red-white-blue map can be told apart with any colour blindness, too.
_LOOKS = {_TASKS: (COLOURS[0], "o"), _DOMAINS: (COLOURS[1], "s")}
_COLOUR_MAP = "RdBu_r"

# Inches.
_CELL = 0.52
_POINTS_WIDTH = 3.6
_PADDING = 0.08


def save_figure(comparison: Dict[str, Any], file: IO[bytes], suffix: str) -> None:
    """
    Draws what `module_similarities` returns. The same comparison gives the same bytes.

    # Parameters

    comparison : `Dict[str, Any]`
    file : `IO[bytes]`
    suffix : `str`
        The format, one of `SUFFIXES`.
    """
    write_figure(lambda: draw_figure(comparison), file, suffix)


def draw_figure(comparison: Dict[str, Any]) -> "Figure":
    """Embeddings of tasks and of domains on the left, where there are any; cosines of the modules' parameters on the right."""
    from matplotlib.figure import Figure

    has_points = comparison["tasks"] is not None
    names = [module["name"] for module in comparison["modules"]]
    side = max(5, len(names)) * _CELL
    figure = Figure(figsize=(has_points * _POINTS_WIDTH + side + 2.6, side + 2.4))
    figure.set_layout_engine("constrained", w_pad=_PADDING, h_pad=_PADDING)
    if has_points:
        panels = figure.subplot_mosaic(
            [[_TASKS, _COSINES], [_DOMAINS, _COSINES]], width_ratios=[_POINTS_WIDTH, side + 2.2]
        )
        _draw_points(panels[_TASKS], _TASKS, comparison["tasks"])
        _draw_points(panels[_DOMAINS], _DOMAINS, comparison["domains"])
    else:
        panels = figure.subplot_mosaic([[_COSINES]])
    _draw_cosines(panels[_COSINES], names, comparison["cosine"])
    figure.draw_without_rendering()  # the layout takes two passes to settle, of which saving makes one
    return figure


def principal_components(points: numpy.ndarray) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """
    Projects points onto their first two principal components.

    # Parameters

    points : `numpy.ndarray`
        (num_points, dim)

    # Returns

    (num_points, 2), the points' places on the first two principal components, and (2,), these components' shares of the variance.
    If the points lie on a line, the second is 0; if they are all the same, so is the first.
    """
    from sklearn.decomposition import PCA

    if (points == points[0]).all():
        return numpy.zeros((len(points), 2)), numpy.zeros(2)
    components = PCA(2, svd_solver="full")
    places = components.fit_transform(numpy.pad(points, ((0, 0), (0, 1))))  # two columns at least
    shares = components.explained_variance_ratio_
    return numpy.where(shares > 1e-6, places, 0), shares


def _draw_points(axes: "Axes", title: str, embeddings: Dict[str, List[float]]) -> None:
    places, shares = principal_components(numpy.array(list(embeddings.values())))
    colour, marker = _LOOKS[title]
    axes.scatter(places[:, 0], places[:, 1], s=45, color=colour, marker=marker)
    for name, place in zip(embeddings, places):
        axes.annotate(name, place, xytext=(0, 7), textcoords="offset points", ha="center")
    axes.margins(0.5)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set(title=title, xlabel=f"PC 1: {shares[0]:.0%} of variance", ylabel=f"PC 2: {shares[1]:.0%} of variance")


def _draw_cosines(axes: "Axes", names: Sequence[str], cosines: Sequence[Sequence[float]]) -> None:
    image = axes.imshow(cosines, cmap=_COLOUR_MAP, vmin=-1, vmax=1)
    for (row, column), value in numpy.ndenumerate(cosines):
        colour = "white" if abs(value) > 0.65 else "black"  # cells are dark at both ends of the map
        text = f"{round(value, 2) + 0.0:.2f}"  # adding 0 makes 0 of -0
        axes.text(column, row, text, color=colour, ha="center", va="center", fontsize=8)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set(title=_COSINES, xlabel="module", ylabel="module")
    assert axes.figure is not None
    axes.figure.colorbar(image, ax=axes, shrink=0.8, label="cosine of θ")
