// MIX-DATA: the full model, but the language models of both domains read the text of both, so that the domains differ only in labels.
//
//   export NER_DATA=fixtures/corpora SOURCE=en TARGET=bio VECTORS=fixtures/vectors/tiny.16d.txt.gz VECTORS_DIM=16
//   source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/mix_data.jsonnet -s runs/mix_data --include-package lowresource_ner
local environment = import '../lib/environment.libsonnet';
local both = [environment.file(environment.source, 'train'), environment.file(environment.target, 'train')];

(import 'pgn.jsonnet') {
  modules+:: {
    lm_source+: { path: both },
    lm_target+: { path: both },
  },
}
