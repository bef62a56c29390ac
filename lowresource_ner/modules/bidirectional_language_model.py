"""A language model on the states of a bidirectional LSTM."""

import math
from typing import List, Tuple

import numpy
import torch
from allennlp.common.checks import ConfigurationError
from allennlp.modules.sampled_softmax_loss import SampledSoftmaxLoss

_ROWS = 512
"""The number of states for which the full softmax is computed at once."""

BOUNDARY = 0
"""The class of unknown words and of the boundaries of a sentence."""


class BidirectionalLanguageModel(torch.nn.Module):
    """
    The forward states predict the next word, the backward states the previous one, by AllenNLP's sampled softmax over
    log-uniform candidates in training and by the full softmax in evaluation (Jia et al. 2019, P19-1236, section 3.3). The
    directions share the output matrix, but not their candidates, which are drawn once for all words of a direction.

    Log-uniform sampling assumes classes sorted by decreasing frequency, as AllenNLP's vocabulary sorts a namespace.

    # Parameters

    num_words : `int`
        The number of classes; class 0 stands for unknown words and for the boundaries of a sentence.
    hidden_size : `int`
        The size of one direction's states.
    num_samples : `int`, optional (default = `50`)
    sparse : `bool`, optional (default = `True`)
        Whether the gradient of the output matrix is sparse: it then holds only the rows in use.

    # Raises

    `ConfigurationError`
        If there are not more words than samples.
    """

    def __init__(self, num_words: int, hidden_size: int, num_samples: int = 50, sparse: bool = True) -> None:
        super().__init__()
        if num_samples >= num_words:
            raise ConfigurationError(
                f"The language model draws {num_samples} samples from {num_words} words. Give it more text, or lower "
                "'num_samples'."
            )
        self.softmax = SampledSoftmaxLoss(num_words, hidden_size, num_samples, sparse, use_character_inputs=False)
        self.softmax.choice_func = _draw

    def forward(self, encoded: torch.Tensor, words: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """
        # Parameters

        encoded : `torch.Tensor`
            (batch_size, num_words, 2 * hidden_size): forward states, then backward states.
        words : `torch.Tensor`
            (batch_size, num_words), their classes.
        mask : `torch.BoolTensor`
            (batch_size, num_words)

        # Returns

        ½ (forward + backward), a scalar: each is the sum of - log p over the batch's words. In training, p comes from the sampled
        softmax and does not give a perplexity.
        """
        losses = [self._total(states, targets) for states, targets in predictions(encoded, words, mask)]
        return sum(losses, encoded.new_zeros(())) / 2

    def _total(self, states: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if self.training:
            return self.softmax(states, targets)
        pieces = zip(states.split(_ROWS), targets.split(_ROWS))
        return sum((self.softmax(*piece) for piece in pieces), states.new_zeros(()))


def predictions(
    encoded: torch.Tensor, words: torch.Tensor, mask: torch.Tensor
) -> List[Tuple[torch.Tensor, torch.Tensor]]:
    """
    Pairs the states of each direction with their targets: (num_real_words, hidden_size) and (num_real_words,), the forward
    direction first. The arguments are those of `BidirectionalLanguageModel.forward`.
    """
    forward, backward = encoded.chunk(2, dim=2)
    # Padding after the last word counts as boundary.
    words = torch.where(mask, words, BOUNDARY)
    following = torch.nn.functional.pad(words[:, 1:], (0, 1), value=BOUNDARY)
    preceding = torch.nn.functional.pad(words[:, :-1], (1, 0), value=BOUNDARY)
    return [(forward[mask], following[mask]), (backward[mask], preceding[mask])]


def _draw(num_words: int, num_samples: int) -> Tuple[numpy.ndarray, int]:
    """
    Draws log-uniform classes without replacement, and returns them with the number of draws. As in AllenNLP, but from torch's
    generator, whose state is in checkpoints, so that a recovered run draws the same classes as an uninterrupted one.
    """
    chosen: dict = {}
    num_draws = 0
    while len(chosen) < num_samples:
        uniform = torch.rand(2 * num_samples, dtype=torch.float64)
        classes = (torch.exp(uniform * math.log(num_words + 1)).long() - 1).clamp(0, num_words - 1)
        for drawn in classes.tolist():
            num_draws += 1
            chosen[drawn] = True
            if len(chosen) == num_samples:
                break
    return numpy.array(list(chosen)), num_draws
