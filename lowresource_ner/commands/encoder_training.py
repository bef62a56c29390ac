"""The base class of the subcommands that train encoders."""

import argparse
import contextlib
import sys
from pathlib import Path
from typing import Any, ClassVar, Dict, Iterator, Type

from allennlp.commands.subcommand import Subcommand
from allennlp.common.checks import ConfigurationError

from lowresource_ner.commands.interruption import interruptible
from lowresource_ner.commands.whole_output import NO_SPACE
from lowresource_ner.common.options import add_options, options_from
from lowresource_ner.pretraining.options import REMEDY, TrainingOptions


class EncoderSubcommand(Subcommand):
    """
    A subcommand that writes an encoder to a folder. Its description is the docstring of its module.

    To write one, implement `train`, which returns the report of the training, and set `summary` and `options`.
    """

    requires_plugins = False
    summary: ClassVar[str]
    options: ClassVar[Type[TrainingOptions]]

    def train(self, folder: Path, options: Any) -> Dict[str, Any]:
        raise NotImplementedError

    def add_subparser(self, parser: argparse._SubParsersAction) -> argparse.ArgumentParser:
        subparser = parser.add_parser(
            self.name,
            description=sys.modules[type(self).__module__].__doc__,
            help=self.summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        subparser.add_argument("folder", type=Path, help="where the encoder is written")
        add_options(subparser, self.options)
        subparser.set_defaults(func=self._run)
        return subparser

    def _run(self, args: argparse.Namespace) -> None:
        with interruptible("Interrupted. The same command continues from the last checkpoint."), _errors_as_messages():
            report = self.train(args.folder, options_from(args, self.options))
            before, after = report.get("held_out_loss_before", {}), report.get("held_out_loss", {})
            for name in sorted(after):
                print(f"{name}: {before[name]:.3f} before, {after[name]:.3f} after")
            print(f"{args.folder} is done: ENCODER={args.folder}", flush=True)


@contextlib.contextmanager
def _errors_as_messages() -> Iterator[None]:
    """Ends the process with the message of an error that the user can fix."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        sys.exit(f"{error}. {REMEDY}" if error.errno in NO_SPACE else str(error))
    except (ConfigurationError, ValueError) as error:
        sys.exit(str(error))
