// What makes a config of cross_domain one of a transformer with generated adapters: add it to the config. The encoder takes the
// place of word vectors, characters and LSTM, and the language models predict hidden sub-words.
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
  // 2 tasks and 2 or 3 domains need no larger ones, and the generator of a large encoder would have many weights.
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
    // The encoder takes small steps, the heads those of an ordinary AdamW. A step of the generator adds up over the numbers of the
    // embeddings, so it is smaller than theirs.
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
    // Regular expressions of weights that are not trained: ['transformer'] freezes the encoder.
    no_grad: [],
  },
}
