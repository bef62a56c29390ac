// Three domains: labels in SOURCE and in TARGET, only raw text in UNLABELLED, language modelling in all of them.
//
// The NER module of the unlabelled domain is not trained: as in pgn_uda, its LSTM is generated from the embeddings of the task, here
// learned in two labelled domains, and of the domain, and used with the source's head. More domains can be added in the same way.
// (This setting is not from the paper; "combined" in the released code only switches between its two modes.)
//
//   export NER_DATA=fixtures/corpora SOURCE=en TARGET=bio UNLABELLED=sea VECTORS=fixtures/vectors/tiny.16d.txt.gz VECTORS_DIM=16
//   source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/pgn_combined.jsonnet -s runs/pgn_combined --include-package lowresource_ner
//
// To evaluate or predict in the unlabelled domain, or in the source:
// -o '{"model.default_module": "ner_unlabelled", "validation_dataset_reader.label_namespace": "source_labels"}'
local cross_domain = import '../lib/cross_domain.libsonnet';
local environment = import '../lib/environment.libsonnet';
local source = environment.file(environment.source, 'train');
local target = environment.file(environment.target, 'train');

cross_domain.config {
  modules:: {
    lm_source: cross_domain.language_model('source', source),
    ner_source: cross_domain.tagger('source', source),
    lm_target: cross_domain.language_model('target', target),
    ner_target: cross_domain.tagger('target', target, loss_weight=2),
    lm_unlabelled: cross_domain.raw_language_model('unlabelled', environment.raw_text(environment.unlabelled)),
    ner_unlabelled: cross_domain.tagger('unlabelled', null, head='source'),
  },
  order:: ['lm_source', 'ner_source', 'lm_target', 'ner_target', 'lm_unlabelled'],
  also:: ['ner_unlabelled'],
  lstm_parameters+:: { domain_difference: 0.1 },
  unlabelled_domains:: ['unlabelled'],
  validation_data_path: environment.file(environment.target, 'dev'),
}
