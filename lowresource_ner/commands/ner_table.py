"""
Trains systems on corpora with several seeds, as one file describes, and tabulates their scores:

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

A system is a config, given by its name (`allennlp configs list`) or by a path. Configs read the variables of their corpus, which
are in capitals, and of the environment. Each system is trained in its own folder for each corpus and seed, unless it is up to
date; an interrupted training is resumed. All are evaluated on $NER_DATA/$TARGET/test.conll. RUNS gets table.md, .csv, .tex and
.json, with mean ± standard deviation over seeds, F1 by entity type, significance, training time, parameters, and what each
checkpoint was selected by; and two figures, development F1 by epoch and F1 by entity type. By default no labels of the target
select a checkpoint: for configs that use them, the last epoch is kept.

keys of a table
  corpora, systems       objects by name
  rows                   the systems to show, in order; others are trained only if one of these starts from them
  seeds                  default: [13, 14, 15]
  baseline               the system that the others are compared with; default: the best one
  variables, overrides   of all trainings
  split                  the split to evaluate on, 'test' (default) or 'dev'
  select_on_target       whether labels of the target may select checkpoints; default: false
keys of a corpus
  variables              in capitals, beside the other keys: SOURCE, TARGET, VECTORS
  overrides              of all trainings on it
  file                   the file to evaluate on, if it is another one
keys of a system
  config, overrides
  pretraining            in place of a config, options of `allennlp pretrain-encoder`: see below
  variables              '$SOURCE' stands for the corpus's SOURCE
  after                  { VARIABLE: SYSTEM }: the variable is set to the archive of the other system, or to the encoder of a
                         pretraining, which is trained first
  corpora                the corpora that it is a row of; default: all
  evaluation_overrides   overrides of the archive when it is evaluated
  predictor              'any_tagger' for models of other packages
  seeds                  of the row, if they are not the table's; what it starts from is trained with the same seeds

Rows with other seeds than the baseline are compared with it over the seeds in common.

Domain-adaptive pretraining (Gururangan et al. 2020, arXiv:2004.10964): an encoder is pretrained on raw text of the target, a
tagger is trained from it on the source, and another from that one on the target.

    systems: {
      adapted: { pretraining: { encoder: '$ENCODER', text: ['$NER_DATA/$TARGET/raw.txt'], masking: 'spans', seed: 13 } },
      on_source: { config: 'cross_lingual/teacher', after: { ENCODER: 'adapted' } },
      domain_adaptive: {
        config: 'cross_lingual/few_labels', variables: { SOURCE: '$TARGET' }, after: { ENCODER: 'on_source' },
        overrides: { 'dataset_reader.sample': null, 'model.pretrained_file': null },  // all sentences; new types of entities
      },
    }

The keys of a pretraining are the options of the command, with underscores: max_length for --max-length. With a seed of its own it
is run once, otherwise once for each seed. If its settings or texts change, it is run again.
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
        add("--runs", type=Path, default=Path("runs/table"), help="the folder of all outputs (default: runs/table)")
        add("--jobs", type=int, default=1, help="number of steps to run at once, which share the CPU")
        device = os.environ.get("DEVICE") or "-1"  # argparse converts it if this command is run
        add("--device", type=int, default=device, help="-1 for the CPU, or the number of a GPU (DEVICE)")
        add("--dry-run", action="store_true", help="check the table and show the steps without running them")
        subparser.set_defaults(func=_run_from_args)
        return subparser


def _run_from_args(args: argparse.Namespace) -> None:
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
