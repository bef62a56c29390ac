"""The subcommand `project-labels`: annotation projection over parallel text."""

import argparse
import json
import time
from dataclasses import asdict, dataclass
from typing import Any, Dict, Sequence, Tuple

from allennlp.commands.subcommand import Subcommand
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError

from lowresource_ner.commands.interruption import interruptible
from lowresource_ner.commands.projection.resumable_output import resumable_output
from lowresource_ner.commands.projection.text_options import ALIGNER_HELP, TextOptions, built, versions
from lowresource_ner.common.options import add_options, option, options_from
from lowresource_ner.data.dataset_readers.conll_ner import ConllNerReader
from lowresource_ner.distillation.teachers.archive_teacher import ArchiveTeacher
from lowresource_ner.distillation.teachers.teacher import Teacher
from lowresource_ner.projection.annotation_projection import AnnotationProjection
from lowresource_ner.projection.labelled_source import LabelledSource
from lowresource_ner.projection.project import KEYS, project_text
from lowresource_ner.projection.projected_files import format_of
from lowresource_ner.projection.projectors.span_projector import SpanProjector
from lowresource_ner.projection.source_labels import SourceLabeller
from lowresource_ner.tagging import get_scheme

_NO_MATTER = ("cuda_device",)
"""Options that do not change the output, but for rounding."""


@dataclass(frozen=True, kw_only=True)
class ProjectionOptions(TextOptions):
    """The options of `allennlp project-labels`."""

    archive: str = option("", "the tagger of the source: model.tar.gz, or the folder of a run", group="by")
    teacher: str = option("", "another teacher of the source as JSON, of type transformers or label_file", group="by")
    source_labels: str = option("", "the labelled source sentences, a CoNLL file", metavar="FILE", group="by")
    reader: Dict[str, Any] = option(
        dict, 'options of conll_ner for --source-labels: \'{"label_map": {"MISC": "O"}}\'', metavar="JSON"
    )
    aligner: str = option("encoder", ALIGNER_HELP)
    projector: str = option(
        "candidates", 'candidates, linked_words, or a JSON object: \'{"type": "linked_words", "max_gap": 1}\''
    )
    tag_scheme: str = option("IOB2", "the scheme of the tags that are written")
    min_score: float = option(0.5, "leave out sentences with a lower score, from 0 to 1")
    entities_only: bool = option(False, "leave out sentences without entities")

    def labeller(self) -> Tuple[Any, Any]:
        """What labels the source, and the labelled source if it is that."""
        if self.source_labels:
            labelled = LabelledSource(self.source_labels, ConllNerReader.from_params(Params(dict(self.reader))))
            return labelled, labelled
        if self.reader:
            raise ConfigurationError("--reader describes the file of --source-labels, which is not given.")
        if self.teacher:
            return built(Teacher, self.teacher, "--teacher"), None
        if self.archive:
            return ArchiveTeacher(self.archive, cuda_device=self.cuda_device), None
        raise ConfigurationError(
            "Nothing labels the source. Give --archive (a tagger), --source-labels (a CoNLL file) or --teacher."
        )


@Subcommand.register("project-labels")
class ProjectLabelsCommand(Subcommand):
    """
    `allennlp project-labels TEXT --output-file FILE` labels the target side of parallel text: the source side is labelled by a
    tagger or by hand, words are aligned, and entities are carried over. See `AnnotationProjection`.

    TEXT has a pair of sentences a line, source and target, with a tab between them. The output is a CoNLL file (.conll), with
    which any tagger is trained; soft labels (.jsonl) for the teacher `label_file`, with which a student is; or the words (.txt),
    or several of them, for the same sentences.

    The text and all other inputs are checked first. An interrupted command, also one that was killed, continues from the folder
    FILE.unfinished when it is given again. At the end, what became of all lines is printed as JSON.

    Registered as a `Subcommand` with name "project-labels".
    """

    def add_subparser(self, parser: argparse._SubParsersAction) -> argparse.ArgumentParser:
        description = "Label one side of parallel text with the labels of the other (annotation projection)."
        subparser = parser.add_parser(self.name, description=description, help=description)
        subparser.add_argument("text", metavar="TEXT", nargs="+", help="tab-separated files, compressed or not")
        subparser.add_argument(
            "--output-file",
            nargs="+",
            required=True,
            metavar="FILE",
            help="one or more: .conll for tags, .jsonl for soft labels, .txt for the words, compressed with .gz, .bz2 or .xz",
        )
        add_options(subparser, ProjectionOptions)
        subparser.set_defaults(func=_project_from_args)
        return subparser


def project_labels(text: Sequence[str], output_files: Sequence[str], options: ProjectionOptions) -> Dict[str, Any]:
    """
    Projects labels; see `ProjectLabelsCommand`.

    # Returns

    `Dict[str, Any]`
        "lines" of the text. Of these, as far as there are any: "empty", "malformed" and "too_long", which are not read (see
        `ParallelText`); "unlabelled", "without_entities", "low_score", "repeated" and "unwritable", which are left out (see
        `AnnotationProjection` and `project_text`); and "kept". Of these, "entities" of the source, and "lost" ones among them.
        "seconds" of this run.

    # Raises

    `ConfigurationError`
        Before the source is labelled, for all that is wrong with options, inputs and outputs; when the disk is full.
    """
    started = time.monotonic()
    for path in output_files:
        format_of(path)
    if not 0 <= options.min_score <= 1:
        raise ConfigurationError(f"--min-score is {options.min_score}; give a number from 0, which keeps all, to 1.")
    by, labelled = options.labeller()
    aligner = options.word_aligner(options.aligner)
    projector = built(SpanProjector, options.projector, "--projector")
    if projector.needs_vectors and not aligner.has_vectors:
        raise ConfigurationError(
            f"The projector compares vectors of words, and the aligner '{options.aligner}' has none. Give the aligner 'encoder', "
            "or a projector whose score is that of links."
        )
    parallel = options.text(text, labelled)
    num_lines = parallel.check()
    read = versions([list(text), asdict(options)])
    settings = {
        "options": {name: value for name, value in asdict(options).items() if name not in _NO_MATTER},
        "inputs": read,
        "teacher": by.fingerprint if isinstance(by, Teacher) else None,
    }
    with resumable_output(output_files, [path for path, *_ in read], settings, [KEYS]) as (parts, outputs):
        projection = AnnotationProjection(
            SourceLabeller(by),
            aligner,
            projector,
            get_scheme(options.tag_scheme),
            options.min_score,
            options.entities_only,
        )
        aligner.prepare(parallel, num_lines, parts.folder)
        counts = project_text(parallel, num_lines, projection, outputs, parts)
    return {**counts, "seconds": round(time.monotonic() - started, 1)}


def _project_from_args(args: argparse.Namespace) -> None:
    with interruptible("Interrupted. The same command continues from here."):
        report = project_labels(args.text, args.output_file, options_from(args, ProjectionOptions))
    print(json.dumps(report))
