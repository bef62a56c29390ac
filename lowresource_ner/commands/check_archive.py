"""The subcommand that says of an archive whether it can be used without running what a stranger has put into it."""

import argparse
import sys
from pathlib import Path
from typing import Any, Dict, Iterable, Set

from allennlp.commands.subcommand import Subcommand
from allennlp.common.checks import ConfigurationError

from lowresource_ner.archives.archive import Archive
from lowresource_ner.archives.configs import entries, registered_classes, unbuilt_faults
from lowresource_ner.archives.members import links_out, look_through, shown
from lowresource_ner.encoding.loading import load_config, load_tokenizer

NOT_COVERED = (
    "Not checked: whether a model is any good, or was trained to deceive; the code of the packages that its classes are of, "
    "which is run; and what lies outside of an archive (encoders, vectors, spaCy models), which its config may have read, or "
    "fetched from a network. AllenNLP's own commands (predict, evaluate) check nothing: they unpack an archive and build what it "
    "names."
)
"""What is said at the end."""

# Of encoders, archives and spaCy models.
_NAMES = ("model_name", "archive_file", "language")


@Subcommand.register("check-archive")
class CheckArchiveCommand(Subcommand):
    """
    `allennlp check-archive ARCHIVE...` reads archives, of strangers for instance, as the rest of this package does before it uses
    one, says what it has found, and fails where one is refused. Nothing of an archive is run, and no model is built.

    What the archive of a model of yours needs besides AllenNLP and this package is named by `--include-package`.

    AllenNLP looks for subcommands that are not its own in plugins alone: call it in the repository, or where a file
    `.allennlp_plugins`, or `~/.allennlp/plugins`, holds the line `lowresource_ner`. `--include-package` comes too late for it.

    Registered as a `Subcommand` with name "check-archive".
    """

    def add_subparser(self, parser: argparse._SubParsersAction) -> argparse.ArgumentParser:
        description = "Check archives for what would run code, write elsewhere or never end, without using them."
        subparser = parser.add_parser(self.name, description=description, help=description)
        subparser.add_argument(
            "archives", metavar="ARCHIVE", nargs="+", help="model.tar.gz, or the folder of a finished training run"
        )
        subparser.set_defaults(func=_check_from_args)
        return subparser


def archive_findings(path: str) -> Dict[str, str]:
    """
    Reads all of an archive and builds nothing of it.

    # Returns

    What was found, by the part that was looked at: members, config, classes, not built, weights, vocabulary, encoders, named.

    # Raises

    `ConfigurationError`
        Where this package refuses the archive, or cannot read it.
    """
    with Archive(path) as archive:
        config = archive.config
        vocabulary = _vocabulary(archive)
        weights = archive.weights(names_and_shapes=True)
        return {
            "members": _members(path),
            "config": f"a {config['model']['type']}, which reads by {config['dataset_reader'].get('type')}; JSON",
            "classes": _classes(config),
            "not built": _not_built(config),
            "weights": f"{len(weights)} tensors, {sum(each.numel() for each in weights.values()):,} numbers, and no code",
            "vocabulary": vocabulary,
            "encoders": _listed(_encoder(folder, path) for folder in archive.encoder_folders()),
            "named": _named(config),
        }


def _check_from_args(args: argparse.Namespace) -> None:
    if not check_archives(args.archives):
        sys.exit(1)


def check_archives(archives: Iterable[str]) -> bool:
    """Prints what is found in each archive; `False` where one of them is refused."""
    refused = 0
    for archive in archives:
        print(archive)
        try:
            lines = [f"  {part:12}{found}" for part, found in archive_findings(archive).items()]
        except ConfigurationError as error:
            refused += 1
            lines = [f"  REFUSED     {error}"]
        print("\n".join(lines))
    print(NOT_COVERED)
    return refused == 0


def _members(archive: str) -> str:
    if Path(archive).is_dir():
        links = _listed(f"{shown(name)} to {shown(target)}" for name, target in links_out(Path(archive)).items())
        return f"a folder, in which nothing that is read is a pipe or a device; links that lead out of it: {links}"
    contents = look_through(archive)
    return f"{contents.num_files} files, {contents.num_bytes:,} bytes, all of them inside; no links, pipes or devices"


def _classes(config: Dict[str, Any]) -> str:
    """The names of registered classes in a config, by the package that they are of."""
    packages = registered_classes()
    names: Dict[str, Set[str]] = {}
    for place, value in entries(config):
        if place[-1:] == ("type",) and isinstance(value, str) and value in packages:
            names.setdefault(" or ".join(sorted(packages[value])), set()).add(value)
    return "; ".join(f"{package}: {', '.join(sorted(used))}" for package, used in sorted(names.items()))


def _not_built(config: Dict[str, Any]) -> str:
    """What is no registered class where a config says how the model was trained, which AllenNLP builds to train anew."""
    return _listed(f"{shown('.'.join(place))} is {shown(str(value))}" for place, value in unbuilt_faults(config))


def _vocabulary(archive: Archive) -> str:
    sizes = {path.stem: len(path.read_text(encoding="utf-8").splitlines()) for path in archive.vocabulary_files()}
    return _listed(f"{shown(namespace)} ({size:,})" for namespace, size in sizes.items())


def _encoder(folder: Path, archive: str) -> str:
    """Reads a config and a tokenizer as they are read for use, which refuses those that need code."""
    name = f"{folder.name} of {archive}"
    config = load_config(name, str(folder))
    load_tokenizer(name, str(folder), as_trained=True)
    ignored = ", with code beside it that is not needed and not run" if getattr(config, "auto_map", None) else ""
    return f"{shown(folder.name)} ({config.model_type}{ignored})"


def _named(config: Dict[str, Any]) -> str:
    """What a config names that may be read from elsewhere, or fetched from a network, when the archive is loaded."""
    names = [
        value
        for place, value in entries(config)
        if isinstance(value, str) and ("://" in value or (place and place[-1] in _NAMES))
    ]
    return _listed(shown(name) for name in dict.fromkeys(names))


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(texts) or "none"
