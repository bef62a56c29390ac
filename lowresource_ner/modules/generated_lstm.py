"""A bidirectional LSTM whose weights are passed to each call."""

from typing import List, Optional

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.modules import Seq2SeqEncoder


class GeneratedLstm(Seq2SeqEncoder):
    """
    A bidirectional LSTM without weights of its own. With the same weights, its output is that of `torch.nn.LSTM` on packed
    sequences; it uses torch's fused kernels.

    Each direction runs on padded sequences, which is fastest in oneDNN and cuDNN, the backward one on each sequence reversed
    within its length. The states of padding are set to zero.

    # Parameters

    input_size : `int`
    hidden_size : `int`
        The size of the states of each direction.
    num_layers : `int`, optional (default = `1`)
    dropout : `float`, optional (default = `0.0`)
        Between layers.
    separate_directions : `bool`, optional (default = `True`)
        If True, the directions are stacked separately, so that forward states do not depend on later words, nor backward states
        on earlier ones, as language modelling requires. If False, each layer reads both directions of the layer below, as in
        `torch.nn.LSTM`. With one layer there is no difference.

    # Raises

    `ConfigurationError`
        If a size is below 1, or the dropout not in [0, 1).
    """

    initial_scales: Optional[torch.Tensor] = None
    """θ begins as the weights of an ordinary LSTM; see `EncoderParameters`."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        separate_directions: bool = True,
    ) -> None:
        super().__init__()
        if min(input_size, hidden_size, num_layers) < 1 or not 0 <= dropout < 1:
            raise ConfigurationError(
                f"'input_size' ({input_size}), 'hidden_size' ({hidden_size}) and 'num_layers' ({num_layers}) of the LSTM are 1 "
                f"or more, 'dropout' ({dropout}) from 0 to below 1."
            )
        self.hidden_size = hidden_size
        self._input_size = input_size
        self._num_layers = num_layers
        self._dropout = dropout
        self.directions_are_separate = separate_directions or num_layers == 1
        above = hidden_size if self.directions_are_separate else 2 * hidden_size
        # The shapes of a direction's weights in each layer: w_ih, w_hh, b_ih, b_hh, with the gates in torch's order.
        self._shapes = [
            shape
            for layer in range(num_layers)
            for shape in (
                (4 * hidden_size, input_size if layer == 0 else above),
                (4 * hidden_size, hidden_size),
                (4 * hidden_size,),
                (4 * hidden_size,),
            )
        ]
        self._sizes = [torch.Size(shape).numel() for shape in self._shapes]

    @property
    def num_parameters(self) -> int:
        """The number of all weights and biases of both directions."""
        return 2 * sum(self._sizes)

    def get_input_dim(self) -> int:
        return self._input_size

    def get_output_dim(self) -> int:
        return 2 * self.hidden_size

    def is_bidirectional(self) -> bool:
        return True

    def forward(self, inputs: torch.Tensor, mask: torch.Tensor, parameters: torch.Tensor) -> torch.Tensor:
        """
        # Parameters

        inputs : `torch.Tensor`
            (batch_size, num_words, input_size)
        mask : `torch.BoolTensor`
            (batch_size, num_words) True for words, which come before padding.
        parameters : `torch.Tensor`
            (num_parameters,): the forward direction's, then the backward direction's.

        # Returns

        (batch_size, num_words, 2 * hidden_size): forward states, then backward states; zero where the mask is False.
        """
        forward, backward = self.weights(parameters)
        reversal = _reversal(mask)
        if self.directions_are_separate:
            states = [
                self._run(inputs, forward, self._num_layers),
                _reorder(self._run(_reorder(inputs, reversal), backward, self._num_layers), reversal),
            ]
            return torch.cat(states, dim=2) * mask.unsqueeze(2)
        for layer in range(self._num_layers):
            if layer > 0:
                inputs = torch.nn.functional.dropout(inputs, self._dropout, self.training)
            own = slice(4 * layer, 4 * layer + 4)
            states = [
                self._run(inputs, forward[own], 1),
                _reorder(self._run(_reorder(inputs, reversal), backward[own], 1), reversal),
            ]
            inputs = torch.cat(states, dim=2)
        return inputs * mask.unsqueeze(2)

    def weights(self, parameters: torch.Tensor) -> List[List[torch.Tensor]]:
        """Splits `parameters` into the weights of each direction, in torch's order: w_ih, w_hh, b_ih, b_hh of each layer."""
        pieces = parameters.split(2 * self._sizes)
        shaped = [piece.view(shape) for piece, shape in zip(pieces, 2 * self._shapes)]
        return [shaped[: len(self._shapes)], shaped[len(self._shapes) :]]

    def _run(self, inputs: torch.Tensor, weights: List[torch.Tensor], num_layers: int) -> torch.Tensor:
        """(batch_size, num_words, hidden_size): one direction."""
        start = inputs.new_zeros(num_layers, len(inputs), self.hidden_size)
        dropout = self._dropout if num_layers > 1 else 0.0
        # biases, layers, dropout, training, bidirectional, batch first
        return torch.lstm(inputs, (start, start), weights, True, num_layers, dropout, self.training, False, True)[0]


def _reversal(mask: torch.Tensor) -> torch.Tensor:
    """(batch_size, num_words): the positions that reverse the words of each row and leave its padding in place."""
    positions = torch.arange(mask.size(1), device=mask.device).unsqueeze(0)
    return torch.where(mask, mask.sum(dim=1, keepdim=True) - 1 - positions, positions)


def _reorder(vectors: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    return vectors.gather(1, order.unsqueeze(2).expand(-1, -1, vectors.size(2)))
