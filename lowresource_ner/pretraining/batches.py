"""Makes batches for language modelling: texts of similar length, as many as fit into a number of sub-words, padded and masked."""

from itertools import islice
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler
from transformers import PreTrainedTokenizerFast

from lowresource_ner.pretraining.masking import Masking
from lowresource_ner.pretraining.texts import Encoded

# The number of batches that are made from one group of texts, which is sorted by length.
_BATCHES_PER_GROUP = 50


class Draw(NamedTuple):
    """
    A text, in one of the passes over all texts. A text is masked differently in every pass, and a pair starts with its second
    text in every other pass.
    """

    number: int
    text: int


class TokenBatches(Sampler[List[Draw]]):
    """
    `num_batches` batches of at most `batch_tokens` sub-words, padding included, from as many passes over the texts as needed.
    They depend only on the seed, so that a resumed run continues with the same batches.

    # Parameters

    lengths : `Sequence[int]`
        The number of sub-words of each text.
    corpora : `Sequence[int]`
        The number of each text's corpus, from 0.
    smoothing : `float`
        The exponent of the corpora's shares (Conneau and Lample 2019, arXiv:1901.07291, section 3.1). 1 draws each text once a
        pass. Smaller exponents draw the texts of small corpora more often and those of large ones less often, and a pass has
        about the same number of sub-words.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        corpora: Sequence[int],
        *,
        batch_tokens: int,
        num_batches: int,
        smoothing: float = 1.0,
        seed: int = 13,
    ) -> None:
        self._lengths = np.asarray(lengths)
        self._corpora = np.asarray(corpora)
        self._batch_tokens = batch_tokens
        self.num_batches = num_batches
        self._seed = seed
        self._copies = expected_copies(self._lengths, self._corpora, smoothing)

    def __len__(self) -> int:
        return self.num_batches

    def __iter__(self) -> Iterator[List[Draw]]:
        given = number = 0
        while given < self.num_batches:
            for batch in self.one_pass(number):
                yield batch
                given += 1
                if given == self.num_batches:
                    return
            number += 1

    def num_tokens(self, num_batches: int) -> int:
        """The number of sub-words in the first batches, without padding."""
        return sum(int(self._lengths[draw.text]) for batch in islice(self, num_batches) for draw in batch)

    def one_pass(self, number: int) -> Iterator[List[Draw]]:
        """The batches of one pass over the texts. Passes are numbered from 0."""
        generator = np.random.default_rng([self._seed, number])
        copies = np.floor(self._copies + generator.random(len(self._copies))).astype(int)
        order = generator.permutation(np.repeat(np.arange(len(copies)), copies))
        batches: List[List[Draw]] = []
        group_tokens = _BATCHES_PER_GROUP * self._batch_tokens
        groups = np.cumsum(self._lengths[order]) // group_tokens
        for group in np.split(order, np.flatnonzero(np.diff(groups)) + 1):
            batches.extend(self._cut(group[np.argsort(self._lengths[group], kind="stable")], number))
        for index in generator.permutation(len(batches)):
            yield batches[index]

    def _cut(self, texts: np.ndarray, number: int) -> Iterator[List[Draw]]:
        """Batches of texts that are sorted by length, so that the last of a batch is its longest."""
        batch: List[Draw] = []
        for index in texts:
            if batch and (len(batch) + 1) * self._lengths[index] > self._batch_tokens:
                yield batch
                batch = []
            batch.append(Draw(number, int(index)))
        if batch:
            yield batch


def expected_copies(lengths: np.ndarray, corpora: np.ndarray, smoothing: float) -> np.ndarray:
    """How often each text is drawn in a pass on average: the smoothed share of its corpus over the plain one. Shape: (texts,)"""
    sizes = np.bincount(corpora, weights=lengths)
    shares = sizes / sizes.sum()
    smoothed = np.where(sizes > 0, shares**smoothing, 0)
    smoothed = smoothed / smoothed.sum()
    return np.divide(smoothed, shares, out=np.zeros_like(shares), where=shares > 0)[corpora]


class Texts(Dataset):
    """Encoded texts, indexed by `Draw`."""

    def __init__(self, texts: Sequence[Encoded]) -> None:
        self.texts = texts

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, draw: Draw) -> Dict[str, Any]:
        sides = self.texts[draw.text].sides
        return {"sides": sides[::-1] if (draw.number + draw.text) % 2 else sides, "draw": draw}


class MaskingCollator:
    """
    Makes padded and masked batches. The masks are drawn with a seed that depends on the batch, so that they are the same in every
    run.

    # Parameters

    tokenizer : `PreTrainedTokenizerFast`
    masking : `Masking`
        How sub-words are chosen and masked.
    first_position : `Optional[int]`
        The position of a text's first sub-word, and again of the second text of a pair (translation language modelling, Conneau
        and Lample 2019, arXiv:1901.07291, section 3.3). None for encoders that take no positions.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerFast, masking: Masking, first_position: Optional[int] = 0, seed: int = 13
    ) -> None:
        self.tokenizer = tokenizer
        self._masking = masking
        self._first_position = first_position
        self._seed = seed

    def __call__(self, examples: Sequence[Dict[str, Any]]) -> Dict[str, torch.Tensor]:
        begin, end, padding = self.tokenizer.cls_token_id, self.tokenizer.sep_token_id, self.tokenizer.pad_token_id
        lengths = np.array([1 + sum(len(side.ids) + 1 for side in example["sides"]) for example in examples])
        # Shape: (batch_size, max_length), as all that follow
        input_ids = np.full((len(examples), lengths.max()), padding, dtype=np.int64)
        words = np.full_like(input_ids, -1)
        for ids, numbers, example in zip(input_ids, words, examples):
            ids[0], place = begin, 1
            for side in example["sides"]:
                after = place + len(side.ids)
                ids[place:after], ids[after] = side.ids, end
                numbers[place:after] = np.cumsum(side.word_starts)
                place = after + 1
        words[(input_ids == begin) | (input_ids == end)] = -1  # also where they are in the text
        present = np.arange(lengths.max()) < lengths[:, None]
        masked, labels = self._masking(input_ids, words, (self._seed, *examples[0]["draw"]))
        batch = {"input_ids": masked, "attention_mask": torch.from_numpy(present).long(), "labels": labels}
        if self._first_position is not None and any(len(example["sides"]) == 2 for example in examples):
            batch["position_ids"] = self._positions(examples, input_ids.shape)
        return batch

    def _positions(self, examples: Sequence[Dict[str, Any]], shape: Sequence[int]) -> torch.Tensor:
        assert self._first_position is not None
        positions = torch.arange(shape[1]).repeat(shape[0], 1)
        for row, example in zip(positions, examples):
            if len(example["sides"]) == 2:
                start = len(example["sides"][0].ids) + 2
                row[start:] = torch.arange(1, shape[1] - start + 1)
        return positions + self._first_position
