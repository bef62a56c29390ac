// Supervised domain adaptation (SDA) of Jia, Liang and Zhang (2019, P19-1236): labels in both domains, each with its own label set.
//
//   export NER_DATA=fixtures/corpora SOURCE=en TARGET=bio VECTORS=fixtures/vectors/tiny.16d.txt.gz VECTORS_DIM=16
//   source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/pgn.jsonnet -s runs/pgn --include-package lowresource_ner
//
// The epoch with the best F1 on the target's dev file is kept.
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
  },
  order:: ['lm_source', 'ner_source', 'lm_target', 'ner_target'],
  validation_data_path: environment.file(environment.target, 'dev'),
}
