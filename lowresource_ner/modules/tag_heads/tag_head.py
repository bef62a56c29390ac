"""The base class of tag heads, the output layers of taggers."""

from typing import Any, Dict, Optional, Sequence

import torch
from allennlp.common import Registrable
from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.renamed import refuse_earlier_names
from lowresource_ner.modules.tag_heads.tag_distribution import TagDistribution
from lowresource_ner.modules.token_axes import TokenAxes
from lowresource_ner.tagging import get_scheme


class TagHead(torch.nn.Module, Registrable):
    """
    Computes scores ("logits") for the words of a batch, and from these a training loss and a distribution over tag sequences.

    Subclasses define `forward` and `total_loss`, and replace `projection` if their logits are not one score per word and tag.

    Shapes in all methods: `logits` (batch_size, num_words, num_tags), unless a subclass says otherwise; `tags` (batch_size,
    num_words); `mask` (batch_size, num_words), True for words.

    # Parameters

    labels : `Sequence[str]`
        The tags by index. Passed by the model.
    tag_scheme : `str`
        IOB1, IOB2, IOBES or BILOU. Passed by the model.
    input_dim : `Optional[int]`
        The size of the word vectors; `None` if the logits are not computed by the head. Passed by the model.
    label_namespace : `str`
        The vocabulary namespace of the tags. Passed by the model.
    """

    default_implementation = "softmax"

    best_is_cheap = True
    """Whether decoding is cheap enough to compute the metric in every training step."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        distribution = "forward, which returns a TagDistribution,"
        earlier = ("best_tags", "probabilities", "span_probabilities", "confidences", "negative_log_likelihood")
        refuse_earlier_names(cls, {"decides_per_word": "'best_is_cheap'", **dict.fromkeys(earlier, distribution)})

    def __init__(
        self,
        labels: Sequence[str],
        tag_scheme: str = "IOB2",
        input_dim: Optional[int] = None,
        label_namespace: str = "labels",
    ) -> None:
        super().__init__()
        self.labels = list(labels)
        self.tag_scheme = get_scheme(tag_scheme)
        self.label_namespace = label_namespace
        self.projection: Optional[torch.nn.Module] = None
        if input_dim is not None:
            self.projection = torch.nn.Linear(input_dim, len(self.labels))

    def logits(self, vectors: torch.Tensor) -> torch.Tensor:
        """Returns the logits. vectors : (batch_size, num_words, input_dim)"""
        assert self.projection is not None, "a head without 'input_dim' has no projection"
        scores: torch.Tensor = self.projection(vectors)
        return scores

    def forward(
        self, logits: torch.Tensor, mask: torch.Tensor, temperature: Optional[torch.Tensor] = None
    ) -> TagDistribution:
        """
        Returns the distribution over the tag sequences that the head can output. All scores are divided by `temperature`, a
        scalar (default = 1).
        """
        raise NotImplementedError

    def total_loss(self, logits: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Returns the training loss summed over the batch, a scalar."""
        raise NotImplementedError

    def loss(self, logits: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Returns the training loss averaged over words, a scalar."""
        return self.total_loss(logits, tags, mask) / mask.sum()

    def marginal_logits(self, logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """
        Returns scores whose softmax over a word's tags are the tags' marginals, under the distribution of `total_loss`:
        (batch_size, num_words, num_tags), differentiable, undefined where the mask is False. A `DistillationLoss` compares them
        with the probabilities of a teacher, and `divergence` compares two passes.

        # Raises

        `ConfigurationError`
            If the head has no differentiable marginals.
        """
        raise ConfigurationError(
            f"The tag head {type(self).__name__} has no differentiable marginals of words, which learning from a teacher's "
            "probabilities and R-Drop require. Take 'crf' or 'softmax'."
        )

    def divergence(self, logits: torch.Tensor, others: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """
        Returns the symmetric Kullback-Leibler divergence KL(p‖q) + KL(q‖p) = Σ_c (p_c - q_c)(log p_c - log q_c) between a word's
        marginals p and q in two passes over the same sentences, averaged over words, a scalar. Gradients flow into both (R-Drop:
        Liang et al. 2021, arXiv:2106.14448, section 2).

        # Parameters

        logits, others : `torch.Tensor`
            Those of the two passes.

        # Raises

        `ConfigurationError`
            As in `marginal_logits`.
        """
        p, q = (torch.log_softmax(self.marginal_logits(each, mask)[mask], dim=1) for each in (logits, others))
        divergence = ((p.exp() - q.exp()) * (p - q)).sum(dim=1).mean()
        return divergence.to(torch.promote_types(logits.dtype, torch.float32))

    def token_axes(self) -> Dict[str, TokenAxes]:
        """See `HasTokenAxes`."""
        return {f"projection.{name}": TokenAxes(self.label_namespace) for name in ("weight", "bias")}
