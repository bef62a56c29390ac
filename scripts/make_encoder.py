"""
Makes an encoder with random weights: a WordPiece vocabulary learned from text files, a BERT config, and weights drawn at random.

    python scripts/make_encoder.py fixtures/encoders/tiny fixtures/corpora/*/raw.txt fixtures/corpora/*/train.conll \\
        --vocab-size 2000 --hidden-size 32 --layers 4 --heads 2 --max-length 128

For tests, and to train from scratch. It knows no language: `allennlp pretrain-encoder` makes one that does.
"""

import argparse
import sys
from pathlib import Path
from typing import Iterator, List

import torch
from transformers import BertModel

from lowresource_ner.pretraining.encoder_folder import encoder_written_whole
from lowresource_ner.pretraining.new_bert import learn_word_pieces, new_config


def texts(paths: List[str]) -> Iterator[str]:
    """The lines of text files, and of CoNLL files the words."""
    for path in paths:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            yield line.split("\t")[0] if path.endswith(".conll") else line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="where the encoder is written")
    parser.add_argument("text", nargs="+", help="text files, or CoNLL files (*.conll), in UTF-8")
    parser.add_argument("--vocab-size", type=int, default=8000)
    parser.add_argument("--hidden-size", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--max-length", type=int, default=512, help="sub-words that the encoder reads at once")
    parser.add_argument("--seed", type=int, default=13)
    args = parser.parse_args()

    folder = Path(args.folder)
    tokenizer = learn_word_pieces(texts(args.text), args.vocab_size, args.max_length)
    torch.manual_seed(args.seed)
    config = new_config(len(tokenizer), args.hidden_size, args.layers, args.heads, args.max_length)
    model = BertModel(config, add_pooling_layer=False)
    with encoder_written_whole(folder, "Free space, and give the same command again.") as new:
        tokenizer.save_pretrained(new, legacy_format=False)
        model.save_pretrained(new)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(
        f"{folder}: {len(tokenizer)} word pieces, {args.layers} layers x {args.hidden_size}, {parameters:,} parameters"
    )


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(str(error))
