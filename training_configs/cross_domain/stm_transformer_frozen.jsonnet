// STM with a frozen transformer: stm_transformer with a transformer that is not trained, like ELMo in stm_elmo. The optimizer is that
// of stm_target.
//
//   export NER_DATA=fixtures/corpora TARGET=bio VECTORS=fixtures/vectors/tiny.16d.txt.gz VECTORS_DIM=16 ENCODER=multilingual-mini
//   source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/stm_transformer_frozen.jsonnet -s runs/stm_frozen --include-package lowresource_ner
local stm_target = import 'stm_target.jsonnet';

(import 'stm_transformer.jsonnet') {
  trainer: stm_target.trainer { no_grad: ['transformer'] },
}
