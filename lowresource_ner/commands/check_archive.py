"""The subcommand `check-archive`, which checks archives without running anything in them."""

import argparse
import sys
from pathlib import Path
from typing import Any, Dict, Iterable, Set

from allennlp.commands.subcommand import Subcommand
from allennlp.common.checks import ConfigurationError

from lowresource_ner.archives.archive import SOURCE_TAGGER_FOLDER, Archive
from lowresource_ner.archives.configs import entries, registered_classes, unbuilt_faults
from lowresource_ner.archives.members import links_out, look_through
from lowresource_ner.common.quoting import quoted
from lowresource_ner.encoding.loading import load_config, load_tokenizer

NOT_COVERED = (
    "Not checked: whether a model is any good, or was trained to deceive; the code of the packages that its classes come "
    "from, which is run; and files outside of the archive (encoders, vectors, spaCy models) that its config may have read or "
    "downloaded. AllenNLP's own commands (predict, evaluate) check nothing: they unpack an archive and build whatever it names."
)
"""Printed at the end."""

# Keys of a config that name encoders, archives and spaCy models.
_NAMES = ("model_name", "archive_file", "language")


@Subcommand.register("check-archive")
class CheckArchiveCommand(Subcommand):
    """
    `allennlp check-archive ARCHIVE...` makes the checks that the rest of this package makes before it uses an archive, prints
    what it finds, and fails if an archive is refused. Nothing of an archive is run, and no model is built.

    `--include-package` names the packages that an archive needs besides AllenNLP and this one.

    Registered as a `Subcommand` with name "check-archive".
    """

    def add_subparser(self, parser: argparse._SubParsersAction) -> argparse.ArgumentParser:
        description = (
            "Check archives for anything that would run code, write elsewhere or never end, without using them."
        )
        subparser = parser.add_parser(self.name, description=description, help=description)
        subparser.add_argument(
            "archives", metavar="ARCHIVE", nargs="+", help="model.tar.gz, or the folder of a finished training run"
        )
        subparser.set_defaults(func=_check_from_args)
        return subparser


def archive_findings(path: str) -> Dict[str, str]:
    """
    Reads all of an archive without building anything.

    # Returns

    Descriptions of its parts, by name: members, config, classes, not built, weights, vocabulary, encoders, named. Those of the
    source tagger in the archive of a `label_embedding_tagger` follow, with "source " before their names.

    # Raises

    `ConfigurationError`
        If this package refuses the archive or the source tagger in it, or cannot read it.
    """
    with Archive(path) as archive:
        config = archive.config
        vocabulary = _vocabulary(archive)
        weights = archive.weights(names_and_shapes=True)
        findings = {
            "members": _members(path),
            "config": f"a {config['model']['type']}, which reads by {config['dataset_reader'].get('type')}; JSON",
            "classes": _classes(config),
            "not built": _not_built(config),
            "weights": f"{len(weights)} tensors, {sum(each.numel() for each in weights.values()):,} numbers, and no code",
            "vocabulary": vocabulary,
            "encoders": _listed(_encoder(folder, path) for folder in archive.encoder_folders()),
            "named": _named(config),
        }
        source_tagger = archive.folder / SOURCE_TAGGER_FOLDER
        if source_tagger.exists():
            findings |= {f"source {part}": found for part, found in archive_findings(str(source_tagger)).items()}
        return findings


def _check_from_args(args: argparse.Namespace) -> None:
    if not check_archives(args.archives):
        sys.exit(1)


def check_archives(archives: Iterable[str]) -> bool:
    """Prints what is found in each archive; returns `False` if one of them is refused."""
    refused = 0
    for archive in archives:
        print(archive)
        try:
            lines = [f"  {part:18}{found}" for part, found in archive_findings(archive).items()]
        except ConfigurationError as error:
            refused += 1
            lines = [f"  REFUSED           {error}"]
        print("\n".join(lines))
    print(NOT_COVERED)
    return refused == 0


def _members(archive: str) -> str:
    if Path(archive).is_dir():
        links = _listed(f"{quoted(name)} to {quoted(target)}" for name, target in links_out(Path(archive)).items())
        return f"a folder, in which nothing that is read is a pipe or a device; links that lead out of it: {links}"
    contents = look_through(archive)
    return f"{contents.num_files} files, {contents.num_bytes:,} bytes, all of them inside; no links, pipes or devices"


def _classes(config: Dict[str, Any]) -> str:
    """The names of the registered classes in a config, by package."""
    packages = registered_classes()
    names: Dict[str, Set[str]] = {}
    for place, value in entries(config):
        if place[-1:] == ("type",) and isinstance(value, str) and value in packages:
            names.setdefault(" or ".join(sorted(packages[value])), set()).add(value)
    return "; ".join(f"{package}: {', '.join(sorted(used))}" for package, used in sorted(names.items()))


def _not_built(config: Dict[str, Any]) -> str:
    """Unregistered classes in the sections on training, which AllenNLP builds only for a new training."""
    return _listed(f"{quoted('.'.join(place))} is {quoted(str(value))}" for place, value in unbuilt_faults(config))


def _vocabulary(archive: Archive) -> str:
    sizes = {path.stem: len(path.read_text(encoding="utf-8").splitlines()) for path in archive.vocabulary_files()}
    return _listed(f"{quoted(namespace)} ({size:,})" for namespace, size in sizes.items())


def _encoder(folder: Path, archive: str) -> str:
    """Reads a config and a tokenizer like the rest of the package, which refuses those that need code."""
    name = f"{folder.name} of {archive}"
    config = load_config(name, str(folder))
    load_tokenizer(name, str(folder), as_trained=True)
    ignored = ", with code beside it that is not needed and not run" if getattr(config, "auto_map", None) else ""
    return f"{quoted(folder.name)} ({config.model_type}{ignored})"


def _named(config: Dict[str, Any]) -> str:
    """What may be read from outside of the archive, or downloaded, when it is loaded."""
    names = [
        value
        for place, value in entries(config)
        if isinstance(value, str) and ("://" in value or (place and place[-1] in _NAMES))
    ]
    return _listed(quoted(name) for name in dict.fromkeys(names))


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(texts) or "none"
