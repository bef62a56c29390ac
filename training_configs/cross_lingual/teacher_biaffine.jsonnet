// The teacher with a head that scores spans of words (Yu, Bohnet and Poesio 2020) instead of tags, chosen by the source language's dev
// F1, and with calibrated confidences.
//
//   export NER_DATA=fixtures/corpora && source training_configs/defaults.sh
//   allennlp train training_configs/cross_lingual/teacher_biaffine.jsonnet -s runs/teacher_biaffine --include-package lowresource_ner
(import 'teacher_crf.jsonnet') {
  model+: { head: { type: 'biaffine' } },
}
