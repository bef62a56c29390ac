// As student_soft, but the best epoch is kept, still without a label of the target language: a twentieth of the raw text is held out,
// and in the best epoch the student's probabilities are closest to the teacher's there.
//
//   export NER_DATA=fixtures/corpora TARGET=es TEACHER=runs/teacher/model.tar.gz && source training_configs/defaults.sh
//   allennlp train training_configs/cross_lingual/student_held_out.jsonnet -s runs/student --include-package lowresource_ner
//
// The held-out text has a reader of its own. What is overridden of the reader is overridden there as well, below
// validation_dataset_reader.readers.held_out, and another text is named twice; for a store and the words of a CoNLL file:
//   --overrides '{"dataset_reader.store": "runs/soft_labels", "validation_dataset_reader.readers.held_out.store": "runs/soft_labels",
//   "dataset_reader.reader.type": "conll_ner", "validation_dataset_reader.readers.held_out.reader.type": "conll_ner",
//   "train_data_path": "fixtures/corpora/es/train.conll", "validation_data_path.held_out": "fixtures/corpora/es/train.conll"}'
// The reader of `allennlp evaluate` is validation_dataset_reader.default.
(import '../lib/student.libsonnet') {
  held_out_share:: 0.05,
}
