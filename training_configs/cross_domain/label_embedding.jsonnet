// Label embeddings (after Kim, Stratos, Sarikaya and Jeong 2015, P15-1046): the BiLSTM-CRF of stm_target on the target's labels,
// which also reads what a tagger of the source predicts. The labels of the two may be others, or the same.
//
//   export NER_DATA=fixtures/corpora SOURCE=en VECTORS=fixtures/vectors/tiny.16d.txt.gz VECTORS_DIM=16
//   source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/stm_source.jsonnet -s runs/stm_source --include-package lowresource_ner
//   export TARGET=bio ARCHIVE=runs/stm_source/model.tar.gz
//   allennlp train training_configs/cross_domain/label_embedding.jsonnet -s runs/label_embedding --include-package lowresource_ner
//
// label_embeddings.json in the folder of the run says which source label each target label is nearest to. The archive holds the
// source tagger as well.
local environment = import '../lib/environment.libsonnet';

(import 'stm_target.jsonnet') {
  model+: { type: 'label_embedding_tagger', source_archive: environment.archive },
  callbacks:: super.callbacks + [
    { type: 'label_embeddings', source_data_path: environment.file(environment.source, 'train') },
  ],
}
