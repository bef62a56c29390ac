"""Makes the tokenizer and the config of a new BERT."""

import tempfile
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Iterable

from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertTokenizerFast

_ALPHABET = 1000
_SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def learn_word_pieces(lines: Iterable[str], vocab_size: int, max_length: int) -> BertTokenizerFast:
    """
    A cased WordPiece tokenizer, learned from lines of text. The same lines give the same pieces.

    By default, tokenizers numbers the pieces inside words in random order, and drops characters beyond the thousand most frequent
    ones in random order, which affects ties between pieces. Both orders are fixed here.
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
    pieces = sorted(vocabulary, key=vocabulary.__getitem__)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vocab.txt"
        path.write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")
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
