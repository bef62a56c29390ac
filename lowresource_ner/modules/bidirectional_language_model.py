"""A language model over the states of a bidirectional LSTM: each direction predicts its next word."""

import math
from typing import List, Tuple

import numpy
import torch
from allennlp.common.checks import ConfigurationError
from allennlp.modules.sampled_softmax_loss import SampledSoftmaxLoss

_ROWS = 512
"""States of which the full softmax is computed at once."""

BOUNDARY = 0
"""The class of unknown words, and of what comes before and after a sentence."""


class BidirectionalLanguageModel(torch.nn.Module):
    """
    The forward states predict the next word, the backward states the previous one, by AllenNLP's sampled softmax over
    log-uniform candidates in training and by the full softmax in evaluation (Jia et al. 2019, P19-1236, section 3.3). One
    output matrix serves both directions; the candidates are drawn for each direction anew and shared by its words.

    Log-uniform sampling takes classes to be sorted by falling frequency, as AllenNLP's vocabulary sorts a namespace.

    # Parameters

    num_words : `int`
        Classes; class 0 stands for unknown words and for the boundaries of a sentence.
    hidden_size : `int`
        Of one direction's states.
    num_samples : `int`, optional (default = `50`)
    sparse : `bool`, optional (default = `True`)
        Whether the output matrix has gradients of the rows in use alone.

    # Raises

    `ConfigurationError`
        Where there are not more words than samples.
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
            (batch_size, num_words) classes.
        mask : `torch.BoolTensor`
            (batch_size, num_words)

        # Returns

        ½ (forward + backward), each the sum over the batch's words of - log p. In training, p is that of the sampled softmax,
        from which no perplexity follows.
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
    What each direction predicts from: states (num_real_words, hidden_size) and the classes (num_real_words,) that follow them,
    those of the forward direction first. The arguments are those of `BidirectionalLanguageModel.forward`.
    """
    forward, backward = encoded.chunk(2, dim=2)
    # Beyond the last word there is padding, which is boundary, too.
    words = torch.where(mask, words, BOUNDARY)
    following = torch.nn.functional.pad(words[:, 1:], (0, 1), value=BOUNDARY)
    preceding = torch.nn.functional.pad(words[:, :-1], (1, 0), value=BOUNDARY)
    return [(forward[mask], following[mask]), (backward[mask], preceding[mask])]


def _draw(num_words: int, num_samples: int) -> Tuple[numpy.ndarray, int]:
    """
    Log-uniform classes without replacement and the number of draws that it took, as AllenNLP draws them; but from torch's
    generator, whose state a checkpoint keeps, so that a recovered run draws what the unbroken one does.
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
