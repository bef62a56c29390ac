// Label embeddings (after Kim, Stratos, Sarikaya and Jeong 2015, P15-1046): the BiLSTM-CRF of stm_target, with the predictions of a
// tagger of the source as features. The two may have different labels.
//
//   export NER_DATA=fixtures/corpora SOURCE=en VECTORS=fixtures/vectors/tiny.16d.txt.gz VECTORS_DIM=16
//   source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/stm_source.jsonnet -s runs/stm_source --include-package lowresource_ner
//   export TARGET=bio ARCHIVE=runs/stm_source/model.tar.gz
//   allennlp train training_configs/cross_domain/label_embedding.jsonnet -s runs/label_embedding --include-package lowresource_ner
//
// label_embeddings.json in the folder of the run lists the nearest source labels of each target label. The archive contains the
// source tagger.
local environment = import '../lib/environment.libsonnet';

(import 'stm_target.jsonnet') {
  model+: { type: 'label_embedding_tagger', source_archive: environment.archive },
  callbacks:: super.callbacks + [
    { type: 'label_embeddings', source_data_path: environment.file(environment.source, 'train') },
  ],
}
