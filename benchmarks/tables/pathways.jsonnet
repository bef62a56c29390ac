// All systems of Jia, Liang and Zhang (2019, P19-1236) but ELMo, CoNLL-2003 to BioNLP13PC, at an equal number of updates:
// 16 epochs of the full model are 7,504, 90 of a system that reads the target alone are 7,560.
//
//   export NER_DATA=/my/corpora VECTORS=glove.6B.50d.txt.gz VECTORS_DIM=50
//   allennlp ner-table benchmarks/tables/pathways.jsonnet --runs runs/pathways --jobs 2
//
// crf_tagger needs allennlp-models (`make baselines`).
local system(name, num_epochs) = { config: 'cross_domain/' + name, overrides: { 'trainer.num_epochs': num_epochs } };
local several = { seeds: [13, 14] };

{
  corpora: { pathways: { SOURCE: 'conll2003', TARGET: 'bionlp13pc' } },
  systems: {
    stm_target: system('stm_target', 90) + several,
    crf_tagger: system('crf_tagger', 90) { predictor: 'any_tagger' },
    multi_task: system('multi_task', 16) + several,
    multi_task_ner: system('multi_task_ner', 16),
    stm_on_source: system('stm_target', 16) { variables: { TARGET: '$SOURCE' } },
    fine_tune: system('fine_tune', 90) { after: { ARCHIVE: 'stm_on_source' } },
    label_embedding: system('label_embedding', 90) { after: { ARCHIVE: 'stm_on_source' } },
    co_lm: system('co_lm', 90) + several,
    co_ner: system('co_ner', 16) + several,
    mix_data: system('mix_data', 16),
    pgn: system('pgn', 16) + several,
  },
  rows: [
    'stm_target',
    'crf_tagger',
    'multi_task',
    'multi_task_ner',
    'fine_tune',
    'label_embedding',
    'co_lm',
    'co_ner',
    'mix_data',
    'pgn',
  ],
  seeds: [13],
  baseline: 'stm_target',
}
