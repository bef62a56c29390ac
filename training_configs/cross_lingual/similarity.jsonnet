// A model that classifies the source languages, with which the similarity of the target to each of them is measured (Wu et al. 2020,
// arXiv:2004.12440, section 3.3). It is used to weight several teachers; see student_multi_source.
//
//   export NER_DATA=fixtures/corpora SOURCES=en,de && source training_configs/defaults.sh
//   allennlp train training_configs/cross_lingual/similarity.jsonnet -s runs/similarity --include-package lowresource_ner
//
// Only the words of $NER_DATA/<language>/train.conll are read, not the tags. To measure the accuracy on held-out text:
//   allennlp evaluate runs/similarity/model.tar.gz '{"en": "fixtures/corpora/en/test.conll", "de": "fixtures/corpora/de/test.conll"}' \
//     --include-package lowresource_ner
// To score the similarity of sentences to each language (input as for the predictor ner; {"measure": "cosine"} for another measure):
//   allennlp predict runs/similarity/model.tar.gz fixtures/corpora/es/raw.txt --predictor-args '{"input_format": "text"}' \
//     --output-file scores.jsonl --silent --include-package lowresource_ner
// A sample of each language: --overrides '{"dataset_reader.reader.sample": 100}'
local environment = import '../lib/environment.libsonnet';
local resumable = import '../lib/resumable.libsonnet';

local texts(split) = { [language]: environment.file(language, split) for language in environment.sources };

local reader = {
  type: 'language_vectors',
  encoder: {
    model_name: environment.encoder,
    pooling: 'auto',
    max_length: 128,
    cuda_device: environment.device,
  },
  reader: { type: 'conll_ner', labelled: false },
};

{
  random_seed: environment.seed,
  numpy_seed: environment.seed,
  pytorch_seed: environment.seed,
  dataset_reader: reader { reader+: { sample: null } },
  validation_dataset_reader: reader,
  train_data_path: texts('train'),
  validation_data_path: texts('dev'),
  // The languages are those of the training data.
  datasets_for_vocab_creation: ['train'],
  model: {
    type: 'language_similarity',
    model_name: environment.encoder,
    rank: 64,
    orthogonality_weight: 0.01,
  },
  data_loader: { batch_size: 32, shuffle: true },
  validation_data_loader: { batch_size: 1024 },
  trainer: {
    num_epochs: 10,
    optimizer: { type: 'adamw', lr: 1e-4, eps: 1e-8, weight_decay: 1e-5 },
    learning_rate_scheduler: { type: 'linear_warmup_share', warmup_share: 0.0 },
    grad_norm: 1.0,
    validation_metric: '+accuracy',
    cuda_device: environment.device,
    checkpointer: resumable.checkpointer,
    callbacks: resumable.callbacks + [{ type: 'language_means' }, { type: 'keep_last_epoch' }],
  },
}
