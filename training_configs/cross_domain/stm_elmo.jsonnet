// STM + ELMo: the BiLSTM-CRF of stm_target, whose word representations also include the vectors of a pretrained ELMo (Peters et al.
// 2018, arXiv:1802.05365). ELMo is frozen; only the mixture of its layers is trained.
//
//   export NER_DATA=fixtures/corpora TARGET=bio VECTORS=fixtures/vectors/tiny.16d.txt.gz VECTORS_DIM=16
//   export ELMO_OPTIONS=fixtures/elmo/options.json ELMO_WEIGHTS=fixtures/elmo/weights.hdf5
//   source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/stm_elmo.jsonnet -s runs/stm_elmo --include-package lowresource_ner
//
// The archive does not contain the two files, but refers to them by their paths.
local environment = import '../lib/environment.libsonnet';
local reader = { token_indexers+: { elmo: { type: 'elmo_characters' } } };

(import 'stm_target.jsonnet') {
  dataset_reader+: { readers+: { ner_target+: reader } },
  validation_dataset_reader+: reader,
  model+: {
    text_field_embedder+: {
      token_embedders+: {
        elmo: {
          type: 'elmo_token_embedder',
          options_file: environment.elmo_options,
          weight_file: environment.elmo_weights,
          dropout: 0,  // the model has its own
        },
      },
    },
  },
}
