"""
Makes a small encoder from a large one: fewer layers, a vocabulary of the pieces that your languages need, or both.

    # a small and fast encoder of three languages, from XLM-R
    allennlp distil-encoder runs/small --teacher xlm-roberta-base --layers 6 --vocab-size 24000 \\
        --text sw=sw.txt.gz en=en.txt.gz de=de.txt.gz --parallel en-sw=en-sw.tsv.gz --epochs 10

    # the same encoder for one language, in less memory: nothing is trained
    allennlp distil-encoder runs/sw --teacher xlm-roberta-base --vocab-size 16000 --text sw.txt.gz --steps 0

Texts have the format of pretrain-encoder, and lines are held out as there. The pieces that are most frequent in the training
lines are kept (Abdaoui, Pradel and Sigel 2020, https://aclanthology.org/2020.sustainlp-1.16); WordPiece and unigram tokenizers
only. The teacher's vocabulary is cut first, so that teacher and student read the same pieces.

Each layer of the student replaces a span of the teacher's layers: it starts as a copy of the first (DistilBERT, Sanh et al. 2019,
arXiv:1910.01108) and learns the hidden states of the last (TinyBERT, Jiao et al. 2020, arXiv:1909.10351). The student reads
masked text where the teacher reads all of it, and also learns the masked words.

The same command resumes an interrupted run, and ends with the same weights. FOLDER then contains the encoder, for
`ENCODER=FOLDER`, and a report, distillation.json.
"""

from pathlib import Path
from typing import Any, Dict

from allennlp.commands.subcommand import Subcommand

from lowresource_ner.commands.encoder_training import EncoderSubcommand
from lowresource_ner.pretraining.options import DistillationOptions


@Subcommand.register("distil-encoder")
class DistilEncoderCommand(EncoderSubcommand):
    """
    `allennlp distil-encoder FOLDER` makes a small encoder from a large one; see `distil_encoder`.

    Registered as a `Subcommand` with name "distil-encoder".
    """

    summary = "Make a small encoder from a large one."
    options = DistillationOptions

    def train(self, folder: Path, options: DistillationOptions) -> Dict[str, Any]:
        from lowresource_ner.pretraining.distilling.distil import distil_encoder  # takes seconds

        return distil_encoder(folder, options)
