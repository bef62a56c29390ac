"""
Trains taggers of a language from labelled text of other languages, and tabulates their scores:

    NER_DATA=fixtures/corpora allennlp cross-lingual --source en --target es

Teachers are trained on the sources, and students on unlabelled text of the target, which is raw.txt or else the words of
train.conll. If the target has a test file, all systems are evaluated on it at the end; nothing is selected on it. RUNS gets
results-*.md, .csv, .tex and .json and two figures, like those of `allennlp ner-table`. Each step is an `allennlp` command with a
log in RUNS/logs. A step is skipped if its inputs and settings have not changed, and an interrupted training is resumed.

systems of each source:
  mt             direct model transfer: the teacher on the target
  hl             a student of the teacher's best tags
  ts             a student of the teacher's probabilities
  mt-rdrop       mt with a teacher that was trained with R-Drop
  ts-rdrop       ts with that teacher
  consistent     ts, with each word weighted by how many similar words have the same label (CoLaDa)
  adversarial    direct transfer of a tagger that was trained against a language discriminator
  selected       AdvPicker: its student, on the text whose language the discriminator can tell least
  ts-selected    ts on the text that the discriminator selects
systems of several sources:
  voting         the teachers' mean, without a student
  uniform        a student of all teachers, equally weighted
  learned, cosine, l1, l2                 the teachers are weighted by the similarity of the languages
  learned-sentence, cosine-sentence, ...  and for each sentence separately

With --rank-sources, RUNS also gets results-*-sources.md and .json: the similarity of each source to the target's text, as
computed by `allennlp rank-sources`, the F1 of the systems of that source alone, and whether the most similar source is also the
best one.
"""

import argparse
import sys

from allennlp.commands.subcommand import Subcommand

from lowresource_ner.commands.interruption import resumable_steps
from lowresource_ner.common.options import add_options, options_from
from lowresource_ner.experiments.cross_lingual.request import Request


@Subcommand.register("cross-lingual")
class CrossLingualCommand(Subcommand):
    """
    `allennlp cross-lingual --source CORPUS --target CORPUS` trains and compares cross-lingual systems; see `compare_systems`.

    Registered as a `Subcommand` with name "cross-lingual".
    """

    requires_plugins = False

    def add_subparser(self, parser: argparse._SubParsersAction) -> argparse.ArgumentParser:
        subparser = parser.add_parser(
            self.name,
            description=__doc__,
            help="Train teachers on some languages and students for another, and compare them.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        add_options(subparser, Request)
        subparser.add_argument(
            "--jobs", type=int, default=1, help="number of steps to run at once, which share the CPU"
        )
        subparser.set_defaults(func=_compare_from_args)
        return subparser


def _compare_from_args(args: argparse.Namespace) -> None:
    with resumable_steps():
        # doit is slow to import, and other commands do not need it.
        from lowresource_ner.experiments.cross_lingual.comparison import compare_systems

        is_done = compare_systems(options_from(args, Request), args.jobs)
    if not is_done:
        sys.exit(1)
