"""Which embedders look at a word's neighbours."""

from typing import List

import torch
from allennlp.modules import TokenEmbedder
from allennlp.modules.token_embedders import Embedding, EmptyEmbedder, TokenCharactersEncoder

_PER_WORD = (Embedding, EmptyEmbedder, TokenCharactersEncoder)


def contextual_embedders(module: torch.nn.Module) -> List[str]:
    """
    The names of the token embedders within `module` whose vectors may depend on other words than their own. An embedder says
    with the attribute `contextual` which it is; those that do not are taken for contextual, but for AllenNLP's per-word ones.
    """
    embedders = [each for each in module.modules() if isinstance(each, TokenEmbedder)]
    return sorted(
        {type(each).__name__ for each in embedders if getattr(each, "contextual", not isinstance(each, _PER_WORD))}
    )
