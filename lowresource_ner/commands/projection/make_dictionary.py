"""The subcommand `make-dictionary`."""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Sequence

from allennlp.commands.subcommand import Subcommand
from allennlp.common import Tqdm

from lowresource_ner.commands.interruption import interruptible
from lowresource_ner.commands.projection.text_options import ALIGNER_HELP, TextOptions, versions
from lowresource_ner.commands.whole_output import is_stdout, whole_output
from lowresource_ner.common.options import add_options, option, options_from
from lowresource_ner.projection.derived_dictionary import DerivedDictionary
from lowresource_ner.projection.projected_files import compressed


@dataclass(frozen=True, kw_only=True)
class DictionaryOptions(TextOptions):
    """The options of `allennlp make-dictionary`."""

    aligner: str = option("encoder", ALIGNER_HELP)
    min_count: int = option(2, "how often a translation must occur")
    min_probability: float = option(0.1, "the least share of a word's occurrences that are translated so")
    max_translation_words: int = option(3, "the most words of a translation")
    keep_case: bool = option(False, "count words as they are written, not in small letters")


@Subcommand.register("make-dictionary")
class MakeDictionaryCommand(Subcommand):
    """
    `allennlp make-dictionary TEXT --output-file FILE` derives a bilingual dictionary from parallel text: how its words are
    translated, by a word alignment; see `DerivedDictionary`. The file has MUSE's format with tabs, for `translate-labels`: a word
    and a translation on each line, the most frequent one of a word first.

    The alignment is not kept. If it takes long, make it first with `align-words`, which continues where it was interrupted.

    Registered as a `Subcommand` with name "make-dictionary".
    """

    def add_subparser(self, parser: argparse._SubParsersAction) -> argparse.ArgumentParser:
        description = "Derive a bilingual dictionary from parallel text."
        subparser = parser.add_parser(self.name, description=description, help=description)
        subparser.add_argument("text", metavar="TEXT", nargs="+", help="tab-separated files, compressed or not")
        subparser.add_argument(
            "--output-file", required=True, help="where the dictionary goes, compressed by its suffix"
        )
        add_options(subparser, DictionaryOptions)
        subparser.set_defaults(func=_make_from_args)
        return subparser


def make_dictionary(text: Sequence[str], output_file: Optional[str], options: DictionaryOptions) -> Dict[str, Any]:
    """
    Derives a dictionary; see `MakeDictionaryCommand`.

    # Returns

    `Dict[str, Any]`
        The number of "pairs" that were read, of "words" in the dictionary, and of its "entries".

    # Raises

    `ConfigurationError`
        For all that is wrong with options, inputs and outputs, before words are aligned.
    """
    aligner = options.word_aligner(options.aligner)
    parallel = options.text(text)
    num_lines = parallel.check()
    dictionary = DerivedDictionary(options.max_translation_words, options.keep_case)
    read = versions([list(text), asdict(options)])
    num_pairs = 0
    with (
        whole_output(output_file, "wb", [path for path, *_ in read]) as file,
        tempfile.TemporaryDirectory() as folder,
        Tqdm.tqdm(desc="counting", unit=" lines", total=num_lines, file=sys.stderr) as progress,
    ):
        aligner.prepare(parallel, num_lines, Path(folder))
        for block in parallel.blocks():
            for pair, alignment in zip(block.pairs, aligner.align(block.pairs)):
                dictionary.add(pair.source, pair.target, alignment.links)
            num_pairs += len(block.pairs)
            progress.update(block.end - progress.n)
        entries = list(dictionary.entries(options.min_count, options.min_probability))
        if file is not None:
            file.write(compressed(output_file or "", "".join(f"{word}\t{other}\n" for word, other in entries)))
    return {"pairs": num_pairs, "words": len({word for word, _ in entries}), "entries": len(entries)}


def _make_from_args(args: argparse.Namespace) -> None:
    with interruptible("Interrupted."):
        report = make_dictionary(args.text, args.output_file, options_from(args, DictionaryOptions))
    print(json.dumps(report), file=sys.stderr if is_stdout(args.output_file) else sys.stdout)
