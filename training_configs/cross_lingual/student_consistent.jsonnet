// A student that learns a teacher's probabilities, with each word weighed by the agreement of its label with those of its 500 nearest
// neighbours in the teacher's encoder (CoLaDa, Ma et al. 2023, arXiv:2305.14913; its weights, without its translated training data).
//
//   export NER_DATA=fixtures/corpora TARGET=es TEACHER=runs/teacher/model.tar.gz && source training_configs/defaults.sh
//   allennlp train training_configs/cross_lingual/student_consistent.jsonnet -s runs/student_consistent --include-package lowresource_ner \
//     --overrides '{"dataset_reader.store": "runs/soft_labels"}'
//
// The store keeps the teacher's probabilities and the agreement of neighbours, so that they are computed once; `allennlp soft-labels`
// with this config and store computes both before the training. The time for the neighbours is quadratic in the number of words: with
// 256 dimensions, a quarter of an hour of one CPU core for 200,000 words. For a teacher that is a file of labels, the encoder is ENCODER.
// Except for the weights, this config is the same as student_soft; the released code trains for ten epochs with learning rate 2e-5.
// Other layers than the last three: --overrides '{"dataset_reader.selections.0.encoder.layers": [-1]}'
local environment = import '../lib/environment.libsonnet';

(import '../lib/student.libsonnet') {
  local config = self,

  selections:: [
    {
      type: 'neighbour_consistency',
      encoder: {
        model_name: environment.teacher_encoder,
        layers: [-3, -2, -1],
        max_length: config.max_length,
        cuda_device: environment.device,
      },
      num_neighbours: 500,
      sharpness: 6,
    },
  ],
}
