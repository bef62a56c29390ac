"""What the commands that train encoders have in common: arguments, the settings of a run, and how faults are told."""

import argparse
import errno
import shlex
import sys
from pathlib import Path
from typing import Any, Callable, Dict

from allennlp.common.checks import ConfigurationError

from lowresource_ner.pretraining.run_folder import REMEDY

# What a full disk, a full quota and a file beyond the limit raise.
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def new_parser(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the encoder is written")
    return parser


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    data = parser.add_argument_group("data")
    data.add_argument("--text", nargs="+", default=[], metavar="[NAME=]FILE", help="raw text, a sentence a line")
    data.add_argument("--parallel", nargs="+", default=[], metavar="[NAME=]FILE", help="text<TAB>translation")
    data.add_argument("--held-out", type=int, default=500, help="lines of each file that are held out, a tenth at most")
    data.add_argument(
        "--smoothing", type=float, default=0.7, help="exponent of the files' shares: 1 as they are, 0 all alike"
    )


def add_training_arguments(parser: argparse.ArgumentParser, steps: str = "updates, in place of passes") -> Any:
    """All but those whose defaults are a command's own: its learning rate and dropout. Returns the group."""
    training = parser.add_argument_group("training")
    length = training.add_mutually_exclusive_group()
    length.add_argument("--epochs", type=float, default=3.0, help="passes over the texts")
    length.add_argument("--steps", type=int, help=steps)
    training.add_argument("--batch-tokens", type=int, default=4096, help="sub-words in a batch, padding included")
    training.add_argument(
        "--max-length", type=int, default=128, help="sub-words in a text; longer ones are cut into windows"
    )
    training.add_argument("--mask", type=float, default=0.15, help="share of sub-words that are to be predicted")
    training.add_argument(
        "--evaluate-every", type=int, default=1000, help="updates between two held-out losses and checkpoints"
    )
    training.add_argument(
        "--patience", type=int, help="stop after so many evaluations without a lower loss, and keep the best"
    )
    training.add_argument(
        "--bf16", action="store_true", help="compute in bfloat16, on a GPU or a CPU that is made for it"
    )
    training.add_argument("--float16", action="store_true", help="save the weights in float16, in half the space")
    training.add_argument("--seed", type=int, default=13)
    return training


def parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    args = parser.parse_args()
    if not args.text and not args.parallel:
        parser.error("nothing to learn from: give --text or --parallel")
    return args


def settings_of(args: argparse.Namespace) -> Dict[str, Any]:
    """What decides the outcome of a run: all but where it is written."""
    return {key: value for key, value in vars(args).items() if key != "folder"}


def as_given() -> str:
    """The command, for a report."""
    return "python " + shlex.join(sys.argv)


def tell_of_done(folder: Path, report: Dict[str, Any]) -> None:
    before, after = report.get("held_out_loss_before", {}), report.get("held_out_loss", {})
    for name in sorted(after):
        say(f"{name}: {before[name]:.3f} before, {after[name]:.3f} after")
    say(f"{folder} is done: ENCODER={folder}")


def say(message: str) -> None:
    print(message, flush=True)


def run(main: Callable[[], None]) -> None:
    """Runs a command. Where it fails by a user's doing, by a full disk or by Ctrl-C, it exits with what there is to do."""
    try:
        main()
    except OSError as error:
        sys.exit(f"{error}. {REMEDY}" if error.errno in _NO_SPACE else str(error))
    except (ConfigurationError, ValueError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("\nBroken off. The same command goes on from the last checkpoint.", file=sys.stderr)
        sys.exit(130)
