// Unsupervised domain adaptation (pgn_uda.jsonnet) on a transformer with generated adapters: the target domain has no labels, and its
// NER adapters are generated from the embedding of the task, learned by source NER, and that of the domain, learned by masked
// language modelling on the target's raw text.
//
//   export NER_DATA=fixtures/corpora SOURCE=en TARGET=sea ENCODER=multilingual-mini && source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/pgn_transformer_uda.jsonnet -s runs/pgn_transformer_uda --include-package lowresource_ner
//
// For the text, the entity types and the selection of the epoch, see pgn_uda.jsonnet.
(import 'pgn_uda.jsonnet') + (import '../lib/adapters.libsonnet')
