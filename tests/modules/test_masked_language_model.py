"""The masked language model against transformers' own, and the masks against counts."""

import math
from pathlib import Path
from typing import Any, Dict, List, Sequence

import pytest
import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import Batch, Instance, Vocabulary
from allennlp.data.fields import TextField
from allennlp.modules import TextFieldEmbedder
from allennlp.modules.text_field_embedders import BasicTextFieldEmbedder
from conftest import CORPORA, TINY_ENCODER
from transformers import (
    AutoModelForMaskedLM,
    AutoTokenizer,
    BertConfig,
    DistilBertConfig,
    RobertaConfig,
    XLMRobertaConfig,
)

from lowresource_ner.data.token_indexers.subwords import SubwordIndexer, encode_words
from lowresource_ner.modules import SubwordTransformer
from lowresource_ner.modules.masked_language_model import MaskedLanguageModel

SIZES = {
    "vocab_size": 2000,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
}
KINDS = {
    "bert": BertConfig(**SIZES),
    "roberta": RobertaConfig(**SIZES),
    "xlm-roberta": XLMRobertaConfig(**SIZES),
    "distilbert": DistilBertConfig(vocab_size=2000, dim=16, n_layers=1, n_heads=2, hidden_dim=24),
}
LINES = (CORPORA / "de" / "raw.txt").read_text(encoding="utf-8").splitlines()
SENTENCES = [line.split() for line in LINES[:12]]


def tokens_of(sentences: Sequence[List[str]] = SENTENCES, padding: int = 0) -> Dict[str, Dict[str, torch.Tensor]]:
    indexers = {"encoder": SubwordIndexer(str(TINY_ENCODER))}
    batch = Batch([Instance({"tokens": TextField(words, indexers)}) for words in encode_words(sentences, indexers)])
    batch.index_instances(Vocabulary())
    lengths = {key: length + padding for key, length in batch.get_padding_lengths()["tokens"].items()}
    return batch.as_tensor_dict({"tokens": lengths})["tokens"]


def embedder_of(folder: Path = TINY_ENCODER, **options: Any) -> TextFieldEmbedder:
    return BasicTextFieldEmbedder({"encoder": SubwordTransformer(str(folder), **options)})


def model_of(dim: int = 32, **options: Any) -> MaskedLanguageModel:
    torch.manual_seed(3)
    return MaskedLanguageModel(embedder_of(), dim, **options)


# ---------------------------------------------------------------------------------------------- loss


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_a_pretrained_head_gives_the_loss_that_transformers_gives(kind, tmp_path) -> None:
    torch.manual_seed(7)
    truth = AutoModelForMaskedLM.from_config(KINDS[kind]).double().eval()
    for weight in truth.parameters():  # norms and biases begin at 1 and 0
        torch.nn.init.normal_(weight, std=0.3)
    truth.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(TINY_ENCODER).save_pretrained(tmp_path)
    embedder = embedder_of(tmp_path).double().eval()
    model = MaskedLanguageModel(embedder, 16).double().eval()
    tokens, hidden, targets = model.hide(tokens_of())
    found = model(embedder(tokens), hidden, targets)

    tokenizer, expected = AutoTokenizer.from_pretrained(tmp_path), 0.0
    for ids, present, is_hidden, target in zip(
        tokens["encoder"]["token_ids"], tokens["encoder"]["mask"], hidden, targets
    ):
        row = tokenizer.build_inputs_with_special_tokens(ids[present].tolist())
        (logits,) = truth(input_ids=torch.tensor([row])).logits.log_softmax(-1)
        for place, (asked, wanted) in enumerate(zip(is_hidden[present], target[present])):
            expected -= logits[place + 1, wanted].item() if asked else 0.0
    assert hidden.sum() > 20 and float(found) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("options", [{}, {"load_weights": False}], ids=["no-head", "random"])
def test_without_a_pretrained_head_it_is_initialised_at_random(options) -> None:
    """The loss is about that of guessing; the layers are those of torch."""
    torch.manual_seed(3)
    embedder = embedder_of(**options)
    model = MaskedLanguageModel(embedder, 32).eval()
    tokens, hidden, targets = model.hide(tokens_of())
    states = embedder(tokens)
    found = model(states, hidden, targets)
    assert found.item() / int(hidden.sum()) == pytest.approx(math.log(2000), rel=0.1)
    weight = embedder.token_embedder_encoder.transformer.embeddings.word_embeddings.weight
    by_hand = torch.nn.Sequential(model.dense, torch.nn.GELU(), model.norm)
    scores = (by_hand(states[hidden]) @ weight.t() + model.bias).log_softmax(1)
    expected = -sum(row[target] for row, target in zip(scores, targets[hidden]))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)


def test_the_softmax_is_tied_to_the_embeddings_and_saved_once() -> None:
    embedder = embedder_of()
    model = MaskedLanguageModel(embedder, 5).train()
    assert set(model.state_dict()) == {"dense.weight", "dense.bias", "norm.weight", "norm.bias", "bias"}
    _, hidden, targets = model.hide(tokens_of())
    model(torch.randn(*hidden.shape, 5), hidden, targets).backward()
    embeddings = embedder.token_embedder_encoder.transformer.embeddings
    assert embeddings.word_embeddings.weight.grad.ne(0).any(dim=1).all(), "each sub-word is one that it is not"
    assert embeddings.position_embeddings.weight.grad is None


def test_the_loss_of_a_batch_without_hidden_sub_words_is_zero() -> None:
    model = model_of()
    states = torch.randn(2, 3, 32, requires_grad=True)
    loss = model(states, torch.zeros(2, 3, dtype=torch.bool), torch.ones(2, 3, dtype=torch.long))
    loss.backward()
    assert loss.item() == 0 and states.grad.eq(0).all()


# --------------------------------------------------------------------------------------------- masks


@pytest.mark.parametrize("share", [0.15, 0.5])
def test_in_training_a_share_is_hidden_in_three_ways(share) -> None:
    model = model_of(mask_share=share).train()
    mask_id = AutoTokenizer.from_pretrained(TINY_ENCODER).mask_token_id
    tokens = tokens_of()
    before, present = tokens["encoder"]["token_ids"].clone(), tokens["encoder"]["subword_mask"]
    counts = dict.fromkeys(["present", "hidden", "mask", "same", "other"], 0)
    torch.manual_seed(1)
    for _ in range(100):
        given, hidden, targets = model.hide(tokens)
        after = given["encoder"]["token_ids"]
        assert torch.equal(targets, before) and torch.equal(tokens["encoder"]["token_ids"], before)
        assert not (hidden & ~present).any() and torch.equal(after[~hidden], before[~hidden])
        masked, same = after[hidden] == mask_id, after[hidden] == before[hidden]
        for name, found in (("present", present), ("hidden", hidden), ("mask", masked), ("same", same)):
            counts[name] += int(found.sum())
        counts["other"] += int((~masked & ~same).sum())
    assert counts["hidden"] / counts["present"] == pytest.approx(share, abs=0.01)
    for name, part in (("mask", 0.8), ("same", 0.1), ("other", 0.1)):
        assert counts[name] / counts["hidden"] == pytest.approx(part, abs=0.02), name


def test_masks_are_drawn_by_torchs_generator() -> None:
    model, tokens = model_of().train(), tokens_of()
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(model.hide(tokens).tokens["encoder"]["token_ids"])
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[1], drawn[2])


def test_each_sub_word_is_given_as_a_word() -> None:
    tokens = model_of().hide(tokens_of()).tokens["encoder"]
    assert torch.equal(tokens["mask"], tokens["subword_mask"])
    assert tokens["word_starts"].tolist() == [list(range(tokens["token_ids"].size(1)))] * len(SENTENCES)


@pytest.mark.parametrize("padding", [0, 5])
def test_in_evaluation_the_same_sevenths_are_hidden_whatever_the_batch(padding) -> None:
    model = model_of().eval()
    mask_id = AutoTokenizer.from_pretrained(TINY_ENCODER).mask_token_id
    together = model.hide(tokens_of(padding=padding))
    first_places = set()
    for row, sentence in enumerate(SENTENCES):
        alone = model.hide(tokens_of([sentence]))
        length = alone.hidden.size(1)
        assert torch.equal(together.hidden[row, :length], alone.hidden[0])
        assert not together.hidden[row, length:].any()
        places = alone.hidden[0].nonzero().flatten().tolist()
        assert places == list(range(places[0], length, 7)) and places[0] < 7
        first_places.add(places[0])
        assert (alone.tokens["encoder"]["token_ids"][alone.hidden] == mask_id).all()
    assert len(first_places) > 2


# -------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("share", [0, 1, -0.1])
def test_an_impossible_share_is_refused(share) -> None:
    with pytest.raises(ConfigurationError, match=f"'mask_share' is {share}, and must be between 0 and 1"):
        model_of(mask_share=share)


def test_an_encoder_without_a_mask_token_is_refused(tmp_path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(TINY_ENCODER)
    tokenizer.mask_token = None
    tokenizer.save_pretrained(tmp_path)
    SubwordTransformer(str(TINY_ENCODER)).transformer.save_pretrained(tmp_path)
    with pytest.raises(ConfigurationError, match="has no mask token"):
        MaskedLanguageModel(embedder_of(tmp_path), 32)
