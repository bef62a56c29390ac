"""Long sentences in windows, by a model that echoes its input: each word gets its own first sub-word, between its neighbours."""

import random
from typing import List

import pytest
import torch

from lowresource_ner.encoding.input_format import InputFormat
from lowresource_ner.encoding.subword_tokenizer import Subwords, pad_subwords
from lowresource_ner.encoding.window_reader import WindowReader

CLS, SEP, PAD = 1001, 1002, 9
FORMAT = InputFormat("echo", [CLS], [SEP, SEP], PAD, max_length=15)
SIZE, OVERLAP = 12, 4


def sentences() -> List[Subwords]:
    generator = random.Random(4)
    made = []
    for length in (1, 5, SIZE, SIZE + 1, 40, 97, 3):
        starts = sorted({0, *generator.sample(range(length), generator.randint(1, length))})
        made.append(Subwords(generator.choices(range(10, 900), k=length), starts))
    return made


class Echo:
    """A model whose vector of a position is the ids before, at and after it, as far as the attention mask lets it see."""

    def __init__(self) -> None:
        self.shapes: List[tuple] = []

    def __call__(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        self.shapes.append(tuple(input_ids.shape))
        assert (input_ids[:, 0] == CLS).all()
        for row, mask in zip(input_ids.tolist(), attention_mask.tolist()):
            length = sum(mask)
            assert mask == [1] * length + [0] * (len(mask) - length)
            assert row[length - 2 : length] == [SEP, SEP] and set(row[length:]) <= {PAD}
        seen = torch.nn.functional.pad(input_ids * attention_mask, (1, 1))
        return torch.stack([seen[:, :-2], seen[:, 1:-1], seen[:, 2:]], dim=-1).float()


@pytest.mark.parametrize("most_subwords", [None, 1, 30])
def test_every_word_has_its_own_sub_word_between_its_neighbours(most_subwords) -> None:
    echo, batch = Echo(), sentences()
    words = pad_subwords(batch, PAD)
    mask = words.pop("mask")
    vectors = WindowReader(FORMAT, overlap=OVERLAP).read(echo, **words, most_subwords=most_subwords)
    assert vectors.shape == (*mask.shape, 3)
    for rows, each in zip(vectors.tolist(), batch):
        around = [CLS, *each.ids, SEP]
        assert rows[: len(each.starts)] == [around[start : start + 3] for start in each.starts]
    assert {width for _, width in echo.shapes} == {15}
    if most_subwords is None:
        assert len(echo.shapes) == 1
    else:
        assert max(rows for rows, _ in echo.shapes) == max(1, most_subwords // SIZE)


def test_sentences_that_fit_are_run_as_they_are() -> None:
    echo = Echo()
    words = pad_subwords([each for each in sentences() if len(each.ids) <= 5], PAD)
    del words["mask"]
    WindowReader(FORMAT, overlap=OVERLAP).read(echo, **words, most_subwords=1)
    assert echo.shapes == [(3, 5 + 3)]
