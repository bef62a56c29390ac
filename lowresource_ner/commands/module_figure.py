"""How alike the modules of a parameter generation network are, as a figure."""

from typing import IO, TYPE_CHECKING, Any, Dict, List, Sequence, Tuple

import numpy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# What keeps a file from being the same each time, by the suffix of its format.
_UNDATED: Dict[str, Dict[str, Any]] = {".svg": {"Date": None}, ".png": {}, ".pdf": {"CreationDate": None}}

SUFFIXES = tuple(_UNDATED)

STYLE = {
    "svg.hashsalt": "lowresource_ner",
    # Text stays text, which can be searched and read aloud.
    "svg.fonttype": "none",
    # A name of a module may hold dollar signs.
    "text.parse_math": False,
    "font.size": 9,
    "axes.titlesize": 10,
}

# Blue and vermilion of Okabe and Ito, and a red-white-blue map: all are told apart with any colour blindness.
_TASK_LOOK = ("#0072B2", "o")
_DOMAIN_LOOK = ("#D55E00", "s")
_COLOUR_MAP = "RdBu_r"

# Inches.
_CELL = 0.52
_POINTS_WIDTH = 3.6
_PADDING = 0.08


def save_figure(comparison: Dict[str, Any], file: IO[bytes], suffix: str) -> None:
    """
    Draws what `module_similarities` gives. The same comparison gives the same bytes.

    # Parameters

    comparison : `Dict[str, Any]`
    file : `IO[bytes]`
    suffix : `str`
        Of its format, one of `SUFFIXES`.
    """
    # Only who draws waits for matplotlib.
    import matplotlib.style

    with matplotlib.style.context(["default", STYLE]):
        draw_figure(comparison).savefig(file, format=suffix[1:], metadata=_UNDATED[suffix], dpi=200)


def draw_figure(comparison: Dict[str, Any]) -> "Figure":
    """Embeddings of tasks and of domains on the left, where there are any; cosines of the modules' parameters on the right."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    has_points = comparison["tasks"] is not None
    names = [module["name"] for module in comparison["modules"]]
    side = max(5, len(names)) * _CELL
    figure = Figure(figsize=(has_points * _POINTS_WIDTH + side + 2.6, side + 2.4))
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained", w_pad=_PADDING, h_pad=_PADDING, wspace=0.04, hspace=0.06)
    if has_points:
        grid = figure.add_gridspec(2, 2, width_ratios=[_POINTS_WIDTH, side + 2.2])
        _draw_points(figure.add_subplot(grid[0, 0]), "Task embeddings", comparison["tasks"], _TASK_LOOK)
        _draw_points(figure.add_subplot(grid[1, 0]), "Domain embeddings", comparison["domains"], _DOMAIN_LOOK)
        _draw_cosines(figure.add_subplot(grid[:, 1]), names, comparison["cosine"])
    else:
        _draw_cosines(figure.add_subplot(), names, comparison["cosine"])
    # The layout takes two passes to settle, of which saving makes one.
    figure.draw_without_rendering()
    return figure


def principal_components(points: numpy.ndarray) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """
    # Parameters

    points : `numpy.ndarray`
        (num_points, dim)

    # Returns

    (num_points, 2), the points' places on the first two principal components, and (2,), these components' shares of the variance.
    Where points lie on a line, the second is 0; where they are all the same, so is the first.
    """
    left, sizes, right = numpy.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    # The direction of a component is free: its largest weight is taken to be positive.
    signs = numpy.sign(right[numpy.arange(len(right)), numpy.abs(right).argmax(axis=1)])
    places = numpy.zeros((len(points), 2))
    shares = numpy.zeros(2)
    kept = min(2, len(sizes))
    if sizes[0] > 1e-6 * (numpy.abs(points).max() or 1):
        places[:, :kept] = (left * sizes * signs)[:, :kept]
        shares[:kept] = (sizes**2 / (sizes**2).sum())[:kept]
    return places, shares


def _draw_points(axes: "Axes", title: str, embeddings: Dict[str, List[float]], look: Tuple[str, str]) -> None:
    places, shares = principal_components(numpy.array(list(embeddings.values())))
    is_plane = shares[1] > 1e-6
    axes.set_title(title)
    axes.axhline(0, color="0.85", zorder=0)
    axes.scatter(places[:, 0], places[:, 1], s=45, color=look[0], marker=look[1])
    for name, place in zip(embeddings, places):
        # In the plane names run inwards, so that those at the edge stay within it.
        side, shift = ("center", 0) if not is_plane else ("left", -4) if place[0] < 0 else ("right", 4)
        axes.annotate(name, place, xytext=(shift, 7), textcoords="offset points", ha=side)
    axes.margins(0.3)
    axes.set_xlabel(_component_label(1, shares[0]))
    if is_plane:
        axes.axvline(0, color="0.85", zorder=0)
        axes.set_ylabel(_component_label(2, shares[1]))
        axes.set_aspect("equal", adjustable="datalim")
    else:
        axes.set_ylim(-1, 1)
        axes.set_yticks([])
    if not shares[0]:
        axes.set_xlim(-1, 1)
        axes.set_xticks([])
        axes.set_xlabel("a single point" if len(embeddings) == 1 else "all the same")


def _component_label(number: int, share: float) -> str:
    return f"PC {number}: {share:.0%} of variance"


def _draw_cosines(axes: "Axes", names: Sequence[str], cosines: Sequence[Sequence[float]]) -> None:
    mesh = axes.pcolormesh(numpy.array(cosines), cmap=_COLOUR_MAP, vmin=-1, vmax=1, edgecolors="white", linewidth=1)
    for row, values in enumerate(cosines):
        for column, value in enumerate(values):
            # Dark cells lie at both ends of the map.
            colour = "white" if abs(value) > 0.65 else "black"
            axes.text(column + 0.5, row + 0.5, _two_digits(value), color=colour, ha="center", va="center", fontsize=8)
    centres = numpy.arange(len(names)) + 0.5
    axes.set_xticks(centres, names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(centres, names)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.invert_yaxis()
    axes.set_aspect("equal")
    axes.set_title("LSTM parameters θ of the modules")
    axes.set_xlabel("module")
    axes.set_ylabel("module")
    assert axes.figure is not None
    axes.figure.colorbar(mesh, ax=axes, shrink=0.8, label="cosine of θ")


def _two_digits(value: float) -> str:
    # Adding 0 turns -0.0 into 0.0.
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")
