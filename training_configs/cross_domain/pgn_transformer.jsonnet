// The full model of pgn.jsonnet on a transformer: the parameter generation network generates the weights of adapters in its layers
// (Houlsby et al. 2019, arXiv:1902.00751) for each task and domain, and the language models are masked language models.
//
//   export NER_DATA=fixtures/corpora SOURCE=en TARGET=bio ENCODER=multilingual-mini && source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/pgn_transformer.jsonnet -s runs/pgn_transformer --include-package lowresource_ner
//
// To freeze the encoder, so that only the adapters and heads are trained:
// -o '{"trainer.no_grad": ["transformer"]}'
(import 'pgn.jsonnet') + (import '../lib/adapters.libsonnet')
