"""The subcommand `soft-labels`, which labels a text with the teachers of a student before its training."""

import argparse
import json
import logging
import sys
import time
from itertools import islice
from typing import Any, Dict, List, Optional, TextIO, Tuple

from allennlp.commands.subcommand import Subcommand
from allennlp.common import Params, Tqdm
from allennlp.common.checks import ConfigurationError
from allennlp.data import DatasetReader, Instance
from allennlp.data.dataset_readers import MultiTaskDatasetReader

from lowresource_ner.commands.interruption import interruptible
from lowresource_ner.commands.whole_output import is_stdout, whole_output
from lowresource_ner.data.dataset_readers.sentence_reader import words_of
from lowresource_ner.distillation import TeacherLabelledReader
from lowresource_ner.distillation.teachers.label_lines import format_label_line

logger = logging.getLogger(__name__)

_SECONDS_OF_A_BLOCK = 10
"""The intended time of one call of the teachers: a larger block is padded less, but a kill loses more."""

_FIRST_BLOCK, _LARGEST_BLOCK = 256, 8192
"""Sentences."""

_SECONDS_BETWEEN_WRITES = 60
"""A kill loses this much and the block that is being labelled. Ctrl-C and SIGTERM lose only the block."""

_KEYS_OF_PATHS = {"archive_file", "path", "store"}


@Subcommand.register("soft-labels")
class SoftLabelsCommand(Subcommand):
    """
    `allennlp soft-labels CONFIG` labels the training text of a student's config with its teachers, fills the config's store, and
    reports the speed. Labels that are in the store are not computed again, so the command continues where it was interrupted.
    (Without a store it starts over.)

    `--output-file` writes the sentences that the student would learn from, a JSON object a line, in the form that the teacher
    `label_file` reads. The sentences are complete, even if a selection leaves out single words. The file appears when it is
    complete; an existing file stays until then, and if the command is interrupted. With "-" the sentences go to standard output,
    and the report, which is there otherwise, to standard error.

    Registered as a `Subcommand` with name "soft-labels".
    """

    def add_subparser(self, parser: argparse._SubParsersAction) -> argparse.ArgumentParser:
        description = "Label the text of a student's config with its teachers before the training."
        subparser = parser.add_parser(self.name, description=description, help=description)
        subparser.add_argument("config", metavar="CONFIG", help="the student's config; its reader is teacher_labelled")
        subparser.add_argument("--data", help="another text than the config's 'train_data_path'")
        subparser.add_argument("--output-file", help="where the labels go as JSON lines; by default only to the store")
        subparser.add_argument("-o", "--overrides", default="", help="a json(net) structure that overrides the config")
        subparser.set_defaults(func=_label_from_args)
        return subparser


def soft_labels(
    config: str, data: Any = None, output_file: Optional[str] = None, overrides: str = ""
) -> Dict[str, Any]:
    """
    Fills the store of a student's config, and writes a file if one is named.

    # Returns

    `Dict[str, Any]`
        With a store, "sentences" and "words" of the text; "computed", the sentences of teachers that were not in the store;
        "seconds" and "words_per_second", loading teachers included. With a file, "kept", the sentences that the student would
        learn from. In both cases, the details of weights and selections.

    # Raises

    `ConfigurationError`
        Before a sentence is labelled: if the config's reader is neither `teacher_labelled` nor `multitask` with one, there is
        neither a store nor a file to write to, the file cannot be written or is an input (or lies in an archive or the store), or
        teachers, weights or selections are invalid. A missing data file is reported by its reader.
    """
    params = Params.from_file(config, overrides)
    others = _paths_in(params.as_dict(quiet=True).get("dataset_reader"))
    reader, own_corpus = _student_reader(params)
    corpus = own_corpus if data is None else data
    if not isinstance(reader, TeacherLabelledReader):
        raise ConfigurationError(
            f"The 'dataset_reader' of {config} is a {type(reader).__name__}, and soft-labels needs teacher_labelled, or "
            "multitask with one such reader. Give the config of a student (student_soft.jsonnet, for instance)."
        )
    if reader.ensemble.store is None and output_file is None:
        raise ConfigurationError(
            "The labels would not be written anywhere: give the config a 'store' (--overrides '{\"dataset_reader.store\": "
            '"runs/soft_labels"}\'; of a module, "dataset_reader.readers.MODULE.store"), or name a file with --output-file.'
        )
    with whole_output(output_file, inputs=[config, *_paths(corpus), *others]) as file:
        reader.open()
        report = _fill(reader, corpus) if reader.ensemble.store is not None else {}
        if file is not None:
            report["kept"] = sum(_write_block(reader, block, file) for block in reader.labelled(corpus))
    return {**report, **reader.prepare(corpus)}


def _student_reader(params: Params) -> Tuple[DatasetReader, Any]:
    """The reader that asks the teachers, and its text: the config's, or those of the one module that has such a reader."""
    corpus = params.as_dict(quiet=True).get("train_data_path")
    reader = DatasetReader.from_params(params["dataset_reader"])
    if isinstance(reader, MultiTaskDatasetReader):
        inner = {name: each.inner for name, each in reader.readers.items()}
        students = [name for name, each in inner.items() if isinstance(each, TeacherLabelledReader)]
        if len(students) == 1:
            return inner[students[0]], corpus[students[0]]
    return reader, corpus


def _label_from_args(args: argparse.Namespace) -> None:
    with interruptible("Interrupted. With a store, the same command continues from here."):
        report = soft_labels(args.config, args.data, args.output_file, args.overrides)
    print(json.dumps(report, ensure_ascii=False), file=sys.stderr if is_stdout(args.output_file) else sys.stdout)


def _paths(corpus: Any) -> List[str]:
    """The files of a corpus, which may be given in lists and by name."""
    if isinstance(corpus, (list, dict)):
        parts = corpus.values() if isinstance(corpus, dict) else corpus
        return [path for part in parts for path in _paths(part)]
    return [corpus] if isinstance(corpus, str) else []


def _paths_in(config: Any) -> List[str]:
    """The paths that a part of a config names: archives and files of teachers, weights and selections, and the store."""
    if isinstance(config, list):
        return [path for part in config for path in _paths_in(part)]
    if not isinstance(config, dict):
        return []
    inner = (_paths(value) if key in _KEYS_OF_PATHS else _paths_in(value) for key, value in config.items())
    return [path for paths in inner for path in paths]


def _fill(reader: TeacherLabelledReader, corpus: Any) -> Dict[str, Any]:
    sentences, words, computed = 0, 0, 0
    size = _FIRST_BLOCK
    started = written = time.monotonic()
    progress = Tqdm.tqdm(desc="labelling", unit=" sentences", file=sys.stderr)
    # All of a text, including what the reader holds out, which validation needs.
    remaining = (list(sentence.words) for sentence in reader.reader.sentences(corpus))
    try:
        while block := list(islice(remaining, size)):
            begun = time.monotonic()
            computed += reader.ensemble.fill(block)
            now = time.monotonic()
            size = next_size(size, now - begun)
            sentences += len(block)
            words += sum(map(len, block))
            if now - written > _SECONDS_BETWEEN_WRITES:
                reader.ensemble.flush()
                written = now
            progress.set_postfix_str(f"{words / (now - started):.0f} words/s, {computed} computed", False)
            progress.update(len(block))
    finally:  # what was computed before an error or Ctrl-C is not lost
        reader.ensemble.flush()
        progress.close()
    seconds = time.monotonic() - started
    return {
        "sentences": sentences,
        "words": words,
        "computed": computed,
        "seconds": round(seconds, 1),
        "words_per_second": round(words / max(seconds, 1e-9)),
    }


def next_size(size: int, seconds: float) -> int:
    """The sentences of the next block if one of `size` took `seconds`: at most four times as many, at least a quarter."""
    wanted = size * min(4.0, max(0.25, _SECONDS_OF_A_BLOCK / max(seconds, 1e-9)))
    return min(_LARGEST_BLOCK, max(1, round(wanted)))


def _write_block(reader: TeacherLabelledReader, block: List[Instance], file: TextIO) -> int:
    for instance in block:
        field: Any = instance["teacher_probabilities"]
        file.write(format_label_line(words_of(instance), field.labels, field.probabilities) + "\n")
    return len(block)
