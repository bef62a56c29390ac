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

_IGNORED_OPTIONS = ("cuda_device",)
"""Options that may differ when a run is resumed. They do not affect the output, except for rounding."""


@dataclass(frozen=True, kw_only=True)
class ProjectionOptions(TextOptions):
    """The options of `allennlp project-labels`."""

    archive: str = option(
        "", "tagger for the source side: a model.tar.gz or a serialization directory", group="labeller"
    )
    teacher: str = option(
        "", "other teacher for the source side, as JSON, of type transformers or label_file", group="labeller"
    )
    source_labels: str = option("", "CoNLL file with the labelled source sentences", metavar="FILE", group="labeller")
    reader: Dict[str, Any] = option(
        dict, 'options of the conll_ner reader for --source-labels: \'{"label_map": {"MISC": "O"}}\'', metavar="JSON"
    )
    aligner: str = option("encoder", ALIGNER_HELP)
    projector: str = option(
        "candidates", 'candidates, linked_words, or a JSON object: \'{"type": "linked_words", "max_gap": 1}\''
    )
    tag_scheme: str = option("IOB2", "tagging scheme of the output")
    min_score: float = option(0.5, "skip sentences with a score below this value, from 0 to 1")
    entities_only: bool = option(False, "skip sentences without entities")

    def labeller(self) -> Tuple[Any, Any]:
        """Returns the labeller of the source side, and the same object again if it is a `LabelledSource`, else `None`."""
        if self.source_labels:
            labelled = LabelledSource(self.source_labels, ConllNerReader.from_params(Params(dict(self.reader))))
            return labelled, labelled
        if self.reader:
            raise ConfigurationError(
                "--reader applies only to --source-labels, which is missing. Add it, or remove --reader."
            )
        if self.teacher:
            return built(Teacher, self.teacher, "--teacher"), None
        if self.archive:
            return ArchiveTeacher(self.archive, cuda_device=self.cuda_device), None
        raise ConfigurationError(
            "No labels for the source side. Specify --archive (a tagger), --source-labels (a CoNLL file) or --teacher."
        )


@Subcommand.register("project-labels")
class ProjectLabelsCommand(Subcommand):
    """
    `allennlp project-labels TEXT --output-file FILE` labels the target side of parallel text. The source side is labelled by a
    tagger or manually; its entities are projected to the target side over a word alignment. See `AnnotationProjection`.

    TEXT has one sentence pair per line, source and target, separated by a tab. The output is a CoNLL file (.conll) to train any
    tagger on, soft labels (.jsonl) to train a student with the teacher `label_file`, or plain words (.txt). Several output files
    get the same sentences.

    The text and all other inputs are checked first. If the command is interrupted or killed, running it again resumes from the
    folder FILE.unfinished. At the end, it prints the number of kept and skipped lines as JSON.

    Registered as a `Subcommand` with name "project-labels".
    """

    def add_subparser(self, parser: argparse._SubParsersAction) -> argparse.ArgumentParser:
        description = "Project labels from one side of parallel text to the other (annotation projection)."
        subparser = parser.add_parser(self.name, description=description, help=description)
        subparser.add_argument("text", metavar="TEXT", nargs="+", help="tab-separated files, optionally compressed")
        subparser.add_argument(
            "--output-file",
            nargs="+",
            required=True,
            metavar="FILE",
            help="one or more files: .conll for tags, .jsonl for soft labels, .txt for words; add .gz, .bz2 or .xz to compress",
        )
        add_options(subparser, ProjectionOptions)
        subparser.set_defaults(func=_project_from_args)
        return subparser


def project_labels(text: Sequence[str], output_files: Sequence[str], options: ProjectionOptions) -> Dict[str, Any]:
    """
    Projects labels; see `ProjectLabelsCommand`.

    # Returns

    `Dict[str, Any]`
        The number of "lines" in the text, followed by the number of lines for each outcome that occurs: "empty", "malformed" and
        "too_long" (see `ParallelText`); "unlabelled", "without_entities", "low_score", "repeated" and "unwritable" (see
        `AnnotationProjection` and `project_text`); and "kept". For the kept lines, the number of source "entities", and how many
        of them are "lost". Finally, the duration of this run in "seconds".

    # Raises

    `ConfigurationError`
        If an option, input or output is invalid (checked before the source side is labelled), or if the disk is full.
    """
    started = time.monotonic()
    for path in output_files:
        format_of(path)
    if not 0 <= options.min_score <= 1:
        raise ConfigurationError(
            f"--min-score is {options.min_score}; it must be between 0 (keep all sentences) and 1."
        )
    labeller, labelled_source = options.labeller()
    aligner = options.word_aligner(options.aligner)
    projector = built(SpanProjector, options.projector, "--projector")
    if projector.needs_vectors and not aligner.has_vectors:
        raise ConfigurationError(
            f"The projector compares word vectors, but the aligner '{options.aligner}' has none. Use the aligner 'encoder', or a "
            "projector whose 'score' is 'links'."
        )
    parallel = options.text(text, labelled_source)
    num_lines = parallel.check()
    input_versions = versions([list(text), asdict(options)])
    settings = {
        "options": {name: value for name, value in asdict(options).items() if name not in _IGNORED_OPTIONS},
        "inputs": input_versions,
        "teacher": labeller.fingerprint if isinstance(labeller, Teacher) else None,
    }
    with resumable_output(output_files, [path for path, *_ in input_versions], settings, [KEYS]) as (parts, outputs):
        projection = AnnotationProjection(
            SourceLabeller(labeller),
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
    with interruptible("Interrupted. Run the same command again to resume."):
        report = project_labels(args.text, args.output_file, options_from(args, ProjectionOptions))
    print(json.dumps(report))
