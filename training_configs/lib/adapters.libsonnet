// Changes a config of cross_domain to a transformer with generated adapters, which replaces word vectors, characters and LSTM. Its
// language models predict masked sub-words. Add it to the config.
local environment = import 'environment.libsonnet';
local resumable = import 'resumable.libsonnet';

local words = {
  token_indexers: { encoder: { type: 'subwords', model_name: environment.encoder } },
  lm_namespace: null,
};
// The reader of a student has a reader of its text.
local of_words(reader) = if std.objectHas(reader, 'reader') then reader { reader+: words } else reader + words;

{
  local config = self,
  local readers = super.dataset_reader.readers,

  batch_size:: 16,
  callbacks:: resumable.callbacks,
  // Small embeddings are enough for two tasks and two or three domains, and the generator of a large encoder has many weights.
  lstm_parameters+:: { task_dim: 4, domain_dim: 4 },

  dataset_reader+: { readers: { [name]: of_words(readers[name]) for name in config.order } },
  validation_dataset_reader+: words,
  vocabulary: {},
  model+: {
    type: 'pgn_transformer',
    text_field_embedder: {
      token_embedders: {
        encoder: { type: 'subword_transformer', model_name: environment.encoder, max_length: 128 },
      },
    },
    encoder: { bottleneck_size: 16 },
    lstm_parameters:: null,
    adapter_parameters: config.lstm_parameters,
    heads+: { lm: { type: 'masked_language_model' } },
    dropout: 0.1,
  },
  trainer+: {
    num_epochs: 20,
    // Lower learning rates for the encoder and the generator: each of the adapters' weights is a sum over the dimensions of the
    // embeddings, and an update changes all summands.
    optimizer: {
      type: 'adamw',
      lr: 1e-3,
      parameter_groups: [
        [['transformer'], { lr: if environment.encoder_is_small then 1e-4 else 2e-5 }],
        [['adapter_parameters'], { lr: 3e-4 }],
      ],
    },
    learning_rate_scheduler: { type: 'linear_warmup_share', warmup_share: 0.1 },
    grad_norm: 1.0,
    // Regular expressions of weights that are not trained; ['transformer'] freezes the encoder.
    no_grad: [],
  },
}
