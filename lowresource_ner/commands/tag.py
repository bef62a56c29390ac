"""The subcommand that finds the entities of a text."""

import argparse
import inspect
import json
import os
import sys
from io import TextIOWrapper
from typing import Any, Dict, Iterator, Optional, Type

import torch
from allennlp.commands.predict import _PredictManager
from allennlp.commands.subcommand import Subcommand
from allennlp.common import Tqdm
from allennlp.common import logging as common_logging
from allennlp.common.checks import ConfigurationError
from allennlp.common.util import JsonDict
from allennlp.predictors import Predictor

from lowresource_ner.archives.archive import load_archive
from lowresource_ner.commands.interruption import interruptible
from lowresource_ner.commands.whole_output import STDOUT, is_stdout, whole_output
from lowresource_ner.predictors.input_file import input_lines
from lowresource_ner.predictors.input_line import INPUT_FORMATS
from lowresource_ner.predictors.text_predictor import TextPredictor

_CONLL = "conll"
_FORMATS = (*INPUT_FORMATS, _CONLL)
_FORMAT_OF_SUFFIX = {".jsonl": "json", ".ndjson": "json", ".json": "json", ".conll": _CONLL}
_PACKED = (".gz", ".bz2", ".xz")
_STDIN = "-"

_LINES_AT_ONCE = 256
"""More lines in a call need less padding."""


@Subcommand.register("tag")
class TagCommand(Subcommand):
    """
    `allennlp tag ARCHIVE INPUT` finds the entities of a text, as `allennlp predict --predictor ner` does, and writes the same
    lines. It differs from `predict` as follows:

    - Without an output file, or with "-", only the lines go to standard output; messages and progress go to standard error.
    (`predict` writes "prediction:" before each there.)
    - The output file appears when it is complete. Until then, and if the command is interrupted or killed or the disk is full, an
    existing file stays. Whether it can be written is checked before the archive is loaded. Pipes and devices are written to
      directly.
    - Bytes that are not UTF-8 affect only their own line, lines end only at line feeds, and errors name the line number that an
    editor shows.
    - The archive is checked before it is loaded (see `Archive.load`).
    - `--input-format` says what the input is: "json", an object a line; "text", a sentence or paragraph a line; "tokens", words
      separated by spaces; "conll", a file for the archive's reader. By default the file's name must end in .jsonl, .ndjson, .json
      or .conll, compressed or not; standard input ("-") is "json".

    The exit status is 0 if something was tagged or there was nothing to tag, 1 if every output is an error, 130 after Ctrl-C.

    Registered as a `Subcommand` with name "tag".
    """

    def add_subparser(self, parser: argparse._SubParsersAction) -> argparse.ArgumentParser:
        description = "Find the entities of a text; the output file appears completely or not at all."
        subparser = parser.add_parser(self.name, description=description, help=description)
        add = subparser.add_argument
        add("archive", metavar="ARCHIVE", help="model.tar.gz, or the folder of a finished training run")
        add("input_file", metavar="INPUT", help="the text, compressed (gz, bz2, xz) or not; - for standard input")
        add("--output-file", help="where the predictions go; by default, or with -, to standard output")
        add(
            "--input-format",
            choices=_FORMATS,
            help="json: an object a line; text: a sentence or paragraph a line; tokens: words separated by spaces; conll: what "
            "the archive's reader reads. Without it, by the input's name (.jsonl, .json, .conll)",
        )
        add("--predictor", default="ner", help="ner: JSON lines; ner_conll: CoNLL; or another `TextPredictor`")
        add(
            "--predictor-args",
            default="",
            help="a JSON object with the predictor's options, split_sentences for instance",
        )
        add("--batch-size", type=int, help=f"lines at once; by default {_LINES_AT_ONCE}, from a terminal 1")
        add("--cuda-device", type=int, default=-1, help="the number of a GPU")
        add("--weights-file", help="weights to load in place of the archive's")
        add(
            "--dataset-reader-choice",
            choices=["train", "validation"],
            default="validation",
            help="which of the archive's readers to use",
        )
        add("-o", "--overrides", default="", help="a json(net) structure that overrides the archive's configuration")
        add("--file-friendly-logging", action="store_true", help="progress on lines of its own, and more rarely")
        subparser.set_defaults(func=_tag_from_args)
        return subparser


def tag(
    archive: str,
    input_file: str,
    output_file: Optional[str] = None,
    input_format: Optional[str] = None,
    predictor: str = "ner",
    predictor_args: Optional[Dict[str, Any]] = None,
    batch_size: Optional[int] = None,
    cuda_device: int = -1,
    weights_file: Optional[str] = None,
    dataset_reader_choice: str = "validation",
    overrides: str = "",
) -> Dict[str, int]:
    """
    Tags a text; see `TagCommand`.

    # Returns

    `Dict[str, int]`
        "outputs", as many as there are lines that are not blank (sentences of a CoNLL file), and "errors" among them.

    # Raises

    `ConfigurationError`
        Before the archive is loaded: if the output cannot be written, lies in the archive or is an input; there is no such input,
        weights file or GPU; the input's format is unknown; or the predictor is not a `TextPredictor` or does not take these
        options. Later: if the archive cannot be used, or the input cannot be read to its end.
    """
    options = predictor_args or {}
    input_format = _format_of(input_file, input_format)
    _check_input(input_file, input_format)
    _check_predictor(predictor, options)
    _check_batch_size(batch_size)
    _check_archive(archive, weights_file)
    _check_gpu(cuda_device)
    inputs = [archive, input_file, *([weights_file] if weights_file else [])]
    with whole_output(STDOUT if output_file is None else output_file, inputs=inputs) as file:
        loaded = load_archive(archive, cuda_device, overrides, weights_file)
        tagger = Predictor.from_archive(loaded, predictor, dataset_reader_choice, extra_args=options)
        assert isinstance(tagger, TextPredictor)
        run = _Run(tagger, input_file, input_format, file, batch_size or _lines_at_once(input_file))
        run.run()
    return {"outputs": run.num_outputs, "errors": tagger.num_errors}


def _tag_from_args(args: argparse.Namespace) -> None:
    common_logging.FILE_FRIENDLY_LOGGING = args.file_friendly_logging
    given = {name: value for name, value in vars(args).items() if name in inspect.signature(tag).parameters}
    output = None if is_stdout(args.output_file) else args.output_file
    with interruptible(f"Interrupted; '{output}' is unchanged." if output else "Interrupted."):
        report = tag(**{**given, "predictor_args": _json_object(args.predictor_args)})
    print(_summary(report, output), file=sys.stderr)
    if 0 < report["outputs"] == report["errors"]:
        sys.exit(1)


def _summary(report: Dict[str, int], output_file: Optional[str]) -> str:
    summary = f"{report['outputs'] - report['errors']} tagged, {report['errors']} with an error"
    return f"{summary}: {output_file}" if output_file else summary


class _Run(_PredictManager):
    """AllenNLP's loop with this package's reading of lines, and an output that is already open."""

    def __init__(
        self,
        predictor: TextPredictor,
        input_file: str,
        input_format: str,
        output: TextIOWrapper,
        batch_size: int,
    ) -> None:
        super().__init__(predictor, input_file, None, batch_size, False, input_format == _CONLL)
        self._input_format = input_format
        self._output_file = output
        self._progress = Tqdm.tqdm(desc="tagging", unit=" sentences", disable=output.isatty())
        self.num_outputs = 0

    def run(self) -> None:
        with self._progress:
            super().run()

    def _get_json_data(self) -> Iterator[JsonDict]:
        return input_lines(self._input_file, self._input_format)

    def _maybe_print_to_console_and_file(self, index: int, prediction: str, model_input: Optional[str] = None) -> None:
        super()._maybe_print_to_console_and_file(index, prediction, model_input)
        self.num_outputs += 1
        self._progress.update()


def _lines_at_once(input_file: str) -> int:
    """Typed lines are answered one by one."""
    return 1 if input_file == _STDIN and sys.stdin.isatty() else _LINES_AT_ONCE


def _format_of(input_file: str, given: Optional[str]) -> str:
    if os.path.isdir(input_file):
        raise ConfigurationError(f"'{input_file}' is a folder. Give a file to tag, one at a time.")
    input_format = given or _format_by_name(input_file)
    if input_format not in _FORMATS:
        raise ConfigurationError(f"The input format '{input_format}' is not one of {', '.join(_FORMATS)}.")
    return input_format


def _format_by_name(input_file: str) -> str:
    if input_file == _STDIN:
        return "json"
    stem, suffix = os.path.splitext(input_file.lower())
    found = _FORMAT_OF_SUFFIX.get(os.path.splitext(stem)[1] if suffix in _PACKED else suffix)
    if found is None:
        raise ConfigurationError(
            f"The name of '{input_file}' does not tell its format. Add --input-format text (a sentence or paragraph a line), "
            "tokens (words separated by spaces), json (an object a line) or conll."
        )
    return found


def _check_input(input_file: str, input_format: str) -> None:
    if input_format == _CONLL:  # its path is interpreted by the archive's reader
        if input_file == _STDIN:
            raise ConfigurationError(
                "A CoNLL file is read twice, which standard input cannot be. Write it to a file first."
            )
    elif input_file != _STDIN:
        _check_is_no_address(input_file)
        if not os.path.exists(input_file):
            raise ConfigurationError(f"There is no file '{input_file}' to tag. Check the path.")


def _check_archive(archive: str, weights_file: Optional[str]) -> None:
    for path in filter(None, (archive, weights_file)):
        _check_is_no_address(path)
    if weights_file is not None and not os.path.isfile(weights_file):
        raise ConfigurationError(f"There is no file '{weights_file}', the --weights-file. Check the path.")


def _check_is_no_address(path: str) -> None:
    if "://" in path:
        raise ConfigurationError(f"'{path}' is an address, and tag reads files. Download it first.")


def _check_batch_size(batch_size: Optional[int]) -> None:
    if batch_size is not None and batch_size < 1:
        raise ConfigurationError(f"--batch-size is {batch_size}. Give the number of lines at once, from 1.")


def _check_gpu(cuda_device: int) -> None:
    there = torch.cuda.device_count()
    if cuda_device >= there:
        raise ConfigurationError(
            f"--cuda-device is {cuda_device}, and {f'the GPUs here are 0 to {there - 1}' if there else 'there is no GPU here'}. "
            "Leave it out to use the CPU."
        )


def _check_predictor(name: str, options: Dict[str, Any]) -> None:
    kind: Type[Predictor] = Predictor.by_name(name)  # type: ignore[assignment]
    if not (isinstance(kind, type) and issubclass(kind, TextPredictor)):
        raise ConfigurationError(f"'{name}' is not a predictor of this package (ner, ner_conll). Use allennlp predict.")
    if "input_format" in options:
        raise ConfigurationError("'input_format' cannot be given in --predictor-args. Give --input-format.")
    try:
        inspect.signature(kind).bind(None, None, **options)
    except TypeError as error:
        raise ConfigurationError(f"The predictor '{name}' does not take these --predictor-args: {error}.") from error


def _json_object(text: str) -> Dict[str, Any]:
    try:
        options = json.loads(text or "{}")
    except ValueError as error:
        raise ConfigurationError(f"--predictor-args is not JSON ({error}): {text}") from error
    if not isinstance(options, dict):
        raise ConfigurationError(
            f"--predictor-args is not a JSON object: {text}. Give one like '{{\"split_sentences\": true}}'."
        )
    return options
