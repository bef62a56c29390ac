"""The metric against seqeval's own figures on the same tags, and by hand where seqeval cannot read them."""

import json
import random
from datetime import timedelta

import pytest
import torch
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.data import Vocabulary
from allennlp.training.metrics import Metric
from seqeval import scheme as seqeval_schemes
from seqeval.metrics import classification_report, f1_score, precision_score, recall_score
from support.forked_python import started

from lowresource_ner.metrics import SeqevalF1
from lowresource_ner.tagging import EntitySpan, get_scheme

TYPES = ["LOC", "MISC-x", "PER"]
MODES = [("default", "IOB1"), ("default", "IOB2"), ("default", "IOBES")] + [
    ("strict", scheme) for scheme in ("IOB1", "IOB2", "IOBES", "BILOU")
]


def vocabulary(scheme, types=TYPES):
    labels = get_scheme(scheme).tag_set(types)
    random.Random(3).shuffle(labels)
    vocab = Vocabulary(non_padded_namespaces=["tags"])
    vocab.add_tokens_to_namespace(labels, "tags")
    return vocab


def metric_for(vocab, scheme, mode="default"):
    return Metric.from_params(
        Params({"type": "seqeval_f1", "label_namespace": "tags", "mode": mode, "tag_scheme": scheme}), vocab=vocab
    )


def random_spans(rng, length, types):
    spans, start = [], 0
    while start < length:
        end = min(length, start + rng.randint(1, 3))
        if rng.random() < 0.5:
            spans.append((start, end, rng.choice(types)))
        start = end
    return spans


def random_sentence(rng, scheme, types):
    """Gold and predicted tags: valid, disturbed in a few places, or all by chance."""
    scheme = get_scheme(scheme)
    length = rng.randint(1, 9)
    gold = scheme.tags(random_spans(rng, length, types), length)
    labels = scheme.tag_set(types)
    predicted = [tag if rng.random() < 0.7 else rng.choice(labels) for tag in gold]
    if rng.random() < 0.3:
        predicted = scheme.tags(random_spans(rng, length, types), length)
    if rng.random() < 0.3:
        gold = [tag if rng.random() < 0.8 else rng.choice(labels) for tag in gold]
    return gold, predicted


def random_sentences(seed, scheme, count=40, types=TYPES):
    rng = random.Random(seed)
    return [random_sentence(rng, scheme, types) for _ in range(count)]


def count(metric, vocab, sentences, batch_size=7):
    """Gives the metric padded batches; what stands in the padding would be an entity."""
    index = vocab.get_token_to_index_vocabulary("tags")
    noise = index[f"B-{TYPES[0]}"]
    for first in range(0, len(sentences), batch_size):
        batch = sentences[first : first + batch_size]
        width = max(len(gold) for gold, _ in batch) + 1
        gold, predicted = (
            torch.tensor([[index[tag] for tag in tags] + [noise] * (width - len(tags)) for tags in column])
            for column in zip(*batch)
        )
        mask = torch.tensor([[word < len(tags) for word in range(width)] for tags, _ in batch])
        metric(predicted, gold, mask)
    return metric


def figures(sentences, scheme, mode):
    """seqeval's own, in the metric's words."""
    gold, predicted = map(list, zip(*sentences))
    options = {"zero_division": 0}
    if mode == "strict":
        options.update(mode="strict", scheme=getattr(seqeval_schemes, scheme))
    expected = {
        "precision": precision_score(gold, predicted, average="micro", **options),
        "recall": recall_score(gold, predicted, average="micro", **options),
        "f1": f1_score(gold, predicted, average="micro", **options),
    }
    report = classification_report(gold, predicted, output_dict=True, **options)
    expected["support"] = report["micro avg"]["support"]
    for entity_type, scores in report.items():
        if not entity_type.endswith(" avg"):
            for ours, theirs in [("precision",) * 2, ("recall",) * 2, ("f1", "f1-score"), ("support",) * 2]:
                expected[f"{ours}-{entity_type}"] = scores[theirs]
    return {name: pytest.approx(float(value), abs=1e-12) for name, value in expected.items()}


@pytest.mark.parametrize("mode, scheme", MODES)
@pytest.mark.parametrize("seed", range(3))
def test_the_figures_are_seqevals_own(mode, scheme, seed):
    sentences, vocab = random_sentences(seed, scheme), vocabulary(scheme)
    metric = count(metric_for(vocab, scheme, mode), vocab, sentences)
    expected = figures(sentences, scheme, mode)
    assert len(expected) == 4 + 4 * len(TYPES)
    assert metric.get_metric() == {name: expected[name] for name in ("precision", "recall", "f1")}
    assert metric.get_metric(reset=True) == expected


@pytest.mark.parametrize("scheme", ["IOB2", "IOBES"])
def test_the_two_modes_differ_on_invalid_tags(scheme):
    sentences, vocab = random_sentences(0, scheme), vocabulary(scheme)
    lenient = count(metric_for(vocab, scheme, "default"), vocab, sentences)
    strict = count(metric_for(vocab, scheme, "strict"), vocab, sentences)
    assert lenient.get_metric()["f1"] != strict.get_metric()["f1"]


@pytest.mark.parametrize("seed", range(3))
def test_bilou_in_the_default_mode_is_iobes_by_other_letters(seed):
    letters = {"L": "E", "U": "S"}
    sentences, vocab = random_sentences(seed, "BILOU"), vocabulary("BILOU")
    renamed = [
        tuple([letters.get(tag[0], tag[0]) + tag[1:] for tag in tags] for tags in sentence) for sentence in sentences
    ]
    metric = count(metric_for(vocab, "BILOU"), vocab, sentences)
    assert metric.get_metric(reset=True) == figures(renamed, "IOBES", "default")


def test_bilou_in_the_default_mode_by_hand():
    vocab = vocabulary("BILOU", ["LOC", "PER"])
    sentences = [
        # One of two entities is found; an I- after O begins one, which L- ends.
        ("B-PER L-PER O U-LOC O O", "B-PER L-PER O O I-LOC L-LOC"),
        # An L- after a U- or an L- is an entity of its own: all four are found.
        ("U-LOC U-LOC O B-PER L-PER U-PER", "U-LOC L-LOC O B-PER L-PER L-PER"),
    ]
    sentences = [(gold.split(), predicted.split()) for gold, predicted in sentences]
    metric = count(metric_for(vocab, "BILOU"), vocab, sentences)
    assert metric.get_metric(reset=True) == {
        "precision": 5 / 6,
        "recall": 5 / 6,
        "f1": pytest.approx(5 / 6),
        "support": 6,
        "precision-LOC": 2 / 3,
        "recall-LOC": 2 / 3,
        "f1-LOC": pytest.approx(2 / 3),
        "support-LOC": 3,
        "precision-PER": 1.0,
        "recall-PER": 1.0,
        "f1-PER": 1.0,
        "support-PER": 3,
    }


@pytest.mark.parametrize("mode", ["default", "strict"])
@pytest.mark.parametrize("scheme", ["IOB1", "IOB2", "IOBES", "BILOU"])
def test_no_name_of_a_type_confuses_the_count(mode, scheme):
    """Old archives may have types that no file may have today; counted over the spans that the tags were written from."""
    types = ["PER-", "-PER", "PER", "-", "--", "O", "_", " PER", "B-PER", "work of art", "0", "1"]
    rng = random.Random(f"{mode} {scheme}")
    vocab = vocabulary(scheme, types)
    sides = [[random_spans(rng, 12, types) for _ in range(60)] for _ in range(2)]
    sides[1] = [gold if rng.random() < 0.5 else other for gold, other in zip(*sides)]
    tags = [[get_scheme(scheme).tags([EntitySpan(*span) for span in spans], 12) for spans in side] for side in sides]
    index = vocab.get_token_to_index_vocabulary("tags")
    gold, predicted = (torch.tensor([[index[tag] for tag in sentence] for sentence in side]) for side in tags)
    metric = metric_for(vocab, scheme, mode)
    metric(predicted, gold)
    result = metric.get_metric(reset=True)
    assert len(result) == 4 * (1 + len(types))
    for entity_type in types:
        gold_spans, found = (
            {(number, *span) for number, spans in enumerate(side) for span in spans if span[2] == entity_type}
            for side in sides
        )
        correct = len(gold_spans & found)
        assert result[f"support-{entity_type}"] == len(gold_spans) > 0
        assert result[f"recall-{entity_type}"] == correct / len(gold_spans)
        assert result[f"precision-{entity_type}"] == correct / len(found)


def test_without_a_mask_every_position_is_a_word():
    vocab = vocabulary("IOB2")
    sentences = [sentence for sentence in random_sentences(4, "IOB2", 200) if len(sentence[0]) == 6]
    index = vocab.get_token_to_index_vocabulary("tags")
    gold, predicted = (torch.tensor([[index[tag] for tag in tags] for tags in column]) for column in zip(*sentences))
    assert len(gold) > 10
    metric = metric_for(vocab, "IOB2")
    metric(predicted, gold)
    assert metric.get_metric(reset=True) == figures(sentences, "IOB2", "default")


@pytest.mark.parametrize("mode", ["default", "strict"])
def test_figures_are_plain_python_numbers(mode):
    vocab = vocabulary("IOB2")
    metric = count(metric_for(vocab, "IOB2", mode), vocab, random_sentences(0, "IOB2"))
    for result in (metric.get_metric(), metric.get_metric(reset=True)):
        assert {type(value) for name, value in result.items() if not name.startswith("support")} == {float}
        assert all(type(value) is int for name, value in result.items() if name.startswith("support"))
        assert json.loads(json.dumps(result)) == result


def test_types_that_do_not_occur_have_zeros_and_no_division_fails():
    vocab = vocabulary("IOB2")
    metric = count(metric_for(vocab, "IOB2"), vocab, [(["B-PER", "O"], ["O", "B-LOC"]), (["O"], ["O"])])
    result = metric.get_metric(reset=True)
    assert [result[f"support{suffix}"] for suffix in ("", "-PER", "-LOC", "-MISC-x")] == [1, 1, 0, 0]
    assert not any(value for name, value in result.items() if not name.startswith("support"))


def test_reset_forgets_and_nothing_else_does():
    vocab = vocabulary("IOB2")
    metric = metric_for(vocab, "IOB2")
    first, second = random_sentences(5, "IOB2"), random_sentences(6, "IOB2")
    assert metric.get_metric() == {}
    count(metric, vocab, first)
    assert metric.get_metric() == metric.get_metric()
    count(metric, vocab, second)
    assert metric.get_metric(reset=True) == figures(first + second, "IOB2", "default")
    assert metric.get_metric(reset=True) == {}
    count(metric, vocab, second)
    metric.reset()
    count(metric, vocab, first)
    assert metric.get_metric(reset=True) == figures(first, "IOB2", "default")


def test_the_state_is_of_one_size_however_many_calls():
    vocab = vocabulary("IOB2")
    metric = metric_for(vocab, "IOB2")

    def sizes():
        return {
            name: value.shape if isinstance(value, torch.Tensor) else len(value) if hasattr(value, "__len__") else None
            for name, value in vars(metric).items()
        }

    count(metric, vocab, random_sentences(0, "IOB2", 1))
    before = sizes()
    assert torch.Size([3, len(TYPES)]) in before.values()
    count(metric, vocab, random_sentences(1, "IOB2", 100), batch_size=1)
    assert sizes() == before


@pytest.mark.parametrize(
    "options, message", [({"mode": "lenient"}, "'mode'.*'lenient'"), ({"tag_scheme": "BMES"}, "BMES")]
)
def test_an_unknown_mode_or_scheme_is_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        SeqevalF1(vocabulary("IOB2"), "tags", **options)


@pytest.mark.parametrize(
    "correct, predicted, gold, f1", [(9, 10, 15, 0.72), (9, 15, 10, 0.72), (4, 5, 5, 0.8), (4, 5, 11, 0.5)]
)
def test_equal_scores_are_equal_numbers(correct, predicted, gold, f1):
    """`switch_optimizer` waits for more than 0.72, and `patience` for more than the best: rounding is no progress."""
    vocab = vocabulary("IOB2")
    index = vocab.get_token_to_index_vocabulary("tags")
    entity, outside = index["B-PER"], index["O"]
    alone, missed = predicted - correct, gold - correct
    rows = [entity] * predicted + [outside] * missed, [entity] * correct + [outside] * alone + [entity] * missed
    metric = metric_for(vocab, "IOB2")
    metric(torch.tensor([rows[0]]), torch.tensor([rows[1]]))
    assert metric.get_metric()["f1"] == f1


def halves():
    """The first worker sees one type of entity, the second worker the two others; their counts must not be mixed up."""
    return random_sentences(7, "IOB2", 30, TYPES[:1]), random_sentences(8, "IOB2", 12, TYPES[1:])


def worker(rank, folder):
    """One of two processes, with data of its own in more steps than the other; then with all of it, or with none."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2, timeout=timedelta(minutes=2)
    )
    try:
        vocab = vocabulary("IOB2")
        metric = count(metric_for(vocab, "IOB2"), vocab, halves()[rank], batch_size=4)
        found = [metric.get_metric(reset=True)]
        count(metric, vocab, [sum(halves(), []), []][rank])
        found += [metric.get_metric(reset=True), metric.get_metric(reset=True)]
        (folder / f"{rank}.json").write_text(json.dumps(found))
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_give_the_figures_of_one(tmp_path):
    other = started(worker, 1, tmp_path)
    worker(0, tmp_path)
    other.join()
    assert other.exitcode == 0
    first, second = halves()
    expected = figures(first + second, "IOB2", "default")
    for rank in range(2):
        assert json.loads((tmp_path / f"{rank}.json").read_text()) == [expected, expected, {}]
