// Multitask (NER): source and target NER with one shared BiLSTM.
//
//   export NER_DATA=fixtures/corpora SOURCE=en TARGET=bio VECTORS=fixtures/vectors/tiny.16d.txt.gz VECTORS_DIM=16
//   source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/multi_task_ner.jsonnet -s runs/multi_task_ner --include-package lowresource_ner
(import 'pgn.jsonnet') {
  order:: ['ner_source', 'ner_target'],
  lstm_parameters:: { type: 'shared' },
}
