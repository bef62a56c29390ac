# Sets what the training configs read from the environment, as far as it is not set. Once a shell:
#
#   source training_configs/defaults.sh
#
# NER_DATA has no default: it is the folder of your corpora, a folder each language or domain, each with train.conll, dev.conll
# and test.conll (and raw.txt where there is unlabelled text). fixtures/corpora is such a folder.
export NER_DATA="${NER_DATA:?is not set. It is the folder of your corpora: NER_DATA/<language>/{train,dev,test}.conll (see README.md)}"
export SOURCE="${SOURCE:-en}"                               # the folder of the labelled language, below NER_DATA
export ENCODER="${ENCODER:-bert-base-multilingual-cased}"   # hub name, local folder, or a model.tar.gz to go on from
export SEED="${SEED:-13}"
export DEVICE="${DEVICE:--1}"                               # -1 for the CPU, else the number of a GPU
