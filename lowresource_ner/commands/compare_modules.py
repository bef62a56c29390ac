"""The subcommand `compare-modules`: how similar the LSTMs of a model's modules are."""

import argparse
import json
from pathlib import Path
from typing import Any, Dict, Optional

from allennlp.commands.subcommand import Subcommand
from allennlp.common.checks import ConfigurationError

from lowresource_ner.archives.archive import Archive
from lowresource_ner.commands.interruption import interruptible
from lowresource_ner.commands.module_figure import save_figure
from lowresource_ner.commands.module_similarities import module_similarities
from lowresource_ner.commands.whole_output import STDOUT, whole_output
from lowresource_ner.common.figures import SUFFIXES
from lowresource_ner.models import PgnBilstmCrossdomain

_MODEL = "pgn_bilstm_crossdomain"


@Subcommand.register("compare-modules")
class CompareModules(Subcommand):
    """
    `allennlp compare-modules ARCHIVE` writes as JSON what `module_similarities` returns: the embeddings of the tasks and domains
    of a `pgn_bilstm_crossdomain`, and how similar the LSTMs of its modules are. `--plot` draws it.

    Registered as a `Subcommand` with name "compare-modules".
    """

    def add_subparser(self, parser: argparse._SubParsersAction) -> argparse.ArgumentParser:
        description = f"Compare the LSTMs that a {_MODEL} generates for its modules."
        subparser = parser.add_parser(self.name, description=description, help=description)
        subparser.add_argument(
            "archive", metavar="ARCHIVE", help="model.tar.gz, or the folder of a finished training run"
        )
        subparser.add_argument("--output-file", help="where the JSON goes; by default, or with -, to standard output")
        subparser.add_argument("--plot", help=f"where a figure goes, {', '.join(SUFFIXES)} by its suffix")
        subparser.add_argument(
            "-o",
            "--overrides",
            default="",
            help="a json(net) structure that overrides the archive's configuration, for instance to add a module that was not "
            "trained",
        )
        subparser.set_defaults(func=_compare_from_args)
        return subparser


def compare_modules(
    archive: str, output_file: Optional[str] = None, plot: Optional[str] = None, overrides: str = ""
) -> Dict[str, Any]:
    """
    Returns `module_similarities` of an archive's model, writes it to `output_file` and draws it to `plot`.

    # Raises

    `ConfigurationError`
        Before the model is loaded, if `archive` is not an archive of this model, or a file cannot be written.
    """
    if plot is not None and Path(plot).suffix not in SUFFIXES:
        raise ConfigurationError(f"'{plot}' is not the name of a figure: it must end in {', '.join(SUFFIXES)}.")
    with whole_output(output_file, inputs=[archive]) as json_file, whole_output(plot, "wb", [archive]) as figure_file:
        comparison = module_similarities(_model(archive, overrides))
        if json_file is not None:
            json_file.write(_layout(comparison) + "\n")
        if plot is not None:
            save_figure(comparison, figure_file, Path(plot).suffix)
    return comparison


def _compare_from_args(args: argparse.Namespace) -> None:
    output_file = STDOUT if args.output_file is None else args.output_file
    with interruptible("Interrupted."):
        compare_modules(args.archive, output_file, args.plot, args.overrides)


def _model(path: str, overrides: str) -> PgnBilstmCrossdomain:
    with Archive(path, overrides, owner="ARCHIVE", remedy="`allennlp train` writes one.") as archive:
        found = archive.config["model"]["type"]
        if found != _MODEL:
            raise ConfigurationError(f"compare-modules reads {_MODEL}, and {path} is a {found}.")
        model = archive.load().model
    assert isinstance(model, PgnBilstmCrossdomain)
    return model


def _layout(value: Any, indent: str = "") -> str:
    """Formats JSON with a line for each entry and each row of a matrix, not for each number."""
    inner = indent + "  "
    if isinstance(value, dict) and any(isinstance(each, (dict, list)) for each in value.values()):
        lines = [f"{inner}{json.dumps(key, ensure_ascii=False)}: {_layout(each, inner)}" for key, each in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(each, (dict, list)) for each in value):
        return "[\n" + ",\n".join(inner + _layout(each, inner) for each in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
