// CO-NER on a transformer: source and target NER through the parameter generation network, with an encoder instead of word vectors
// and characters. Without language models, since contextual vectors contain the words that they would predict.
//
//   export NER_DATA=fixtures/corpora SOURCE=en TARGET=bio ENCODER=multilingual-mini && source training_configs/defaults.sh
//   allennlp train training_configs/cross_domain/co_ner_transformer.jsonnet -s runs/co_ner_transformer --include-package lowresource_ner
//
// The encoder can first be pretrained on raw text of the target domain with `allennlp pretrain-encoder`.
local environment = import '../lib/environment.libsonnet';
local co_ner = import 'co_ner.jsonnet';
local indexers = { token_indexers: { encoder: { type: 'subwords', model_name: environment.encoder } } };

co_ner {
  dataset_reader+: { readers: { [name]: co_ner.dataset_reader.readers[name] + indexers for name in co_ner.order } },
  validation_dataset_reader+: indexers,
  vocabulary: {},
  model+: {
    text_field_embedder: {
      token_embedders: {
        encoder: { type: 'subword_transformer', model_name: environment.encoder, max_length: 128 },
      },
    },
  },
  trainer+: {
    // A lower learning rate for the encoder.
    optimizer: { type: 'adamw', lr: 1e-3, parameter_groups: [[['transformer'], { lr: 5e-5 }]] },
    num_epochs: 20,
    grad_norm: 1.0,
  },
}
