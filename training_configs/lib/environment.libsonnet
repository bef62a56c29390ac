// What the configs read from the environment. A variable that is not set stops with its name; `source
// training_configs/defaults.sh` sets all but NER_DATA.
local required(name, meaning) =
  local value = std.extVar(name);
  if value == '' then error '%s is empty: it is %s. See training_configs/defaults.sh.' % [name, meaning] else value;

{
  data_root:: required('NER_DATA', 'the folder of your corpora'),
  source:: required('SOURCE', 'the folder of the labelled language or domain below NER_DATA'),
  target:: required('TARGET', 'the folder of the language or domain to adapt to, below NER_DATA'),
  unlabelled:: required('UNLABELLED', 'the folder of a domain with raw text alone, below NER_DATA'),
  encoder:: required('ENCODER', 'a hub name, a local folder, or a model.tar.gz to go on from'),
  teacher:: required('TEACHER', 'the model.tar.gz of the teacher'),
  archive:: required('ARCHIVE', 'the model.tar.gz to go on from'),
  vectors:: required('VECTORS', 'a file of word vectors in GloVe text format, packed or not'),
  vectors_dim:: std.parseInt(required('VECTORS_DIM', 'the size of its vectors')),
  seed:: std.parseInt(required('SEED', 'a whole number')),
  device:: std.parseInt(required('DEVICE', '-1 for the CPU, or the number of a GPU')),

  // The files of a corpus: file('en', 'train') is $NER_DATA/en/train.conll, raw_text('en') is $NER_DATA/en/raw.txt.
  file(corpus, split):: '%s/%s/%s.conll' % [self.data_root, corpus, split],
  raw_text(corpus):: '%s/%s/raw.txt' % [self.data_root, corpus],
}
