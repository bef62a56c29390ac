// Like student_soft, but the best epoch is kept: the one in which the student's probabilities are closest to the teacher's on a
// held-out twentieth of the raw text. No labels of the target language are used.
//
//   export NER_DATA=fixtures/corpora TARGET=es TEACHER=runs/teacher/model.tar.gz && source training_configs/defaults.sh
//   allennlp train training_configs/cross_lingual/student_held_out.jsonnet -s runs/student --include-package lowresource_ner
//
// The held-out text has its own reader. Overrides of the reader must be repeated for it, under
// validation_dataset_reader.readers.held_out, and so must the path of the text; for example, with a store and the words of a CoNLL file:
//   --overrides '{"dataset_reader.store": "runs/soft_labels", "validation_dataset_reader.readers.held_out.store": "runs/soft_labels",
//   "dataset_reader.reader.type": "conll_ner", "validation_dataset_reader.readers.held_out.reader.type": "conll_ner",
//   "train_data_path": "fixtures/corpora/es/train.conll", "validation_data_path.held_out": "fixtures/corpora/es/train.conll"}'
// The reader of `allennlp evaluate` is validation_dataset_reader.default.
(import '../lib/student.libsonnet') {
  held_out_share:: 0.05,
}
