// The environment variables that the configs read. `source training_configs/defaults.sh` sets those that have defaults.
local required(name, meaning) =
  local value = std.extVar(name);
  if value == '' then error '%s is empty: it is %s. See training_configs/defaults.sh.' % [name, meaning] else value;

local device = std.parseInt(required('DEVICE', '-1 for the CPU, or the number of a GPU'));

// Whether the encoder is much smaller than mBERT, which a config cannot detect.
local is_small(encoder_size, encoder) =
  if std.member(['small', 'large'], encoder_size) then encoder_size == 'small'
  else if encoder_size == 'auto' then encoder == 'multilingual-mini'
  else error "ENCODER_SIZE is '%s'; it is small, large, or auto. See training_configs/defaults.sh." % encoder_size;

local is_label_file(source) = std.length([s for s in ['', '.gz', '.bz2', '.xz'] if std.endsWith(source, '.jsonl' + s)]) > 0;

// The teacher of a value of TEACHER, or of an entry of TEACHERS.
local teacher_of(source) =
  if std.startsWith(source, 'hf:') then { type: 'transformers', model_name: source[3:], cuda_device: device }
  else if is_label_file(source) then { type: 'label_file', path: source }
  else { type: 'archive', archive_file: source, cuda_device: device };

// The encoder of that teacher; a file of labels has none, and ENCODER takes its place.
local encoder_of(source, encoder) =
  if std.startsWith(source, 'hf:') then source[3:] else if is_label_file(source) then encoder else source;

local named(entry) =
  local parts = std.split(entry, '=');
  if std.length(parts) > 1 then parts
  else error "TEACHERS has '%s', which has no name: write en=%s." % [entry, entry];

local environment = {
  data_root:: required('NER_DATA', 'the folder of your corpora'),
  source:: required('SOURCE', 'the folder of the labelled language or domain below NER_DATA'),
  target:: required('TARGET', 'the folder of the language or domain to adapt to, below NER_DATA'),
  unlabelled:: required('UNLABELLED', 'the folder of a domain with raw text alone, below NER_DATA'),
  encoder:: required('ENCODER', 'a hub name, a local folder, or a model.tar.gz to go on from'),
  encoder_is_small:: is_small(
    required('ENCODER_SIZE', 'small, large, or auto: small for the encoder in the box and large for all others'), self.encoder
  ),
  sources:: std.split(required('SOURCES', 'the folders of the source languages below NER_DATA, as en,de'), ','),
  local teacher = required('TEACHER', 'the model.tar.gz of the teacher, or hf:NAME, or a file of labels, .jsonl or .jsonl.gz'),
  teacher:: teacher_of(teacher),
  teacher_encoder:: encoder_of(teacher, self.encoder),
  // Several teachers by name, from TEACHERS=en=runs/en/model.tar.gz,de=runs/de/model.tar.gz
  teachers:: {
    [named(each)[0]]: teacher_of(std.join('=', named(each)[1:]))
    for each in std.split(required('TEACHERS', 'the teachers, as NAME=model.tar.gz,NAME=model.tar.gz'), ',')
  },
  weights:: required('WEIGHTS', 'what the teachers count for: uniform, learned, cosine, l1, l2, learned-sentence and so on'),
  similarity:: required('SIMILARITY', 'the model.tar.gz of similarity.jsonnet'),
  discriminator:: required('DISCRIMINATOR', 'the model.tar.gz of adversarial.jsonnet'),
  archive:: required('ARCHIVE', 'the model.tar.gz to go on from, or of the source tagger'),
  vectors:: required('VECTORS', 'a file of word vectors in GloVe text format, packed or not'),
  vectors_dim:: std.parseInt(required('VECTORS_DIM', 'the size of its vectors')),
  elmo_options:: required('ELMO_OPTIONS', 'the options.json of an ELMo'),
  elmo_weights:: required('ELMO_WEIGHTS', 'its weights.hdf5'),
  seed:: std.parseInt(required('SEED', 'a whole number')),
  device:: device,

  // The files of a corpus: file('en', 'train') is $NER_DATA/en/train.conll, raw_text('en') is $NER_DATA/en/raw.txt.
  file(corpus, split):: '%s/%s/%s.conll' % [self.data_root, corpus, split],
  raw_text(corpus):: '%s/%s/raw.txt' % [self.data_root, corpus],
};

environment
