// NER and language modelling in several domains, with the hyperparameters of the released code of Jia, Liang and Zhang (2019, P19-1236).
// Configs that import this list their modules; readers, paths, heads and loss weights follow from these.
local environment = import 'environment.libsonnet';
local resumable = import 'resumable.libsonnet';

local tag_scheme = 'IOBES';
local token_indexers = {
  words: { type: 'normalised_words', vectors_namespace: 'vector_words' },
  characters: { type: 'word_characters' },
};
local tagged(label_namespace) = {
  type: 'conll_ner',
  tag_scheme: tag_scheme,
  label_namespace: label_namespace,
  token_indexers: token_indexers,
};

{
  // A tagger of a domain, and the file that it is trained on; null if it is not trained.
  tagger(domain, path, head=domain, loss_weight=1):: {
    model: { task: 'ner', domain: domain, head: head, label_namespace: head + '_labels' },
    reader: tagged(self.model.label_namespace),
    path: path,
    loss_weight: loss_weight,
  },
  // A tagger that learns from the soft labels of teachers on raw text, one sentence per line, words separated by spaces.
  student(domain, path, teachers, head=domain, loss_weight=1):: self.tagger(domain, path, head, loss_weight) {
    reader: {
      type: 'teacher_labelled',
      reader: { type: 'raw_text', tokenised: true, token_indexers: token_indexers },
      teachers: teachers,
      label_maps: {},
      weights: { type: 'uniform' },
      selections: [],
      store: null,
      tag_scheme: tag_scheme,
      label_namespace: head + '_labels',
    },
  },
  // A language model on the words of a CoNLL file.
  language_model(domain, path, loss_weight=1):: {
    model: { task: 'lm', domain: domain, head: 'lm' },
    reader: { type: 'conll_ner', labelled: false, lm_namespace: 'lm_words', token_indexers: token_indexers },
    path: path,
    loss_weight: loss_weight,
  },
  // A language model on raw text, one sentence per line, words separated by spaces.
  raw_language_model(domain, path, loss_weight=1):: self.language_model(domain, path, loss_weight) {
    reader: { type: 'raw_text', tokenised: true, lm_namespace: 'lm_words', token_indexers: token_indexers },
  },

  // The training of UDA: RMSprop until the source's dev F1 exceeds 0.72, then SGD, without decay; small batches, and a language model
  // of words that occur at least five times.
  rmsprop_then_sgd(metric): {
    batch_size:: 10,
    min_count_lm_words:: 5,
    callbacks:: super.callbacks + [
      { type: 'switch_optimizer', metric: metric, threshold: 0.72, optimizer: { type: 'lazy_sgd', lr: 0.015, weight_decay: 1e-8 } },
    ],
    trainer+: {
      optimizer: { type: 'rmsprop', lr: 1e-3, weight_decay: 1e-8 },
      learning_rate_scheduler: null,
      validation_metric: metric,
    },
  },

  config: {
    local config = self,

    // Set by the configs that import this.
    modules:: error 'modules: by name, what tagger() and language_model() give',
    order:: error 'order: the names of the modules that are trained, in the order of their updates',
    default_module:: 'ner_target',
    also:: [],  // modules that are neither trained nor the default, for evaluation
    epoch:: 'ner_source',
    batch_size:: 30,
    min_count_lm_words:: 1,
    lstm_parameters:: { type: 'parameter_generator', task_dim: 8, domain_dim: 8 },
    unlabelled_domains:: [],
    callbacks:: resumable.callbacks,

    local names = std.set(config.order + [config.default_module] + config.also),
    local distinct(key) = std.set([config.modules[name].model[key] for name in names]),
    local trained(key) = { [name]: config.modules[name][key] for name in config.order },
    local default_model = config.modules[config.default_module].model,
    local reads_text = std.member(distinct('task'), 'lm'),

    random_seed: environment.seed,
    numpy_seed: environment.seed,
    pytorch_seed: environment.seed,
    dataset_reader: { type: 'multitask', readers: trained('reader') },
    train_data_path: trained('path'),
    // The reader of `allennlp evaluate` and `predict`.
    validation_dataset_reader: tagged(default_model.label_namespace) + (if reads_text then { lm_namespace: 'lm_words' } else {}),
    vocabulary: {
      min_count: if reads_text then { lm_words: config.min_count_lm_words } else {},
      pretrained_files: { vector_words: environment.vectors },
      only_include_pretrained_words: true,
      min_pretrained_embeddings: { vector_words: -1 },
    },
    datasets_for_vocab_creation: ['train'],
    model: {
      type: 'pgn_bilstm_crossdomain',
      tag_scheme: tag_scheme,
      text_field_embedder: {
        token_embedders: {
          words: {
            type: 'word_vectors',
            embedding_dim: environment.vectors_dim,
            pretrained_file: environment.vectors,
            vectors_namespace: 'vector_words',
          },
          characters: { type: 'character_cnn', embedding_dim: 30, num_filters: 50, width: 3, dropout: 0.5 },
        },
      },
      encoder: { hidden_size: 100, num_layers: 1 },
      lstm_parameters: config.lstm_parameters,
      tasks: distinct('task'),
      domains: distinct('domain'),
      heads: {
        [head]: if head == 'lm' then { type: 'language_model', num_samples: 50 } else { type: 'tagging' }
        for head in distinct('head')
      },
      modules: { [name]: config.modules[name].model for name in names },
      default_module: config.default_module,
      unlabelled_domains: config.unlabelled_domains,
      dropout: 0.5,
      initializer: { regexes: [['.*crf\\..*transitions', { type: 'constant', val: 0 }]] },
    },
    data_loader: {
      type: 'one_batch_per_module',
      scheduler: {
        type: 'one_batch_per_module',
        modules: config.order,
        epoch: config.epoch,
        batch_size: { [config.epoch]: config.batch_size },
      },
    },
    validation_data_loader: {
      batch_sampler: { type: 'length_grouped', batch_size: 100, shuffle: false },
    },
    trainer: {
      num_epochs: 100,
      num_gradient_accumulation_steps: std.length(config.order),
      optimizer: { type: 'lazy_sgd', lr: 0.015, weight_decay: 1e-8 },
      learning_rate_scheduler: { type: 'inverse_time_decay', decay: 0.05 },
      validation_metric: '+f1',
      cuda_device: environment.device,
      checkpointer: resumable.checkpointer,
      callbacks: [{ type: 'module_updates', loss_weights: trained('loss_weight') }] + config.callbacks,
    },
  },
}
