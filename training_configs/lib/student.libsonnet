// A student of Wu et al. (2020, arXiv:2004.12440), trained on raw text of the target language with the probabilities of teachers.
// Configs that import this set the loss, the teachers, and the selections.
local environment = import 'environment.libsonnet';

(import 'encoder_tagger.libsonnet') {
  local config = self,

  // May be changed by the configs that import this.
  teachers:: { teacher: environment.teacher },
  loss:: { type: 'mse' },
  weights:: { type: 'uniform' },
  selections:: [],
  large_learning_rate:: 1e-4,
  // The share of the text to hold out, on which the best epoch is chosen; null to keep the last epoch.
  held_out_share:: null,
  callbacks:: super.callbacks + (if config.held_out_share == null then [{ type: 'keep_last_epoch' }] else []),

  local labelled = super.dataset_reader,
  local scored = super.validation_dataset_reader,
  local raw_text = environment.raw_text(environment.target),
  dataset_reader: {
    type: 'teacher_labelled',
    reader: { type: 'raw_text', token_indexers: labelled.token_indexers, held_out_share: config.held_out_share },
    teachers: config.teachers,
    label_maps: {},
    weights: config.weights,
    selections: config.selections,
    store: null,
    tag_scheme: config.tag_scheme,
  },
  train_data_path: raw_text,
  // The reader of `allennlp evaluate` and `predict`, and a separate one for held-out text.
  validation_dataset_reader: if config.held_out_share == null then scored else {
    type: 'by_name',
    default: scored,
    readers: { held_out: config.dataset_reader { selections: [], reader+: { held_out: true } } },
  },
  validation_data_path: if config.held_out_share == null then null else { held_out: config.train_data_path },
  vocabulary: { type: 'from_first_instance' },
  datasets_for_vocab_creation: ['train'],
  model+: { type: 'kd_student', loss: config.loss },
  trainer+: { validation_metric: '-distillation_loss' },
}
