// The single-task baseline of UDA (source only): a BiLSTM-CRF on the source's labels, trained as in pgn_uda.
//
//   export NER_DATA=fixtures/corpora SOURCE=en VECTORS=fixtures/vectors/tiny.16d.txt.gz VECTORS_DIM=16
//   source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/stm_source.jsonnet -s runs/stm_source --include-package lowresource_ner
//
// Evaluate it on the target's test file.
local cross_domain = import '../lib/cross_domain.libsonnet';
local environment = import '../lib/environment.libsonnet';

cross_domain.config {
  modules:: { ner_source: cross_domain.tagger('source', environment.file(environment.source, 'train')) },
  order:: ['ner_source'],
  default_module:: 'ner_source',
  lstm_parameters:: { type: 'shared' },
  validation_data_path: environment.file(environment.source, 'dev'),
} + cross_domain.rmsprop_then_sgd('+f1')
