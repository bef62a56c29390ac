// CO-LM: target NER and target language modelling through the parameter generation network, no source domain.
//
//   export NER_DATA=fixtures/corpora SOURCE=en TARGET=bio VECTORS=fixtures/vectors/tiny.16d.txt.gz VECTORS_DIM=16
//   source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/co_lm.jsonnet -s runs/co_lm --include-package lowresource_ner
(import 'pgn.jsonnet') {
  order:: ['lm_target', 'ner_target'],
  epoch:: 'ner_target',
}
