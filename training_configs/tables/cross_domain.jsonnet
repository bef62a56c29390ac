// All cross-domain systems in one table: labels in both domains on the first corpus, none in the target on the second.
//
//   export NER_DATA=/my/corpora VECTORS=glove.6B.100d.txt.gz VECTORS_DIM=100 ENCODER=multilingual-mini
//   allennlp ner-table tables/cross_domain --runs runs/cross_domain --jobs 2
//
// The corpora are those of the README, wikiann_en with a raw.txt. No label of the target chooses a checkpoint: the last of the 100
// epochs is kept. As in the paper (Jia, Liang and Zhang 2019, P19-1236), by target development F1: add select_on_target: true.
{
  corpora: {
    'news-to-pathways': { SOURCE: 'conll2003', TARGET: 'bionlp13pc', UNLABELLED: 'wikiann_en' },
    'news-to-wikipedia': {
      SOURCE: 'conll2003',
      TARGET: 'wikiann_en',
      // The target has no MISC.
      overrides: {
        'dataset_reader.readers.ner_source.label_map': { MISC: 'O' },
        'validation_dataset_reader.label_map': { MISC: 'O' },
      },
    },
  },
  local supervised = { corpora: ['news-to-pathways'] },
  local unsupervised = { corpora: ['news-to-wikipedia'] },
  systems: {
    stm_target: supervised { config: 'cross_domain/stm_target' },
    multi_task: supervised { config: 'cross_domain/multi_task' },
    multi_task_ner: supervised { config: 'cross_domain/multi_task_ner' },
    stm_on_source: { config: 'cross_domain/stm_target', variables: { TARGET: '$SOURCE' } },
    fine_tune: supervised { config: 'cross_domain/fine_tune', after: { ARCHIVE: 'stm_on_source' } },
    co_lm: supervised { config: 'cross_domain/co_lm' },
    co_ner: supervised { config: 'cross_domain/co_ner' },
    co_ner_transformer: supervised { config: 'cross_domain/co_ner_transformer' },
    mix_data: supervised { config: 'cross_domain/mix_data' },
    pgn: supervised { config: 'cross_domain/pgn' },
    pgn_combined: supervised { config: 'cross_domain/pgn_combined' },
    stm_source: unsupervised { config: 'cross_domain/stm_source' },
    pgn_uda: unsupervised { config: 'cross_domain/pgn_uda' },
  },
  rows: [
    'stm_target', 'multi_task', 'multi_task_ner', 'fine_tune', 'co_lm', 'co_ner', 'co_ner_transformer', 'mix_data', 'pgn', 'pgn_combined',
    'stm_source', 'pgn_uda',
  ],
  seeds: [13, 14, 15],
  baseline: 'stm_target',
}
