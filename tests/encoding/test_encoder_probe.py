"""Encoders of many kinds, tiny and of random weights: what is found when one is loaded, and what the probe leaves untouched."""

import random
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from allennlp.common.checks import ConfigurationError
from conftest import TINY_ENCODER
from transformers import (
    AutoModel,
    AutoTokenizer,
    BertConfig,
    BertModel,
    BigBirdConfig,
    BigBirdModel,
    CLIPConfig,
    FNetConfig,
    LEDConfig,
    PretrainedConfig,
    ReformerConfig,
    RobertaPreLayerNormConfig,
    XmodConfig,
)

from lowresource_ner.distillation import SentenceEncoder
from lowresource_ner.encoding.encoder_files import EncoderFiles
from lowresource_ner.encoding.input_format import InputFormat
from lowresource_ner.encoding.positions import number_of_positions
from lowresource_ner.encoding.probe import check_encoder
from lowresource_ner.modules import SubwordTransformer

SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
SIZES = {**SMALL, "vocab_size": 2000, "pad_token_id": 0}
TOKENIZER = AutoTokenizer.from_pretrained(TINY_ENCODER)


def saved(folder: Path, config: PretrainedConfig) -> str:
    """A folder with a model of random weights and the tokenizer of the tests."""
    torch.manual_seed(1)
    AutoModel.from_config(config).save_pretrained(folder)
    TOKENIZER.save_pretrained(folder)
    return str(folder)


def check(model: Any, size: int, **options: bool) -> None:
    """Tries a model with vectors of 16 numbers on a sentence of so many sub-words."""
    special_tokens = [TOKENIZER.cls_token_id], [TOKENIZER.sep_token_id]
    input_format = InputFormat("an encoder", *special_tokens, pad_id=0, max_length=size + 2, **options)
    check_encoder(model, TOKENIZER, input_format, size, dim=16)


def small_bert(**options: int) -> BertModel:
    torch.manual_seed(1)
    return BertModel(BertConfig(**{**SIZES, "max_position_embeddings": 64, **options}), add_pooling_layer=False)


TINY_CLIP = {
    "text_config": {**SMALL, "vocab_size": 2000},
    "vision_config": {**SMALL, "image_size": 8, "patch_size": 4},
    "projection_dim": 8,
}
REFUSED = {
    "more sub-words than vectors": (
        BertConfig(**{**SIZES, "vocab_size": 1500}),
        r"tokenizer of encoder '.*' has sub-words up to number 1999, .* has vectors for 1500 \(0 to 1499\).*resize_token",
    ),
    "no attention mask": (
        FNetConfig(vocab_size=2000, hidden_size=16, num_hidden_layers=1, intermediate_size=32, pad_token_id=0),
        r"Encoder '.*' \(fnet\) takes no attention mask: .* Take another encoder",
    ),
    "a language": (
        XmodConfig(**SIZES, languages=["en_XX", "sw_KE"]),
        r"Encoder '.*' \(xmod\) needs to know the language .* en_XX, sw_KE\. .*\"default_language\"",
    ),
    "pictures": (CLIPConfig(**TINY_CLIP), r"Encoder '.*' \(clip\) cannot be run on the sub-words .*pixel_values"),
    "two vectors a sub-word": (
        ReformerConfig(
            vocab_size=2000,
            hidden_size=16,
            attn_layers=["local"],
            num_attention_heads=2,
            attention_head_size=8,
            feed_forward_size=32,
            max_position_embeddings=64,
            axial_pos_shape=[8, 8],
            axial_pos_embds_dim=[8, 8],
            pad_token_id=0,
            local_attn_chunk_length=8,
        ),
        r"\(reformer\) cannot be run .*vectors of shape \(1, 5, 16\) were expected, .* shape \(1, 5, 32\)",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("load_weights", [True, False], ids=["pretrained", "random"])
def test_what_would_stop_a_training_is_found_when_the_encoder_is_loaded(tmp_path, kind, load_weights) -> None:
    config, message = REFUSED[kind]
    folder = saved(tmp_path / "encoder", config)
    with pytest.raises(ConfigurationError, match=message):
        SubwordTransformer(folder, load_weights=load_weights)


def test_a_special_token_that_was_added_and_has_no_vector_does_no_harm(tmp_path) -> None:
    folder = saved(tmp_path / "encoder", BertConfig(**SIZES))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": ["[USER]"]})
    tokenizer.save_pretrained(folder)
    assert tokenizer.convert_tokens_to_ids("[USER]") == 2000
    SubwordTransformer(folder)
    tokenizer.add_tokens(["Zaanstad"])
    tokenizer.save_pretrained(folder)
    with pytest.raises(ConfigurationError, match="up to number 2001"):
        SubwordTransformer(folder)


def test_the_encoder_of_sentences_is_tried_as_well(tmp_path) -> None:
    folder = saved(tmp_path / "encoder", BertConfig(**{**SIZES, "vocab_size": 1500}))
    for pooling in ("pooler", "mean"):
        with pytest.raises(ConfigurationError, match="up to number 1999"):
            SentenceEncoder(folder, pooling=pooling).encode([["Wien"]])


def test_an_encoder_that_reads_long_sentences_otherwise_is_refused_for_them(tmp_path) -> None:
    """BigBird attends to blocks, some of them drawn, where a batch has more than 28 sub-words here, and to everything else."""
    sparse = BigBirdConfig(
        **SIZES, max_position_embeddings=64, block_size=4, num_random_blocks=1, initializer_range=0.5
    )
    folder = saved(tmp_path / "encoder", sparse)
    with pytest.raises(
        ConfigurationError, match=r"\(big_bird\) returns different vectors .* with a sentence of 64 .*'max_length'"
    ):
        SubwordTransformer(folder)
    SubwordTransformer(folder, max_length=24)


class Mixer(BertModel):
    """Adds the mean of a whole row to each of its vectors, padding included."""

    def forward(self, input_ids, attention_mask):
        hidden = super().forward(input_ids, attention_mask).last_hidden_state
        return (hidden + hidden.mean(dim=1, keepdim=True),)


def test_padding_that_is_read_as_text_is_found() -> None:
    mixer = Mixer(small_bert().config, add_pooling_layer=False)
    with pytest.raises(
        ConfigurationError, match="returns different vectors .* with a sentence of 62 .* not ignore padding"
    ):
        check(mixer, 60)
    check(small_bert(), 60)


def test_positions_that_end_early_are_found() -> None:
    model = small_bert()
    check(model, 62)
    with pytest.raises(
        ConfigurationError, match=r"cannot read a sentence of 65 sub-words.* Give 'max_length'.*below 65"
    ):
        check(model, 63)


def test_weights_that_are_no_numbers_are_found() -> None:
    model = small_bert()
    with torch.no_grad():
        model.encoder.layer[0].output.dense.bias[3] = torch.nan
    with pytest.raises(ConfigurationError, match="are not finite"):
        check(model, 10)


def state() -> list:
    return [random.getstate(), str(numpy.random.get_state(legacy=False)), torch.get_rng_state().tolist()]


def small_big_bird() -> BigBirdModel:
    """Attends to blocks where a sentence has more than 28 sub-words, with weights so small that vectors hardly differ."""
    torch.manual_seed(1)
    config = BigBirdConfig(**SIZES, max_position_embeddings=256, block_size=4, num_random_blocks=1)
    return BigBirdModel(config, add_pooling_layer=False)


@pytest.mark.parametrize("make", [small_bert, small_big_bird])
def test_the_probe_draws_on_no_random_numbers_and_leaves_the_model_as_it_was(make) -> None:
    model = make().train()
    weights = [parameter.detach().clone() for parameter in model.parameters()]
    described, before = str(model), state()
    check(model, 60)
    assert str(model) == described
    files = EncoderFiles(str(TINY_ENCODER))
    assert files.input_format.max_length == 128
    assert state() == before
    assert all(module.training for module in model.modules())
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), weights))
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())


def test_one_batch_of_two_and_a_short_one_is_all_that_is_run() -> None:
    model, shapes = small_bert(), []
    model.register_forward_pre_hook(
        lambda module, args, inputs: shapes.append(tuple(inputs["input_ids"].shape)), with_kwargs=True
    )
    check(model, 40)
    assert shapes == [(2, 42), (1, 5)]


def test_the_long_sentence_has_a_thousand_sub_words_at_most() -> None:
    model, shapes = small_bert(max_position_embeddings=8194), []
    model.register_forward_pre_hook(
        lambda module, args, inputs: shapes.append(tuple(inputs["input_ids"].shape)), with_kwargs=True
    )
    check(model, 8192)
    assert shapes == [(2, 1024 + 2), (1, 5)]


def test_what_is_built_inside_an_archive_or_a_run_is_not_tried_again(tmp_path) -> None:
    """Not even where a token was added that the model has no vector for: an earlier version may have trained it so."""
    folder = saved(tmp_path / "encoder", BertConfig(**{**SIZES, "vocab_size": 1999}))
    for name in ("weights.th", "best.th"):
        run = tmp_path / f"run with {name}"
        run.mkdir()
        with pytest.raises(ConfigurationError, match="up to number 1999"):
            SubwordTransformer(folder, serialization_dir=str(run))
        (run / name).touch()
        SubwordTransformer(folder, serialization_dir=str(run))


def test_the_config_is_blamed_for_what_it_says_alone(tmp_path) -> None:
    model = small_bert()
    for has_limit in (True, False):
        with pytest.raises(ConfigurationError, match="cannot read a sentence of 65 sub-words") as raised:
            check(model, 63, has_limit=has_limit)
        assert ("although its config says so" in str(raised.value)) is has_limit


def test_the_positions_of_an_encoder_that_has_others_than_its_decoder() -> None:
    config = LEDConfig(
        vocab_size=99,
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        max_encoder_position_embeddings=48,
        max_decoder_position_embeddings=20,
        attention_window=4,
    )
    assert number_of_positions("an LED", config) == 48
    model = AutoModel.from_config(config).get_encoder().eval()
    model(torch.full((1, 48), 9))
    with pytest.raises(IndexError):
        model(torch.full((1, 49), 9))


def test_the_number_of_positions_of_a_table_with_padding(tmp_path) -> None:
    """Whatever the id of the padding is: they are counted from the one after it."""
    for pad_id, positions in [(0, 39), (3, 36)]:
        config = RobertaPreLayerNormConfig(**{**SIZES, "pad_token_id": pad_id}, max_position_embeddings=40)
        folder = saved(tmp_path / str(pad_id), config)
        assert EncoderFiles(folder).input_format.max_length == positions
        model = AutoModel.from_pretrained(folder).eval()
        model(torch.full((1, positions), 9))
        with pytest.raises(IndexError):
            model(torch.full((1, positions + 1), 9))
