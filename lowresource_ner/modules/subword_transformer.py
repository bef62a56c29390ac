"""Word vectors from a transformer: the vector of a word's first sub-word stands for the word."""

from contextlib import nullcontext
from typing import Iterator, Optional

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.modules.token_embedders import TokenEmbedder
from transformers import PreTrainedModel

from lowresource_ner.encoding.encoder_files import EncoderFiles
from lowresource_ner.encoding.windows import choose_windows, cut_windows

_SUBWORDS_AT_ONCE = 8192


@TokenEmbedder.register("subword_transformer")
class SubwordTransformer(TokenEmbedder):
    """
    Embeds words with any Hugging Face encoder, as Wu et al. (2020, section 3.1) do: h = encoder(x), and the first sub-word of
    a word stands for it. Its indexer is `subwords`, with the same `model_name`.

    A sentence of more sub-words than `max_length` is read in overlapping windows, and each word is taken from the window in
    which it has most context. (The released code drops what exceeds 128 sub-words.)

    Registered as a `TokenEmbedder` with name "subword_transformer".

    # Parameters

    model_name : `str`
        Hub name, local folder, or archive of this package; see `EncoderFiles`.
    load_weights : `bool`, optional (default = `True`)
        False to begin from random weights.
    max_length : `Optional[int]`, optional (default = what the encoder can read, 512 for BERT)
        Sub-words in a window, special tokens included. The paper has 128.
    window_overlap : `Optional[int]`, optional (default = a quarter of a window)
        Sub-words that neighbouring windows share at least.
    num_frozen_layers : `Optional[int]`, optional (default = `None`)
        None trains everything. 0 freezes the embeddings; n freezes the embeddings and the bottom n layers (the paper has 3).
        Frozen weights have no gradient and no optimizer state, and nothing is propagated back below them.
    bfloat16 : `bool`, optional (default = `False`)
        Compute the transformer in bfloat16 (torch's autocast), on GPUs and CPUs that are made for it; weights, gradients and
        vectors stay in float32. On others it is slower. It needs no loss scaling, unlike the trainer's `use_amp` (float16).
    serialization_dir : `Optional[str]`
        Given by AllenNLP: the run or the archive in which the encoder's config is kept.

    # Raises

    `ConfigurationError`
        Where the encoder cannot be found, cannot read `max_length` sub-words or words in a batch with padding, or has not so many
        layers to freeze.
    """

    def __init__(
        self,
        model_name: str,
        load_weights: bool = True,
        max_length: Optional[int] = None,
        window_overlap: Optional[int] = None,
        num_frozen_layers: Optional[int] = None,
        bfloat16: bool = False,
        serialization_dir: Optional[str] = None,
    ) -> None:
        super().__init__()
        files = EncoderFiles(model_name, serialization_dir)
        self._prefix, self._suffix = files.special_tokens()
        self._window_size, self._overlap = files.window(max_length, window_overlap)
        self._bfloat16 = bfloat16
        self._pad_id = files.config().pad_token_id or 0
        self.transformer = files.model(load_weights)
        files.check(self.transformer, self._window_size, getattr(files.config(), "hidden_size", None))
        if num_frozen_layers is not None:
            for parameter in _bottom_parameters(self.transformer, num_frozen_layers, model_name):
                parameter.requires_grad_(False)

    def get_output_dim(self) -> int:
        return self.transformer.config.hidden_size

    def forward(
        self, token_ids: torch.Tensor, subword_mask: torch.Tensor, word_starts: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """
        # Parameters

        token_ids : `torch.Tensor`
            (batch_size, num_subwords) ids, without special tokens.
        subword_mask : `torch.BoolTensor`
            (batch_size, num_subwords) True for sub-words.
        word_starts : `torch.Tensor`
            (batch_size, num_words) positions of the words' first sub-words.
        mask : `torch.BoolTensor`
            (batch_size, num_words) True for words; what is returned for other positions means nothing.

        # Returns

        `torch.Tensor` : (batch_size, num_words, hidden_size)
        """
        lengths = subword_mask.sum(dim=1)
        if token_ids.size(1) <= self._window_size:
            hidden = self._encode(token_ids, lengths)
            columns = word_starts + len(self._prefix)
            return hidden.gather(1, columns.unsqueeze(-1).expand(-1, -1, hidden.size(-1)))
        return self._encode_in_windows(token_ids, lengths, word_starts)

    def _encode_in_windows(
        self, token_ids: torch.Tensor, lengths: torch.Tensor, word_starts: torch.Tensor
    ) -> torch.Tensor:
        windows = cut_windows(lengths.tolist(), self._window_size, self._overlap)
        rows, starts, stops = token_ids.new_tensor(windows).unbind(dim=1)  # each (num_windows,)
        columns = starts.unsqueeze(1) + torch.arange(self._window_size, device=token_ids.device)
        pieces = token_ids[rows.unsqueeze(1), columns.clamp(max=token_ids.size(1) - 1)]  # (num_windows, window_size)
        # A long document is many windows: out of training they need not be in memory all at once.
        at_once = len(windows) if self.training else max(1, _SUBWORDS_AT_ONCE // self._window_size)
        parts = zip(pieces.split(at_once), (stops - starts).split(at_once))
        hidden = torch.cat(
            [self._encode(*part) for part in parts]
        )  # (num_windows, window_size + specials, hidden_size)
        chosen = choose_windows(windows, lengths.cpu(), word_starts.cpu()).to(
            word_starts.device
        )  # (batch_size, num_words)
        return hidden[chosen, word_starts - starts[chosen] + len(self._prefix)]

    def _encode(self, pieces: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(num_rows, num_subwords) pieces -> (num_rows, len(prefix) + num_subwords + len(suffix), hidden_size)."""
        num_rows, width = pieces.shape
        prefix, suffix = len(self._prefix), len(self._suffix)
        positions = torch.arange(prefix + width + suffix, device=pieces.device)
        ends = (lengths + prefix).unsqueeze(1)  # the column after each row's last sub-word
        with_specials = pieces.new_full((num_rows, prefix + width + suffix), self._pad_id)
        with_specials[:, prefix : prefix + width] = pieces
        with_specials = with_specials.masked_fill(positions >= ends, self._pad_id)
        with_specials[:, :prefix] = pieces.new_tensor(self._prefix)
        with_specials.scatter_(
            1,
            ends + torch.arange(suffix, device=pieces.device),
            pieces.new_tensor(self._suffix).expand(num_rows, suffix),
        )
        attention_mask = positions < ends + suffix
        precision = torch.autocast(pieces.device.type, torch.bfloat16) if self._bfloat16 else nullcontext()
        with precision:
            hidden = self.transformer(input_ids=with_specials, attention_mask=attention_mask.long()).last_hidden_state
        return hidden.float() if self._bfloat16 else hidden


def _bottom_parameters(transformer: PreTrainedModel, num_layers: int, model_name: str) -> Iterator[torch.nn.Parameter]:
    """The parameters of the embeddings and of the bottom `num_layers` layers."""
    total = transformer.config.num_hidden_layers
    stacks = [
        (name, module)
        for name, module in transformer.named_modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == total
    ]
    if len(stacks) != 1 or not 0 <= num_layers <= total:
        raise ConfigurationError(
            f"'num_frozen_layers' is {num_layers}, and encoder '{model_name}' has {total} layers"
            + (", which are not one stack of their own and cannot be frozen singly." if len(stacks) != 1 else ".")
            + " Give a number from 0 (only the embeddings) to the number of layers, or null to freeze nothing."
        )
    stack = stacks[0][0] + "."
    for name, parameter in transformer.named_parameters():
        if name.startswith(stack):
            if int(name[len(stack) :].split(".", 1)[0]) < num_layers:
                yield parameter
        elif "embed" in name:
            yield parameter
