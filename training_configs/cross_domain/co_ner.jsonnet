// CO-NER: source and target NER through the parameter generation network, no language models.
//
//   export NER_DATA=fixtures/corpora SOURCE=en TARGET=bio VECTORS=fixtures/vectors/tiny.16d.txt.gz VECTORS_DIM=16
//   source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/co_ner.jsonnet -s runs/co_ner --include-package lowresource_ner
(import 'pgn.jsonnet') {
  order:: ['ner_source', 'ner_target'],
}
