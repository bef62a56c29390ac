"""A masked language model, which hides sub-words and predicts them from an encoder's states."""

from typing import Dict, NamedTuple, Tuple

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import TextFieldTensors
from allennlp.modules import TextFieldEmbedder
from torch.nn.functional import cross_entropy, linear

from lowresource_ner.modules.subword_transformer import only_transformer

_PERIOD = 7
"""In evaluation every seventh sub-word is hidden, which is close to the 15 % of training."""


class HiddenSubwords(NamedTuple):
    """
    A batch with hidden sub-words.

    # Parameters

    tokens : `TextFieldTensors`
        As from the indexer `subwords`, but with each sub-word as a word, so that the embedder returns a vector for each.
    hidden : `torch.Tensor`
        True for the sub-words to predict, (batch_size, num_subwords).
    targets : `torch.Tensor`
        The original sub-words, (batch_size, num_subwords).
    """

    tokens: TextFieldTensors
    hidden: torch.Tensor
    targets: torch.Tensor


class MaskedLanguageModel(torch.nn.Module):
    """
    Hides sub-words from an encoder and predicts them from its states (Devlin et al. 2019, arXiv:1810.04805, section 3.1): a
    linear layer, gelu, layer norm, and a softmax whose weights are the encoder's sub-word embeddings. If the encoder is BERT,
    RoBERTa or DistilBERT, and was pretrained with such a head, it is initialised with its weights.

    In training, sub-words are chosen at random; 80 % of them are replaced by the mask token, 10 % by a random token, and 10 % are
    left as they are. In evaluation, every seventh sub-word is replaced by the mask token, from a position that depends on the
    sentence, so that the result is deterministic and does not depend on the other sentences of the batch.

    # Parameters

    embedder : `TextFieldEmbedder`
        A single `subword_transformer`.
    input_dim : `int`
        The size of the states.
    mask_share : `float`, optional (default = `0.15`)
        The share of sub-words to hide in training.

    # Raises

    `ConfigurationError`
        If the embedder is another one, its tokenizer has no mask token, or the share is not between 0 and 1.
    """

    def __init__(self, embedder: TextFieldEmbedder, input_dim: int, mask_share: float = 0.15) -> None:
        super().__init__()
        encoder = only_transformer(embedder, "Masked language models")
        mask_id = encoder.mask_id
        if mask_id is None:
            raise ConfigurationError(
                "The encoder's tokenizer has no mask token, which masked language models need. Choose another encoder."
            )
        if not 0 < mask_share < 1:
            raise ConfigurationError(f"'mask_share' is {mask_share}, and must be between 0 and 1.")
        self._mask_id: int = mask_id
        self._mask_share = mask_share
        embeddings = encoder.transformer.get_input_embeddings()
        self._num_subwords, dim = embeddings.weight.shape
        self.dense = torch.nn.Linear(input_dim, dim)
        # A module rather than a function, since AllenNLP refuses to train a bias directly before a norm.
        self.activation = torch.nn.GELU()
        self.norm = torch.nn.LayerNorm(dim, eps=getattr(encoder.transformer.config, "layer_norm_eps", 1e-12))
        self.bias = torch.nn.Parameter(torch.zeros(self._num_subwords))
        # In a tuple, so that the embeddings are not a submodule of this one and are saved only once.
        self._embeddings = (embeddings,)
        self._initialise(encoder.masked_head_weights())

    def hide(self, tokens: TextFieldTensors) -> HiddenSubwords:
        """Hides sub-words of a batch from the indexer `subwords`."""
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
            (batch_size, num_subwords), from `hide`.

        # Returns

        `torch.Tensor` : scalar, the summed negative log-likelihood of the hidden sub-words.
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

    def _initialise(self, weights: Dict[str, torch.Tensor]) -> None:
        own = self.state_dict()
        if weights and all(weights[name].shape == own[name].shape for name in own):
            self.load_state_dict(weights)
