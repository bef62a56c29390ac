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
    `allennlp alignment-error-rate TEXT GOLD --aligner ALIGNER ...` evaluates aligners against the manual alignment GOLD, a file
    of sure links ("0-0") and possible links ("1p2"). It prints one line of JSON per aligner; see `AlignmentErrorRate`.

    Registered as a `Subcommand` with name "alignment-error-rate".
    """

    def add_subparser(self, parser: argparse._SubParsersAction) -> argparse.ArgumentParser:
        description = "Evaluate word aligners against a manual alignment."
        subparser = parser.add_parser(self.name, description=description, help=description)
        subparser.add_argument("text", metavar="TEXT", help="a tab-separated file, optionally compressed")
        subparser.add_argument("gold", metavar="GOLD", help="a file with one line of links per line of the text")
        subparser.add_argument(
            "--aligner", nargs="+", default=["encoder"], help=f"one or more aligners: {ALIGNER_HELP}"
        )
        add_options(subparser, TextOptions)
        subparser.set_defaults(func=_compare_from_args)
        return subparser


def alignment_error_rates(
    text: str, gold: str, aligners: Sequence[str], options: TextOptions
) -> Iterator[Dict[str, Any]]:
    """
    Yields a dictionary per aligner: "aligner", its name or JSON object as passed, and the items of `AlignmentErrorRate.as_dict`.

    # Raises

    `ConfigurationError`
        If an option or input is invalid. The text, the gold links and the configurations of all aligners are checked before the
        first aligner runs; the files and models of an aligner, just before it runs.
    """
    for name_or_config in aligners:
        options.word_aligner(name_or_config)  # Validates the configuration; nothing is loaded yet.
    parallel, reference = options.text([text]), PharaohAligner(gold)
    num_lines = parallel.check()
    with tempfile.TemporaryDirectory() as folder:
        reference.prepare(parallel, num_lines, Path(folder))
        for number, name_or_config in enumerate(aligners):
            aligner = options.word_aligner(name_or_config)
            aligner_folder = Path(folder, str(number))
            aligner_folder.mkdir()
            aligner.prepare(parallel, num_lines, aligner_folder)
            rate = AlignmentErrorRate()
            for block in parallel.blocks():
                for pair, alignment in zip(block.pairs, aligner.align(block.pairs)):
                    rate.add(alignment.links, reference.gold(pair))
            yield {"aligner": name_or_config, **rate.as_dict()}


def _compare_from_args(args: argparse.Namespace) -> None:
    with interruptible("Interrupted."):
        for rates in alignment_error_rates(args.text, args.gold, args.aligner, options_from(args, TextOptions)):
            print(json.dumps(rates, ensure_ascii=False), flush=True)
