"""How this package's figures look, and how they are saved."""

from typing import IO, TYPE_CHECKING, Any, Callable, Dict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# By the suffix of a format, the metadata without which the same figure gives the same file.
_UNDATED: Dict[str, Dict[str, Any]] = {".svg": {"Date": None}, ".png": {}, ".pdf": {"CreationDate": None}}

SUFFIXES = tuple(_UNDATED)

STYLE = {
    "svg.hashsalt": "lowresource_ner",
    "svg.fonttype": "none",  # text stays text, which can be searched and read aloud
    "text.parse_math": False,  # a name may hold dollar signs
    "font.size": 9,
    "axes.titlesize": 10,
}

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999")
"""Of Okabe and Ito, which can be told apart with any colour blindness; grey for black, on which nothing can be drawn."""


def write_figure(draw: Callable[[], "Figure"], file: IO[bytes], suffix: str) -> None:
    """
    Draws and saves a figure. The same figure gives the same bytes.

    # Parameters

    suffix : `str`
        Of the format, one of `SUFFIXES`.
    """
    import matplotlib.style  # takes long, and other commands do without

    with matplotlib.style.context(["default", STYLE]):
        draw().savefig(file, format=suffix[1:], metadata=_UNDATED[suffix], dpi=200)
