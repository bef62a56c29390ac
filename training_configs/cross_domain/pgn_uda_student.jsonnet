// Teacher-student learning for unsupervised domain adaptation: teachers give soft labels to the target's raw text, from which the
// target's NER module learns, while source NER and both language models are trained as in pgn_uda. The loss is the cross-entropy
// between the marginals of the teachers and those of the student's CRF (Wang et al. 2020, arXiv:2004.03846, section 3.3).
//
//   export NER_DATA=fixtures/corpora SOURCE=en TARGET=sea VECTORS=fixtures/vectors/tiny.16d.txt.gz VECTORS_DIM=16
//   source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/stm_source.jsonnet -s runs/stm_source --include-package lowresource_ner
//   allennlp train training_configs/cross_domain/pgn_uda.jsonnet -s runs/pgn_uda --include-package lowresource_ner
//   export TEACHERS=source=runs/stm_source/model.tar.gz,uda=runs/pgn_uda/model.tar.gz
//   allennlp train training_configs/cross_domain/pgn_uda_student.jsonnet -s runs/pgn_uda_student --include-package lowresource_ner
//
// A single teacher has a name too: TEACHERS=uda=runs/pgn_uda/model.tar.gz. Several have the same weight. To keep their soft labels for
// other runs, or label the text beforehand with `allennlp soft-labels`:
// -o '{"dataset_reader.readers.ner_target.store": "runs/soft_labels"}'
//
// The teachers' types must be those of the student's source. Types that a teacher has in addition:
// -o '{"dataset_reader.readers.ner_target.label_maps": {"source": {"MISC": "O"}}}'
//
// The text may be another one than the language model's, or a part of it:
// -o '{"dataset_reader.readers.ner_target.reader.sample": 1000}'
//
// What pgn_uda.jsonnet says of the text, of the types and of the epoch that is kept holds here too; for text that is not tokenised,
// give "dataset_reader.readers.ner_target.reader.tokenised" as well.
local cross_domain = import '../lib/cross_domain.libsonnet';
local environment = import '../lib/environment.libsonnet';

(import 'pgn_uda.jsonnet') {
  modules+:: {
    ner_target: cross_domain.student('target', environment.raw_text(environment.target), environment.teachers, head='source'),
  },
  order:: ['lm_source', 'ner_source', 'lm_target', 'ner_target'],
}
