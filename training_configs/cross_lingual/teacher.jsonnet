// The teacher of Wu et al. (2020, arXiv:2004.12440): multilingual BERT with a linear layer, trained on a labelled language.
//
//   export NER_DATA=fixtures/corpora && source training_configs/defaults.sh
//   allennlp train training_configs/cross_lingual/teacher.jsonnet -s runs/teacher --include-package lowresource_ner
//
// The last epoch is kept, as in the paper.
local environment = import '../lib/environment.libsonnet';

(import '../lib/encoder_tagger.libsonnet') {
  train_data_path: environment.file(environment.source, 'train'),
  validation_data_path: environment.file(environment.source, 'dev'),
  callbacks:: super.callbacks + [{ type: 'keep_last_epoch' }],
}
