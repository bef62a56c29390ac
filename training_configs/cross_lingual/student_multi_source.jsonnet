// Multi-source TS of Wu et al. (2020, arXiv:2004.12440): a student of several teachers, one per source language, weighted uniformly or by
// the similarity of their languages to the target.
//
//   export NER_DATA=fixtures/corpora TARGET=es TEACHERS=en=runs/en/model.tar.gz,de=runs/de/model.tar.gz && source training_configs/defaults.sh
//   allennlp train training_configs/cross_lingual/student_multi_source.jsonnet -s runs/student --include-package lowresource_ner
//
// By similarity: set WEIGHTS to learned (the paper's), cosine, l1 or l2, for the corpus as a whole, or to learned-sentence etc., for each
// sentence; and SIMILARITY to the archive of similarity.jsonnet. If its names of languages differ from those of the teachers, override
// `languages` of the weights. The weights are logged, and written to teachers.json in the run's folder.
// Teachers with other entity types: --overrides '{"dataset_reader.label_maps": {"en": {"MISC": "O"}}}'
local environment = import '../lib/environment.libsonnet';

local parts = std.split(environment.weights, '-');
local similarity = {
  type: 'similarity',
  archive_file: environment.similarity,
  measure: parts[0],
  level: if std.length(parts) > 1 then parts[1] else 'corpus',
  languages: {},
  cuda_device: environment.device,
};

(import '../lib/student.libsonnet') {
  teachers:: environment.teachers,
  weights:: if environment.weights == 'uniform' then { type: 'uniform' } else similarity,
  // As in the released code. (Students of one teacher have 0.01, as do the teachers of teacher.jsonnet, with 1e-4 in the released code.)
  trainer+: { optimizer+: { weight_decay: 1e-5 } },
}
