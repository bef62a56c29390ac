// A student of Wu et al. (2020): trained on raw text of the target language, with what teachers say of its words. Leaves set the loss
// and the teachers.
local environment = import 'environment.libsonnet';

(import 'encoder_tagger.libsonnet') {
  local config = self,

  // What a leaf may change.
  teachers:: { teacher: { type: 'archive', archive_file: environment.teacher } },
  loss:: { type: 'mse' },
  weights:: { type: 'uniform' },
  learning_rate:: if config.is_mini then 5e-4 else 1e-4,
  callbacks:: super.callbacks + [{ type: 'keep_last_epoch' }],

  local labelled = super.dataset_reader,
  dataset_reader: {
    type: 'teacher_labelled',
    reader: { type: 'raw_text', token_indexers: labelled.token_indexers },
    teachers: config.teachers,
    label_maps: {},
    weights: config.weights,
    store: null,
    tag_scheme: config.tag_scheme,
  },
  train_data_path: environment.raw_text(environment.target),
  model+: { type: 'kd_student', loss: config.loss },
  trainer+: { validation_metric: '-distillation_loss' },
}
