// Unsupervised domain adaptation as in pgn_uda.jsonnet on a transformer with generated adapters: no labels in the target domain,
// whose adapters for NER are generated from the task's embedding, learned by source NER, and the domain's, learned by masked language
// modelling on the target's raw text.
//
//   export NER_DATA=fixtures/corpora SOURCE=en TARGET=sea ENCODER=multilingual-mini && source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/pgn_transformer_uda.jsonnet -s runs/pgn_transformer_uda --include-package lowresource_ner
//
// What pgn_uda.jsonnet says of the text, of the types and of the epoch that is kept holds here too.
(import 'pgn_uda.jsonnet') + (import '../lib/adapters.libsonnet')
