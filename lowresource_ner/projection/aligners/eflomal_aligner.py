"""Aligns words with eflomal."""

import importlib
import re
from pathlib import Path
from types import ModuleType
from typing import IO, Any, List, Optional, Sequence

from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.whole_files import written_whole
from lowresource_ner.data.text_lines import numbered_lines
from lowresource_ner.projection.aligners.pharaoh_aligner import PharaohAligner
from lowresource_ner.projection.aligners.word_aligner import WordAligner
from lowresource_ner.projection.parallel_text import ParallelText, SentencePair
from lowresource_ner.projection.symmetrisation import grow_diag_final_and
from lowresource_ner.projection.word_alignment import WordAlignment, format_links, parse_links

_WHITE_SPACE = re.compile(r"\s")


@WordAligner.register("eflomal")
class EflomalAligner(WordAligner):
    """
    Aligns a whole text with the statistical aligner eflomal (Östling and Tiedemann 2016, The Prague Bulletin of Mathematical
    Linguistics 106) in both directions, and symmetrises the links with grow-diag-final-and. It needs many sentence pairs, and
    memory proportional to the size of the text. Its sampling is not seeded, so results differ between runs.

    eflomal is an optional extra of this package. It is built from source during installation.

    Registered as a `WordAligner` with name "eflomal".

    # Parameters

    iterations : `Optional[int]`, optional (default = `None`)
        The number of sampling iterations of each of its three models. `None` lets eflomal choose them by the size of the text.
    samplers : `int`, optional (default = `3`)
        The number of independent samplers whose results are averaged.
    null_prior : `float`, optional (default = `0.2`)
        The prior probability that a word is unaligned.

    # Raises

    `ConfigurationError`
        In `prepare`, if eflomal is not installed or fails.
    """

    def __init__(self, iterations: Optional[int] = None, samplers: int = 3, null_prior: float = 0.2) -> None:
        self._iterations = None if iterations is None else (iterations, iterations, iterations)
        self._samplers = samplers
        self._null_prior = null_prior
        self._links: Optional[PharaohAligner] = None

    def prepare(self, text: ParallelText, num_lines: int, folder: Path) -> None:
        links = folder / "eflomal.pharaoh"
        if not links.exists():  # They exist if an interrupted run is resumed.
            self._align_all(_eflomal(), text, num_lines, links)
        self._links = PharaohAligner(str(links))
        self._links.prepare(text, num_lines, folder)

    def align(self, pairs: Sequence[SentencePair], vectors: bool = False) -> List[WordAlignment]:
        assert self._links is not None, "prepare() must be called first"
        return self._links.align(pairs)

    def _align_all(self, eflomal: ModuleType, text: ParallelText, num_lines: int, links: Path) -> None:
        names = ("source", "target", "forward", "reverse")
        paths = [links.with_name(f"eflomal.{name}") for name in names]
        source, target, forward, reverse = paths
        with source.open("w", encoding="utf-8") as sources, target.open("w", encoding="utf-8") as targets:
            _write_sides(text, num_lines, sources, targets)
        aligner = eflomal.Aligner(n_iterations=self._iterations, n_samplers=self._samplers, null_prior=self._null_prior)
        with source.open(encoding="utf-8") as sources, target.open(encoding="utf-8") as targets:
            try:
                aligner.align(sources, targets, str(forward), str(reverse))
            except Exception as error:  # including failures of its subprocess
                raise ConfigurationError(f"eflomal failed: {type(error).__name__}: {error}") from error
        with written_whole(links) as new, new.open("w", encoding="utf-8") as file:
            # eflomal writes the links of both directions as (source, target).
            for (_, first), (_, second) in zip(_lines(forward), _lines(reverse), strict=True):
                file.write(format_links(grow_diag_final_and(parse_links(first).sure, parse_links(second).sure)) + "\n")
        for path in paths:
            path.unlink()


def _eflomal() -> ModuleType:
    try:
        return importlib.import_module("eflomal")
    except ImportError as error:
        raise ConfigurationError(
            "The aligner 'eflomal' needs the package eflomal, which is built from source with a C compiler: pip install "
            "'lowresource-ner[eflomal]', or pip install --no-deps -r requirements-eflomal.txt."
        ) from error


def _write_sides(text: ParallelText, num_lines: int, sources: IO[str], targets: IO[str]) -> None:
    """Writes one line per line of the text; skipped pairs get an empty line."""
    written = 0
    for block in text.blocks():
        for pair in block.pairs:
            gap = "\n" * (pair.number - written)
            sources.write(f"{gap}{_line(pair.source)}\n")
            targets.write(f"{gap}{_line(pair.target)}\n")
            written = pair.number + 1
    for file in (sources, targets):
        file.write("\n" * (num_lines - written))


def _line(words: Sequence[str]) -> str:
    """Joins words, replacing white space inside words (such as no-break spaces), at which eflomal would split them."""
    return " ".join(_WHITE_SPACE.sub("_", word) for word in words)


def _lines(path: Path) -> Any:
    return numbered_lines(str(path), "utf-8")
