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
    min_count: int = option(2, "minimum number of occurrences of a translation")
    min_probability: float = option(0.1, "minimum relative frequency among the translations of a word")
    max_translation_words: int = option(3, "maximum number of words in a translation")
    keep_case: bool = option(False, "do not lowercase words")


@Subcommand.register("make-dictionary")
class MakeDictionaryCommand(Subcommand):
    """
    `allennlp make-dictionary TEXT --output-file FILE` derives a bilingual dictionary from word-aligned parallel text; see
    `DerivedDictionary`. The file is in the MUSE format, separated by tabs, as read by `translate-labels`: one word and one
    translation per line. The translations of a word are sorted by frequency, most frequent first.

    The alignment is not saved. If aligning takes long, run `align-words` first, which can resume after an interruption.

    Registered as a `Subcommand` with name "make-dictionary".
    """

    def add_subparser(self, parser: argparse._SubParsersAction) -> argparse.ArgumentParser:
        description = "Derive a bilingual dictionary from parallel text."
        subparser = parser.add_parser(self.name, description=description, help=description)
        subparser.add_argument("text", metavar="TEXT", nargs="+", help="tab-separated files, optionally compressed")
        subparser.add_argument(
            "--output-file", required=True, help="file for the dictionary, compressed according to its suffix"
        )
        add_options(subparser, DictionaryOptions)
        subparser.set_defaults(func=_make_from_args)
        return subparser


def make_dictionary(text: Sequence[str], output_file: Optional[str], options: DictionaryOptions) -> Dict[str, Any]:
    """
    Derives a dictionary; see `MakeDictionaryCommand`.

    # Returns

    `Dict[str, Any]`
        The number of sentence "pairs" read, of "words" in the dictionary, and of its "entries".

    # Raises

    `ConfigurationError`
        If an option, input or output is invalid; checked before any words are aligned.
    """
    aligner = options.word_aligner(options.aligner)
    parallel = options.text(text)
    num_lines = parallel.check()
    dictionary = DerivedDictionary(options.max_translation_words, options.keep_case)
    input_versions = versions([list(text), asdict(options)])
    num_pairs = 0
    with (
        whole_output(output_file, "wb", [path for path, *_ in input_versions]) as file,
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
            file.write(
                compressed(output_file or "", "".join(f"{word}\t{translation}\n" for word, translation in entries))
            )
    return {"pairs": num_pairs, "words": len({word for word, _ in entries}), "entries": len(entries)}


def _make_from_args(args: argparse.Namespace) -> None:
    with interruptible("Interrupted."):
        report = make_dictionary(args.text, args.output_file, options_from(args, DictionaryOptions))
    print(json.dumps(report), file=sys.stderr if is_stdout(args.output_file) else sys.stdout)
