// Teacher-student learning for unsupervised domain adaptation, as in pgn_uda_student.jsonnet, on a transformer with generated adapters.
//
//   export NER_DATA=fixtures/corpora SOURCE=en TARGET=sea ENCODER=multilingual-mini && source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/pgn_transformer_uda.jsonnet -s runs/pgn_transformer_uda --include-package lowresource_ner
//   export TEACHERS=uda=runs/pgn_transformer_uda/model.tar.gz
//   allennlp train training_configs/cross_domain/pgn_transformer_uda_student.jsonnet -s runs/student --include-package lowresource_ner
//
// Teachers may be of any kind, such as those of pgn_uda_student.jsonnet. What is said there of teachers, text and types holds here too.
(import 'pgn_uda_student.jsonnet') + (import '../lib/adapters.libsonnet')
