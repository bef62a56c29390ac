// STM-Target: the single-task baseline, an ordinary BiLSTM-CRF trained only on the target's labels.
//
//   export NER_DATA=fixtures/corpora TARGET=bio VECTORS=fixtures/vectors/tiny.16d.txt.gz VECTORS_DIM=16
//   source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/stm_target.jsonnet -s runs/stm_target --include-package lowresource_ner
local cross_domain = import '../lib/cross_domain.libsonnet';
local environment = import '../lib/environment.libsonnet';

cross_domain.config {
  modules:: { ner_target: cross_domain.tagger('target', environment.file(environment.target, 'train')) },
  order:: ['ner_target'],
  epoch:: 'ner_target',
  lstm_parameters:: { type: 'shared' },
  validation_data_path: environment.file(environment.target, 'dev'),
}
