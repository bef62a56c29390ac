"""
Pretrains an encoder on raw text and on translations: a new small BERT, or an existing encoder, for your language or domain.

    # continue an encoder on text of your domain or language, before it is used in mbert_tagger, kd_student or PGN
    allennlp pretrain-encoder runs/oncology --encoder bert-base-multilingual-cased --text abstracts.txt.gz --epochs 3

    # domain-adaptive pretraining with masked spans of words
    allennlp pretrain-encoder runs/oncology --encoder bert-base-cased --text abstracts.txt.gz --masking spans

    # a new encoder for several languages
    allennlp pretrain-encoder runs/encoder --text en=en.txt.gz de=de.txt.gz --parallel en-de=en-de.tsv.gz --epochs 10

Text has a sentence a line; translations have a sentence, a tab and its translation. Files that end in .gz, .bz2 and .xz are
decompressed. The encoder learns by masked language modelling (Devlin et al. 2019, arXiv:1810.04805), and on pairs by translation
language modelling (Conneau and Lample 2019, arXiv:1901.07291), with transformers' models, collator and Trainer. Some lines of
every file are held out, and the loss on them is reported by file, before and after. The same command resumes a run that was
interrupted, by a kill or a full disk too, and ends with the same weights. FOLDER then contains the encoder, for `ENCODER=FOLDER`,
and a report, pretraining.json. An existing encoder keeps its tokenizer, and its output layer if it has one.

--masking
  sub-words   single sub-words, each with the same probability
  words       whole words
  spans       spans of 1 to 10 whole words (SpanBERT, Joshi et al. 2020, arXiv:1907.10529)
Words are those that the tokenizer divides into sub-words. Held-out lines are masked in the same way, so losses of different
maskings cannot be compared. `allennlp ner-table` pretrains encoders for systems that start from them.
"""

from pathlib import Path
from typing import Any, Dict

from allennlp.commands.subcommand import Subcommand

from lowresource_ner.commands.encoder_training import EncoderSubcommand
from lowresource_ner.pretraining.options import PretrainingOptions


@Subcommand.register("pretrain-encoder")
class PretrainEncoderCommand(EncoderSubcommand):
    """
    `allennlp pretrain-encoder FOLDER` pretrains an encoder; see `pretrain_encoder`.

    Registered as a `Subcommand` with name "pretrain-encoder".
    """

    summary = "Pretrain an encoder on raw text and on translations."
    options = PretrainingOptions

    def train(self, folder: Path, options: PretrainingOptions) -> Dict[str, Any]:
        from lowresource_ner.pretraining.pretrain import pretrain_encoder  # takes seconds

        return pretrain_encoder(folder, options)
