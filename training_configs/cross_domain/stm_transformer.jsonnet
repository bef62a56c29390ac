// STM with a transformer: the BiLSTM-CRF of stm_target, whose word representations also include the vectors of a transformer. The
// transformer is fine-tuned.
//
//   export NER_DATA=fixtures/corpora TARGET=bio VECTORS=fixtures/vectors/tiny.16d.txt.gz VECTORS_DIM=16 ENCODER=multilingual-mini
//   source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/stm_transformer.jsonnet -s runs/stm_transformer --include-package lowresource_ner
local environment = import '../lib/environment.libsonnet';
local reader = { token_indexers+: { encoder: { type: 'subwords', model_name: environment.encoder } } };

(import 'stm_target.jsonnet') {
  dataset_reader+: { readers+: { ner_target+: reader } },
  validation_dataset_reader+: reader,
  model+: {
    text_field_embedder+: {
      token_embedders+: {
        encoder: { type: 'subword_transformer', model_name: environment.encoder, max_length: 128 },
      },
    },
  },
  trainer+: {
    // A lower learning rate for the encoder.
    optimizer: { type: 'adamw', lr: 1e-3, parameter_groups: [[['transformer'], { lr: 5e-5 }]] },
    num_epochs: 20,
    grad_norm: 1.0,
  },
}
