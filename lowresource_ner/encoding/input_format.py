"""The input format of an encoder: its special tokens, padding and maximum length."""

from dataclasses import dataclass
from typing import List, Tuple

import torch
from allennlp.common.checks import ConfigurationError
from transformers import PretrainedConfig, PreTrainedTokenizerFast

from lowresource_ner.encoding.positions import number_of_positions

# The maximum length for encoders that can read any number of sub-words.
_WITHOUT_LIMIT = 512


@dataclass(frozen=True)
class InputFormat:
    """
    The input that an encoder expects. Make one with `InputFormat.from_tokenizer`.

    # Parameters

    name : `str`
        What the user calls the encoder, for messages.
    prefix, suffix : `List[int]`
        The ids of the special tokens before and after a sentence.
    pad_id : `int`
    max_length : `int`
        The greatest number of sub-words, special tokens included, that the encoder reads at once.
    has_limit : `bool`, optional (default = `True`)
        Whether the encoder's config sets that limit; False for relative positions, which are unlimited.
    as_trained : `bool`, optional (default = `False`)
        True for a model that has been trained on some task with this tokenizer: tokens that were added to it later, and for which
        the model has no vectors, are allowed, as they do no harm unless a text contains them.
    """

    name: str
    prefix: List[int]
    suffix: List[int]
    pad_id: int
    max_length: int
    has_limit: bool = True
    as_trained: bool = False

    @classmethod
    def from_tokenizer(
        cls, name: str, tokenizer: PreTrainedTokenizerFast, config: PretrainedConfig, as_trained: bool = False
    ) -> "InputFormat":
        """
        The input format of an encoder with this tokenizer and config.

        # Raises

        `ConfigurationError`
            If the tokenizer splits a word into no sub-words at all.
        """
        encoding = tokenizer(["a"], is_split_into_words=True, return_special_tokens_mask=True)
        ids, special = encoding["input_ids"], encoding["special_tokens_mask"]
        if 0 not in special:
            raise ConfigurationError(
                f"The tokenizer of encoder '{name}' returns nothing for the word 'a', not even an unknown token: it cannot "
                "read text, or its files are damaged. Save it again from its model, or take another encoder."
            )
        first, last = special.index(0), len(special) - special[::-1].index(0)
        num_positions = number_of_positions(name, config)
        return cls(
            name,
            ids[:first],
            ids[last:],
            config.pad_token_id or 0,
            min(num_positions or _WITHOUT_LIMIT, tokenizer.model_max_length),
            num_positions is not None,
            as_trained,
        )

    @property
    def num_special_tokens(self) -> int:
        """How many special tokens there are around a sentence."""
        return len(self.prefix) + len(self.suffix)

    def with_special_tokens(self, token_ids: torch.Tensor, lengths: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """
        Adds the special tokens around each row's sub-words.

        # Parameters

        token_ids : `torch.Tensor`
            (num_rows, num_subwords) ids; those after a row's length are ignored.
        lengths : `torch.Tensor`
            (num_rows,) sub-words of each row.

        # Returns

        `Tuple[torch.Tensor, torch.Tensor]`
            The ids and the attention mask (1 and 0), both (num_rows, num_subwords + num_special_tokens).
        """
        num_rows, width = token_ids.shape
        prefix, suffix = len(self.prefix), len(self.suffix)
        positions = torch.arange(prefix + width + suffix, device=token_ids.device)
        ends = (lengths + prefix).unsqueeze(1)  # the column after each row's last sub-word
        padded = token_ids.new_full((num_rows, prefix + width + suffix), self.pad_id)
        padded[:, prefix : prefix + width] = token_ids
        padded = padded.masked_fill(positions >= ends, self.pad_id)
        padded[:, :prefix] = token_ids.new_tensor(self.prefix)
        padded.scatter_(
            1,
            ends + torch.arange(suffix, device=token_ids.device),
            token_ids.new_tensor(self.suffix).expand(num_rows, suffix),
        )
        return padded, (positions < ends + suffix).long()
