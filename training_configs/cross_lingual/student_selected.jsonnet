// The second part of AdvPicker (Chen et al. 2021, arXiv:2106.02300): a student that learns a teacher's probabilities on the 80 % of
// the target's raw text whose language a discriminator is least sure of.
//
//   export NER_DATA=fixtures/corpora TARGET=es TEACHER=runs/teacher/model.tar.gz DISCRIMINATOR=runs/adversarial/model.tar.gz
//   source training_configs/defaults.sh
//   allennlp train training_configs/cross_lingual/student_selected.jsonnet -s runs/student_selected --include-package lowresource_ner
//
// In AdvPicker, the archive of adversarial.jsonnet is used for both: TEACHER=$DISCRIMINATOR. Except for the selection, this config is
// the same as student_soft; the released code trains the student for ten epochs with learning rate 6e-5, and keeps the epoch with the
// best F1 on the target's development set. Another share: --overrides '{"dataset_reader.selections.0.share": 0.5}'
local environment = import '../lib/environment.libsonnet';

(import '../lib/student.libsonnet') {
  selections:: [
    { type: 'language_independence', archive_file: environment.discriminator, share: 0.8, cuda_device: environment.device },
  ],
}
