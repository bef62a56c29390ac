"""
Makes a table of systems × corpora × seeds from one file:

    NER_DATA=fixtures/corpora allennlp ner-table table.jsonnet --runs runs/table --jobs 2

    {
      corpora: { 'news-to-biomedicine': { SOURCE: 'en', TARGET: 'bio', VECTORS: 'tiny.16d.txt.gz', VECTORS_DIM: '16' } },
      systems: {
        stm_target: 'cross_domain/stm_target',
        stm_news: { config: 'cross_domain/stm_target', variables: { TARGET: '$SOURCE' } },
        fine_tune: { config: 'cross_domain/fine_tune', after: { ARCHIVE: 'stm_news' }, overrides: { 'trainer.num_epochs': 50 } },
        pgn: 'cross_domain/pgn',
      },
      rows: ['stm_target', 'fine_tune', 'pgn'],
      seeds: [13, 14, 15],
      baseline: 'stm_target',
    }

A system is a config, by its name (`allennlp configs list`) or a path of your own. Configs read the variables of their corpus, in
capitals, and of the environment. Each run is trained in its own folder, unless it is trained already; an interrupted one is
resumed. All are evaluated on $NER_DATA/$TARGET/test.conll. RUNS gets table.md, .csv, .tex and .json: mean ± standard deviation
over seeds, F1 by type, significance, time, parameters, and what chose each checkpoint; and two figures, development F1 by epoch
and F1 by type. By default no label of the target chooses a checkpoint: where a config says so, the last epoch is kept.

keys of a table
  corpora, systems   by name
  rows               the systems that are shown, in order; others are trained where these begin from them
  seeds              13, 14, 15 without it
  baseline           what the others are compared with; without it, the best
  variables, overrides   of all trainings
  split              'test' or 'dev'
  select_on_target   true: configs may choose checkpoints by labels of the target
keys of a corpus
  variables in capitals; overrides; file, where it is another one that is evaluated
keys of a system
  config, overrides, variables ('$SOURCE' is the corpus's SOURCE)
  after                  { VARIABLE: SYSTEM }: begins from another system's archive
  corpora                where it is a row; all without it
  evaluation_overrides   of the archive when it is evaluated
  predictor              of models of other packages: 'any_tagger'
"""

import argparse
import os
import sys
from pathlib import Path

from allennlp.commands.subcommand import Subcommand

from lowresource_ner.commands.interruption import resumable_steps


@Subcommand.register("ner-table")
class NerTableCommand(Subcommand):
    """
    `allennlp ner-table TABLE` trains and compares the systems of a table; see `make_table` and `Table`.

    Registered as a `Subcommand` with name "ner-table".
    """

    requires_plugins = False

    def add_subparser(self, parser: argparse._SubParsersAction) -> argparse.ArgumentParser:
        subparser = parser.add_parser(
            self.name,
            description=__doc__,
            help="Train systems on corpora with several seeds, and write the table of a paper.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        add = subparser.add_argument
        add(
            "table", metavar="TABLE", help="a file, or the name of one that comes with the package: tables/cross_domain"
        )
        add("--runs", type=Path, default=Path("runs/table"), help="where all goes (default: runs/table)")
        add("--jobs", type=int, default=1, help="steps at once; give each its share of the threads")
        device = os.environ.get("DEVICE") or "-1"  # converted, and checked, when the command runs
        add("--device", type=int, default=device, help="-1 for the CPU, or the number of a GPU (DEVICE)")
        add("--dry-run", action="store_true", help="check everything, show the steps, and run none")
        subparser.set_defaults(func=_make_from_args)
        return subparser


def _make_from_args(args: argparse.Namespace) -> None:
    with resumable_steps():
        # doit is slow to import, and other commands do not need it.
        from lowresource_ner.experiments.tables.comparison import described, make_table, table_path
        from lowresource_ner.experiments.tables.plan import TablePlan
        from lowresource_ner.experiments.tables.table_file import read_table

        table = read_table(table_path(args.table))
        if args.dry_run:
            print(described(TablePlan(table, args.runs, args.device)))
            return
        is_done = make_table(table, args.runs, args.jobs, args.device)
    if not is_done:
        sys.exit(1)
