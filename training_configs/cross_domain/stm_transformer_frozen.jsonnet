// STM with a frozen transformer: as stm_transformer, but the transformer's weights stay as they are, like those of ELMo in stm_elmo.
// The BiLSTM-CRF is trained as stm_target is.
//
//   export NER_DATA=fixtures/corpora TARGET=bio VECTORS=fixtures/vectors/tiny.16d.txt.gz VECTORS_DIM=16 ENCODER=multilingual-mini
//   source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/stm_transformer_frozen.jsonnet -s runs/stm_frozen --include-package lowresource_ner
local stm_target = import 'stm_target.jsonnet';

(import 'stm_transformer.jsonnet') {
  trainer: stm_target.trainer { no_grad: ['transformer'] },
}
