"""The subcommand `alignment-error-rate`."""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator, Sequence

from allennlp.commands.subcommand import Subcommand

from lowresource_ner.commands.interruption import interruptible
from lowresource_ner.commands.projection.text_options import ALIGNER_HELP, TextOptions
from lowresource_ner.common.options import add_options, options_from
from lowresource_ner.projection.aligners.pharaoh_aligner import PharaohAligner
from lowresource_ner.projection.alignment_error_rate import AlignmentErrorRate


@Subcommand.register("alignment-error-rate")
class AlignmentErrorRateCommand(Subcommand):
    """
    `allennlp alignment-error-rate TEXT GOLD --aligner ALIGNER ...` compares aligners with the hand-made alignment GOLD, a file of
    sure links ("0-0") and possible ones ("1p2"), and prints a line of JSON for each; see `AlignmentErrorRate`.

    Registered as a `Subcommand` with name "alignment-error-rate".
    """

    def add_subparser(self, parser: argparse._SubParsersAction) -> argparse.ArgumentParser:
        description = "Compare word alignments with a hand-made one."
        subparser = parser.add_parser(self.name, description=description, help=description)
        subparser.add_argument("text", metavar="TEXT", help="a tab-separated file, compressed or not")
        subparser.add_argument("gold", metavar="GOLD", help="a line of links for each line of the text")
        subparser.add_argument("--aligner", nargs="+", default=["encoder"], help=f"one or more: {ALIGNER_HELP}")
        add_options(subparser, TextOptions)
        subparser.set_defaults(func=_compare_from_args)
        return subparser


def alignment_error_rates(
    text: str, gold: str, aligners: Sequence[str], options: TextOptions
) -> Iterator[Dict[str, Any]]:
    """
    Yields for each aligner "aligner", as it was given, and what `AlignmentErrorRate.as_dict` has.

    # Raises

    `ConfigurationError`
        For all that is wrong with options and inputs; for the gold links, and for all aligners but their own files and models,
        before the first is run.
    """
    for given in aligners:
        options.word_aligner(given)  # which loads nothing, and finds wrong options
    parallel, reference = options.text([text]), PharaohAligner(gold)
    num_lines = parallel.check()
    with tempfile.TemporaryDirectory() as folder:
        reference.prepare(parallel, num_lines, Path(folder))
        for number, given in enumerate(aligners):
            aligner = options.word_aligner(given)
            own = Path(folder, str(number))
            own.mkdir()
            aligner.prepare(parallel, num_lines, own)
            rate = AlignmentErrorRate()
            for block in parallel.blocks():
                for pair, alignment in zip(block.pairs, aligner.align(block.pairs)):
                    rate.add(alignment.links, reference.gold(pair))
            yield {"aligner": given, **rate.as_dict()}


def _compare_from_args(args: argparse.Namespace) -> None:
    with interruptible("Interrupted."):
        for rates in alignment_error_rates(args.text, args.gold, args.aligner, options_from(args, TextOptions)):
            print(json.dumps(rates, ensure_ascii=False), flush=True)
