# Sets the environment variables that the training configs read, unless they are already set. Once per shell:
#
#   source training_configs/defaults.sh
#
# The configs of cross_domain also need TARGET, the folder of the domain to adapt to, and VECTORS, a file of word vectors such as
# glove.6B.100d.txt.gz; pgn_combined needs UNLABELLED, the folder of a domain with only raw text, fine_tune ARCHIVE, the
# model.tar.gz to start from, label_embedding ARCHIVE, that of a tagger of the source, and stm_elmo ELMO_OPTIONS and ELMO_WEIGHTS,
# the two files of an ELMo; pgn_uda_student and pgn_transformer_uda_student need TEACHERS, as uda=runs/uda/model.tar.gz. The students
# of cross_lingual need TARGET and TEACHER. student_multi_source needs TEACHERS instead, as
# en=runs/en/model.tar.gz,de=runs/de/model.tar.gz, and SIMILARITY, the model.tar.gz of similarity, unless WEIGHTS is uniform;
# similarity needs SOURCES, the folders of the source languages, as en,de. adversarial needs TARGET, student_selected also
# DISCRIMINATOR, the model.tar.gz of adversarial, voting TARGET and TEACHERS. These have no defaults.
# A teacher is a model.tar.gz; hf:NAME, a model for token classification on the Hugging Face hub or in a folder; or a file of labels
# that ends in .jsonl.
#
# Set ENCODER_SIZE=small for encoders that are much smaller than mBERT, including archives of taggers with such encoders: the configs
# of cross_lingual then use a higher learning rate and freeze no layers, and those with adapters use a higher learning rate. large,
# with the papers' settings, is for mBERT, XLM-R etc.
#
# NER_DATA has no default: it is the folder of your corpora, with a subfolder for each language or domain, which contains train.conll,
# dev.conll and test.conll (and raw.txt for unlabelled text). fixtures/corpora is an example.
export NER_DATA="${NER_DATA:?is not set. It is the folder of your corpora: NER_DATA/<language>/train.conll and so on (see README.md)}"
export SOURCE="${SOURCE:-en}"                               # the folder of the labelled language or domain, below NER_DATA
export ENCODER="${ENCODER:-bert-base-multilingual-cased}"   # hub name, local folder, or a model.tar.gz to go on from
export ENCODER_SIZE="${ENCODER_SIZE:-auto}"                 # small or large, see above; auto: small for multilingual-mini alone
export WEIGHTS="${WEIGHTS:-uniform}"                        # of several teachers: uniform, learned, cosine, l1, l2, learned-sentence, ...
export VECTORS_DIM="${VECTORS_DIM:-100}"                    # of the word vectors in VECTORS, which cross_domain reads
export SEED="${SEED:-13}"
export DEVICE="${DEVICE:--1}"                               # -1 for the CPU, else the number of a GPU
