// HL, an ablation of Wu et al. (2020, arXiv:2004.12440): a student that learns the teacher's best tags, not its probabilities.
//
//   export NER_DATA=fixtures/corpora TARGET=es TEACHER=runs/teacher/model.tar.gz && source training_configs/defaults.sh
//   allennlp train training_configs/cross_lingual/student_hard.jsonnet -s runs/student_hard --include-package lowresource_ner
(import '../lib/student.libsonnet') {
  loss:: { type: 'hard_labels' },
}
