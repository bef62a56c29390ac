"""Generated parameters against explicit loops; the gradients of a collected step against plain autograd."""

import copy
import itertools
import math

import pytest
import torch
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError

from lowresource_ner.modules.lstm_parameters import LstmParameters, ParameterGenerator, SharedParameters, TaskAndDomain

KINDS = pytest.mark.parametrize("kind", [ParameterGenerator, SharedParameters])
SIZES = {"two-by-two": (2, 2), "two-tasks-three-domains": (2, 3), "one": (1, 1)}


def generator_of(
    kind=ParameterGenerator, num_tasks=2, num_domains=2, num_parameters=24, seed=0, dtype=torch.float64, **options
):
    torch.manual_seed(seed)
    tasks, domains = [f"t{n}" for n in range(num_tasks)], [f"d{n}" for n in range(num_domains)]
    return kind(tasks, domains, num_parameters, 100, **options).to(dtype)


def all_modules(generator):
    return [TaskAndDomain(*pair) for pair in itertools.product(generator.tasks, generator.domains)]


def loss_of(theta, seed=0):
    """Something not linear in θ, other for each seed."""
    generator = torch.Generator().manual_seed(seed)
    factors = torch.randn(2, len(theta), generator=generator, dtype=torch.float64).to(theta.dtype)
    return ((theta * factors[0]).sin() * factors[1]).sum()


def gradients(generator):
    return {name: weight.grad for name, weight in generator.named_parameters()}


def expect_equal(found, expected, tolerance=1e-12):
    assert found.keys() == expected.keys() and found
    for name, gradient in expected.items():
        assert (found[name] is None) == (gradient is None), name
        if gradient is not None:
            scale = max(1.0, float(gradient.abs().max()))
            torch.testing.assert_close(found[name], gradient, rtol=0, atol=tolerance * scale, msg=name)


def plain_step(generator, uses):
    """The gradients as autograd alone adds them up, each module's parameters generated for itself."""
    for module, seed in uses:
        loss_of(generator.generate([module])[0], seed).backward()


def collected_step(generator, uses):
    for module, seed in uses:
        loss_of(generator.of(module), seed).backward()
    generator.finish_step()


# What θ is.


@pytest.mark.parametrize("task_dim, domain_dim", [(8, 8), (3, 2), (1, 4)])
def test_theta_is_the_sum_over_both_embeddings(task_dim, domain_dim):
    generator = generator_of(num_domains=3, num_parameters=5, task_dim=task_dim, domain_dim=domain_dim)
    weight = generator.weight.view(5, task_dim, domain_dim)
    for module in all_modules(generator):
        task = generator.task_embeddings[generator.tasks.index(module.task)]
        domain = generator.domain_embeddings[generator.domains.index(module.domain)]
        expected = [
            sum(
                (weight[p, v, u] * task[v] * domain[u]).item()
                for v, u in itertools.product(range(task_dim), range(domain_dim))
            )
            for p in range(5)
        ]
        assert generator.of(module).tolist() == pytest.approx(expected, abs=1e-14)
    several = generator.generate(all_modules(generator))
    assert several.shape == (6, 5)
    for row, module in zip(several, all_modules(generator)):
        torch.testing.assert_close(row, generator.of(module), rtol=0, atol=1e-14)


# 4099 is prime, so that W cannot be cut into blocks; 4106 is twice a prime; 6144 makes three blocks.
@pytest.mark.parametrize("num_parameters", [1, 12, 2047, 4099, 4106, 6144])
def test_any_number_of_parameters(num_parameters):
    generator = generator_of(num_domains=3, num_parameters=num_parameters, task_dim=3, domain_dim=2)
    modules = all_modules(generator)
    pairs = [(generator.tasks.index(task), generator.domains.index(domain)) for task, domain in modules]
    expected = torch.einsum(
        "pvu,mv,mu->mp",
        generator.weight.view(-1, 3, 2),
        generator.task_embeddings[[task for task, _ in pairs]],
        generator.domain_embeddings[[domain for _, domain in pairs]],
    )
    found = generator.generate(modules)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-13)
    upstream = torch.randn(found.shape, dtype=torch.float64)
    wanted = torch.autograd.grad((expected * upstream).sum(), list(generator.parameters()))
    plain = torch.autograd.grad((found * upstream).sum(), list(generator.parameters()))
    for _ in range(2):  # into new memory, then added to what is there
        generator.generate_backward(modules, upstream)
    for gradient, by_autograd, weight in zip(wanted, plain, generator.parameters()):
        torch.testing.assert_close(by_autograd, gradient, rtol=0, atol=1e-12)
        torch.testing.assert_close(weight.grad, 2 * gradient, rtol=0, atol=1e-11)


def test_shared_parameters_are_the_same_for_all():
    generator = generator_of(SharedParameters, num_domains=3)
    assert all(generator.of(module).equal(generator.weight) for module in all_modules(generator))
    assert generator.generate(all_modules(generator)).shape == (6, 24)


@KINDS
def test_each_module_has_gradients_of_its_own(kind):
    generator = generator_of(kind)
    loss_of(generator.of(TaskAndDomain("t1", "d0"))).backward()
    assert all(weight.grad is not None for weight in generator.parameters())
    if kind is ParameterGenerator:
        assert generator.task_embeddings.grad[0].eq(0).all() and generator.task_embeddings.grad[1].ne(0).all()
        assert generator.domain_embeddings.grad[1].eq(0).all() and generator.domain_embeddings.grad[0].ne(0).all()


# How it begins.


@pytest.mark.parametrize("task_dim, domain_dim", [(8, 8), (4, 2)])
def test_theta_begins_as_an_ordinary_lstms_weights(task_dim, domain_dim):
    torch.manual_seed(0)
    names = [f"n{number}" for number in range(2000)]  # embeddings enough for the law of large numbers
    hidden_size = 25
    generator = ParameterGenerator(names, names, 400, hidden_size, task_dim, domain_dim)
    bound = 1 / math.sqrt(hidden_size)
    weight = generator.weight
    assert 0.995 * bound < weight.max() <= bound and -bound <= weight.min() < -0.995 * bound
    assert weight.var().item() == pytest.approx(bound**2 / 3, rel=0.05)
    # √(3/8) where both have 8.
    bound = math.sqrt(3 / math.sqrt(task_dim * domain_dim))
    for embeddings in (generator.task_embeddings, generator.domain_embeddings):
        assert 0.98 * bound < embeddings.max() <= bound and -bound <= embeddings.min() < -0.98 * bound
        assert embeddings.var().item() == pytest.approx(bound**2 / 3, rel=0.03)
    thetas = generator.generate([TaskAndDomain(name, name) for name in names])
    # As U(±1/√h) has it, which is how torch's LSTM begins.
    assert thetas.std().item() == pytest.approx(1 / math.sqrt(3 * hidden_size), rel=0.04)
    assert abs(thetas.mean().item()) < 0.002
    if task_dim == domain_dim == 8:
        assert bound == pytest.approx(math.sqrt(3 / 8))


def test_shared_parameters_begin_as_torchs_lstm():
    torch.manual_seed(0)
    weight = SharedParameters(["ner"], ["source"], 100_000, 25).weight
    theirs = torch.cat([each.flatten() for each in torch.nn.LSTM(100, 25, 4).parameters()])
    assert weight.abs().max().item() == pytest.approx(theirs.abs().max().item(), rel=1e-3)
    assert weight.std().item() == pytest.approx(theirs.std().item(), rel=0.02)


@pytest.mark.parametrize("name, kind", [("parameter_generator", ParameterGenerator), ("shared", SharedParameters)])
def test_registered(name, kind):
    extras = {"tasks": ["ner"], "domains": ["source"], "num_parameters": 4, "hidden_size": 2}
    assert type(LstmParameters.from_params(Params({"type": name}), **extras)) is kind
    assert type(LstmParameters.from_params(Params({}), **extras)) is ParameterGenerator


# A step in which all modules' parameters are generated at once.


@KINDS
@pytest.mark.parametrize("num_tasks, num_domains", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-12), (torch.float32, 1e-5)], ids=["double", "float"])
def test_a_steps_gradients_are_those_of_plain_autograd(kind, num_tasks, num_domains, dtype, tolerance):
    generator = generator_of(kind, num_tasks, num_domains, dtype=dtype)
    plain = copy.deepcopy(generator)
    generator.collect(all_modules(generator))
    uses = [(module, seed) for seed, module in enumerate(all_modules(generator))]
    plain_step(plain, uses)
    collected_step(generator, uses)
    assert all(gradient.dtype == dtype for gradient in gradients(generator).values())
    expect_equal(gradients(generator), gradients(plain), tolerance)


USES = {
    "a-module-twice": [0, 1, 0, 2, 3],
    "twice-in-a-row": [2, 2, 2],
    "some-not-at-all": [3, 1],
    "one": [2],
    "none": [],
    "in-another-order": [3, 2, 1, 0],
}


@KINDS
@pytest.mark.parametrize("used", USES.values(), ids=USES)
def test_modules_that_are_used_more_than_once_or_not_at_all(kind, used):
    generator = generator_of(kind)
    plain = copy.deepcopy(generator)
    modules = all_modules(generator)
    generator.collect(modules)
    uses = [(modules[number], seed) for seed, number in enumerate(used)]
    plain_step(plain, uses)
    collected_step(generator, uses)
    expect_equal(gradients(generator), gradients(plain))


@KINDS
def test_one_loss_of_several_modules(kind):
    generator = generator_of(kind)
    plain = copy.deepcopy(generator)
    modules = all_modules(generator)
    generator.collect(modules)
    for each, theta_of in ((plain, lambda module: plain.generate([module])[0]), (generator, generator.of)):
        loss_of(theta_of(modules[0]) * theta_of(modules[1]) + theta_of(modules[0])).backward()
        each.finish_step()
    expect_equal(gradients(generator), gradients(plain))


@KINDS
def test_step_gradients_are_those_by_theta(kind):
    generator = generator_of(kind)
    modules = all_modules(generator)
    generator.collect(modules)
    assert generator.step_gradients() == {}
    for seed in (1, 2):
        loss_of(generator.of(modules[2]), seed).backward()
    loss_of(generator.of(modules[0])).detach()
    theta = generator.generate([modules[2]])[0].detach().requires_grad_()
    (expected,) = torch.autograd.grad(loss_of(theta, 1) + loss_of(theta, 2), theta)
    found = generator.step_gradients()
    assert list(found) == [modules[2]]
    torch.testing.assert_close(found[modules[2]], expected, rtol=0, atol=1e-14)
    generator.finish_step()
    assert generator.step_gradients() == {}


@KINDS
@pytest.mark.parametrize("set_to_none", [True, False, None])
def test_several_steps(kind, set_to_none):
    """With gradients cleared in one way or the other between them, or added up."""
    generator = generator_of(kind)
    plain = copy.deepcopy(generator)
    modules = all_modules(generator)
    generator.collect(modules)
    optimizers = [torch.optim.SGD(each.parameters(), lr=0.1) for each in (generator, plain)]
    for step in range(4):
        uses = [(module, 10 * step + number) for number, module in enumerate(modules[: 4 - step])]
        plain_step(plain, uses)
        collected_step(generator, uses)
        expect_equal(gradients(generator), gradients(plain))
        for optimizer in optimizers:
            optimizer.step()
            if set_to_none is not None:
                optimizer.zero_grad(set_to_none=set_to_none)
    for ours, theirs in zip(generator.parameters(), plain.parameters()):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


@KINDS
def test_gradients_are_added_to_those_that_are_there(kind):
    generator = generator_of(kind)
    plain = copy.deepcopy(generator)
    modules = all_modules(generator)
    generator.collect(modules)
    for each in (generator, plain):
        sum(weight.square().sum() for weight in each.parameters()).backward()
    uses = [(module, seed) for seed, module in enumerate(modules)]
    plain_step(plain, uses)
    collected_step(generator, uses)
    expect_equal(gradients(generator), gradients(plain))
    # And others to them.
    for each in (generator, plain):
        sum(weight.pow(3).sum() for weight in each.parameters()).backward()
    expect_equal(gradients(generator), gradients(plain))


@KINDS
def test_evaluation_within_a_step_does_not_disturb_it(kind):
    generator = generator_of(kind)
    plain = copy.deepcopy(generator)
    modules = all_modules(generator)
    generator.collect(modules)
    plain_step(plain, [(modules[0], 0), (modules[1], 1)])

    def evaluate():
        with torch.no_grad():
            found = [generator.of(module) for module in modules]
        generator.eval()
        found += [generator.of(module).detach() for module in modules]
        generator.train()
        torch.testing.assert_close(torch.stack(found[:4]), plain.generate(modules).detach(), rtol=0, atol=1e-14)
        assert torch.stack(found[:4]).equal(torch.stack(found[4:]))

    evaluate()
    loss_of(generator.of(modules[0]), 0).backward()
    evaluate()
    theta = generator.of(modules[1])
    evaluate()
    loss_of(theta, 1).backward()
    evaluate()
    generator.finish_step()
    expect_equal(gradients(generator), gradients(plain))


@KINDS
def test_without_collecting_autograd_goes_all_the_way(kind):
    generator = generator_of(kind)
    plain = copy.deepcopy(generator)
    modules = all_modules(generator)
    # A module that is not collected, and none of them after the end of it.
    generator.collect(modules[:2])
    loss_of(generator.of(modules[3]), 3).backward()
    generator.collect([])
    loss_of(generator.of(modules[0]), 0).backward()
    generator.finish_step()
    plain_step(plain, [(modules[3], 3), (modules[0], 0)])
    expect_equal(gradients(generator), gradients(plain))


@KINDS
def test_parameters_are_generated_once_a_step_and_anew_in_the_next(kind, monkeypatch):
    generator = generator_of(kind)
    modules = all_modules(generator)
    calls = []
    original = kind.generate
    monkeypatch.setattr(kind, "generate", lambda self, asked: calls.append(list(asked)) or original(self, asked))
    generator.collect(modules)
    for module in modules * 2:
        torch.testing.assert_close(generator.of(module), original(generator, [module])[0], rtol=0, atol=1e-14)
    assert calls == [modules]
    generator.finish_step()
    with torch.no_grad():
        generator.weight *= 2
    before = len(calls)
    theta = generator.of(modules[1])
    torch.testing.assert_close(theta, original(generator, [modules[1]])[0], rtol=0, atol=1e-14)
    assert len(calls) == before + 1


@KINDS
def test_a_step_in_double_after_one_in_single_precision(kind):
    """Memory that is kept from step to step follows the weights."""
    generator = generator_of(kind, dtype=torch.float32)
    modules = all_modules(generator)
    generator.collect(modules)
    uses = [(module, seed) for seed, module in enumerate(modules)]
    collected_step(generator, uses)
    generator.zero_grad()
    generator.double()
    plain = copy.deepcopy(generator)
    plain_step(plain, uses)
    collected_step(generator, uses)
    assert all(gradient.dtype == torch.float64 for gradient in gradients(generator).values())
    expect_equal(gradients(generator), gradients(plain))


@pytest.mark.parametrize(
    "frozen", [["weight"], ["task_embeddings", "domain_embeddings"], ["task_embeddings"], None], ids=str
)
def test_what_is_frozen_has_no_gradient(frozen):
    generator = generator_of()
    names = [name for name, _ in generator.named_parameters()]
    for name in names if frozen is None else frozen:
        getattr(generator, name).requires_grad_(False)
    plain = copy.deepcopy(generator)
    modules = all_modules(generator)
    generator.collect(modules)
    uses = [(module, seed) for seed, module in enumerate(modules)]
    collected_step(generator, uses)
    if frozen is not None:
        plain_step(plain, uses)
    expect_equal(gradients(generator), gradients(plain))


def test_shared_parameters_that_are_frozen():
    generator = generator_of(SharedParameters)
    generator.weight.requires_grad_(False)
    generator.collect(all_modules(generator))
    collected_step(generator, [(all_modules(generator)[0], 0)])
    assert generator.weight.grad is None


# ------------------------------------------------------------------------------------------------- how far apart domains begin


def domain_embeddings(difference: float) -> torch.Tensor:
    torch.manual_seed(3)
    generator = ParameterGenerator(
        ["ner"], ["a", "b"], 4, 10, task_dim=1, domain_dim=40_000, domain_difference=difference
    )
    return generator.domain_embeddings.detach()


@pytest.mark.parametrize("difference", [0.0, 0.1, 0.5, 1.0])
def test_domains_begin_as_far_apart_as_wanted(difference: float) -> None:
    """Their cosine is 1 - δ², and their variance (a uniform one's, b²/3) whatever δ is, by the law of large numbers."""
    embeddings = domain_embeddings(difference)
    cosine = torch.nn.functional.cosine_similarity(*embeddings, dim=0)
    assert float(cosine) == pytest.approx(1 - difference**2, abs=0.02)
    bound = math.sqrt(3 / math.sqrt(40_000))
    assert embeddings.var(dim=1).tolist() == pytest.approx([bound**2 / 3] * 2, rel=0.03)


@pytest.mark.parametrize("difference", [-0.1, 1.5])
def test_a_difference_that_is_none(difference: float) -> None:
    with pytest.raises(ConfigurationError, match=f"'domain_difference' is {difference}"):
        domain_embeddings(difference)
