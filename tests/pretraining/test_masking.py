"""Masking of sub-words, words and spans, against counts over many draws and a search of the masked text for whole words."""

from collections import Counter
from itertools import groupby
from typing import List

import numpy as np
import pytest
import torch
from conftest import CORPORA, REPOSITORY, TINY_ENCODER
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from lowresource_ner.pretraining.batches import Draw, MaskingCollator, Texts
from lowresource_ner.pretraining.masking import SpanMasking, masking_of
from lowresource_ner.pretraining.texts import encode

MINI = REPOSITORY / "lowresource_ner" / "encoders" / "multilingual-mini"
NOTHING = -100
# By the encoder, how a sub-word looks that begins a word.
BEGINNINGS = [
    pytest.param(TINY_ENCODER, lambda token: not token.startswith("##"), id="WordPiece"),
    pytest.param(MINI, lambda token: token.startswith("▁"), id="unigram"),
]


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(TINY_ENCODER)


def word_numbers(*sizes: int) -> np.ndarray:
    """Words of these numbers of sub-words."""
    return np.repeat(np.arange(len(sizes)), sizes)


class TestSpans:
    def test_lengths_follow_the_truncated_geometric_distribution(self, tokenizer) -> None:
        """With a share so small that spans hardly ever meet, and words of one sub-word each."""
        masking, words = SpanMasking(tokenizer, 0.005), np.arange(200_000)
        generator = np.random.default_rng(0)
        lengths = [len(span) for _ in range(15) for span in masking.spans(words, generator)]
        assert len(lengths) > 3000 and max(lengths) == 10
        weights = [0.2 * 0.8 ** (length - 1) for length in range(1, 11)]
        found = Counter(lengths)
        for length, weight in enumerate(weights, 1):
            assert found[length] / len(lengths) == pytest.approx(weight / sum(weights), abs=0.02)
        assert np.mean(lengths) == pytest.approx(3.8, abs=0.1), "as in the paper"

    def test_words_are_whole_and_spans_apart(self, tokenizer) -> None:
        generator = np.random.default_rng(1)
        masking, in_words = SpanMasking(tokenizer, 0.3), []
        for _ in range(200):
            sizes = generator.integers(1, 5, size=40)
            words = word_numbers(*sizes)
            hidden: List[int] = []
            for span in masking.spans(words, generator):
                within = words[span.start : span.stop]
                assert all((words == word).sum() == (within == word).sum() for word in set(within))
                in_words.append(len(set(within)))
                hidden.extend(span)
            assert len(hidden) == len(set(hidden)) < 0.3 * len(words) + 4
        assert max(in_words) > 5

    @pytest.mark.parametrize("sizes", [[1] * 5, [3, 1, 2, 1, 4, 1, 1, 2], [7], [1] * 60])
    @pytest.mark.parametrize("share", [0.15, 0.5])
    def test_the_expected_share_is_exact_also_of_short_texts(self, sizes, share, tokenizer) -> None:
        generator, words = np.random.default_rng(2), word_numbers(*sizes)
        masking = SpanMasking(tokenizer, share)
        shares = [sum(map(len, masking.spans(words, generator))) / len(words) for _ in range(4000)]
        assert np.mean(shares) == pytest.approx(share, abs=4 * np.std(shares) / 4000**0.5 + 1e-9)

    @pytest.mark.parametrize("share, expected", [(0.0, 0), (1.0, 12)])
    def test_nothing_and_everything(self, share, expected, tokenizer) -> None:
        spans = SpanMasking(tokenizer, share).spans(word_numbers(3, 2, 1, 6), np.random.default_rng(3))
        assert sum(map(len, spans)) == expected

    def test_every_word_begins_a_span_equally_often(self, tokenizer) -> None:
        generator, masking = np.random.default_rng(4), SpanMasking(tokenizer, 0.05)
        first = Counter(next(masking.spans(word_numbers(*[2] * 20), generator)).start for _ in range(8000))
        assert set(first) == set(range(0, 40, 2)) and max(first.values()) < 1.3 * min(first.values())

    def test_whole_words_are_spans_of_one(self, tokenizer) -> None:
        masking, generator = masking_of("words", tokenizer, 0.1), np.random.default_rng(5)
        assert {len(span) for span in masking.spans(word_numbers(*[2] * 500), generator)} == {2}

    def test_four_fifths_are_masked_a_tenth_is_random_and_a_tenth_is_kept_span_by_span(self, tokenizer) -> None:
        """Words of three sub-words, which do not occur elsewhere: each is replaced as a whole."""
        masking = masking_of("words", tokenizer, 0.15)
        # Ids of ordinary sub-words, so that neither a mask nor, but for chance, a random one is taken for the original.
        input_ids = np.arange(100, 400).reshape(1, -1).repeat(400, axis=0)
        words = word_numbers(*[3] * 100).reshape(1, -1).repeat(400, axis=0)
        masked, labels = masking(input_ids, words, (1, 2, 3))
        kinds: Counter = Counter()
        mixed = 0
        for before, after, label in zip(input_ids, masked.numpy(), labels.numpy()):
            hidden = label != NOTHING
            assert (label[hidden] == before[hidden]).all() and (after[~hidden] == before[~hidden]).all()
            for word in range(0, 300, 3):
                if not hidden[word]:
                    continue
                assert hidden[word : word + 3].all()
                new, old = after[word : word + 3], before[word : word + 3]
                is_mask, is_kept = new == tokenizer.mask_token_id, new == old
                kinds["mask" if is_mask.all() else "kept" if is_kept.all() else "random"] += 1
                mixed += not (is_mask.all() or is_kept.all()) and (is_mask | is_kept).any()
        assert mixed < 0.05 * kinds["random"], "by chance alone"
        total = sum(kinds.values())
        assert total == pytest.approx(400 * 15, rel=0.05)
        assert {kind: round(count / total, 1) for kind, count in kinds.items()} == {
            "mask": 0.8,
            "random": 0.1,
            "kept": 0.1,
        }

    def test_special_tokens_are_never_masked_and_no_span_passes_one(self, tokenizer) -> None:
        words = np.array([[-1, 0, 0, 1, -1, 1, 2, 2, -1, -1, -1]])
        masked, labels = SpanMasking(tokenizer, 1.0)(np.arange(11)[None] + 50, words, (1,))
        assert (labels[0] == NOTHING).tolist() == (words[0] < 0).tolist()
        assert torch.equal(masked[labels == NOTHING], torch.tensor([50, 54, 58, 59, 60]))

    def test_the_seed_decides(self, tokenizer) -> None:
        input_ids, words = np.arange(100, 160)[None], word_numbers(*[1] * 60)[None]
        masking = SpanMasking(tokenizer, 0.15)
        first, again, other = (masking(input_ids, words, seed) for seed in ((1, 0, 7), (1, 0, 7), (1, 1, 7)))
        assert all(map(torch.equal, first, again)) and not torch.equal(first[1], other[1])


class TestWords:
    @pytest.mark.parametrize("encoder, begins", BEGINNINGS)
    def test_words_are_the_tokenizers(self, encoder, begins) -> None:
        tokenizer = AutoTokenizer.from_pretrained(encoder)
        lines = [(line,) for line in (CORPORA / "bio" / "raw.txt").read_text(encoding="utf-8").splitlines()]
        encoded = encode(lines, tokenizer, 512, word_starts=True)
        assert len(encoded) == len(lines)
        inside = 0
        for text in encoded:
            tokens = tokenizer.convert_ids_to_tokens(text.first.tolist())
            assert text.first_word_starts.tolist() == [begins(token) for token in tokens]
            inside += sum(not begins(token) for token in tokens)
        assert inside > 100
        assert not any(len(text.first_word_starts) for text in encode(lines, tokenizer, 512))

    def test_a_line_without_spaces_is_no_word(self) -> None:
        backend = Tokenizer(models.WordLevel({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
        backend.pre_tokenizer = pre_tokenizers.Whitespace()
        words = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]")
        assert encode([("a a",)], words, 100, word_starts=True)[0].first_word_starts.tolist() == [True, True]
        characters = Tokenizer(models.BPE({"a": 0}, [], unk_token=None))
        characters.pre_tokenizer = pre_tokenizers.Whitespace()
        pieces = PreTrainedTokenizerFast(tokenizer_object=characters)
        (text,) = encode([("aaa " + "a" * 21 + " " + "a" * 20,)], pieces, 100, word_starts=True)
        assert text.first_word_starts.tolist() == [True, False, False, *[True] * 21, True, *[False] * 19]

    def test_the_second_text_of_a_pair_has_words_of_its_own(self) -> None:
        tokenizer = AutoTokenizer.from_pretrained(MINI)
        lines = ("Methylation was unusual", "Die Methylierung war ungewöhnlich")
        (pair,) = encode([lines], tokenizer, 128, word_starts=True)
        assert [int(side.word_starts.sum()) for side in pair.sides] == [3, 4]


@pytest.mark.parametrize("encoder, begins", BEGINNINGS)
@pytest.mark.parametrize("kind", ["words", "spans"])
def test_batches_have_whole_words_masked(kind: str, encoder, begins) -> None:
    """Of real text, whose words are found again from the sub-words' form."""
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    lines = [(line,) for line in (CORPORA / "bio" / "raw.txt").read_text(encoding="utf-8").splitlines()]
    texts = Texts(encode(lines, tokenizer, 64, word_starts=True))
    collator = MaskingCollator(tokenizer, masking_of(kind, tokenizer, 0.15))
    batch = collator([texts[Draw(0, number)] for number in range(len(texts))])
    labels, present = batch["labels"], batch["attention_mask"].bool()
    original = torch.where(labels == NOTHING, batch["input_ids"], labels)
    special = torch.isin(original, torch.tensor([tokenizer.cls_token_id, tokenizer.sep_token_id])) | ~present
    assert not (special & (labels != NOTHING)).any()
    longest = 0
    for ids, hidden in zip(original.tolist(), (labels != NOTHING).tolist()):
        of_words: List[bool] = []
        for number, is_hidden in zip(ids, hidden):
            is_special = number in (tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id)
            if is_special or begins(tokenizer.convert_ids_to_tokens(number)):
                of_words.append(is_hidden)
            assert is_hidden == of_words[-1]
        longest = max([longest, *(len(list(group)) for is_hidden, group in groupby(of_words) if is_hidden)])
    assert longest > 2
    share = (labels != NOTHING).sum() / (~special).sum()
    assert share == pytest.approx(0.15, abs=0.02)
