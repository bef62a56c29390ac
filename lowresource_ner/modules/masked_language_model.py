"""A masked language model: hides sub-words, and predicts them from an encoder's states."""

from typing import Dict, NamedTuple, Tuple

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import TextFieldTensors
from allennlp.modules import TextFieldEmbedder
from torch.nn.functional import cross_entropy, linear

from lowresource_ner.modules.subword_transformer import only_transformer

_PERIOD = 7
"""In evaluation every seventh sub-word is hidden: about the 15 % of training, but the same ones each time."""


class HiddenSubwords(NamedTuple):
    """
    A batch in which sub-words are hidden.

    `tokens` : as the indexer `subwords` gives them, but each sub-word is a word, so that an embedder gives a vector for each.
    `hidden` : (batch_size, num_subwords), True where a sub-word is to be predicted.
    `targets` : (batch_size, num_subwords), the sub-words as they were.
    """

    tokens: TextFieldTensors
    hidden: torch.Tensor
    targets: torch.Tensor


class MaskedLanguageModel(torch.nn.Module):
    """
    Hides sub-words from an encoder and predicts them from its states (Devlin et al. 2019, arXiv:1810.04805, section 3.1): a
    linear layer, gelu, layer norm, and a softmax whose weights are the encoder's embeddings of sub-words. An encoder that was
    pretrained with such a head, of the BERT, RoBERTa or DistilBERT kind, brings the weights of its own, if the sizes fit.

    In training a share of the sub-words is drawn by torch's generator; of these 80 % become the mask token, 10 % a random one,
    and 10 % stay. In evaluation every seventh sub-word becomes the mask token, counted from another one in each sentence, so
    that neither chance nor the other sentences of the batch play a part.

    # Parameters

    embedder : `TextFieldEmbedder`
        A `subword_transformer` alone.
    input_dim : `int`
        Of the states.
    mask_share : `float`, optional (default = `0.15`)

    # Raises

    `ConfigurationError`
        Where the embedder is another one, its tokenizer has no mask token, or the share is not above 0 and below 1.
    """

    def __init__(self, embedder: TextFieldEmbedder, input_dim: int, mask_share: float = 0.15) -> None:
        super().__init__()
        encoder = only_transformer(embedder, "Masked language models")
        mask_id = encoder.mask_id
        if mask_id is None:
            raise ConfigurationError(
                "The encoder's tokenizer has no mask token, and the masked language model needs one. Take an encoder that has."
            )
        if not 0 < mask_share < 1:
            raise ConfigurationError(f"'mask_share' is {mask_share}; it is above 0 and below 1.")
        self._mask_id: int = mask_id
        self._mask_share = mask_share
        embeddings = encoder.transformer.get_input_embeddings()
        self._num_subwords, dim = embeddings.weight.shape
        self.dense = torch.nn.Linear(input_dim, dim)
        # A module and no function: AllenNLP refuses to train what looks like a bias right before a norm.
        self.activation = torch.nn.GELU()
        self.norm = torch.nn.LayerNorm(dim, eps=getattr(encoder.transformer.config, "layer_norm_eps", 1e-12))
        self.bias = torch.nn.Parameter(torch.zeros(self._num_subwords))
        # In a tuple, so that the embeddings are a part of the embedder alone and are saved once.
        self._embeddings = (embeddings,)
        self._begin_from(encoder.masked_head_weights())

    def hide(self, tokens: TextFieldTensors) -> HiddenSubwords:
        """Hides sub-words of a batch, given as by the indexer `subwords`."""
        ((name, tensors),) = tokens.items()
        token_ids, present = tensors["token_ids"], tensors["subword_mask"]
        hidden, replaced = self._draw(token_ids, present) if self.training else self._every_seventh(token_ids, present)
        positions = torch.arange(token_ids.size(1), device=token_ids.device).expand_as(token_ids)
        as_words = {"token_ids": replaced, "subword_mask": present, "word_starts": positions, "mask": present}
        return HiddenSubwords({name: as_words}, hidden, token_ids)

    def forward(self, states: torch.Tensor, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """
        # Parameters

        states : `torch.Tensor`
            (batch_size, num_subwords, input_dim)
        hidden, targets : `torch.Tensor`
            (batch_size, num_subwords), as `hide` gives them.

        # Returns

        `torch.Tensor` : - log p of the hidden sub-words, summed.
        """
        vectors = self.norm(self.activation(self.dense(states[hidden])))  # (num_hidden, dim)
        logits = linear(vectors, self._embeddings[0].weight, self.bias)  # (num_hidden, vocabulary_size)
        return cross_entropy(logits, targets[hidden], reduction="sum")

    def _draw(self, token_ids: torch.Tensor, present: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        draws = torch.rand(token_ids.shape, device=token_ids.device) / self._mask_share
        others = torch.randint(self._num_subwords, token_ids.shape, device=token_ids.device)
        replaced = torch.where(present & (draws < 0.9), others, token_ids)
        return present & (draws < 1), replaced.masked_fill(present & (draws < 0.8), self._mask_id)

    def _every_seventh(self, token_ids: torch.Tensor, present: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        first = (token_ids * present).sum(dim=1, keepdim=True) % _PERIOD
        positions = torch.arange(token_ids.size(1), device=token_ids.device)
        hidden = present & (positions % _PERIOD == first)
        return hidden, token_ids.masked_fill(hidden, self._mask_id)

    def _begin_from(self, weights: Dict[str, torch.Tensor]) -> None:
        own = self.state_dict()
        if weights and all(weights[name].shape == own[name].shape for name in own):
            self.load_state_dict(weights)
