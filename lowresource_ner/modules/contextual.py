"""Checks whether embedders are contextual."""

from typing import List

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.modules import TokenEmbedder
from allennlp.modules.token_embedders import Embedding, EmptyEmbedder, TokenCharactersEncoder

from lowresource_ner.modules.generated_lstm import GeneratedLstm

_PER_WORD = (Embedding, EmptyEmbedder, TokenCharactersEncoder)


def contextual_embedders(module: torch.nn.Module) -> List[str]:
    """
    Returns the class names of the token embedders in `module` whose vectors may depend on other words. An embedder says so by its
    attribute `contextual`; without it, all but AllenNLP's per-word embedders count as contextual.
    """
    embedders = [each for each in module.modules() if isinstance(each, TokenEmbedder)]
    return sorted(
        {type(each).__name__ for each in embedders if getattr(each, "contextual", not isinstance(each, _PER_WORD))}
    )


def check_language_model_inputs(name: str, embedder: torch.nn.Module, encoder: torch.nn.Module) -> None:
    """Raises a `ConfigurationError` if the states from which a language model predicts a word depend on this word."""
    contextual = contextual_embedders(embedder)
    if contextual:
        raise ConfigurationError(
            f"The language model {name} would read word vectors that have seen the word it predicts: {', '.join(contextual)} "
            "gives contextual vectors. Leave out the language models or this embedder, or give them the head "
            "'masked_language_model'. (If the embedder is your own and its vectors depend only on their words, set the class "
            "attribute 'contextual = False'.)"
        )
    if isinstance(encoder, GeneratedLstm) and not encoder.directions_are_separate:
        raise ConfigurationError(
            f"The language model {name} would read states that have seen the word it predicts: with several layers the "
            "encoder needs 'separate_directions': true."
        )
