// Multitask (NER+LM): the four modules of pgn.jsonnet with one shared BiLSTM instead of generated ones.
//
//   export NER_DATA=fixtures/corpora SOURCE=en TARGET=bio VECTORS=fixtures/vectors/tiny.16d.txt.gz VECTORS_DIM=16
//   source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/multi_task.jsonnet -s runs/multi_task --include-package lowresource_ner
(import 'pgn.jsonnet') {
  lstm_parameters:: { type: 'shared' },
}
