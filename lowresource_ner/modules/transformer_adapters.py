"""Adapters in the layers of a transformer, which get their weights with each call."""

import contextlib
from typing import Any, Iterator, List, NamedTuple, Optional, Tuple

import torch
from allennlp.common import FromParams
from allennlp.common.checks import ConfigurationError
from allennlp.modules import TextFieldEmbedder
from torch.nn.functional import gelu, linear
from transformers import PreTrainedModel

from lowresource_ner.modules.subword_transformer import only_transformer


class _Places(NamedTuple):
    """Where an encoder has its layers, and in each of them the parts whose outputs adapters change."""

    layers: str
    parts: Tuple[str, ...]


# The outputs of attention and of the feed-forward part, before they are added to what these parts have read.
_LIKE_BERT = _Places("encoder.layer", ("attention.output.dropout", "output.dropout"))
_PLACES = {
    "bert": _LIKE_BERT,
    "roberta": _LIKE_BERT,
    "xlm-roberta": _LIKE_BERT,
    "distilbert": _Places("transformer.layer", ("attention.out_lin", "ffn")),
}


class AdapterWeights(NamedTuple):
    """
    The weights of one adapter: `down` (bottleneck_size, hidden_size), `down_bias` (bottleneck_size,), `up` (hidden_size,
    bottleneck_size), `up_bias` (hidden_size,).
    """

    down: torch.Tensor
    down_bias: torch.Tensor
    up: torch.Tensor
    up_bias: torch.Tensor


class TransformerAdapters(torch.nn.Module, FromParams):
    """
    Adapters without weights of their own in the layers of a transformer (Houlsby et al. 2019, arXiv:1902.00751, section 2.1).
    Each layer has two, one after attention and one after the feed-forward part, before the residual connection:

        adapter(h) = h + up · gelu(down · h + down_bias) + up_bias

    An adapter begins as the identity: of θ, `down` begins as the weights of a linear layer do, and all else at zero. The paper
    also trains layer norms for each task; here they are the transformer's.

    The transformer is an argument of the calls, and no part of this module. It is of a kind whose layers are known: BERT,
    RoBERTa, XLM-R or DistilBERT.

    # Parameters

    embedder : `TextFieldEmbedder`
        A `subword_transformer` alone. Given by the model.
    bottleneck_size : `int`, optional (default = `16`)
    num_layers : `Optional[int]`, optional (default = `None`)
        How many layers have adapters, counted from the top. None for all.

    # Raises

    `ConfigurationError`
        Where the embedder is another one, the transformer is of another kind or has not so many layers, or a size is below 1.
    """

    def __init__(
        self, embedder: TextFieldEmbedder, bottleneck_size: int = 16, num_layers: Optional[int] = None
    ) -> None:
        super().__init__()
        config = only_transformer(embedder, "Adapters").transformer.config
        if config.model_type not in _PLACES:
            raise ConfigurationError(
                f"The encoder is of the kind '{config.model_type}', and adapters fit into {', '.join(_PLACES)}. Take an encoder "
                "of one of these kinds."
            )
        self._num_layers: int = config.num_hidden_layers if num_layers is None else num_layers
        if not 1 <= self._num_layers <= config.num_hidden_layers or bottleneck_size < 1:
            raise ConfigurationError(
                f"'num_layers' of the adapters is {num_layers}; it is from 1 to {config.num_hidden_layers}, the encoder's "
                f"layers, or null for all. 'bottleneck_size' is {bottleneck_size}; it is 1 or more."
            )
        hidden_size: int = config.hidden_size
        self.hidden_size = hidden_size
        self._num_adapters = self._num_layers * len(_PLACES[config.model_type].parts)
        # In the order of `AdapterWeights`.
        self._shapes = [
            (bottleneck_size, hidden_size),
            (bottleneck_size,),
            (hidden_size, bottleneck_size),
            (hidden_size,),
        ]
        self._sizes = [torch.Size(shape).numel() for shape in self._shapes]

    @property
    def num_parameters(self) -> int:
        """P, the number of all weights and biases: those of the lowest adapter first, each in the order of `AdapterWeights`."""
        return self._num_adapters * sum(self._sizes)

    @property
    def initial_scales(self) -> torch.Tensor:
        """(num_parameters,): see `EncoderParameters`. 1 for `down`, 0 for all else."""
        return torch.cat([torch.full((size,), float(part == 0)) for part, size in enumerate(self._sizes)]).repeat(
            self._num_adapters
        )

    def get_output_dim(self) -> int:
        return self.hidden_size

    def weights(self, parameters: torch.Tensor) -> List[AdapterWeights]:
        """θ, (num_parameters,), as the weights of each adapter, the lowest first."""
        return [
            AdapterWeights(*(piece.view(shape) for piece, shape in zip(row.split(self._sizes), self._shapes)))
            for row in parameters.view(self._num_adapters, -1)
        ]

    @contextlib.contextmanager
    def inserted(self, embedder: TextFieldEmbedder, parameters: torch.Tensor) -> Iterator[None]:
        """
        Within the context, the transformer of `embedder` has adapters with these weights.

        # Parameters

        embedder : `TextFieldEmbedder`
            The one that this module was made for.
        parameters : `torch.Tensor`
            (num_parameters,)
        """
        parts = self._parts(only_transformer(embedder, "Adapters").transformer)
        with contextlib.ExitStack() as hooks:
            for part, weights in zip(parts, self.weights(parameters)):
                hooks.callback(part.register_forward_hook(_Adapter(weights)).remove)
            yield

    def _parts(self, transformer: PreTrainedModel) -> List[torch.nn.Module]:
        """The parts of the transformer whose outputs are changed, from the lowest layer up."""
        places = _PLACES[transformer.config.model_type]
        layers = list(transformer.get_submodule(places.layers).children())[-self._num_layers :]
        return [layer.get_submodule(part) for layer in layers for part in places.parts]


class _Adapter:
    """Applies an adapter to the output of a part of the transformer, as the part's forward hook."""

    def __init__(self, weights: AdapterWeights) -> None:
        self._weights = weights

    def __call__(self, part: torch.nn.Module, arguments: Any, output: torch.Tensor) -> torch.Tensor:
        """(batch_size, num_subwords, hidden_size)"""
        down, down_bias, up, up_bias = self._weights
        return output + linear(gelu(linear(output, down, down_bias)), up, up_bias)
