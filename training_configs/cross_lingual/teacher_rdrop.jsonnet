// The teacher, trained with R-Drop (Liang et al. 2021, arXiv:2106.14448): two passes with different dropout, which must agree. The
// weight is that of ConNER (Zhou et al. 2022, arXiv:2211.09394), which uses R-Drop for cross-lingual NER.
//
//   export NER_DATA=fixtures/corpora && source training_configs/defaults.sh
//   allennlp train training_configs/cross_lingual/teacher_rdrop.jsonnet -s runs/teacher_rdrop --include-package lowresource_ner
//
// Except for R-Drop, this config is the same as teacher; a step takes twice as long.
(import 'teacher.jsonnet') {
  model+: { r_drop: 0.5 },
}
