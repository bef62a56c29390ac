"""The fused kernel against AllenNLP's optimizer."""

import copy

import torch
from allennlp.common import Params
from allennlp.training.optimizers import Optimizer

from lowresource_ner.training import FusedAdamW


def test_steps_are_those_of_adamw() -> None:
    torch.manual_seed(5)
    ours = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 2))
    theirs = copy.deepcopy(ours)
    config = {"lr": 0.01, "weight_decay": 0.1, "parameter_groups": [[["bias$"], {"weight_decay": 0.0}]]}
    before = copy.deepcopy(ours.state_dict())
    for model, name in ((ours, "fused_adamw"), (theirs, "adamw")):
        torch.manual_seed(7)
        optimizer = Optimizer.from_params(
            Params({"type": name, **config}), model_parameters=list(model.named_parameters())
        )
        assert isinstance(optimizer, FusedAdamW) == (model is ours)
        for _ in range(5):
            optimizer.zero_grad()
            model(torch.randn(4, 3)).square().sum().backward()
            optimizer.step()
    for name, value in ours.state_dict().items():
        torch.testing.assert_close(value, theirs.state_dict()[name])
        assert (value - before[name]).abs().max() > 1e-3
