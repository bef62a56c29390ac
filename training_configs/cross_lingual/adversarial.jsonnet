// The first part of AdvPicker (Chen et al. 2021, arXiv:2106.02300): a tagger trained on a labelled language, while a discriminator
// learns to distinguish its words from those of raw text in the target language, and the encoder learns to deceive the discriminator.
// Hyperparameters are those of the released code.
//
//   export NER_DATA=fixtures/corpora TARGET=es && source training_configs/defaults.sh
//   allennlp train training_configs/cross_lingual/adversarial.jsonnet -s runs/adversarial --include-package lowresource_ner
//
// Its archive can be used as a teacher, and to select sentences in student_selected.jsonnet. The last epoch is kept; the released code
// keeps the epoch with the best F1 on the target's development set. To read the target's text from a CoNLL file:
// --overrides '{"train_data_path.text_target": "fixtures/corpora/es/train.conll", "dataset_reader.readers.text_target": {"type":
// "conll_ner", "labelled": false, "token_indexers": {"encoder": {"type": "subwords", "model_name": "multilingual-mini"}}}}'
local environment = import '../lib/environment.libsonnet';

(import '../lib/encoder_tagger.libsonnet') {
  local config = self,

  num_epochs:: 10,
  large_learning_rate:: 6e-5,
  discriminator_learning_rate:: 5e-3,
  // A hundredth of the tagger's; 6e-7 in the released code.
  generator_learning_rate:: config.learning_rate / 100,
  local schedule = { type: 'linear_warmup_share', warmup_share: 0.05 },

  local labelled = super.dataset_reader,
  dataset_reader: {
    type: 'multitask',
    readers: {
      ner_source: labelled,
      text_target: { type: 'raw_text', token_indexers: labelled.token_indexers },
    },
  },
  train_data_path: {
    ner_source: environment.file(environment.source, 'train'),
    text_target: environment.raw_text(environment.target),
  },
  validation_data_path: environment.file(environment.source, 'dev'),
  model+: { type: 'adversarial_tagger', discriminator_hidden_dim: 500 },
  data_loader: {
    type: 'one_batch_per_module',
    scheduler: {
      type: 'one_batch_per_module',
      modules: ['ner_source', 'text_target'],
      epoch: 'ner_source',
      batch_size: { ner_source: config.batch_size, text_target: config.batch_size },
    },
  },
  callbacks:: [
    {
      type: 'adversarial_updates',
      discriminator_optimizer: { type: 'adamw', lr: config.discriminator_learning_rate, eps: 1e-8, weight_decay: 0.0 },
      generator_optimizer: { type: 'adamw', lr: config.generator_learning_rate, eps: 1e-8, weight_decay: 0.01 },
      learning_rate_scheduler: schedule,
    },
  ] + super.callbacks + [{ type: 'keep_last_epoch' }],
  trainer+: {
    num_gradient_accumulation_steps: 2,
    learning_rate_scheduler: schedule,
    grad_norm:: null,  // hidden, so that gradients are not clipped
  },
}
