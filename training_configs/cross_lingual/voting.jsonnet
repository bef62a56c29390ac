// The mean of several teachers' probabilities, without a student. Nothing is trained; the archive needs the teachers' files.
//
//   export NER_DATA=fixtures/corpora TARGET=es TEACHERS=en=runs/en/model.tar.gz,de=runs/de/model.tar.gz && source training_configs/defaults.sh
//   allennlp train training_configs/cross_lingual/voting.jsonnet -s runs/voting --include-package lowresource_ner
//   allennlp evaluate runs/voting/model.tar.gz fixtures/corpora/es/test.conll --include-package lowresource_ner
local environment = import '../lib/environment.libsonnet';

{
  random_seed: environment.seed,
  numpy_seed: environment.seed,
  pytorch_seed: environment.seed,
  // Not used, but required by AllenNLP.
  dataset_reader: { type: 'raw_text' },
  validation_dataset_reader: { type: 'conll_ner' },
  train_data_path: environment.raw_text(environment.target),
  vocabulary: { type: 'empty' },
  datasets_for_vocab_creation: [],
  model: {
    type: 'teacher_vote',
    teachers: environment.teachers,
    label_maps: {},
    weights: { type: 'uniform' },
  },
  data_loader: { batch_size: 128 },
  trainer: { type: 'no_op' },
}
