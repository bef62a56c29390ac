"""lazy_sgd: torch's SGD on dense gradients, a hand computation on sparse ones, and a gradient scaler that skips all of it."""

import numpy
import pytest
import torch
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.training.optimizers import Optimizer

from lowresource_ner.training import LazySgd

LR, WEIGHT_DECAY = 0.1, 0.05
TOUCHED = torch.tensor([[3, 1, 3], [1, 3, 6]])  # row 3 three times, row 1 twice, row 6 once
COUNTS = numpy.array([0, 2, 0, 3, 0, 0, 1, 0])[:, None]


class Tagger(torch.nn.Module):
    """A table and a linear layer; the gradient of the table is sparse or dense."""

    def __init__(self, sparse: bool = True) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(7)
        self.table = torch.nn.Embedding(8, 4, sparse=sparse)
        self.layer = torch.nn.Linear(4, 3)
        self.unused = torch.nn.Parameter(torch.zeros(2))
        with torch.no_grad():
            for parameter in (self.table.weight, self.layer.weight, self.layer.bias):
                parameter.copy_(torch.randn(parameter.shape, generator=generator))

    def loss(self, scale: float = 1.0) -> torch.Tensor:
        return scale * self.layer(self.table(TOUCHED)).square().mean()


def weights(model: torch.nn.Module) -> dict:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def optimizer_for(model: torch.nn.Module, **options) -> LazySgd:
    parameters = [[name, parameter] for name, parameter in model.named_parameters()]
    params = Params({"type": "lazy_sgd", "lr": LR, "weight_decay": WEIGHT_DECAY, **options})
    return Optimizer.from_params(params, model_parameters=parameters)


def equal(first: dict, second: dict) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("kernel", [{"fused": True}, {"foreach": False}])
def test_dense_gradients_as_torch(kernel) -> None:
    ours, theirs = Tagger(sparse=False), Tagger(sparse=False)
    steps = [
        (ours, optimizer_for(ours)),
        (theirs, torch.optim.SGD(theirs.parameters(), lr=LR, weight_decay=WEIGHT_DECAY, **kernel)),
    ]
    for model, optimizer in steps:
        for _ in range(5):
            optimizer.zero_grad()
            model.loss().backward()
            optimizer.step()
    if "fused" in kernel:
        assert equal(weights(ours), weights(theirs))
    assert torch.allclose(ours.table.weight, theirs.table.weight, rtol=1e-6)
    assert torch.allclose(ours.layer.weight, theirs.layer.weight, rtol=1e-6)
    assert equal({"unused": ours.unused}, {"unused": torch.zeros(2)})


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    "gradient",
    [torch.arange(20.0).view(4, 5), torch.arange(20.0).view(5, 4).t(), torch.arange(5.0).expand(4, 5)],
    ids=["plain", "turned", "expanded"],
)
def test_strides_that_the_fused_kernel_would_misread(gradient, turned) -> None:
    start = torch.linspace(-1, 1, 20).view(5, 4).t() if turned else torch.linspace(-1, 1, 20).view(4, 5)
    parameter = torch.nn.Parameter(start.clone())
    assert parameter.is_contiguous() != turned
    parameter.grad = gradient
    LazySgd([("weight", parameter)], lr=LR, weight_decay=WEIGHT_DECAY).step()
    assert torch.allclose(parameter, start - LR * (gradient + WEIGHT_DECAY * start))


def test_other_numbers_than_the_fused_kernel_takes() -> None:
    start = torch.tensor([1 + 2j, 3 - 1j])
    parameter = torch.nn.Parameter(start.clone())
    parameter.grad = torch.ones_like(start)
    LazySgd([("weight", parameter)], lr=LR).step()
    assert torch.allclose(parameter, start - LR)


def test_sparse_gradients_by_hand() -> None:
    model = Tagger()
    optimizer = optimizer_for(model)
    before = model.table.weight.detach().clone()
    model.table(TOUCHED).sum().backward()  # each touch of a row has a gradient of ones
    assert model.table.weight.grad.is_sparse and not model.table.weight.grad.is_coalesced()
    optimizer.step()
    rows = before.double().numpy()
    expected = numpy.where(COUNTS > 0, rows - LR * (COUNTS + WEIGHT_DECAY * rows), rows)
    assert numpy.allclose(model.table.weight.detach().numpy(), expected, rtol=1e-6)
    untouched = torch.tensor(COUNTS[:, 0] == 0)
    assert torch.equal(model.table.weight[untouched], before[untouched])


def test_sparse_without_weight_decay_is_torchs_sgd() -> None:
    ours, theirs = Tagger(), Tagger()
    for model, optimizer in (
        (ours, optimizer_for(ours, weight_decay=0.0)),
        (theirs, torch.optim.SGD(theirs.parameters(), lr=LR)),
    ):
        for _ in range(5):
            optimizer.zero_grad()
            model.loss().backward()
            optimizer.step()
    assert torch.allclose(ours.table.weight, theirs.table.weight, rtol=1e-6)


def test_a_gradient_that_touches_nothing() -> None:
    model = Tagger()
    before = weights(model)
    model.table(TOUCHED[:0]).sum().backward()
    assert model.table.weight.grad.is_sparse
    optimizer_for(model).step()
    assert equal(weights(model), before)


def test_under_a_scaler_the_step_is_the_same() -> None:
    plain, scaled = Tagger(), Tagger()
    optimizers = optimizer_for(plain), optimizer_for(scaled)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)  # a power of 2 is taken out again without a rest
    for _ in range(3):
        for optimizer in optimizers:
            optimizer.zero_grad()
        plain.loss().backward()
        optimizers[0].step()
        scaler.scale(scaled.loss()).backward()
        scaler.step(optimizers[1])
        scaler.update()
    assert equal(weights(plain), weights(scaled))
    assert not equal(weights(plain), weights(Tagger()))


# In the gradients of both; in that of the layer alone; in that of the table alone.
@pytest.mark.parametrize("broken", ["table layer", "layer", "table"])
def test_under_a_scaler_infinity_moves_nothing(broken) -> None:
    model = Tagger()
    before = weights(model)
    optimizer = optimizer_for(model)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    scaler.scale(model.loss()).backward()
    if "layer" in broken:
        model.layer.bias.grad[1] = float("inf")
    if "table" in broken:
        model.table.weight.grad._values()[2, 0] = float("nan")
    scaler.step(optimizer)
    scaler.update()
    assert equal(weights(model), before)
    assert scaler.get_scale() == 512.0


def test_groups_have_rates_of_their_own() -> None:
    model = Tagger()
    start = weights(model)
    groups = [[["table"], {"lr": 0.5, "weight_decay": 0.0}], [["bias$"], {"weight_decay": 0.2}]]
    optimizer = optimizer_for(model, parameter_groups=groups)
    model.table(TOUCHED).sum().backward()
    model.layer(torch.ones(4)).sum().backward()
    optimizer.step()
    after = weights(model)
    assert torch.allclose(after["table.weight"], start["table.weight"] - 0.5 * torch.tensor(COUNTS), rtol=1e-6)
    assert torch.allclose(after["layer.bias"], start["layer.bias"] - LR * (1 + 0.2 * start["layer.bias"]))
    weight = start["layer.weight"]
    assert torch.allclose(after["layer.weight"], weight - LR * (1 + WEIGHT_DECAY * weight))


def test_state_round_trip() -> None:
    model = Tagger()
    state = optimizer_for(model, lr=0.7, parameter_groups=[[["table"], {"weight_decay": 0.3}]]).state_dict()
    assert state["state"] == {}
    restored = optimizer_for(model, parameter_groups=[[["table"], {"weight_decay": 0.0}]])
    restored.load_state_dict(state)
    assert [(group["lr"], group["weight_decay"]) for group in restored.param_groups] == [
        (0.7, 0.3),
        (0.7, WEIGHT_DECAY),
    ]
    assert restored.state_dict() == state


def test_closure() -> None:
    model, other = Tagger(), Tagger()
    optimizer = optimizer_for(model)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = model.loss()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == other.loss().item()
    assert not torch.equal(model.layer.weight, other.layer.weight)
    assert optimizer.step() is None


@pytest.mark.parametrize(
    "options, message",
    [
        ({"lr": -0.1}, "'lr' of lazy_sgd is -0.1"),
        ({"weight_decay": -1.0}, "'weight_decay' of lazy_sgd is -1.0"),
        ({"parameter_groups": [[["table"], {"lr": -2.0}]]}, "'lr' of lazy_sgd is -2.0"),
        ({"parameter_groups": [[["table"], {"momentum": 0.9}]]}, "no momentum"),
        ({"momentum": 0.9}, "momentum"),
    ],
)
def test_what_is_refused(options, message) -> None:
    with pytest.raises(ConfigurationError, match=message):
        optimizer_for(Tagger(), **options)


def test_it_says_that_it_takes_sparse_gradients() -> None:
    assert LazySgd.takes_sparse_gradients
    assert Optimizer.by_name("lazy_sgd") is LazySgd
