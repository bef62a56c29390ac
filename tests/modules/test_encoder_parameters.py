"""Generated parameters against explicit loops; the gradients of a step against plain autograd."""

import copy
import itertools
import math

import pytest
import torch
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError

from lowresource_ner.modules.encoder_parameters import (
    EncoderParameters,
    ParameterGenerator,
    SharedParameters,
    TaskAndDomain,
)

KINDS = pytest.mark.parametrize("kind", [ParameterGenerator, SharedParameters])
SIZES = {"two-by-two": (2, 2), "two-tasks-three-domains": (2, 3), "one": (1, 1)}


def generator_of(
    kind=ParameterGenerator, num_tasks=2, num_domains=2, num_parameters=24, seed=0, dtype=torch.float64, **options
):
    torch.manual_seed(seed)
    tasks, domains = [f"t{n}" for n in range(num_tasks)], [f"d{n}" for n in range(num_domains)]
    return kind(tasks, domains, num_parameters, 100, **options).to(dtype)


def all_pairs(generator):
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
    """The gradients as autograd alone adds them up, each pair's parameters generated for itself."""
    for pair, seed in uses:
        loss_of(generator.generate([pair])[0], seed).backward()


def one_step(generator, uses):
    """The same within a step of all pairs."""
    with generator.step(all_pairs(generator)):
        for pair, seed in uses:
            loss_of(generator(pair), seed).backward()


# What θ is.


@pytest.mark.parametrize("task_dim, domain_dim", [(8, 8), (3, 2), (1, 4)])
def test_theta_is_the_sum_over_both_embeddings(task_dim, domain_dim):
    generator = generator_of(num_domains=3, num_parameters=5, task_dim=task_dim, domain_dim=domain_dim)
    weight = generator.weight.view(5, task_dim, domain_dim)
    for pair in all_pairs(generator):
        task = generator.task_embeddings[generator.tasks.index(pair.task)]
        domain = generator.domain_embeddings[generator.domains.index(pair.domain)]
        expected = [
            sum(
                (weight[p, v, u] * task[v] * domain[u]).item()
                for v, u in itertools.product(range(task_dim), range(domain_dim))
            )
            for p in range(5)
        ]
        assert generator(pair).tolist() == pytest.approx(expected, abs=1e-14)
    several = generator.generate(all_pairs(generator))
    assert several.shape == (6, 5)
    for row, pair in zip(several, all_pairs(generator)):
        torch.testing.assert_close(row, generator(pair), rtol=0, atol=1e-14)


# 4099 is prime, so that W cannot be cut into blocks; 4106 is twice a prime; 6144 makes three blocks.
@pytest.mark.parametrize("num_parameters", [1, 12, 2047, 4099, 4106, 6144])
def test_any_number_of_parameters(num_parameters):
    generator = generator_of(num_domains=3, num_parameters=num_parameters, task_dim=3, domain_dim=2)
    pairs = all_pairs(generator)
    places = [(generator.tasks.index(task), generator.domains.index(domain)) for task, domain in pairs]
    expected = torch.einsum(
        "pvu,mv,mu->mp",
        generator.weight.view(-1, 3, 2),
        generator.task_embeddings[[task for task, _ in places]],
        generator.domain_embeddings[[domain for _, domain in places]],
    )
    found = generator.generate(pairs)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-13)
    upstream = torch.randn(found.shape, dtype=torch.float64)
    wanted = torch.autograd.grad((expected * upstream).sum(), list(generator.parameters()))
    plain = torch.autograd.grad((found * upstream).sum(), list(generator.parameters()))
    for _ in range(2):  # into new memory, then added to what is there
        generator.generate_backward(pairs, upstream)
    for gradient, by_autograd, weight in zip(wanted, plain, generator.parameters()):
        torch.testing.assert_close(by_autograd, gradient, rtol=0, atol=1e-12)
        torch.testing.assert_close(weight.grad, 2 * gradient, rtol=0, atol=1e-11)


def test_shared_parameters_are_the_same_for_all():
    generator = generator_of(SharedParameters, num_domains=3)
    assert all(generator(pair).equal(generator.weight) for pair in all_pairs(generator))
    assert generator.generate(all_pairs(generator)).shape == (6, 24)


@KINDS
def test_each_pair_has_gradients_of_its_own(kind):
    generator = generator_of(kind)
    loss_of(generator(TaskAndDomain("t1", "d0"))).backward()
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


@KINDS
def test_numbers_of_theta_begin_scaled_where_the_encoder_says_so(kind):
    scales = torch.tensor([1.0, 0.0, 0.5, 2.0])
    plain, scaled = (generator_of(kind, num_parameters=4, initial_scales=each) for each in (None, scales))
    for pair in all_pairs(plain):
        torch.testing.assert_close(scaled(pair), plain(pair) * scales)


def test_shared_parameters_begin_as_torchs_lstm():
    torch.manual_seed(0)
    weight = SharedParameters(["ner"], ["source"], 100_000, 25).weight
    theirs = torch.cat([each.flatten() for each in torch.nn.LSTM(100, 25, 4).parameters()])
    assert weight.abs().max().item() == pytest.approx(theirs.abs().max().item(), rel=1e-3)
    assert weight.std().item() == pytest.approx(theirs.std().item(), rel=0.02)


@pytest.mark.parametrize("name, kind", [("parameter_generator", ParameterGenerator), ("shared", SharedParameters)])
def test_registered(name, kind):
    extras = {"tasks": ["ner"], "domains": ["source"], "num_parameters": 4, "hidden_size": 2}
    assert type(EncoderParameters.from_params(Params({"type": name}), **extras)) is kind
    assert type(EncoderParameters.from_params(Params({}), **extras)) is ParameterGenerator


# A step in which the parameters of all pairs are generated at once.


@KINDS
@pytest.mark.parametrize("num_tasks, num_domains", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-12), (torch.float32, 1e-5)], ids=["double", "float"])
def test_a_steps_gradients_are_those_of_plain_autograd(kind, num_tasks, num_domains, dtype, tolerance):
    generator = generator_of(kind, num_tasks, num_domains, dtype=dtype)
    plain = copy.deepcopy(generator)
    uses = [(pair, seed) for seed, pair in enumerate(all_pairs(generator))]
    plain_step(plain, uses)
    one_step(generator, uses)
    assert all(gradient.dtype == dtype for gradient in gradients(generator).values())
    expect_equal(gradients(generator), gradients(plain), tolerance)


USES = {
    "a-pair-twice": [0, 1, 0, 2, 3],
    "twice-in-a-row": [2, 2, 2],
    "some-not-at-all": [3, 1],
    "one": [2],
    "none": [],
    "in-another-order": [3, 2, 1, 0],
}


@KINDS
@pytest.mark.parametrize("used", USES.values(), ids=USES)
def test_pairs_that_are_used_more_than_once_or_not_at_all(kind, used):
    generator = generator_of(kind)
    plain = copy.deepcopy(generator)
    uses = [(all_pairs(generator)[number], seed) for seed, number in enumerate(used)]
    plain_step(plain, uses)
    one_step(generator, uses)
    expect_equal(gradients(generator), gradients(plain))


@KINDS
def test_one_loss_of_several_pairs(kind):
    generator = generator_of(kind)
    plain = copy.deepcopy(generator)
    first, second, *_ = all_pairs(generator)

    def loss(theta_of):
        return loss_of(theta_of(first) * theta_of(second) + theta_of(first))

    loss(lambda pair: plain.generate([pair])[0]).backward()
    with generator.step(all_pairs(generator)):
        loss(generator).backward()
    expect_equal(gradients(generator), gradients(plain))


@KINDS
def test_a_step_gives_the_gradients_by_theta(kind):
    generator = generator_of(kind)
    pairs = all_pairs(generator)
    with generator.step(pairs) as thetas:
        assert list(thetas) == pairs and all(theta.grad is None for theta in thetas.values())
        for seed in (1, 2):
            loss_of(generator(pairs[2]), seed).backward()
        loss_of(generator(pairs[0])).detach()
        theta = generator.generate([pairs[2]])[0].detach().requires_grad_()
        (expected,) = torch.autograd.grad(loss_of(theta, 1) + loss_of(theta, 2), theta)
        assert [pair for pair, theta in thetas.items() if theta.grad is not None] == [pairs[2]]
        torch.testing.assert_close(thetas[pairs[2]].grad, expected, rtol=0, atol=1e-14)
        assert all(gradient is None for gradient in gradients(generator).values()), "carried back before the end"


@KINDS
@pytest.mark.parametrize("set_to_none", [True, False, None])
def test_several_steps(kind, set_to_none):
    """With gradients cleared in one way or the other between them, or added up."""
    generator = generator_of(kind)
    plain = copy.deepcopy(generator)
    pairs = all_pairs(generator)
    optimizers = [torch.optim.SGD(each.parameters(), lr=0.1) for each in (generator, plain)]
    for step in range(4):
        uses = [(pair, 10 * step + number) for number, pair in enumerate(pairs[: 4 - step])]
        plain_step(plain, uses)
        one_step(generator, uses)
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
    for each in (generator, plain):
        sum(weight.square().sum() for weight in each.parameters()).backward()
    uses = [(pair, seed) for seed, pair in enumerate(all_pairs(generator))]
    plain_step(plain, uses)
    one_step(generator, uses)
    expect_equal(gradients(generator), gradients(plain))
    # And others to them.
    for each in (generator, plain):
        sum(weight.pow(3).sum() for weight in each.parameters()).backward()
    expect_equal(gradients(generator), gradients(plain))


@KINDS
def test_evaluation_within_a_step_does_not_disturb_it(kind):
    generator = generator_of(kind)
    plain = copy.deepcopy(generator)
    pairs = all_pairs(generator)
    plain_step(plain, [(pairs[0], 0), (pairs[1], 1)])

    def evaluate():
        with torch.no_grad():
            found = [generator(pair) for pair in pairs]
        generator.eval()
        found += [generator(pair).detach() for pair in pairs]
        generator.train()
        torch.testing.assert_close(torch.stack(found[:4]), plain.generate(pairs).detach(), rtol=0, atol=1e-14)
        assert torch.stack(found[:4]).equal(torch.stack(found[4:]))

    with generator.step(pairs):
        evaluate()
        loss_of(generator(pairs[0]), 0).backward()
        evaluate()
        theta = generator(pairs[1])
        evaluate()
        loss_of(theta, 1).backward()
        evaluate()
    expect_equal(gradients(generator), gradients(plain))


@KINDS
def test_outside_a_step_autograd_goes_all_the_way(kind):
    generator = generator_of(kind)
    plain = copy.deepcopy(generator)
    pairs = all_pairs(generator)
    with generator.step(pairs[:2]):
        loss_of(generator(pairs[3]), 3).backward()  # a pair that the step was not opened for
    loss_of(generator(pairs[0]), 0).backward()
    plain_step(plain, [(pairs[3], 3), (pairs[0], 0)])
    expect_equal(gradients(generator), gradients(plain))


@KINDS
def test_a_step_that_fails_carries_nothing_back_and_is_over(kind):
    generator = generator_of(kind)
    pairs = all_pairs(generator)
    with pytest.raises(KeyboardInterrupt), generator.step(pairs):
        loss_of(generator(pairs[0])).backward()
        raise KeyboardInterrupt
    assert all(gradient is None for gradient in gradients(generator).values())
    loss_of(generator(pairs[0])).backward()
    assert all(gradient is not None for gradient in gradients(generator).values())


@KINDS
def test_parameters_are_generated_once_a_step_and_anew_in_the_next(kind, monkeypatch):
    generator = generator_of(kind)
    pairs = all_pairs(generator)
    calls = []
    original = kind.generate
    monkeypatch.setattr(kind, "generate", lambda self, asked: calls.append(list(asked)) or original(self, asked))
    with generator.step([*pairs, pairs[0]]):
        for pair in pairs * 2:
            torch.testing.assert_close(generator(pair), original(generator, [pair])[0], rtol=0, atol=1e-14)
        assert calls == [pairs]
    with torch.no_grad():
        generator.weight *= 2
    before = len(calls)
    with generator.step(pairs):
        torch.testing.assert_close(generator(pairs[1]), original(generator, [pairs[1]])[0], rtol=0, atol=1e-14)
        assert len(calls) == before + 1


@KINDS
def test_a_step_in_double_after_one_in_single_precision(kind):
    """Memory that is kept from step to step follows the weights."""
    generator = generator_of(kind, dtype=torch.float32)
    uses = [(pair, seed) for seed, pair in enumerate(all_pairs(generator))]
    one_step(generator, uses)
    generator.zero_grad()
    generator.double()
    plain = copy.deepcopy(generator)
    plain_step(plain, uses)
    one_step(generator, uses)
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
    uses = [(pair, seed) for seed, pair in enumerate(all_pairs(generator))]
    one_step(generator, uses)
    if frozen is not None:
        plain_step(plain, uses)
    expect_equal(gradients(generator), gradients(plain))


def test_shared_parameters_that_are_frozen():
    generator = generator_of(SharedParameters)
    generator.weight.requires_grad_(False)
    one_step(generator, [(all_pairs(generator)[0], 0)])
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
def test_a_difference_out_of_range_is_refused(difference: float) -> None:
    with pytest.raises(ConfigurationError, match=f"'domain_difference' is {difference}"):
        domain_embeddings(difference)
