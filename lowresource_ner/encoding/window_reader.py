"""Runs an encoder on sentences of any length, in overlapping windows if they are long."""

from typing import Callable, Optional

import torch
from allennlp.common.checks import ConfigurationError

from lowresource_ner.encoding.input_format import InputFormat
from lowresource_ner.encoding.windows import choose_windows, cut_windows

Run = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Runs a model: ids and attention mask, each (num_rows, width), to vectors (num_rows, width, dim)."""


class WindowReader:
    """
    Runs an encoder on the sub-words of sentences, and gives each word the vector of its first sub-word. A sentence of more
    sub-words than a window holds is read in overlapping windows, and each word is taken from the window in which it has most
    context.

    # Parameters

    input_format : `InputFormat`
    max_length : `Optional[int]`, optional (default = `None`)
        Sub-words in a window, special tokens included; `None` for as many as the encoder can read.
    overlap : `Optional[int]`, optional (default = `None`)
        Sub-words that neighbouring windows share at least; `None` for a quarter of a window.

    # Raises

    `ConfigurationError`
        If the encoder cannot read that many, or the overlap is not smaller than the window.
    """

    def __init__(
        self, input_format: InputFormat, max_length: Optional[int] = None, overlap: Optional[int] = None
    ) -> None:
        num_special, longest = input_format.num_special_tokens, input_format.max_length
        self.input_format = input_format
        self.size = (longest if max_length is None else max_length) - num_special
        """The sub-words in a window, special tokens not included."""
        if not 1 <= self.size <= longest - num_special:
            raise ConfigurationError(
                f"'max_length' is {max_length}; encoder '{input_format.name}' reads {num_special + 1} to {longest} sub-words at "
                "once, special tokens included. Longer sentences are cut into windows of that size, so nothing is lost."
            )
        self.overlap = self.size // 4 if overlap is None else overlap
        if not 0 <= self.overlap < self.size:
            raise ConfigurationError(
                f"'window_overlap' is {overlap}, and a window holds {self.size} sub-words beside the special tokens. Take a "
                "number from 0 to one less than that."
            )

    def read(
        self,
        run: Run,
        token_ids: torch.Tensor,
        subword_mask: torch.Tensor,
        word_starts: torch.Tensor,
        most_subwords: Optional[int] = None,
    ) -> torch.Tensor:
        """
        Runs a model on a batch, and returns the vectors of its words.

        # Parameters

        run : `Run`
            The model, whose vectors may be hidden states or logits.
        token_ids : `torch.Tensor`
            (batch_size, num_subwords) ids, without special tokens.
        subword_mask : `torch.BoolTensor`
            (batch_size, num_subwords) True for sub-words.
        word_starts : `torch.Tensor`
            (batch_size, num_words) positions of the words' first sub-words.
        most_subwords : `Optional[int]`
            The most sub-words of windows to run at once, at least one window; `None` to run all windows at once.

        # Returns

        `torch.Tensor` : (batch_size, num_words, dim) The rows of padding are undefined.
        """
        lengths = subword_mask.sum(dim=1)
        num_prefix = len(self.input_format.prefix)
        if token_ids.size(1) <= self.size:
            vectors = run(*self.input_format.with_special_tokens(token_ids, lengths))
            columns = word_starts + num_prefix
            return vectors.gather(1, columns.unsqueeze(-1).expand(-1, -1, vectors.size(-1)))
        windows = cut_windows(lengths.tolist(), self.size, self.overlap)
        rows, starts, stops = token_ids.new_tensor(windows).unbind(dim=1)  # each (num_windows,)
        columns = starts.unsqueeze(1) + torch.arange(self.size, device=token_ids.device)
        pieces = token_ids[rows.unsqueeze(1), columns.clamp(max=token_ids.size(1) - 1)]  # (num_windows, window_size)
        at_once = len(windows) if most_subwords is None else max(1, most_subwords // self.size)
        parts = zip(pieces.split(at_once), (stops - starts).split(at_once))
        vectors = torch.cat([run(*self.input_format.with_special_tokens(*part)) for part in parts])
        # `vectors` are (num_windows, window_size + num_special_tokens, dim), `chosen` (batch_size, num_words).
        chosen = choose_windows(windows, lengths.cpu(), word_starts.cpu()).to(word_starts.device)
        return vectors[chosen, word_starts - starts[chosen] + num_prefix]
