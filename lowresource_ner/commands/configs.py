"""The subcommand that lists and copies the training configs that come with the package."""

import argparse
import sys
from pathlib import Path

from allennlp.commands.subcommand import Subcommand
from allennlp.common.checks import ConfigurationError

from lowresource_ner.commands.interruption import interruptible
from lowresource_ner.configs import config_names, config_summary, copy_config


@Subcommand.register("configs")
class ConfigsCommand(Subcommand):
    """
    `allennlp configs list` prints the names of the training configs that come with the package, and what each is for.
    `allennlp configs copy NAME FOLDER` copies one to a folder, with the files that it imports and `defaults.sh`.

    Registered as a `Subcommand` with name "configs".
    """

    requires_plugins = False

    def add_subparser(self, parser: argparse._SubParsersAction) -> argparse.ArgumentParser:
        description = "List and copy the training configs that come with lowresource_ner."
        subparser = parser.add_parser(self.name, description=description, help=description)
        actions = subparser.add_subparsers(title="Actions", metavar="", required=True)
        listing = "Print the name of each config and what it is for."
        actions.add_parser("list", description=listing, help=listing).set_defaults(func=_list)
        copying = "Copy a config, with the files that it imports and defaults.sh."
        copy = actions.add_parser("copy", description=copying, help=copying)
        copy.add_argument("config", metavar="NAME", help="a name that `allennlp configs list` shows")
        copy.add_argument("folder", metavar="FOLDER", type=Path, help="where the copies go; made where there is none")
        copy.add_argument("--force", action="store_true", help="overwrite files that are there")
        copy.set_defaults(func=_copy)
        return subparser


def _list(args: argparse.Namespace) -> None:
    names = config_names()
    width = max(map(len, names))
    with interruptible("Interrupted."):
        for name in names:
            print(f"{name:{width}}  {config_summary(name)}")
        sys.stdout.flush()


def _copy(args: argparse.Namespace) -> None:
    try:
        config = copy_config(args.config, args.folder, args.force)
    except (ConfigurationError, OSError) as error:
        sys.exit(str(error))
    is_table = config.parent.name == "tables"
    command = (
        f"ner-table {config}" if is_table else f"train {config} -s runs/{config.stem} --include-package lowresource_ner"
    )
    print(
        f"{config} is ready. It reads the variables that its comment and {args.folder / 'defaults.sh'} name:\n\n"
        f"  export NER_DATA=/my/corpora && source {args.folder / 'defaults.sh'}\n"
        f"  allennlp {command}"
    )
