"""Adapters against the transformer's own layers with bottlenecks of torch's linear layers between them."""

import copy
from pathlib import Path
from typing import Any, Dict, List

import pytest
import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import Batch, Instance, Vocabulary
from allennlp.data.fields import TextField
from allennlp.modules import TextFieldEmbedder
from allennlp.modules.text_field_embedders import BasicTextFieldEmbedder
from allennlp.modules.token_embedders import Embedding
from conftest import TINY_ENCODER
from transformers import (
    AutoModel,
    AutoTokenizer,
    BertConfig,
    DistilBertConfig,
    ElectraConfig,
    PreTrainedModel,
    RobertaConfig,
    XLMRobertaConfig,
)

from lowresource_ner.data.token_indexers.subwords import SubwordIndexer, encode_words
from lowresource_ner.modules import SubwordTransformer
from lowresource_ner.modules.encoder_parameters import ParameterGenerator, TaskAndDomain
from lowresource_ner.modules.transformer_adapters import TransformerAdapters

HIDDEN, BOTTLENECK = 16, 3
SIZES = {
    "vocab_size": 2000,
    "hidden_size": HIDDEN,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}
KINDS = {
    "bert": BertConfig(**SIZES),
    "roberta": RobertaConfig(**SIZES),
    "xlm-roberta": XLMRobertaConfig(**SIZES),
    "distilbert": DistilBertConfig(
        vocab_size=2000, dim=HIDDEN, n_layers=3, n_heads=2, hidden_dim=24, max_position_embeddings=64
    ),
}
SENTENCES = [["Lionel", "Messi", "nació", "en", "Rosario", "."], ["Zürich"], ["the"] * 150]


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Dict[str, Path]:
    """An encoder of each kind, with random weights."""
    made = {}
    for kind, config in KINDS.items():
        made[kind] = tmp_path_factory.mktemp(kind)
        torch.manual_seed(2)
        AutoModel.from_config(config).save_pretrained(made[kind])
        AutoTokenizer.from_pretrained(TINY_ENCODER).save_pretrained(made[kind])
    return made


def embedder_of(folder: Path) -> TextFieldEmbedder:
    """In float64 and without dropout, so that what is compared is equal to 10 digits."""
    transformer = SubwordTransformer(str(folder), max_length=40)
    return BasicTextFieldEmbedder({"encoder": transformer}).double().eval()


def tokens_of(folder: Path) -> Any:
    indexers = {"encoder": SubwordIndexer(str(folder))}
    batch = Batch([Instance({"tokens": TextField(words, indexers)}) for words in encode_words(SENTENCES, indexers)])
    batch.index_instances(Vocabulary())
    return batch.as_tensor_dict()["tokens"]


def random_theta(adapters: TransformerAdapters) -> torch.Tensor:
    torch.manual_seed(4)
    return 0.3 * torch.randn(adapters.num_parameters, dtype=torch.float64)


class Bottleneck(torch.nn.Module):
    """An adapter of torch's own layers."""

    def __init__(self, numbers: torch.Tensor) -> None:
        super().__init__()
        layers = [torch.nn.Linear(HIDDEN, BOTTLENECK), torch.nn.GELU(), torch.nn.Linear(BOTTLENECK, HIDDEN)]
        self.layers = torch.nn.Sequential(*layers).double()
        torch.nn.utils.vector_to_parameters(numbers, self.layers.parameters())

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden + self.layers(hidden)


def with_bottlenecks(transformer: PreTrainedModel, theta: torch.Tensor, num_layers: int) -> None:
    """Puts bottlenecks after attention and the feed-forward part of the top layers, by layers that are written out here."""
    size = 2 * HIDDEN * BOTTLENECK + HIDDEN + BOTTLENECK
    bottlenecks = [Bottleneck(numbers) for numbers in theta.split(size)]
    assert len(bottlenecks) == 2 * num_layers
    is_distilbert = transformer.config.model_type == "distilbert"
    stack = transformer.transformer.layer if is_distilbert else transformer.encoder.layer
    for number in range(num_layers):
        place = len(stack) - num_layers + number
        written_out = DistilBertLayer if is_distilbert else BertLayer
        stack[place] = written_out(stack[place], *bottlenecks[2 * number : 2 * number + 2])


class BertLayer(torch.nn.Module):
    """A layer of BERT or RoBERTa: attention, bottleneck, residual and norm; feed-forward, bottleneck, residual and norm."""

    def __init__(self, layer: Any, first: Bottleneck, second: Bottleneck) -> None:
        super().__init__()
        self.layer, self.first, self.second = layer, first, second

    def forward(self, hidden: torch.Tensor, attention_mask: torch.Tensor, *others: Any, **named: Any) -> tuple:
        attention, output = self.layer.attention, self.layer.output
        attended = attention.output.dense(attention.self(hidden, attention_mask)[0])
        hidden = attention.output.LayerNorm(self.first(attended) + hidden)
        widened = torch.nn.functional.gelu(self.layer.intermediate.dense(hidden))
        return (output.LayerNorm(self.second(output.dense(widened)) + hidden),)


class DistilBertLayer(torch.nn.Module):
    """The same of DistilBERT."""

    def __init__(self, layer: Any, first: Bottleneck, second: Bottleneck) -> None:
        super().__init__()
        self.layer, self.first, self.second = layer, first, second

    def forward(self, x: torch.Tensor, attn_mask: torch.Tensor, *others: Any, **named: Any) -> tuple:
        (attended,) = self.layer.attention(query=x, key=x, value=x, mask=attn_mask)
        hidden = self.layer.sa_layer_norm(self.first(attended) + x)
        widened = torch.nn.functional.gelu(self.layer.ffn.lin1(hidden))
        return (self.layer.output_layer_norm(self.second(self.layer.ffn.lin2(widened)) + hidden),)


def words(vectors: torch.Tensor) -> List[torch.Tensor]:
    return [row[: len(sentence)] for row, sentence in zip(vectors, SENTENCES)]


def assert_equal(found: torch.Tensor, expected: torch.Tensor) -> None:
    for one, other in zip(words(found), words(expected)):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


@torch.no_grad()
@pytest.mark.parametrize("num_layers", [None, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_states_equal_those_of_layers_with_explicit_bottlenecks(kind, num_layers, folders) -> None:
    """The last sentence is read in several windows."""
    embedder, tokens = embedder_of(folders[kind]), tokens_of(folders[kind])
    adapters = TransformerAdapters(embedder, BOTTLENECK, num_layers)
    theta = random_theta(adapters)
    with adapters.inserted(embedder, theta):
        found = embedder(tokens)
    by_hand = copy.deepcopy(embedder)
    with_bottlenecks(by_hand.token_embedder_encoder.transformer, theta, num_layers or 3)
    assert_equal(found, by_hand(tokens))
    plain = embedder(tokens)
    assert all((one - other).abs().max() > 1e-2 for one, other in zip(words(found), words(plain)))


@torch.no_grad()
def test_adapters_are_removed_after_the_call_even_if_it_fails(folders) -> None:
    embedder, tokens = embedder_of(folders["bert"]), tokens_of(folders["bert"])
    adapters = TransformerAdapters(embedder, BOTTLENECK)
    plain = embedder(tokens)
    with pytest.raises(ZeroDivisionError), adapters.inserted(embedder, random_theta(adapters)):
        raise ZeroDivisionError
    assert torch.equal(embedder(tokens), plain)
    assert list(adapters.parameters()) == [] and list(adapters.children()) == []


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_generated_adapters_begin_as_the_identity(kind, folders) -> None:
    embedder, tokens = embedder_of(folders[kind]), tokens_of(folders[kind])
    adapters = TransformerAdapters(embedder, BOTTLENECK)
    generator = ParameterGenerator(
        ["ner", "lm"], ["a", "b"], adapters.num_parameters, HIDDEN, initial_scales=adapters.initial_scales
    ).double()
    for task in generator.tasks:
        theta = generator(TaskAndDomain(task, "b"))
        with adapters.inserted(embedder, theta):
            assert torch.equal(embedder(tokens), embedder_of(folders[kind])(tokens))
        for weights in adapters.weights(theta):
            assert weights.down.ne(0).all()
            assert not any(weight.any() for weight in (weights.down_bias, weights.up, weights.up_bias))


def test_every_parameter_has_a_gradient(folders) -> None:
    embedder, tokens = embedder_of(folders["bert"]), tokens_of(folders["bert"])
    adapters = TransformerAdapters(embedder, BOTTLENECK)
    theta = random_theta(adapters).requires_grad_()
    with adapters.inserted(embedder, theta):
        vectors = embedder(tokens)
    (vectors[0, : len(SENTENCES[0])] * torch.linspace(-1, 2, HIDDEN, dtype=torch.float64) ** 2).sum().backward()
    assert theta.grad.ne(0).all()


def test_an_unknown_encoder_type_is_refused(tmp_path) -> None:
    AutoModel.from_config(ElectraConfig(**SIZES, embedding_size=HIDDEN)).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(TINY_ENCODER).save_pretrained(tmp_path)
    message = "type 'electra'. Adapters are available for bert, roberta, xlm-roberta, distilbert"
    with pytest.raises(ConfigurationError, match=message):
        TransformerAdapters(embedder_of(tmp_path))


@pytest.mark.parametrize("options", [{"num_layers": 0}, {"num_layers": 4}, {"bottleneck_size": 0}])
def test_impossible_sizes_are_refused(options, folders) -> None:
    with pytest.raises(ConfigurationError, match="'num_layers' .* from 1 to 3.*'bottleneck_size' .* at least 1"):
        TransformerAdapters(embedder_of(folders["bert"]), **options)


def test_other_embedders_are_refused(folders) -> None:
    embedding = Embedding(embedding_dim=2, num_embeddings=5)
    alone = BasicTextFieldEmbedder({"words": embedding})
    beside = BasicTextFieldEmbedder({"words": embedding, "encoder": SubwordTransformer(str(folders["bert"]))})
    for embedder, found in ((alone, "Embedding"), (beside, "Embedding, SubwordTransformer")):
        with pytest.raises(ConfigurationError, match=f"Adapters need .* 'subword_transformer'; it has {found}"):
            TransformerAdapters(embedder)
