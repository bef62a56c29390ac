// FineTune: a BiLSTM-CRF trained on the source, then on the target. The weights of words, characters, LSTM, and of tags with the same
// name are copied.
//
//   export NER_DATA=fixtures/corpora VECTORS=fixtures/vectors/tiny.16d.txt.gz VECTORS_DIM=16
//   source training_configs/defaults.sh
//   TARGET=en allennlp train training_configs/cross_domain/stm_target.jsonnet -s runs/stm_en --include-package lowresource_ner
//   export TARGET=bio ARCHIVE=runs/stm_en/model.tar.gz
//   allennlp train training_configs/cross_domain/fine_tune.jsonnet -s runs/fine_tune --include-package lowresource_ner
local environment = import '../lib/environment.libsonnet';

(import 'stm_target.jsonnet') {
  model+: { pretrained_file: environment.archive },
}
