// A tagger trained on a few labelled sentences of the target language, from an encoder or from a teacher's archive.
//
//   export NER_DATA=fixtures/corpora SOURCE=sw ENCODER=runs/teacher/model.tar.gz && source training_configs/defaults.sh
//   allennlp train training_configs/cross_lingual/few_labels.jsonnet -s runs/few_labels --include-package lowresource_ner
//
// If the teacher's encoder is small, such as multilingual-mini, also set ENCODER_SIZE=small.
// A sample of another size: --overrides '{"dataset_reader.sample": 100}'; smaller samples are subsets of larger ones.
local environment = import '../lib/environment.libsonnet';

(import '../lib/encoder_tagger.libsonnet') {
  train_data_path: environment.file(environment.source, 'train'),
  validation_data_path: environment.file(environment.source, 'dev'),
  num_epochs:: 10,
  batch_size:: 8,
  sample:: { sample: 20, sample_seed: environment.seed },
}
