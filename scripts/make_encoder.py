"""
Makes an encoder with random weights: a WordPiece vocabulary learned from text files, a BERT config, and weights drawn at random.

    python scripts/make_encoder.py fixtures/encoders/tiny fixtures/corpora/*/raw.txt fixtures/corpora/*/train.conll \\
        --vocab-size 2000 --hidden-size 32 --layers 4 --heads 2 --max-length 128

For tests, and to train from scratch. It knows no language: see the README for pretrained encoders.
"""

import argparse
from pathlib import Path
from typing import Iterator, List

import torch
from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertModel, BertTokenizerFast


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

    wordpieces = BertWordPieceTokenizer(lowercase=False, strip_accents=False)
    wordpieces.train_from_iterator(texts(args.text), vocab_size=args.vocab_size, show_progress=False)
    folder = Path(args.folder)
    folder.mkdir(parents=True, exist_ok=True)
    wordpieces.save_model(str(folder))
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"), do_lower_case=False, model_max_length=args.max_length)
    (folder / "vocab.txt").unlink()  # tokenizer.json holds it
    tokenizer.save_pretrained(folder, legacy_format=False)

    torch.manual_seed(args.seed)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=args.hidden_size,
        num_hidden_layers=args.layers,
        num_attention_heads=args.heads,
        intermediate_size=4 * args.hidden_size,
        max_position_embeddings=args.max_length,
    )
    model = BertModel(config, add_pooling_layer=False)
    model.save_pretrained(folder)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(
        f"{folder}: {len(tokenizer)} word pieces, {args.layers} layers x {args.hidden_size}, {parameters:,} parameters"
    )


if __name__ == "__main__":
    main()
