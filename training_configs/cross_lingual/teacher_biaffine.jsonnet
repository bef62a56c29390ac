// The teacher with a biaffine head, which scores spans of words (Yu, Bohnet and Poesio 2020, 2020.acl-main.577), the best epoch by the
// source language's dev F1, and calibrated confidences.
//
//   export NER_DATA=fixtures/corpora && source training_configs/defaults.sh
//   allennlp train training_configs/cross_lingual/teacher_biaffine.jsonnet -s runs/teacher_biaffine --include-package lowresource_ner
(import 'teacher_crf.jsonnet') {
  model+: { head: { type: 'biaffine' } },
}
