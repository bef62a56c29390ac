"""Where pretrained encoders of several kinds have the weights of their masked language model's head."""

from typing import Dict

_LIKE_ROBERTA = {"dense": "lm_head.dense", "norm": "lm_head.layer_norm", "bias": "lm_head.bias"}
_NAMES = {
    "bert": {
        "dense": "cls.predictions.transform.dense",
        "norm": "cls.predictions.transform.LayerNorm",
        "bias": "cls.predictions.bias",
    },
    "roberta": _LIKE_ROBERTA,
    "xlm-roberta": _LIKE_ROBERTA,
    "distilbert": {"dense": "vocab_transform", "norm": "vocab_layer_norm", "bias": "vocab_projector.bias"},
}


def masked_head_names(kind: str) -> Dict[str, str]:
    """
    By names of `MaskedLanguageModel`'s weights what transformers calls them in an encoder of this `model_type`; empty for kinds
    with another head.
    """
    names = _NAMES.get(kind, {})
    return {
        f"{own}{weight}": f"{theirs}{weight}"
        for own, theirs in names.items()
        for weight in ([""] if own == "bias" else [".weight", ".bias"])
    }
