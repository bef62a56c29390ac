"""The subcommand `translate-labels`."""

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from allennlp.commands.subcommand import Subcommand
from allennlp.common import Params, Tqdm
from allennlp.common.checks import ConfigurationError

from lowresource_ner.commands.interruption import interruptible
from lowresource_ner.commands.whole_output import check_not_read, is_stdout, whole_output
from lowresource_ner.common.options import add_options, option, options_from
from lowresource_ner.data.conll.writer import write_conll
from lowresource_ner.data.dataset_readers.conll_ner import ConllNerReader
from lowresource_ner.data.dataset_readers.corpus_paths import corpus_files
from lowresource_ner.projection.bilingual_dictionary import CHOICES, BilingualDictionary
from lowresource_ner.projection.word_translation import translate_sentence
from lowresource_ner.tagging import get_scheme

_ENTITIES = ("keep", "translate")


@dataclass(frozen=True, kw_only=True)
class TranslationOptions:
    """The options of `allennlp translate-labels`."""

    dictionary: str = option(
        help="dictionary in the MUSE format: a word and a translation per line, optionally compressed", metavar="FILE"
    )
    entities: str = option("keep", "whether to keep or translate the words of entities", choices=_ENTITIES)
    translations: str = option("first", "which translation to use if a word has several", choices=CHOICES)
    seed: int = option(13, "random seed for --translations random")
    min_translated: float = option(0.0, "skip sentences with a smaller fraction of translated words")
    tag_scheme: str = option("IOB2", "tagging scheme of the output")
    reader: Dict[str, Any] = option(
        dict, 'options of the conll_ner reader for the input: \'{"label_map": {"MISC": "O"}}\'', metavar="JSON"
    )


@Subcommand.register("translate-labels")
class TranslateLabelsCommand(Subcommand):
    """
    `allennlp translate-labels INPUT --dictionary FILE --output-file OUTPUT` translates a labelled corpus word by word with a
    bilingual dictionary and keeps its labels, for languages without parallel text to project labels over. See
    `translate_sentence` and `BilingualDictionary`.

    Registered as a `Subcommand` with name "translate-labels".
    """

    def add_subparser(self, parser: argparse._SubParsersAction) -> argparse.ArgumentParser:
        description = "Translate a labelled corpus word by word with a dictionary."
        subparser = parser.add_parser(self.name, description=description, help=description)
        subparser.add_argument("input", metavar="INPUT", nargs="+", help="CoNLL files, optionally compressed")
        subparser.add_argument("--output-file", required=True, help="a CoNLL file, compressed according to its suffix")
        add_options(subparser, TranslationOptions)
        subparser.set_defaults(func=_translate_from_args)
        return subparser


def translate_labels(inputs: Sequence[str], output_file: str, options: TranslationOptions) -> Dict[str, int]:
    """
    Translates a corpus; see `TranslateLabelsCommand`.

    # Returns

    `Dict[str, int]`
        The number of "sentences", of those "kept" and of those skipped for too few translated words ("low_share"); the number of
        "words" to translate, and how many of them were "translated".

    # Raises

    `ConfigurationError`
        If the input is invalid (with file and line), or if the output cannot be written or is also an input. An existing output
        file is then left unchanged.
    """
    scheme = get_scheme(options.tag_scheme)
    reader = ConllNerReader.from_params(Params({**options.reader, "tag_scheme": scheme.name}))
    files = corpus_files(list(inputs))
    dictionary = BilingualDictionary.read(options.dictionary, options.translations, options.seed)
    counts: Dict[str, int] = Counter()

    def translated() -> Iterator[Tuple[List[str], List[str]]]:
        for sentence in Tqdm.tqdm(reader.sentences(files), desc="translating", unit=" sentences", file=sys.stderr):
            if sentence.tags is None:
                raise ConfigurationError(
                    f"{sentence.place}: the corpus is read without tags. Remove 'labelled' from --reader."
                )
            words, tags, num_known, num_to_translate = translate_sentence(
                sentence.words, sentence.tags, dictionary, scheme, options.entities == "translate"
            )
            is_kept = num_known >= options.min_translated * num_to_translate
            counts.update(
                sentences=1, words=num_to_translate, translated=num_known, kept=is_kept, low_share=not is_kept
            )
            if is_kept:
                yield words, tags

    if is_stdout(output_file):
        with whole_output(output_file) as file:
            write_conll(translated(), file)
    else:
        for path in [*files, options.dictionary]:
            check_not_read(output_file, Path(path))
        write_conll(translated(), output_file)
    return dict(counts)


def _translate_from_args(args: argparse.Namespace) -> None:
    with interruptible("Interrupted. An existing output file is unchanged."):
        report = translate_labels(args.input, args.output_file, options_from(args, TranslationOptions))
    print(json.dumps(report), file=sys.stderr if is_stdout(args.output_file) else sys.stdout)
