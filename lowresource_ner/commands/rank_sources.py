"""
Ranks labelled source languages by their similarity to a text, to choose a source for cross-lingual transfer:

    allennlp rank-sources corpora/es/raw.txt --source corpora/en corpora/de corpora/nl

A language classifier is trained on sampled sentences of the sources, without their labels, and scores the sentences of the
text. The similarities sum to 1; `allennlp cross-lingual` uses them to weight the teachers of these languages.
"""

import argparse
import inspect
import json
import os
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from allennlp.commands.subcommand import Subcommand
from allennlp.commands.train import train_model
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError, check_for_gpu

from lowresource_ner.commands.interruption import interruptible
from lowresource_ner.commands.whole_output import STDOUT, whole_output
from lowresource_ner.configs import config_path
from lowresource_ner.data.dataset_readers.conll_ner import ConllNerReader
from lowresource_ner.data.dataset_readers.raw_text import RawTextReader
from lowresource_ner.data.dataset_readers.sentence_reader import SentenceReader
from lowresource_ner.distillation.weights.language_scorer import LanguageScorer
from lowresource_ner.distillation.weights.source_similarities import SourceSimilarities, source_similarities
from lowresource_ner.modules.language_scores import MEASURES

_TEXT, _CONLL = "text", "conll"
_FORMAT_OF_SUFFIX = {".txt": _TEXT, ".conll": _CONLL}
_SAMPLE = 1000
_SEED = 13
_ENCODER = "multilingual-mini"


@Subcommand.register("rank-sources")
class RankSourcesCommand(Subcommand):
    """
    `allennlp rank-sources TEXT --source SOURCE SOURCE ...` ranks labelled source languages by their similarity to a text; see
    `rank_sources`.

    Registered as a `Subcommand` with name "rank-sources".
    """

    requires_plugins = False

    def add_subparser(self, parser: argparse._SubParsersAction) -> argparse.ArgumentParser:
        subparser = parser.add_parser(
            self.name,
            description=__doc__,
            help="Rank labelled source languages by their similarity to a text.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        add = subparser.add_argument
        add(
            "text",
            metavar="TEXT",
            help="a file, optionally compressed (gz, bz2, xz), or a folder with raw.txt or train.conll",
        )
        models = subparser.add_mutually_exclusive_group(required=True)
        models.add_argument(
            "--source", nargs="+", metavar="SOURCE", help="folders with train.conll, or NAME=FILE with a CoNLL file"
        )
        models.add_argument("--archive", help="a trained similarity model, instead of --source")
        add(
            "--input-format",
            choices=[_TEXT, _CONLL],
            help="format of TEXT. text: one sentence per line; conll: one word per line, tags are ignored. By default, "
            "determined by the suffix (.txt, .conll)",
        )
        encoder = os.environ.get("ENCODER") or _ENCODER
        add("--encoder", default=encoder, help=f"name or folder of the encoder (default: {encoder}; variable: ENCODER)")
        add(
            "--sample",
            type=int,
            default=_SAMPLE,
            help=f"maximum number of sentences per source and of TEXT (default: {_SAMPLE})",
        )
        add(
            "--measure",
            choices=MEASURES,
            default=MEASURES[0],
            help=f"similarity measure to rank by (default: {MEASURES[0]})",
        )
        add("--seed", type=int, default=_SEED, help=f"random seed for sampling and training (default: {_SEED})")
        add(
            "-s", "--serialization-dir", help="new folder to save the similarity model to, for later use with --archive"
        )
        add("--cuda-device", type=int, default=-1, help="index of a GPU, or -1 for the CPU (default)")
        add("--json", action="store_true", help="print JSON instead of a table")
        add("--output-file", help="file for the result; standard output by default or with -")
        subparser.set_defaults(func=_rank_from_args)
        return subparser


def rank_sources(
    text: str,
    source: Optional[List[str]] = None,
    archive: Optional[str] = None,
    input_format: Optional[str] = None,
    encoder: str = _ENCODER,
    sample: int = _SAMPLE,
    measure: str = MEASURES[0],
    seed: int = _SEED,
    serialization_dir: Optional[str] = None,
    cuda_device: int = -1,
) -> Dict[str, Any]:
    """
    Measures the similarity of source languages to a text (Wu et al. 2020, arXiv:2004.12440, section 3.3). The languages are those
    of a trained `language_similarity` model (`archive`), or of sources on which a new model is trained with
    training_configs/cross_lingual/similarity.

    # Parameters

    text : `str`
        A file, or a folder with raw.txt or train.conll.
    source : `Optional[List[str]]`
        Folders with train.conll, named after their languages, or NAME=FILE.
    archive : `Optional[str]`
        An archive, or the serialization directory of a finished training run.
    input_format : `Optional[str]`
        The format of the text: "text" (one sentence per line) or "conll". `None` determines it from the suffix (.txt or .conll,
        optionally followed by that of a compressed file).
    encoder : `str`
        The encoder to train with. Ignored if `archive` is given, which has its own.
    sample : `int`
        The maximum number of sentences per source, and of the text. All sources contribute the same number of sentences.
    measure : `str`
        The similarity measure to rank by; see `LanguageScores`.
    seed : `int`
    serialization_dir : `Optional[str]`
        A new folder for the model. By default, the model is not saved.
    cuda_device : `int`

    # Returns

    `Dict[str, Any]`
        "text"; "sentences", the number of sampled sentences; "measure"; "nearest", the most similar source; "ranking", the
        sources, most similar first; "similarities", by measure and source; and "tau", by measure, which is 0 if the measure does
        not distinguish the sources.

    # Raises

    `ConfigurationError`
        Before training, if a file does not exist or has no sentences, the format of the text is unknown, there are fewer than two
        sources, a source name is repeated or contains a comma, or a number is out of range.
    """
    if sample < 1:
        raise ConfigurationError(f"--sample is {sample}; it must be at least 1.")
    check_for_gpu(cuda_device)
    path = _text_file(text)
    sentences = _sampled(path, input_format or _format_by_name(path), sample, seed)
    if archive is not None:
        similarities = source_similarities(LanguageScorer(archive, cuda_device=cuda_device), lambda: sentences)
        return _report(path, similarities, measure)
    sources = _sources(source or [])
    if serialization_dir is not None and Path(serialization_dir).exists():
        raise ConfigurationError(
            f"'{serialization_dir}' already exists. If it contains a trained similarity model, use it with --archive instead of "
            "--source; otherwise choose a new folder."
        )
    with tempfile.TemporaryDirectory(prefix="rank-sources-") as temporary:
        folder = serialization_dir or os.path.join(temporary, "similarity")
        _train(sources, folder, encoder, sample, seed, cuda_device)
        similarities = source_similarities(LanguageScorer(folder, cuda_device=cuda_device), lambda: sentences)
    return _report(path, similarities, measure)


def _rank_from_args(args: argparse.Namespace) -> None:
    arguments = {
        name: value for name, value in vars(args).items() if name in inspect.signature(rank_sources).parameters
    }
    inputs = [args.text, *(source.partition("=")[2] or source for source in args.source or [args.archive])]
    with interruptible("Interrupted."):
        output = whole_output(STDOUT if args.output_file is None else args.output_file, inputs=inputs)
        with output as file:
            report = rank_sources(**arguments)
            file.write((json.dumps(report, ensure_ascii=False) if args.json else as_table(report)) + "\n")


def as_table(report: Mapping[str, Any]) -> str:
    """Formats a report of `rank_sources` as a Markdown table."""
    similarities, measure = report["similarities"], report["measure"]
    measures = [measure, *(other for other in similarities if other != measure)]
    lines = [
        f"Similarity of the sources to {report['sentences']:,} sentences of {report['text']}:\n",
        f"| source | {' | '.join(measures)} |",
        "|---" + "|--:" * len(measures) + "|",
        *(
            f"| {source} | {' | '.join(f'{similarities[each][source]:.3f}' for each in measures)} |"
            for source in report["ranking"]
        ),
    ]
    if report["tau"][measure] == 0:
        return "\n".join([*lines, f"\nThe measure '{measure}' does not distinguish the sources."])
    return "\n".join([*lines, f"\nThe most similar source by the measure '{measure}' is {report['nearest']}."])


def _report(path: Path, similarities: SourceSimilarities, measure: str) -> Dict[str, Any]:
    ranking = similarities.ranking(measure)
    return {
        "text": str(path),
        "sentences": similarities.num_sentences,
        "measure": measure,
        "nearest": ranking[0],
        "ranking": ranking,
        "similarities": similarities.weights,
        "tau": similarities.tau,
    }


def _train(sources: Mapping[str, Path], folder: str, encoder: str, sample: int, seed: int, cuda_device: int) -> None:
    """Trains a similarity model in `folder`, on the same number of sentences from each source."""
    reader = ConllNerReader(labelled=False)
    smallest = min(sum(1 for _ in reader.sentences(path)) for path in sources.values())
    variables = {"NER_DATA": ".", "SOURCES": ",".join(sources), "ENCODER": encoder, "ENCODER_SIZE": "auto"}
    overrides = {
        "train_data_path": {name: str(path) for name, path in sources.items()},
        "validation_data_path": None,
        "dataset_reader.reader.sample": min(sample, smallest),
    }
    variables.update(SEED=str(seed), DEVICE=str(cuda_device))
    params = Params.from_file(str(config_path("cross_lingual/similarity")), json.dumps(overrides), variables)
    train_model(params, folder)


def _sampled(path: Path, input_format: str, sample: int, seed: int) -> List[List[str]]:
    """Returns the words of randomly sampled sentences, in the order of the text."""
    num_sentences = sum(1 for _ in _reader(input_format).sentences(path))
    reader = _reader(input_format, sample=min(sample, num_sentences), sample_seed=seed)
    return [list(sentence.words) for sentence in reader.sentences(path)]


def _reader(input_format: str, **options: Any) -> SentenceReader:
    return ConllNerReader(labelled=False, **options) if input_format == _CONLL else RawTextReader(**options)


def _format_by_name(path: Path) -> str:
    known = [_FORMAT_OF_SUFFIX[suffix] for suffix in path.suffixes[-2:] if suffix in _FORMAT_OF_SUFFIX]
    if not known:
        raise ConfigurationError(
            f"The format of '{path}' cannot be determined from its name. Add --input-format text (one sentence per line) or "
            "conll (one word per line)."
        )
    return known[-1]


def _text_file(text: str) -> Path:
    path = Path(text)
    if path.is_dir():
        path = path / "raw.txt" if (path / "raw.txt").is_file() else path / "train.conll"
    return _existing(path, "TEXT")


def _sources(given: List[str]) -> Dict[str, Path]:
    """Returns the file of each source by name."""
    pairs = [_source(source) for source in given]
    names = [name for name, _ in pairs]
    if len(set(names)) < max(2, len(names)):
        raise ConfigurationError(
            f"The sources are {', '.join(names) or 'none'}. At least two with different names are needed: --source en=a.conll "
            "de=b.conll."
        )
    if any("," in name for name in names):
        raise ConfigurationError(
            f"Source names must not contain a comma: {' '.join(names)}. Use NAME=FILE to choose a name."
        )
    return dict(pairs)


def _source(given: str) -> Tuple[str, Path]:
    name, _, file = given.rpartition("=")
    if Path(given).is_dir() or not name:
        return Path(given).resolve().name, _existing(Path(given) / "train.conll", "--source")
    return name, _existing(Path(file), "--source")


def _existing(path: Path, option: str) -> Path:
    if not path.is_file():
        raise ConfigurationError(f"File '{path}' does not exist. Check {option}.")
    return path
