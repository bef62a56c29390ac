// All cross-domain systems in one table: labels in both domains on the first corpus, none in the target on the second.
//
//   export NER_DATA=/my/corpora VECTORS=glove.6B.100d.txt.gz VECTORS_DIM=100 ENCODER=multilingual-mini
//   allennlp ner-table tables/cross_domain --runs runs/cross_domain --jobs 2
//
// The corpora are those of the README; wikiann_en has a raw.txt, and so has bionlp13pc: text of its domain, on which the encoder of
// domain_adaptive is pretrained. No labels of the target select a checkpoint: the last epoch is kept.
// To select by target development F1, as in the paper (Jia, Liang and Zhang 2019, P19-1236), add select_on_target: true. Two systems
// are not among the rows: crf_tagger, which needs allennlp-models, and stm_elmo, which needs ELMO_OPTIONS and ELMO_WEIGHTS.
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
  local supervised(name) = { config: 'cross_domain/' + name, corpora: ['news-to-pathways'] },
  local unsupervised(name) = { config: 'cross_domain/' + name, corpora: ['news-to-wikipedia'] },
  systems: {
    [name]: supervised(name)
    for name in [
      'stm_target',
      'stm_elmo',
      'stm_transformer',
      'stm_transformer_frozen',
      'multi_task',
      'multi_task_ner',
      'co_lm',
      'co_ner',
      'co_ner_transformer',
      'mix_data',
      'pgn',
      'pgn_combined',
      'pgn_transformer',
    ]
  } + {
    [name]: unsupervised(name)
    for name in ['stm_source', 'pgn_uda', 'pgn_transformer_uda']
  } + {
    crf_tagger: supervised('crf_tagger') { predictor: 'any_tagger' },
    // A tagger of the source, from which fine_tune starts.
    stm_on_source: { config: 'cross_domain/stm_target', variables: { TARGET: '$SOURCE' } },
    fine_tune: supervised('fine_tune') { after: { ARCHIVE: 'stm_on_source' } },
    label_embedding: supervised('label_embedding') { after: { ARCHIVE: 'stm_source' } },
    // A transformer that is trained on the source, then on the target. The domains have other types, so only the encoder is kept.
    transformer_on_source: { config: 'cross_lingual/teacher' },
    transformer_fine_tune: {
      config: 'cross_lingual/few_labels',
      corpora: ['news-to-pathways'],
      after: { ENCODER: 'transformer_on_source' },
      variables: { SOURCE: '$TARGET' },
      overrides: { 'dataset_reader.sample': null, 'model.pretrained_file': null },
    },
    // The same, from an encoder that is pretrained on raw text of the target domain first (Gururangan et al. 2020, arXiv:2004.10964;
    // with spans, Liu et al. 2021, arXiv:2012.04373). With a seed of its own it is pretrained once; without, once for each seed.
    domain_adaptive_encoder: {
      pretraining: { encoder: '$ENCODER', text: ['$NER_DATA/$TARGET/raw.txt'], masking: 'spans', epochs: 3, seed: 13 },
    },
    domain_adaptive_on_source: self.transformer_on_source { after: { ENCODER: 'domain_adaptive_encoder' } },
    domain_adaptive: self.transformer_fine_tune { after: { ENCODER: 'domain_adaptive_on_source' } },
    pgn_uda_student: unsupervised('pgn_uda_student') {
      after: { SOURCE_ONLY: 'stm_source', UDA: 'pgn_uda' },
      variables: { TEACHERS: 'source=$SOURCE_ONLY,uda=$UDA' },
    },
    pgn_transformer_uda_student: unsupervised('pgn_transformer_uda_student') {
      after: { UDA: 'pgn_transformer_uda' },
      variables: { TEACHERS: 'uda=$UDA' },
    },
  },
  rows: [
    'stm_target',
    'stm_transformer',
    'stm_transformer_frozen',
    'multi_task',
    'multi_task_ner',
    'fine_tune',
    'label_embedding',
    'transformer_fine_tune',
    'domain_adaptive',
    'co_lm',
    'co_ner',
    'co_ner_transformer',
    'mix_data',
    'pgn',
    'pgn_combined',
    'pgn_transformer',
    'stm_source',
    'pgn_uda',
    'pgn_uda_student',
    'pgn_transformer_uda',
    'pgn_transformer_uda_student',
  ],
  seeds: [13, 14, 15],
  baseline: 'stm_target',
}
