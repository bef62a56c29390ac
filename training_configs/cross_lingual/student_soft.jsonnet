// TS of Wu et al. (2020, arXiv:2004.12440): a student that learns a teacher's probabilities on raw text of the target language.
//
//   export NER_DATA=fixtures/corpora TARGET=es TEACHER=runs/teacher/model.tar.gz && source training_configs/defaults.sh
//   allennlp train training_configs/cross_lingual/student_soft.jsonnet -s runs/student --include-package lowresource_ner
//
// No labels of the target language are used, and the last epoch is kept. To read the text from a CoNLL file:
// --overrides '{"dataset_reader.reader.type": "conll_ner", "train_data_path": "fixtures/corpora/es/train.conll"}'
// To store the teacher's probabilities on disk for further students: --overrides '{"dataset_reader.store": "runs/soft_labels"}'
(import '../lib/student.libsonnet') {}
