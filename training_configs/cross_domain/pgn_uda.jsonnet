// Unsupervised domain adaptation (UDA) of Jia, Liang and Zhang (2019, P19-1236): no labels in the target domain, whose NER module is
// never trained. Its LSTM is generated from the embedding of the task, learned by source NER, and that of the domain, learned by
// target language modelling; the source's head reads its states.
//
//   export NER_DATA=fixtures/corpora SOURCE=en TARGET=sea VECTORS=fixtures/vectors/tiny.16d.txt.gz VECTORS_DIM=16
//   source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/pgn_uda.jsonnet -s runs/pgn_uda --include-package lowresource_ner
//
// TARGET/raw.txt has a sentence a line, words separated by spaces; for other text
// -o '{"dataset_reader.readers.lm_target.tokenised": false}'.
//
// The domains' embeddings begin nearly alike, which the paper does not say: with independent ones, what source NER teaches hardly
// reaches the target's parameters (docs/results.md). For the released start: -o '{"model.lstm_parameters.domain_difference": 1.0}'.
//
// The epoch with the best F1 on the source's dev file is kept: the target has none. Where types of the source are not those of
// the target, drop them: -o '{"dataset_reader.readers.ner_source.label_map": {"MISC": "O"},
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
