// The teacher with a CRF, which the paper does not use, the best epoch by the source language's dev F1, and calibrated confidences.
//
//   export NER_DATA=fixtures/corpora && source training_configs/defaults.sh
//   allennlp train training_configs/cross_lingual/teacher_crf.jsonnet -s runs/teacher_crf --include-package lowresource_ner
local environment = import '../lib/environment.libsonnet';

(import '../lib/encoder_tagger.libsonnet') {
  train_data_path: environment.file(environment.source, 'train'),
  validation_data_path: environment.file(environment.source, 'dev'),
  callbacks:: super.callbacks + [{ type: 'temperature_scaling' }],
  model+: { head: { type: 'crf' } },
}
