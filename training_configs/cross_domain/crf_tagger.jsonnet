// An external baseline for stm_target: the BiLSTM-CRF of allennlp-models, with AllenNLP's embedders, optimizer and F1, on the same
// data and with the same sizes. Only the reader, the learning rate schedule and the parts that make a training resumable come from
// this package. It needs allennlp-models (`make baselines`).
//
//   export NER_DATA=fixtures/corpora TARGET=bio VECTORS=fixtures/vectors/tiny.16d.txt.gz VECTORS_DIM=16
//   source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/crf_tagger.jsonnet -s runs/crf_tagger --include-package lowresource_ner
local environment = import '../lib/environment.libsonnet';
local resumable = import '../lib/resumable.libsonnet';
local batch_size = 30;

{
  random_seed: environment.seed,
  numpy_seed: environment.seed,
  pytorch_seed: environment.seed,
  dataset_reader: {
    type: 'conll_ner',
    tag_scheme: 'BILOU',
    token_indexers: {
      words: { type: 'single_id', namespace: 'words', lowercase_tokens: true },
      characters: { type: 'characters', namespace: 'characters', min_padding_length: 3 },
    },
  },
  train_data_path: environment.file(environment.target, 'train'),
  validation_data_path: environment.file(environment.target, 'dev'),
  vocabulary: {
    pretrained_files: { words: environment.vectors },
    min_pretrained_embeddings: { words: -1 },  // all vectors
  },
  datasets_for_vocab_creation: ['train'],
  model: {
    type: 'crf_tagger',
    label_encoding: 'BIOUL',
    dropout: 0.5,
    text_field_embedder: {
      token_embedders: {
        words: {
          type: 'embedding',
          vocab_namespace: 'words',
          embedding_dim: environment.vectors_dim,
          pretrained_file: environment.vectors,
        },
        characters: {
          type: 'character_encoding',
          embedding: { embedding_dim: 30, vocab_namespace: 'characters' },
          encoder: { type: 'cnn', embedding_dim: 30, num_filters: 50, ngram_filter_sizes: [3] },
          dropout: 0.5,
        },
      },
    },
    encoder: {
      type: 'lstm',
      input_size: environment.vectors_dim + 50,
      hidden_size: 100,
      num_layers: 1,
      bidirectional: true,
    },
  },
  data_loader: { batch_size: batch_size, shuffle: true },
  validation_data_loader: { batch_size: 100 },
  trainer: {
    num_epochs: 100,
    // Its loss is summed over a batch, and that of stm_target is averaged over the sentences.
    optimizer: { type: 'sgd', lr: 0.015 / batch_size, weight_decay: 1e-8 },
    learning_rate_scheduler: { type: 'inverse_time_decay', decay: 0.05 },
    validation_metric: '+f1-measure-overall',
    cuda_device: environment.device,
    checkpointer: resumable.checkpointer,
    callbacks: resumable.callbacks,
  },
}
