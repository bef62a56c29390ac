// A tagger on a transformer, trained on labelled text with the hyperparameters of Wu et al. (2020, arXiv:2004.12440, section 4.2), or
// others if the encoder is small.
local environment = import 'environment.libsonnet';
local resumable = import 'resumable.libsonnet';

{
  local config = self,

  // Much smaller than mBERT, see ENCODER_SIZE: a higher learning rate, the same in all trainings, and no frozen layers.
  is_small:: environment.encoder_is_small,

  // May be changed by the configs that import this.
  encoder:: environment.encoder,
  tag_scheme:: 'IOB2',
  label_map:: {},
  sample:: {},
  batch_size:: 32,
  num_epochs:: 3,
  large_learning_rate:: 5e-5,
  learning_rate:: if config.is_small then 1e-4 else config.large_learning_rate,
  num_frozen_layers:: if config.is_small then null else 3,
  max_length:: 128,
  callbacks:: resumable.callbacks,

  // If the encoder is an archive, start from all of its weights, including those of the linear layer.
  local archive = if std.endsWith(config.encoder, '.tar.gz') then config.encoder else null,

  random_seed: environment.seed,
  numpy_seed: environment.seed,
  pytorch_seed: environment.seed,
  local reader = {
    type: 'conll_ner',
    tag_scheme: config.tag_scheme,
    label_map: config.label_map,
    token_indexers: { encoder: { type: 'subwords', model_name: config.encoder } },
  },
  // A sample, { sample: 100 } or { sample_share: 0.1 }, is taken only of the training data.
  dataset_reader: reader + config.sample,
  // The reader of `allennlp evaluate` and `predict`.
  validation_dataset_reader: reader,
  model: {
    type: 'mbert_tagger',
    tag_scheme: config.tag_scheme,
    text_field_embedder: {
      token_embedders: {
        encoder: {
          type: 'subword_transformer',
          model_name: config.encoder,
          max_length: config.max_length,
          num_frozen_layers: config.num_frozen_layers,
        },
      },
    },
    dropout: 0.1,
    pretrained_file: archive,
  },
  data_loader: {
    batch_sampler: { type: 'length_grouped', batch_size: config.batch_size },
  },
  validation_data_loader: {
    batch_sampler: { type: 'length_grouped', batch_size: 4 * config.batch_size, shuffle: false },
  },
  trainer: {
    num_epochs: config.num_epochs,
    optimizer: {
      type: 'fused_adamw',
      lr: config.learning_rate,
      eps: 1e-8,
      weight_decay: 0.01,
      parameter_groups: [[['bias$', 'LayerNorm\\.weight$'], { weight_decay: 0.0 }]],
    },
    learning_rate_scheduler: { type: 'linear_warmup_share', warmup_share: 0.1 },
    grad_norm: 1.0,
    validation_metric: '+f1',
    cuda_device: environment.device,
    checkpointer: resumable.checkpointer,
    callbacks: config.callbacks,
  },
}
