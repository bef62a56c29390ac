"""The subcommand `align-words`."""

import argparse
import json
from dataclasses import asdict, dataclass
from typing import Dict, List, Mapping, Sequence

from allennlp.commands.subcommand import Subcommand

from lowresource_ner.commands.interruption import interruptible
from lowresource_ner.commands.projection.resumable_output import resumable_output
from lowresource_ner.commands.projection.text_options import ALIGNER_HELP, TextOptions, versions
from lowresource_ner.common.options import add_options, option, options_from
from lowresource_ner.projection.parallel_text import SentencePair
from lowresource_ner.projection.projected_files import compressed
from lowresource_ner.projection.text_run import run_over_text
from lowresource_ner.projection.word_alignment import format_links


@dataclass(frozen=True, kw_only=True)
class AlignmentOptions(TextOptions):
    """The options of `allennlp align-words`."""

    aligner: str = option("encoder", ALIGNER_HELP)


@Subcommand.register("align-words")
class AlignWordsCommand(Subcommand):
    """
    `allennlp align-words TEXT --output-file FILE` aligns the words of parallel text. It writes one line of links ("0-0 1-2") per
    line of the text; skipped pairs get an empty line. The file can be passed as `--aligner` to `project-labels` and
    `make-dictionary`, with the same text options. An interrupted run resumes when the same command is repeated.

    Registered as a `Subcommand` with name "align-words".
    """

    def add_subparser(self, parser: argparse._SubParsersAction) -> argparse.ArgumentParser:
        description = "Align the words of parallel text."
        subparser = parser.add_parser(self.name, description=description, help=description)
        subparser.add_argument("text", metavar="TEXT", nargs="+", help="tab-separated files, optionally compressed")
        subparser.add_argument(
            "--output-file", required=True, help="file for the links, compressed according to its suffix"
        )
        add_options(subparser, AlignmentOptions)
        subparser.set_defaults(func=_align_from_args)
        return subparser


def align_words(text: Sequence[str], output_file: str, options: AlignmentOptions) -> Dict[str, int]:
    """
    Aligns words; see `AlignWordsCommand`.

    # Returns

    `Dict[str, int]`
        The number of "lines" in the text, of skipped lines by reason (see `ParallelText`), and of "links".

    # Raises

    `ConfigurationError`
        If an option, input or output is invalid (checked before any words are aligned), or if the disk is full.
    """
    aligner = options.word_aligner(options.aligner)
    parallel = options.text(text)
    num_lines = parallel.check()
    input_versions = versions([list(text), asdict(options)])
    settings = {"options": {**asdict(options), "cuda_device": None}, "inputs": input_versions}
    with resumable_output([output_file], [path for path, *_ in input_versions], settings) as (parts, outputs):
        aligner.prepare(parallel, num_lines, parts.folder)
        (name,) = outputs
        # The number of lines written so far.
        written = (parts.state or {"lines": 0})["lines"]

        def process(pairs: List[SentencePair], end: int) -> Mapping[str, int]:
            nonlocal written
            lines = [""] * (end - written)
            num_links = 0
            for pair, alignment in zip(pairs, aligner.align(pairs)):
                lines[pair.number - written] = format_links(alignment.links)
                num_links += len(alignment.links)
            parts.append(name, compressed(output_file, "".join(f"{line}\n" for line in lines)))
            written = end
            return {"links": num_links}

        return run_over_text(parallel, num_lines, parts, process, "aligning")


def _align_from_args(args: argparse.Namespace) -> None:
    with interruptible("Interrupted. Run the same command again to resume."):
        report = align_words(args.text, args.output_file, options_from(args, AlignmentOptions))
    print(json.dumps(report))
