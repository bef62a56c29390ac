// Unsupervised domain adaptation (UDA) of Jia, Liang and Zhang (2019, P19-1236): no labels in the target domain, whose NER module is
// not trained. Its LSTM is generated from the embedding of the task, learned by source NER, and that of the domain, learned by target
// language modelling, and used with the source's head.
//
//   export NER_DATA=fixtures/corpora SOURCE=en TARGET=sea VECTORS=fixtures/vectors/tiny.16d.txt.gz VECTORS_DIM=16
//   source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/pgn_uda.jsonnet -s runs/pgn_uda --include-package lowresource_ner
//
// TARGET/raw.txt has one sentence per line, with words separated by spaces; for other text
// -o '{"dataset_reader.readers.lm_target.tokenised": false}'.
//
// Unlike in the paper, the embeddings of domains are initialised to be similar: if they are independent, source NER hardly affects the
// target's parameters (docs/results.md). For independent ones: -o '{"model.lstm_parameters.domain_difference": 1.0}'.
//
// The epoch with the best F1 on the source's dev file is kept, since the target has none. Drop types of the source that the target
// lacks: -o '{"dataset_reader.readers.ner_source.label_map": {"MISC": "O"},
// "validation_dataset_reader.label_map": {"MISC": "O"}}'.
local cross_domain = import '../lib/cross_domain.libsonnet';
local environment = import '../lib/environment.libsonnet';
local source = environment.file(environment.source, 'train');

cross_domain.config {
  modules:: {
    lm_source: cross_domain.language_model('source', source),
    ner_source: cross_domain.tagger('source', source),
    lm_target: cross_domain.raw_language_model('target', environment.raw_text(environment.target)),
    ner_target: cross_domain.tagger('target', null, head='source'),
  },
  order:: ['lm_source', 'ner_source', 'lm_target'],
  lstm_parameters+:: { domain_difference: 0.1 },
  unlabelled_domains:: ['target'],
  validation_data_path: { ner_source: environment.file(environment.source, 'dev') },
} + cross_domain.rmsprop_then_sgd('+ner_source_f1')
