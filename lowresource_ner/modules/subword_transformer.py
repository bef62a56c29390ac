"""Embeds words with a transformer."""

from typing import Dict, Iterator, Optional

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.modules import TextFieldEmbedder
from allennlp.modules.token_embedders import TokenEmbedder
from transformers import PreTrainedModel

from lowresource_ner.encoding.encoder_files import EncoderFiles
from lowresource_ner.encoding.window_reader import WindowReader

# In evaluation, the windows of a long document are not all processed at once, to save memory.
_SUBWORDS_AT_ONCE = 8192


@TokenEmbedder.register("subword_transformer")
class SubwordTransformer(TokenEmbedder):
    """
    Embeds words with any Hugging Face encoder. The vector of a word is that of its first sub-word (Wu et al. 2020,
    arXiv:2004.12440, section 3.1). Use it with the indexer `subwords` and the same `model_name`.

    Sentences of more than `max_length` sub-words are read in overlapping windows; see `WindowReader`. (The released code
    truncates them.)

    Registered as a `TokenEmbedder` with name "subword_transformer".

    # Parameters

    model_name : `str`
        Hub name, local folder, or archive of this package; see `EncoderFiles`.
    load_weights : `bool`, optional (default = `True`)
        False to start from random weights.
    max_length : `Optional[int]`, optional (default = the encoder's maximum, 512 for BERT)
        Sub-words per window, including special tokens; 128 in the paper.
    window_overlap : `Optional[int]`, optional (default = a quarter of a window)
        The least number of sub-words that neighbouring windows share.
    num_frozen_layers : `Optional[int]`, optional (default = `None`)
        `None` trains everything, 0 freezes the embeddings, n freezes the embeddings and the bottom n layers (3 in the paper).
    bfloat16 : `bool`, optional (default = `False`)
        Run the transformer in bfloat16 (torch's autocast); weights, gradients and vectors stay in float32. Faster only on GPUs
        and CPUs with bfloat16 arithmetic. Needs no loss scaling, unlike the trainer's `use_amp` (float16).
    serialization_dir : `Optional[str]`
        Passed by AllenNLP: the folder of the run or archive that holds the encoder's config.

    # Raises

    `ConfigurationError`
        If the encoder cannot be found, cannot read `max_length` sub-words or batches with padding, or has fewer layers than are
        to be frozen.
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
        self._files = files if load_weights else None
        self.mask_id: Optional[int] = files.tokenizer().mask_token_id
        """The id of the mask token, if the encoder has one."""
        self._windows = WindowReader(files.input_format, max_length, window_overlap)
        self._bfloat16 = bfloat16
        self.transformer = files.model(load_weights)
        files.check(self.transformer, max_length, getattr(files.config(), "hidden_size", None))
        if num_frozen_layers is not None:
            for parameter in _bottom_parameters(self.transformer, num_frozen_layers, model_name):
                parameter.requires_grad_(False)

    def masked_head_weights(self) -> Dict[str, torch.Tensor]:
        """Those of `EncoderFiles`; empty where the encoder began from random weights."""
        return {} if self._files is None else self._files.masked_head_weights()

    def get_output_dim(self) -> int:
        return self.transformer.config.hidden_size

    def forward(
        self, token_ids: torch.Tensor, subword_mask: torch.Tensor, word_starts: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """
        # Parameters

        token_ids : `torch.Tensor`
            (batch_size, num_subwords), without special tokens.
        subword_mask : `torch.BoolTensor`
            (batch_size, num_subwords) True for sub-words.
        word_starts : `torch.Tensor`
            (batch_size, num_words) positions of the words' first sub-words.
        mask : `torch.BoolTensor`
            (batch_size, num_words) True for words.

        # Returns

        `torch.Tensor` : (batch_size, num_words, hidden_size), undefined where the mask is False.
        """
        most_subwords = None if self.training else _SUBWORDS_AT_ONCE
        return self._windows.read(self._run, token_ids, subword_mask, word_starts, most_subwords)

    def _run(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        if not self._bfloat16:
            return self.transformer(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        with torch.autocast(input_ids.device.type, torch.bfloat16):
            hidden = self.transformer(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return hidden.float()


def only_transformer(embedder: TextFieldEmbedder, owner: str) -> SubwordTransformer:
    """
    The one token embedder of `embedder`.

    # Raises

    `ConfigurationError`
        If the embedder is anything but a single `SubwordTransformer`. The message names the `owner` that needs it.
    """
    token_embedders = [module for module in embedder.modules() if isinstance(module, TokenEmbedder)]
    if len(token_embedders) != 1 or not isinstance(token_embedders[0], SubwordTransformer):
        found = ", ".join(type(each).__name__ for each in token_embedders) or "none"
        raise ConfigurationError(
            f"{owner} need a 'text_field_embedder' of one token embedder, 'subword_transformer'; it has {found}."
        )
    return token_embedders[0]


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
            + (", which are not in one ModuleList and cannot be frozen one by one." if len(stacks) != 1 else ".")
            + " Give a number from 0 (only the embeddings) to the number of layers, or null to freeze nothing."
        )
    stack = stacks[0][0] + "."
    for name, parameter in transformer.named_parameters():
        if name.startswith(stack):
            if int(name[len(stack) :].split(".", 1)[0]) < num_layers:
                yield parameter
        elif "embed" in name:
            yield parameter
