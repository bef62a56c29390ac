// A student of Wu et al. (2020) whose epoch is chosen, still without a label of the target language: a twentieth of its raw text is held
// out, and the epoch is kept whose probabilities are nearest to the teacher's there.
//
//   export NER_DATA=fixtures/corpora TARGET=es TEACHER=runs/teacher/model.tar.gz && source training_configs/defaults.sh
//   allennlp train training_configs/cross_lingual/student_held_out.jsonnet -s runs/student --include-package lowresource_ner
(import '../lib/student.libsonnet') {
  held_out_share:: 0.05,
}
