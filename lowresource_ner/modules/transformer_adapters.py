"""Adapters in the layers of a transformer, whose weights are an input."""

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
    """The names of an encoder's list of layers, and of the submodules of a layer whose outputs the adapters transform."""

    layers: str
    parts: Tuple[str, ...]


# The outputs of attention and of the feed-forward network, before the residual connection.
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
    Each layer has two, one after attention and one after the feed-forward network, before the residual connection:

        adapter(h) = h + up · gelu(down · h + down_bias) + up_bias

    An adapter is initialised as the identity: `down` like the weights of a linear layer, and everything else to zero. The paper
    also trains layer norms for each task; here they are shared.

    The transformer is an argument of the methods, and not a submodule. It must be BERT, RoBERTa, XLM-R or DistilBERT.

    # Parameters

    embedder : `TextFieldEmbedder`
        A single `subword_transformer`. Passed by the model.
    bottleneck_size : `int`, optional (default = `16`)
    num_layers : `Optional[int]`, optional (default = `None`)
        The number of layers with adapters, counted from the top. None for all.

    # Raises

    `ConfigurationError`
        If the embedder is another one, the transformer is of another type or has fewer layers, or a size is below 1.
    """

    def __init__(
        self, embedder: TextFieldEmbedder, bottleneck_size: int = 16, num_layers: Optional[int] = None
    ) -> None:
        super().__init__()
        config = only_transformer(embedder, "Adapters").transformer.config
        if config.model_type not in _PLACES:
            raise ConfigurationError(
                f"The encoder is of type '{config.model_type}'. Adapters are available for {', '.join(_PLACES)}: choose an "
                "encoder of one of these types."
            )
        self._num_layers: int = config.num_hidden_layers if num_layers is None else num_layers
        if not 1 <= self._num_layers <= config.num_hidden_layers or bottleneck_size < 1:
            raise ConfigurationError(
                f"'num_layers' of the adapters is {num_layers}, and must be from 1 to {config.num_hidden_layers}, the number of "
                f"the encoder's layers, or null for all. 'bottleneck_size' is {bottleneck_size}, and must be at least 1."
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
        """The number of all weights and biases, which are ordered by adapters, the lowest first, and as in `AdapterWeights`."""
        return self._num_adapters * sum(self._sizes)

    @property
    def initial_scales(self) -> torch.Tensor:
        """1 for `down` and 0 for everything else, (num_parameters,); see `EncoderParameters`."""
        return torch.cat([torch.full((size,), float(part == 0)) for part, size in enumerate(self._sizes)]).repeat(
            self._num_adapters
        )

    def get_output_dim(self) -> int:
        return self.hidden_size

    def weights(self, parameters: torch.Tensor) -> List[AdapterWeights]:
        """Splits parameters, (num_parameters,), into the weights of each adapter, the lowest first."""
        return [
            AdapterWeights(*(piece.view(shape) for piece, shape in zip(row.split(self._sizes), self._shapes)))
            for row in parameters.view(self._num_adapters, -1)
        ]

    @contextlib.contextmanager
    def inserted(self, embedder: TextFieldEmbedder, parameters: torch.Tensor) -> Iterator[None]:
        """
        Inserts adapters with these weights into the transformer of `embedder` for the duration of the context.

        # Parameters

        embedder : `TextFieldEmbedder`
            The embedder that was passed to the constructor.
        parameters : `torch.Tensor`
            (num_parameters,)
        """
        parts = self._parts(only_transformer(embedder, "Adapters").transformer)
        with contextlib.ExitStack() as hooks:
            for part, weights in zip(parts, self.weights(parameters)):
                hooks.callback(part.register_forward_hook(_Adapter(weights)).remove)
            yield

    def _parts(self, transformer: PreTrainedModel) -> List[torch.nn.Module]:
        """Returns the submodules of the transformer whose outputs are transformed, from the lowest layer up."""
        places = _PLACES[transformer.config.model_type]
        layers = list(transformer.get_submodule(places.layers).children())[-self._num_layers :]
        return [layer.get_submodule(part) for layer in layers for part in places.parts]


class _Adapter:
    """A forward hook that applies an adapter to the output of a submodule of the transformer."""

    def __init__(self, weights: AdapterWeights) -> None:
        self._weights = weights

    def __call__(self, part: torch.nn.Module, arguments: Any, output: torch.Tensor) -> torch.Tensor:
        """(batch_size, num_subwords, hidden_size)"""
        down, down_bias, up, up_bias = self._weights
        return output + linear(gelu(linear(output, down, down_bias)), up, up_bias)
