"""
Makes an encoder with random weights: a WordPiece vocabulary learned from text files, a BERT config, and weights drawn at random.

    python scripts/make_encoder.py fixtures/encoders/tiny fixtures/corpora/*/raw.txt fixtures/corpora/*/train.conll \\
        --vocab-size 2000 --hidden-size 32 --layers 4 --heads 2 --max-length 128

For tests, and to train from scratch. It knows no language: `scripts/pretrain_encoder.py` makes one that does.
"""

import argparse
import sys
import tempfile
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Iterable, Iterator, List

import torch
from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertModel, BertTokenizerFast

_ALPHABET = 1000
_SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def texts(paths: List[str]) -> Iterator[str]:
    """The lines of text files, and of CoNLL files the words."""
    for path in paths:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            yield line.split("\t")[0] if path.endswith(".conll") else line


def learn_word_pieces(lines: Iterable[str], vocab_size: int, max_length: int) -> BertTokenizerFast:
    """
    A cased WordPiece tokenizer, learned from lines of text; the same from the same lines.

    Left to itself, tokenizers numbers the pieces within words, and drops characters beyond the thousand most frequent, in an
    order of chance, which decides between pieces that are equally frequent. So both are settled here.
    """
    words = Counter(chain.from_iterable(map(str.split, lines)))
    wordpieces = BertWordPieceTokenizer(lowercase=False, strip_accents=False)
    counts: Counter = Counter()
    within = set()
    for word, count in words.items():
        for piece, _ in wordpieces.pre_tokenizer.pre_tokenize_str(wordpieces.normalizer.normalize_str(word)):
            counts.update(dict.fromkeys(piece, count))
            within.update(piece[1:])
    alphabet = sorted(counts, key=lambda character: (-counts[character], character))[:_ALPHABET]
    left_out = dict.fromkeys(map(ord, counts.keys() - alphabet))
    wordpieces.train_from_iterator(
        (" ".join([word.translate(left_out)] * count) for word, count in words.items()),
        vocab_size=vocab_size,
        limit_alphabet=_ALPHABET,
        special_tokens=[*_SPECIAL_TOKENS, *(f"##{character}" for character in sorted(within.intersection(alphabet)))],
        show_progress=False,
    )
    vocabulary = wordpieces.get_vocab()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vocab.txt"
        path.write_text(
            "".join(f"{piece}\n" for piece in sorted(vocabulary, key=vocabulary.__getitem__)), encoding="utf-8"
        )
        return BertTokenizerFast(str(path), do_lower_case=False, model_max_length=max_length)


def new_config(vocab_size: int, hidden_size: int, layers: int, heads: int, max_length: int) -> BertConfig:
    """The config of a BERT with BERT's proportions."""
    return BertConfig(
        vocab_size=vocab_size,
        hidden_size=hidden_size,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * hidden_size,
        max_position_embeddings=max_length,
    )


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

    from encoder_folder import encoder_written_whole  # imports all of AllenNLP, which --help need not wait for

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
