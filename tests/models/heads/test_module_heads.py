"""What the heads read out of an LSTM, and which label sets may share one."""

import itertools
from typing import Any, Dict, List

import pytest
import torch
from allennlp.common import Lazy, Params
from allennlp.common.checks import ConfigurationError
from allennlp.data import Vocabulary
from allennlp.modules import ConditionalRandomField

from lowresource_ner.metrics import SeqevalF1
from lowresource_ner.models.heads import LanguageModelHead, ModuleHead, SoftTargets, TaggingHead
from lowresource_ner.modules.distillation_losses import MseLoss, SoftCrossEntropyLoss
from lowresource_ner.modules.tag_heads import SoftmaxHead

ORDERS = {
    "first_labels": ["O", "S-PER", "B-PER", "I-PER", "E-PER"],
    "second_labels": ["I-PER", "O", "E-PER", "S-PER", "B-PER"],
    "small_labels": ["S-PER", "O"],
    "other_labels": ["O", "S-PER", "S-GENE"],
}
SENTENCES = [["B-PER", "I-PER", "E-PER", "O", "S-PER"], ["O", "B-PER", "E-PER"]]
DIM = 6


def vocabulary() -> Vocabulary:
    vocab = Vocabulary()
    for namespace, labels in ORDERS.items():
        for label in labels:
            vocab.add_token_to_namespace(label, namespace)
    for word in ("the", "cat", "sat", "on", "mat"):
        vocab.add_token_to_namespace(word, "lm_words")
    return vocab


def tagging_head(*namespaces: str, **options: Any) -> TaggingHead:
    torch.manual_seed(3)
    head = TaggingHead(vocabulary(), DIM, namespaces, "IOBES", **options)
    for weight in head.parameters():
        if weight.requires_grad:
            torch.nn.init.normal_(weight)
    return head.double()


def batch(namespace: str, sentences: List[List[str]] = SENTENCES) -> Dict[str, torch.Tensor]:
    """Random states, and the tags by their numbers in a namespace, padded by 0."""
    longest = max(map(len, sentences))
    tags = torch.zeros(len(sentences), longest, dtype=torch.long)
    mask = torch.zeros(len(sentences), longest, dtype=torch.bool)
    for row, sentence in enumerate(sentences):
        tags[row, : len(sentence)] = torch.tensor([ORDERS[namespace].index(tag) for tag in sentence])
        mask[row, : len(sentence)] = True
    torch.manual_seed(4)
    encoded = torch.randn(len(sentences), longest, DIM, dtype=torch.float64)
    return {"encoded": encoded, "mask": mask, "targets": tags}


def measured(head: TaggingHead, namespace: str) -> Dict[str, float]:
    metric = head.new_metric(Lazy(SeqevalF1))
    given = batch(namespace)
    output = head(**given, namespace=namespace)
    head.measure(metric, output, given["mask"], given["targets"], namespace)
    return metric.get_metric(reset=True)


# ---------------------------------------------------------------------------------- tagging: labels


def test_the_loss_is_that_of_allennlps_crf_summed_over_sentences() -> None:
    head = tagging_head("first_labels")
    given = batch("first_labels")
    output = head(**given, namespace="first_labels")
    assert head.labels == ORDERS["first_labels"]
    logits = given["encoded"] @ head.tagger.projection.weight.t() + head.tagger.projection.bias
    torch.testing.assert_close(output["logits"], logits)
    crf = head.tagger.crf
    assert isinstance(crf, ConditionalRandomField)
    torch.testing.assert_close(output["loss"], -crf(logits, given["targets"], given["mask"]))
    assert head(given["encoded"], given["mask"]).keys() == {"logits"}


def test_domains_with_the_same_tags_in_another_order_share_a_head() -> None:
    """Each sentence's loss and score are what they are where both domains have one namespace."""
    head = tagging_head("first_labels", "second_labels")
    losses = [head(**batch(name), namespace=name)["loss"] for name in ("first_labels", "second_labels")]
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-12, atol=0)
    alone = tagging_head("first_labels")
    torch.testing.assert_close(alone(**batch("first_labels"), namespace="first_labels")["loss"], losses[0])
    as_if_one = head(**batch("second_labels"), namespace="first_labels")["loss"]
    assert abs((as_if_one - losses[0]).item()) > 0.1, "with the wrong order, the loss is another one"
    scores = [measured(head, name) for name in ("first_labels", "second_labels")]
    assert scores[0] == scores[1] and scores[0]["support"] == 3


def test_a_namespace_of_any_name_can_have_a_head() -> None:
    """A name with a dot, such as that of a corpus with its version, is no name of a torch buffer."""
    vocab = Vocabulary()
    vocab.add_tokens_to_namespace(ORDERS["first_labels"], "conll2003.en_labels")
    vocab.add_tokens_to_namespace(ORDERS["second_labels"], "training_labels")
    head = TaggingHead(vocab, DIM, ["conll2003.en_labels", "training_labels"], "IOBES").double()
    with torch.no_grad():
        head.tagger.projection.weight.normal_()
    losses = [
        head(**batch(order), namespace=name)["loss"]
        for order, name in (("first_labels", "conll2003.en_labels"), ("second_labels", "training_labels"))
    ]
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-12, atol=0)


def test_what_a_head_needs_to_know_of_tags_is_not_in_its_weights() -> None:
    """An archive's vocabulary says it."""
    assert not [name for name in tagging_head("first_labels", "second_labels").state_dict() if "labels" in name]


def test_different_labels_under_one_head_are_named_from_both_sides() -> None:
    with pytest.raises(ConfigurationError) as caught:
        tagging_head("first_labels", "other_labels")
    assert "'first_labels' has B-PER, E-PER, I-PER that 'other_labels' lacks" in str(caught.value)
    assert "'other_labels' has S-GENE that 'first_labels' lacks" in str(caught.value)
    assert "'label_map'" in str(caught.value) and "'labels_from' to 'first_labels'" in str(caught.value)


def test_labels_from_lets_another_namespace_lack_some() -> None:
    with pytest.raises(ConfigurationError, match="B-PER, E-PER, I-PER that 'small_labels' lacks.*has none that"):
        tagging_head("first_labels", "small_labels")
    head = tagging_head("small_labels", "first_labels", labels_from="first_labels")
    assert head.labels == ORDERS["first_labels"]
    sentences = [["S-PER", "O"], ["O", "O", "S-PER"]]
    losses = [head(**batch(name, sentences), namespace=name)["loss"] for name in ("first_labels", "small_labels")]
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-12, atol=0)


def test_labels_from_refuses_additional_labels() -> None:
    with pytest.raises(ConfigurationError, match="'other_labels' has S-GENE that 'first_labels' lacks"):
        tagging_head("first_labels", "other_labels", labels_from="first_labels")
    with pytest.raises(ConfigurationError, match="'labels_from' is 'mars_labels'.*namespaces are first_labels"):
        tagging_head("first_labels", labels_from="mars_labels")


@pytest.mark.parametrize("namespace, message", [("mars_labels", "0 tags"), ("lm_words", "which AllenNLP pads")])
def test_a_namespace_without_tags_is_named(namespace, message) -> None:
    with pytest.raises(ConfigurationError, match=message):
        tagging_head(namespace)


# ---------------------------------------------------------------------------------- tagging: soft labels

LENGTHS = [4, 2, 1]


def soft_batch() -> Dict[str, torch.Tensor]:
    """Random states, mask, the probabilities of a teacher and words' weights, one of which is 0; NaN in the padding."""
    generator = torch.Generator().manual_seed(5)

    def random(*size: int) -> torch.Tensor:
        return torch.rand(len(LENGTHS), max(LENGTHS), *size, generator=generator, dtype=torch.float64)

    mask = torch.tensor([[word < length for word in range(max(LENGTHS))] for length in LENGTHS])
    weights = random() + 0.5
    weights[0, 1] = 0.0
    probabilities = torch.softmax(3 * random(5), dim=2).masked_fill(~mask.unsqueeze(2), float("nan"))
    return {"encoded": 4 * random(DIM) - 2, "mask": mask, "probabilities": probabilities, "weights": weights}


def brute_force_marginals(head: TaggingHead, encoded: torch.Tensor, length: int) -> torch.Tensor:
    """(length, num_tags): sums over all tag sequences of a sentence, by autograd's own operations."""
    crf, projection = head.tagger.crf, head.tagger.projection
    logits = encoded[:length] @ projection.weight.t() + projection.bias
    paths = list(itertools.product(range(len(head.labels)), repeat=length))
    scores = torch.stack(
        [
            crf.start_transitions[path[0]]
            + sum(logits[word, tag] for word, tag in enumerate(path))
            + sum(crf.transitions[before, after] for before, after in zip(path, path[1:]))
            + crf.end_transitions[path[-1]]
            for path in paths
        ]
    )
    is_tag = torch.nn.functional.one_hot(torch.tensor(paths), len(head.labels)).to(scores)  # (paths, length, num_tags)
    return torch.einsum("p,pwt->wt", torch.softmax(scores, dim=0), is_tag)


@pytest.mark.parametrize("loss", ["cross-entropy", "cross-entropy of sentences", "mse"])
def test_the_distillation_loss_and_its_gradients_are_those_of_all_tag_sequences(loss) -> None:
    losses = {
        "cross-entropy": None,
        "cross-entropy of sentences": SoftCrossEntropyLoss(),
        "mse": MseLoss(average="words"),
    }
    head = tagging_head("first_labels", distillation_loss=losses[loss])
    given = soft_batch()
    encoded = given["encoded"].requires_grad_()
    targets = SoftTargets(given["probabilities"], given["weights"])
    found = head.distillation_loss(head(encoded, given["mask"]), given["mask"], targets, "first_labels")

    expected = torch.zeros((), dtype=torch.float64)
    for row, length in enumerate(LENGTHS):
        student = brute_force_marginals(head, encoded[row], length)
        teacher = given["probabilities"][row, :length]
        of_words = (student - teacher).square().mean(1) if loss == "mse" else -(teacher * student.log()).sum(1)
        total = (of_words * given["weights"][row, :length]).sum()
        counted = int((given["weights"][row, :length] > 0).sum())
        expected = expected + (total / counted if loss == "cross-entropy of sentences" else total)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=0)
    weights = [encoded, *(weight for weight in head.parameters() if weight.requires_grad)]
    assert len(weights) == 6, "the states, the linear layer's two, and the CRF's three"
    for ours, theirs in zip(torch.autograd.grad(found, weights), torch.autograd.grad(expected, weights)):
        torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-12)


def test_a_student_that_says_what_its_teacher_says_has_nothing_to_learn() -> None:
    """The cross-entropy is then the teacher's entropy, and its gradient 0."""
    head = tagging_head("first_labels")
    given = soft_batch()
    encoded = given["encoded"].requires_grad_()
    rows = [brute_force_marginals(head, encoded[row], length).detach() for row, length in enumerate(LENGTHS)]
    teacher = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    loss = head.distillation_loss(head(encoded, given["mask"]), given["mask"], SoftTargets(teacher), "first_labels")
    assert loss.item() == pytest.approx(sum(-(row * row.log()).sum().item() for row in rows))
    assert torch.autograd.grad(loss, encoded)[0].abs().max() < 1e-12


def test_impossible_tags_of_a_teacher_give_a_finite_loss() -> None:
    """An I- at the beginning, as a mixture of teachers or one that decides word by word may have it."""
    head = tagging_head("first_labels")
    given = soft_batch()
    teacher = torch.zeros(3, 4, 5, dtype=torch.float64)
    teacher[:, :, ORDERS["first_labels"].index("I-PER")] = 1.0
    loss = head.distillation_loss(
        head(given["encoded"], given["mask"]), given["mask"], SoftTargets(teacher), "first_labels"
    )
    assert 0 < loss.item() < 1000


def test_a_teachers_tags_in_another_order_or_a_part_of_them_are_the_heads() -> None:
    head = tagging_head("first_labels", "second_labels", "small_labels", labels_from="first_labels")
    given = soft_batch()
    output = head(given["encoded"], given["mask"])

    def loss_of(namespace: str, probabilities: torch.Tensor) -> torch.Tensor:
        return head.distillation_loss(output, given["mask"], SoftTargets(probabilities), namespace)

    columns = [ORDERS["first_labels"].index(label) for label in ORDERS["second_labels"]]
    first = given["probabilities"]
    expected = loss_of("first_labels", first)
    torch.testing.assert_close(loss_of("second_labels", first[:, :, columns]), expected, rtol=1e-12, atol=0)
    assert abs((loss_of("second_labels", first) - expected).item()) > 0.1, "in the wrong order, the loss is another one"

    # O and S-PER alone: the others have probability 0.
    small = torch.softmax(first[:, :, :2], dim=2)
    whole = torch.zeros_like(first)
    whole[:, :, 0], whole[:, :, 1] = small[:, :, 1], small[:, :, 0]
    torch.testing.assert_close(loss_of("small_labels", small), loss_of("first_labels", whole), rtol=1e-12, atol=0)
    with pytest.raises(ConfigurationError, match="by 'mars_labels', and the module's head by first_labels"):
        loss_of("mars_labels", first)


def test_a_softmax_is_distilled_word_by_word() -> None:
    head = tagging_head("first_labels", tagger=Lazy(SoftmaxHead))
    given = soft_batch()
    output = head(given["encoded"], given["mask"])
    targets = SoftTargets(given["probabilities"])
    loss = head.distillation_loss(output, given["mask"], targets, "first_labels")
    words = given["mask"]
    expected = torch.nn.functional.cross_entropy(
        output["logits"][words], given["probabilities"][words], reduction="sum"
    )
    torch.testing.assert_close(loss, expected)


def test_a_language_model_has_no_teacher() -> None:
    given = soft_batch()
    with pytest.raises(ConfigurationError, match="LanguageModelHead cannot learn.*'teacher_labelled' to modules"):
        language_model_head().distillation_loss({}, given["mask"], SoftTargets(given["probabilities"]), "")


# ---------------------------------------------------------------------------------- language models


def language_model_head(**options: Any) -> LanguageModelHead:
    torch.manual_seed(3)
    return LanguageModelHead(vocabulary(), DIM, [], "IOBES", **{"num_samples": 3, **options}).double()


def test_a_language_models_classes_are_the_vocabularys_words_without_padding() -> None:
    """Words 2 to 6 of the vocabulary are classes 1 to 5, and class 0 is unknown, padding, and what lies beyond the ends."""
    head = language_model_head().eval()
    words = torch.tensor([[2, 6, 1], [4, 0, 0]])
    mask = words > 0
    encoded = torch.randn(2, 3, DIM, dtype=torch.float64)
    softmax = head.model.softmax
    weight, bias = softmax.softmax_w.weight, softmax.softmax_b.weight[:, 0]
    assert len(weight) == len(bias) == 6
    # (sentence, word, class of the next, class of the one before)
    expected = 0.0
    for row, place, following, preceding in ((0, 0, 5, 0), (0, 1, 0, 1), (0, 2, 0, 5), (1, 0, 0, 0)):
        forward, backward = encoded[row, place].split(DIM // 2)
        expected -= torch.log_softmax(weight @ forward + bias, 0)[following].item() / 2
        expected -= torch.log_softmax(weight @ backward + bias, 0)[preceding].item() / 2
    output = head(encoded, mask, words)
    assert output["loss"].item() == pytest.approx(expected, rel=1e-12)
    metric = head.new_metric(Lazy(SeqevalF1))
    head.measure(metric, output, mask, words, "")
    assert metric.get_metric()["perplexity"] == pytest.approx(torch.tensor(expected / 4).exp().item())
    assert head(encoded, mask) == {}


@pytest.mark.parametrize(
    "options, message",
    [
        ({"namespace": "empty"}, "namespace 'empty' is empty.*'lm_namespace': 'empty'"),
        ({"num_samples": 6}, "draws 6 samples from 6 words"),
    ],
)
def test_a_language_model_without_words_enough_is_named(options, message) -> None:
    with pytest.raises(ConfigurationError, match=message):
        language_model_head(**options)


def test_a_head_is_a_tagger_where_the_config_does_not_say() -> None:
    head = ModuleHead.from_params(
        Params({}), vocab=vocabulary(), input_dim=DIM, label_namespaces=["first_labels"], tag_scheme="IOBES"
    )
    assert isinstance(head, TaggingHead) and not head.is_language_model and LanguageModelHead.is_language_model
