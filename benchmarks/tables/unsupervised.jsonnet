// Why unsupervised domain adaptation gains little: variants of pgn_uda that separate the causes, source-only baselines under the
// same settings, and students. CoNLL-2003, 5,000 sentences, to WikiANN English, 7,000 sentences of raw text; 6 epochs of 500 updates.
//
//   export NER_DATA=/my/corpora VECTORS=glove.6B.50d.txt.gz VECTORS_DIM=50
//   allennlp ner-table benchmarks/tables/unsupervised.jsonnet --runs runs/unsupervised --jobs 2
//
// Epochs are selected by source development F1. The variants are diagnosed on the target's development file.
local sample(module, size) = { ['dataset_reader.readers.%s.sample' % module]: size };
local of_source = sample('ner_source', 5000);
local of_all = of_source + sample('lm_source', 5000) + sample('lm_target', 7000);

local sgd = { 'trainer.optimizer': { type: 'lazy_sgd', lr: 0.015, weight_decay: 1e-8 } };
// A step of RMSprop changes all of W, whose 64 columns add up to a weight of the LSTM.
local small_generator = { 'trainer.optimizer.parameter_groups': [[['lstm_parameters.weight'], { lr: 1.25e-4 }]] };
local frozen = ['.*token_embedder_words.*'];
local tied = ['lstm_parameters.domain_embeddings'];
local same_domains = { 'model.lstm_parameters.domain_difference': 0.0 };

local source_only(overrides={}) = { config: 'cross_domain/stm_source', overrides: of_source + overrides };
local uda(overrides={}) = { config: 'cross_domain/pgn_uda', overrides: of_all + overrides };
local student(after, teachers) = {
  config: 'cross_domain/pgn_uda_student',
  after: after,
  variables: { TEACHERS: teachers },
  overrides: of_all + small_generator + { 'dataset_reader.readers.ner_target.reader.sample': 7000 },
};

{
  corpora: {
    'wikiann-en': {
      SOURCE: 'conll2003',
      TARGET: 'wikiann_en',
      overrides: {
        'dataset_reader.readers.ner_source.label_map': { MISC: 'O' },
        'validation_dataset_reader.label_map': { MISC: 'O' },
      },
    },
  },
  systems: {
    source_only: source_only(),
    source_sgd: source_only(sgd),
    source_frozen: source_only({ 'trainer.no_grad': frozen }),
    uda: uda(),
    uda_shared: uda({ 'model.lstm_parameters': { type: 'shared' } }),
    uda_sgd: uda(sgd),
    uda_small_w: uda(small_generator),
    uda_lm01: uda({ 'trainer.callbacks.0.loss_weights': { lm_source: 0.1, ner_source: 1, lm_target: 0.1 } }),
    uda_tied: uda(small_generator + same_domains + { 'trainer.no_grad': tied }),
    uda_tied_frozen: uda(small_generator + same_domains + { 'trainer.no_grad': frozen + tied }),
    student: student({ SOURCE_ONLY: 'source_only', UDA: 'uda_small_w' }, 'source=$SOURCE_ONLY,uda=$UDA'),
    student_of_source: student({ SOURCE_ONLY: 'source_only' }, 'source=$SOURCE_ONLY'),
  },
  overrides: { 'trainer.num_epochs': 6 },
  seeds: [13],
  split: 'dev',
  baseline: 'source_only',
}
