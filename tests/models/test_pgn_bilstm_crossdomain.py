"""The cross-domain model as a whole, against what its parts compute by hand."""

import copy
import gzip
import json
import math
import re
import shutil
from pathlib import Path
from typing import Any, Dict, List, Sequence

import numpy
import pytest
import torch
from allennlp.commands.evaluate import evaluate_from_archive
from allennlp.commands.train import train_model
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.common.util import sanitize
from allennlp.data import DatasetReader, Instance, Token, Vocabulary
from allennlp.data.data_loaders import MultiTaskDataLoader
from allennlp.data.data_loaders.multitask_scheduler import HomogeneousRoundRobinScheduler
from allennlp.data.dataset_readers import MultiTaskDatasetReader
from allennlp.data.fields import MetadataField
from allennlp.models import Model, load_archive
from allennlp.modules.sampled_softmax_loss import SampledSoftmaxLoss
from allennlp.predictors import Predictor
from conftest import CORPORA, FIXTURES, REPOSITORY, TINY_ENCODER, conll_blocks
from seqeval.metrics import f1_score, precision_score
from support.batches import tensors
from support.trainings import training_loop

import lowresource_ner  # noqa: F401  what the configs name is registered by the import

CONFIGS = REPOSITORY / "training_configs/cross_domain"
VECTORS = FIXTURES / "vectors" / "tiny.16d.txt.gz"
FOLDERS = {"source": "en", "target": "bio", "sea": "sea"}
BIO_TEST = CORPORA / "bio" / "test.conll"
HIDDEN = 6

INDEXERS = {
    "words": {"type": "normalised_words", "vectors_namespace": "vector_words"},
    "characters": {"type": "word_characters"},
}
MODULES = {
    "lm_source": {"task": "lm", "domain": "source", "head": "lm"},
    "ner_source": {"task": "ner", "domain": "source", "head": "source"},
    "lm_target": {"task": "lm", "domain": "target", "head": "lm"},
    "ner_target": {"task": "ner", "domain": "target", "head": "target"},
}
HEADS = {"source": {}, "target": {}, "lm": {"type": "language_model", "num_samples": 20}}


# ------------------------------------------------------------------------------------ data, models


def _reader(domain: str, **options: Any) -> DatasetReader:
    params = {
        "type": "conll_ner",
        "tag_scheme": "IOBES",
        "token_indexers": copy.deepcopy(INDEXERS),
        "label_namespace": f"{domain}_labels",
        "lm_namespace": "lm_words",
        **options,
    }
    return DatasetReader.from_params(Params(params))


def read(domain: str, split: str = "dev", **options: Any) -> List[Instance]:
    """The sentences of a fixture, with tags and the words of a language model."""
    reader = _reader(domain, **options)
    instances = list(reader.read(CORPORA / FOLDERS[domain] / f"{split}.conll"))
    for instance in instances:
        reader.apply_token_indexers(instance)
    return instances


def of_module(name: str, instances: Sequence[Instance]) -> List[Instance]:
    """The same sentences, for a module."""
    return [Instance({**instance.fields, "module_name": MetadataField(name)}) for instance in instances]


@pytest.fixture(scope="module")
def corpora() -> Dict[str, List[Instance]]:
    return {domain: read(domain) for domain in ("source", "target")}


@pytest.fixture(scope="module")
def vocab() -> Vocabulary:
    return Vocabulary.from_instances(
        read("source", "train") + read("target", "train"),
        pretrained_files={"vector_words": str(VECTORS)},
        only_include_pretrained_words=True,
        min_pretrained_embeddings={"vector_words": -1},
    )


def embedder(dropout: float) -> Dict[str, Any]:
    vectors = {"embedding_dim": 16, "pretrained_file": str(VECTORS), "vectors_namespace": "vector_words"}
    characters = {"embedding_dim": 5, "num_filters": 7, "dropout": dropout}
    return {
        "token_embedders": {
            "words": {"type": "word_vectors", **vectors},
            "characters": {"type": "character_cnn", **characters},
        }
    }


def build(vocab: Vocabulary, dropout: float = 0.0, **changes: Any) -> Any:
    """A small model in float64, so that what is compared is equal to 10 digits."""
    config = {
        "type": "pgn_bilstm_crossdomain",
        "text_field_embedder": embedder(dropout),
        "encoder": {"hidden_size": HIDDEN},
        "lstm_parameters": {"type": "parameter_generator", "task_dim": 3, "domain_dim": 2},
        "tasks": ["lm", "ner"],
        "domains": ["source", "target"],
        "heads": HEADS,
        "modules": MODULES,
        "default_module": "ner_target",
        "dropout": dropout,
        **changes,
    }
    torch.manual_seed(5)
    return Model.from_params(Params(copy.deepcopy(config)), vocab=vocab).double().eval()


def assert_equal(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11)


# --------------------------------------------------------------------------------- the same by hand


def states_by_hand(model: Any, name: str, batch: Dict[str, Any]) -> torch.Tensor:
    """(batch_size, num_words, 2 * hidden): torch's LSTM with the weights W (I_t ⊗ I_d) of a module's task and domain."""
    generator = model.lstm_parameters
    task = generator.task_embeddings[["lm", "ner"].index(MODULES[name]["task"])]
    domain = generator.domain_embeddings[["source", "target"].index(MODULES[name]["domain"])]
    weight = generator.weight.view(-1, len(task), len(domain))
    vectors = model._embedder(batch["tokens"])
    lstm = torch.nn.LSTM(vectors.size(2), HIDDEN, batch_first=True, bidirectional=True).double()
    torch.nn.utils.vector_to_parameters(torch.einsum("ptd,t,d->p", weight, task, domain), lstm.parameters())
    lengths = [len(metadata["words"]) for metadata in batch["metadata"]]
    packed = torch.nn.utils.rnn.pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False)
    states, _ = torch.nn.utils.rnn.pad_packed_sequence(lstm(packed)[0], batch_first=True)
    return states


def logits_by_hand(model: Any, name: str, batch: Dict[str, Any], head: str) -> torch.Tensor:
    projection = model._heads[head].tagger.projection
    return states_by_hand(model, name, batch) @ projection.weight.t() + projection.bias


def tags_by_hand(model: Any, logits: torch.Tensor, mask: torch.Tensor, head: str) -> List[List[str]]:
    """By AllenNLP's own Viterbi."""
    labels = model.vocab.get_index_to_token_vocabulary(f"{head}_labels")
    paths = model._heads[head].tagger.crf.viterbi_tags(logits, mask)
    return [[labels[index] for index in path] for path, _ in paths]


def surprise_by_hand(model: Any, name: str, instance: Instance) -> float:
    """
    - log p of a sentence's words, by the full softmax, the mean of both directions: the forward state of a word predicts
    the next word, the backward state the previous one, and what lies beyond the ends is class 0, as unknown words are.
    """
    known = model.vocab.get_token_to_index_vocabulary("lm_words")

    def number(word: str) -> int:
        written = re.sub(r"\d", "0", word)
        return known.get(written, known.get(written.lower(), 1)) - 1

    softmax = next(each for each in model.modules() if isinstance(each, SampledSoftmaxLoss))
    weight, bias = softmax.softmax_w.weight, softmax.softmax_b.weight.squeeze(1)
    assert len(weight) == len(known) - 1, "all words but the padding"
    states = states_by_hand(model, name, tensors([instance], model.vocab))[0]
    classes = [0, *(number(word) for word in instance["metadata"].metadata["words"]), 0]
    total = 0.0
    for place in range(1, len(classes) - 1):
        forward, backward = states[place - 1].split(HIDDEN)
        total -= torch.log_softmax(weight @ forward + bias, 0)[classes[place + 1]].item()
        total -= torch.log_softmax(weight @ backward + bias, 0)[classes[place - 1]].item()
    return total / 2


@torch.no_grad()
@pytest.mark.parametrize("name", ["ner_source", "ner_target"])
def test_a_tagger_is_torchs_lstm_with_generated_weights_a_linear_layer_and_allennlps_crf(name, vocab, corpora) -> None:
    model = build(vocab)
    head = MODULES[name]["head"]
    batch = tensors(of_module(name, corpora[head]), vocab)
    output = model.make_output_human_readable(model(**batch))
    logits, mask = logits_by_hand(model, name, batch, head), output["mask"]
    assert_equal(output["logits"][mask], logits[mask])
    assert output["tags"] == tags_by_hand(model, logits, mask, head)
    likelihood = model._heads[head].tagger.crf(logits, batch["tags"], mask)
    assert_equal(output["loss"], -likelihood / 40)


@torch.no_grad()
def test_weights_with_the_linear_layer_beside_the_tag_head_load(vocab) -> None:
    """As archives have them that were written before it moved into the head."""
    model, other = build(vocab), build(vocab)
    weights = {name.replace(".tagger.projection.", ".projection."): w for name, w in model.state_dict().items()}
    assert {f"_heads.{head}.projection.bias" for head in ("source", "target")} < set(weights)
    for weight in other.parameters():
        weight.data.zero_()
    other.load_state_dict(weights)
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in other.state_dict().items())


def test_a_domain_without_labels_uses_the_sources_head_and_its_own_parameters(vocab, corpora) -> None:
    """UDA: the LSTM of (ner, target) exists because others trained the task and the domain; the head is the source's."""
    target = {"task": "ner", "domain": "target", "head": "source", "label_namespace": "source_labels"}
    heads = {name: head for name, head in HEADS.items() if name != "target"}
    model = build(vocab, heads=heads, modules={**MODULES, "ner_target": target}, unlabelled_domains=["target"])
    batch = tensors(corpora["source"], vocab)  # without the field `module_name`: of the default module
    output = model.make_output_human_readable(model(**batch))
    logits, mask = logits_by_hand(model, "ner_target", batch, "source"), output["mask"]
    assert output["module"] == ["ner_target"] * 40
    assert_equal(output["logits"][mask], logits[mask])
    assert output["tags"] == tags_by_hand(model, logits, mask, "source")
    batch = tensors(of_module("ner_source", corpora["source"]), vocab)
    of_source = model.make_output_human_readable(model(**batch))
    assert (of_source["logits"] - output["logits"])[mask].abs().amin(dim=0).max() > 1e-3
    assert of_source["tags"] != output["tags"]


@torch.no_grad()
def test_batches_of_allennlps_own_multitask_loader_go_to_their_modules(vocab) -> None:
    """Which calls the field `task`; a validation on several modules has it, say."""
    readers = {f"ner_{domain}": _reader(domain) for domain in ("source", "target")}
    paths = {f"ner_{domain}": str(CORPORA / FOLDERS[domain] / "dev.conll") for domain in ("source", "target")}
    loader = MultiTaskDataLoader(
        MultiTaskDatasetReader(readers), paths, HomogeneousRoundRobinScheduler(16), shuffle=False
    )
    loader.index_with(vocab)
    model = build(vocab)
    found = [(batch["task"][0], model(**batch)["module"]) for batch in loader]
    assert {name for name, _ in found} == set(paths) and all(name == module for name, module in found)
    scores = model.get_metrics(reset=True)
    counted = [
        sum(line[-1][0] == "B" for block in conll_blocks(Path(path)) for line in block) for path in paths.values()
    ]
    assert [scores["ner_source_support"], scores["support"]] == counted


@torch.no_grad()
@pytest.mark.parametrize("domain", ["source", "target"])
def test_perplexity_is_that_of_the_full_softmax_over_both_directions(domain, vocab, corpora) -> None:
    model = build(vocab)
    instances = of_module(f"ner_{domain}", corpora[domain])
    for start in (0, 3, 20):  # batches of 3, 17 and 20 sentences
        model(**tensors(instances[start : {0: 3, 3: 20, 20: 40}[start]], vocab))
    metrics = model.get_metrics(reset=True)
    total = sum(surprise_by_hand(model, f"lm_{domain}", instance) for instance in instances)
    num_words = sum(len(instance["tokens"]) for instance in instances)
    assert metrics[f"lm_{domain}_perplexity"] == pytest.approx(math.exp(total / num_words), rel=1e-9)
    assert [name for name in metrics if "perplexity" in name] == [f"lm_{domain}_perplexity"]
    assert not [name for name in metrics if "sampled" in name]


@torch.no_grad()
def test_a_sentence_that_is_given_again_is_not_scored(vocab, corpora) -> None:
    """In distributed training, sentences are repeated so that all workers get the same number; a batch may have no others."""
    model = build(vocab)
    instances = of_module("ner_target", corpora["target"])
    marked = MetadataField({"words": [], "label_namespace": "target_labels", "is_repeated": True})
    again = [Instance({**instance.fields, "metadata": marked}) for instance in instances[1:3]]
    found = []
    for batches in ([instances], [again[:1] + instances + again[1:], again]):
        for batch in batches:
            model(**tensors(batch, vocab))
        found.append(model.get_metrics(reset=True))
    assert found[0]["support"] > 0 and found[0]["lm_target_perplexity"] > 1
    assert found[1] == pytest.approx(found[0], rel=1e-9)


@torch.no_grad()
def test_a_language_models_own_batch_has_the_loss_of_its_full_softmax_in_evaluation(vocab, corpora) -> None:
    model = build(vocab)
    instances = of_module("lm_target", corpora["target"])[:5]
    expected = sum(surprise_by_hand(model, "lm_target", instance) for instance in instances) / 5
    assert float(model(**tensors(instances, vocab))["loss"]) == pytest.approx(expected, rel=1e-9)


# ------------------------------------------------------------------------------------------ batches


@torch.no_grad()
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("name", list(MODULES))
def test_a_batch_is_its_sentences_whatever_its_padding(name, num_layers, vocab, corpora) -> None:
    model = build(vocab, encoder={"hidden_size": HIDDEN, "num_layers": num_layers})
    instances = of_module(name, corpora[MODULES[name]["domain"]][:8])
    alone = [model(**tensors([instance], vocab)) for instance in instances]
    metrics = model.get_metrics(reset=True)
    assert len({output["mask"].size(1) for output in alone}) > 4, "sentences of many lengths"
    for padding in (0, 5):
        together = model(**tensors(instances, vocab, padding))
        assert_equal(together["loss"], torch.stack([output["loss"] for output in alone]).mean())
        assert model.get_metrics(reset=True) == pytest.approx(metrics, rel=1e-9)
        assert together["words"] == [output["words"][0] for output in alone]
        for row, output in zip(together.get("logits", []), alone):
            assert_equal(row[: output["logits"].size(1)], output["logits"][0])


@pytest.mark.parametrize("number", [1, 9, 10, 11])
def test_sentences_are_told_apart_in_batches_of_any_size(number, vocab, corpora) -> None:
    """AllenNLP cuts a batch's output into sentences where its length is theirs, as that of a name may be ("ner_target")."""
    model = build(vocab)
    instances = corpora["target"][:number]
    outputs = model.forward_on_instances(instances)
    assert [output["words"] for output in outputs] == [i["metadata"].metadata["words"] for i in instances]
    assert [output["module"] for output in outputs] == ["ner_target"] * number
    for output, instance in zip(outputs, instances):
        assert len(output["tags"]) == len(output["tag_probabilities"]) == len(instance["tokens"])


def test_output_is_json_for_evaluate_and_predict(vocab, corpora) -> None:
    model = build(vocab)
    for name in ("ner_source", "lm_source"):
        output = model(**tensors(of_module(name, corpora["source"][:3]), vocab))
        assert json.loads(json.dumps(sanitize(model.make_output_human_readable(output))))["words"] == output["words"]
    bare = Instance({"tokens": corpora["source"][0]["tokens"]})
    assert set(model.forward_on_instance(bare)) >= {"tags", "entities", "tag_probabilities"}
    assert "loss" not in model.forward_on_instance(bare)


# ---------------------------------------------------------------------------------------- gradients


def gradients(model: Any, name: str, batch: Dict[str, Any]) -> Dict[str, torch.Tensor]:
    """Of one module's loss, those that are not zero."""
    model.zero_grad()
    model(**batch)["loss"].backward()
    return {
        weight_name: weight.grad.to_dense().clone()
        for weight_name, weight in model.named_parameters()
        if weight.grad is not None and bool((weight.grad.to_dense() != 0).any())
    }


def test_each_module_trains_what_is_its_own_and_all_of_them_everything(vocab, corpora) -> None:
    model = build(vocab).train()
    trainable = {name for name, weight in model.named_parameters() if weight.requires_grad}
    heads = {head: {name for name in trainable if f"_heads.{head}." in name} for head in HEADS}
    shared = {name for name in trainable if "_heads." not in name}
    assert {len(weights) for weights in heads.values()} == {2, 5}
    reached = set()
    for name, module in MODULES.items():
        batch = tensors(of_module(name, corpora[module["domain"]]), vocab)
        found = gradients(model, name, batch)
        assert set(found) == shared | heads[module["head"]], name
        reached |= set(found)
        # Of the embeddings, those of this task and of this domain.
        tasks = found["lstm_parameters.task_embeddings"].ne(0).any(dim=1).tolist()
        domains = found["lstm_parameters.domain_embeddings"].ne(0).any(dim=1).tolist()
        assert tasks == [module["task"] == task for task in ("lm", "ner")]
        assert domains == [module["domain"] == domain for domain in ("source", "target")]
        assert found["lstm_parameters.weight"].ne(0).all()
    assert reached == trainable


def test_training_decodes_nothing_and_reduces_every_loss(vocab, corpora) -> None:
    model = build(vocab, dropout=0.1).train()
    batches = {name: tensors(of_module(name, corpora[module["domain"]][:8]), vocab) for name, module in MODULES.items()}
    dense, sparse = [], []
    for weight_name, weight in model.named_parameters():
        (sparse if "softmax" in weight_name or "words.weight" in weight_name else dense).append(weight)
    optimizers = [torch.optim.Adam(dense, lr=0.03), torch.optim.SparseAdam(sparse, lr=0.1)]
    history: Dict[str, List[float]] = {name: [] for name in MODULES}
    for _ in range(12):
        model.zero_grad()
        for name, batch in batches.items():
            loss = model(**batch)["loss"]
            loss.backward()
            history[name].append(float(loss.detach()))
        for optimizer in optimizers:
            optimizer.step()
        assert not [metric for metric in model.get_metrics() if "f1" in metric or "perplexity" in metric]
    for name, losses in history.items():
        assert losses[-1] < 0.7 * losses[0], name


# ------------------------------------------------------------------------------------------ metrics


def test_training_metrics_are_mean_losses_by_module(vocab, corpora) -> None:
    model = build(vocab).train()
    expected: Dict[str, float] = {}
    for name, module in MODULES.items():
        instances = of_module(name, corpora[module["domain"]])
        losses = [float(model(**tensors(part, vocab))["loss"].detach()) for part in (instances[:5], instances[5:20])]
        expected[f"{name}_{'sampled_loss' if module['task'] == 'lm' else 'loss'}"] = sum(losses) / 2
    assert model.get_metrics() == pytest.approx(expected)
    assert model.get_metrics(reset=True) == pytest.approx(expected)
    assert model.get_metrics() == {}


@torch.no_grad()
def test_each_modules_scores_are_of_its_own_sentences(vocab, corpora) -> None:
    """The default module's by their own names, the other's behind its name, though batches alternate."""
    model = build(vocab)
    gold: Dict[str, List[List[str]]] = {"ner_source": [], "ner_target": []}
    found = copy.deepcopy(gold)
    for start in (0, 20):
        for name in ("ner_source", "ner_target"):
            instances = of_module(name, corpora[MODULES[name]["domain"]])[start : start + 20]
            output = model.make_output_human_readable(model(**tensors(instances, vocab)))
            gold[name] += [instance["tags"].labels for instance in instances]
            found[name] += output["tags"]
    before, metrics = model.get_metrics(), model.get_metrics(reset=True)
    assert before == {name: metrics[name] for name in before}
    for name, prefix in (("ner_target", ""), ("ner_source", "ner_source_")):
        assert metrics[f"{prefix}f1"] == pytest.approx(f1_score(gold[name], found[name]))
        assert metrics[f"{prefix}precision"] == pytest.approx(precision_score(gold[name], found[name]))
    assert metrics["f1"] != metrics["ner_source_f1"]
    types = {domain: {tag[2:] for tags in gold[f"ner_{domain}"] for tag in tags} - {""} for domain in corpora}
    assert {name for name in metrics if name.startswith("f1-")} == {f"f1-{kind}" for kind in types["target"]}
    assert {name for name in metrics if "source_f1-" in name} == {f"ner_source_f1-{kind}" for kind in types["source"]}
    assert metrics["support"] == sum(tag[0] in "BS" for tags in gold["ner_target"] for tag in tags) == 110
    assert model.get_metrics() == {}


def test_metrics_are_plain_numbers(vocab, corpora) -> None:
    """What a checkpoint holds is loaded with `weights_only`, which refuses numpy's numbers."""
    model = build(vocab)
    for training in (True, False):
        model.train(training)
        for name, module in MODULES.items():
            model(**tensors(of_module(name, corpora[module["domain"]][:4]), vocab))
    metrics = model.get_metrics(reset=True)
    assert len(metrics) > 30
    assert {type(value) for value in metrics.values()} <= {float, int}


@torch.no_grad()
def test_a_metric_of_the_configs_counts_for_each_module(vocab, corpora) -> None:
    model = build(vocab, metric={"type": "seqeval_f1", "mode": "strict"})
    for name in ("ner_source", "ner_target"):
        model(**tensors(of_module(name, corpora[MODULES[name]["domain"]]), vocab))
    metrics = model.get_metrics(reset=True)
    assert (metrics["support"], metrics["ner_source_support"]) == (110, 92)


# --------------------------------------------------------------------------------------------- leak


@torch.no_grad()
@pytest.mark.parametrize("num_layers", [1, 2])
def test_no_word_is_seen_by_what_predicts_it(num_layers, vocab, corpora, monkeypatch) -> None:
    """Each word in turn becomes another, longer one: whatever the two directions predict it from stays what it was."""
    model = build(vocab, encoder={"hidden_size": HIDDEN, "num_layers": num_layers})
    calls: List[torch.Tensor] = []
    compute = SampledSoftmaxLoss.forward

    def listen(self: Any, embeddings: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        calls.append(embeddings.detach().clone())
        return compute(self, embeddings, targets)

    monkeypatch.setattr(SampledSoftmaxLoss, "forward", listen)
    reader = DatasetReader.from_params(
        Params({"type": "conll_ner", "token_indexers": copy.deepcopy(INDEXERS), "lm_namespace": "lm_words"})
    )

    def states(words: Sequence[str]) -> List[torch.Tensor]:
        """(num_words, hidden) of the forward direction, then of the backward one."""
        calls.clear()
        instance = reader.text_to_instance(words)
        reader.apply_token_indexers(instance)
        model(**tensors(of_module("lm_target", [instance]), vocab))
        assert len(calls) == 2
        return list(calls)

    words = max((instance["metadata"].metadata["words"] for instance in corpora["target"]), key=len)[:12]
    before = states(words)
    for place in range(len(words)):
        forward, backward = states([*words[:place], "Phosphatidylinositol0", *words[place + 1 :]])
        # The forward state before the word predicts it, and the backward state after it.
        assert_equal(forward[:place], before[0][:place])
        assert_equal(backward[place + 1 :], before[1][place + 1 :])
        # To a word that is far away next to nothing is left of the change, and that is more than rounding.
        assert ((forward[place:] - before[0][place:]).abs().amax(dim=1) > 1e-9).all()
        assert ((backward[: place + 1] - before[1][: place + 1]).abs().amax(dim=1) > 1e-9).all()


def without_language_models() -> Dict[str, Any]:
    return {
        "tasks": ["ner"],
        "heads": {"source": {}, "target": {}},
        "modules": {name: module for name, module in MODULES.items() if module["task"] == "ner"},
    }


def test_layers_that_mix_directions_go_with_taggers_alone(vocab, corpora) -> None:
    mixed = {"hidden_size": HIDDEN, "num_layers": 2, "separate_directions": False}
    with pytest.raises(ConfigurationError, match="language model lm_source.*'separate_directions': true"):
        build(vocab, encoder=mixed)
    model = build(vocab, encoder=mixed, **without_language_models()).train()
    model(**tensors(of_module("ner_target", corpora["target"]), vocab))["loss"].backward()
    assert model.lstm_parameters.weight.grad.ne(0).all()
    build(vocab, encoder={**mixed, "num_layers": 1})  # no layer above another: nothing to mix


def transformer(config: Dict[str, Any]) -> Params:
    """The config with a transformer as its embedder."""
    indexers = {"encoder": {"type": "subwords", "model_name": str(TINY_ENCODER)}}
    for reader in [*config["dataset_reader"]["readers"].values(), config["validation_dataset_reader"]]:
        reader["token_indexers"] = copy.deepcopy(indexers)
    embedder = {"type": "subword_transformer", "model_name": str(TINY_ENCODER)}
    config["model"]["text_field_embedder"] = {"token_embedders": {"encoder": embedder}}
    config["vocabulary"] = {}
    return Params(config)


def config(name: str, **overrides: Any) -> Dict[str, Any]:
    small = {"trainer.num_epochs": 1, "model.encoder.hidden_size": 16, **overrides}
    return Params.from_file(CONFIGS / f"{name}.jsonnet", json.dumps(small)).as_dict(quiet=True)


def test_a_language_model_refuses_vectors_that_have_seen_its_words(environment, tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="language model lm_source.*SubwordTransformer gives contextual"):
        training_loop(transformer(config("pgn")), tmp_path)


def test_without_language_models_a_transformer_gives_the_words_their_vectors(environment, tmp_path) -> None:
    """CO-NER on a contextual embedder."""
    run = training_loop(transformer(config("co_ner")), tmp_path)
    before = {name: weight.detach().clone() for name, weight in run.model.named_parameters()}
    run.trainer.train()
    moved = [name for name, weight in run.model.named_parameters() if not torch.equal(weight, before[name])]
    assert any("transformer" in name for name in moved) and "lstm_parameters.weight" in moved
    assert json.loads((tmp_path / "metrics_epoch_0.json").read_text())["validation_support"] == 110


# ----------------------------------------------------------------------------------- save and load


@pytest.fixture(scope="module")
def trained(settings, tmp_path_factory) -> tuple:
    """A small model as the trainer left it, and its archive. The file of vectors that it began with is gone."""
    folder = tmp_path_factory.mktemp("trained")
    vectors = Path(shutil.copy(VECTORS, folder / "vectors.txt.gz"))
    overrides = {
        "trainer.num_epochs": 6,
        "trainer.optimizer": {"type": "adam", "lr": 0.02},
        "model.encoder.hidden_size": 16,
        "model.dropout": 0.1,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**settings, "VECTORS": str(vectors)}.items():
            patch.setenv(name, value)
        model = train_model(Params.from_file(CONFIGS / "pgn.jsonnet", json.dumps(overrides)), str(folder / "run"))
    vectors.unlink()
    return model.eval(), folder / "run" / "model.tar.gz"


@pytest.mark.slow
def test_an_archive_predicts_what_the_trained_model_does(trained) -> None:
    model, path = trained
    archive = load_archive(path)
    loaded = archive.model
    assert loaded.state_dict().keys() == model.state_dict().keys()
    instances = list(archive.validation_dataset_reader.read(BIO_TEST))
    assert len(instances) == 40
    for one, other in zip(*(each.eval().forward_on_instances(instances) for each in (model, loaded))):
        numpy.testing.assert_allclose(one["logits"], other["logits"], rtol=0, atol=1e-5)
        assert one["tags"] == other["tags"]
        assert one["tag_probabilities"] == pytest.approx(other["tag_probabilities"])
        confidences = [[entity.pop("confidence") for entity in each["entities"]] for each in (one, other)]
        assert confidences[0] == pytest.approx(confidences[1]) and one["entities"] == other["entities"]


EARLY_WEIGHTS = """
    temperature
    _embedder.token_embedder_characters.embedding.weight
    _embedder.token_embedder_characters._convolution.weight
    _embedder.token_embedder_characters._convolution.bias
    _embedder.token_embedder_words.weight
    _embedder.token_embedder_words.vectors
    lstm_parameters.weight
    lstm_parameters.task_embeddings
    lstm_parameters.domain_embeddings
    _heads.lm.model.softmax.softmax_w.weight
    _heads.lm.model.softmax.softmax_b.weight
    _heads.source.projection.weight
    _heads.source.projection.bias
    _heads.source.tagger.crf.transitions
    _heads.source.tagger.crf._constraint_mask
    _heads.source.tagger.crf.start_transitions
    _heads.source.tagger.crf.end_transitions
    _heads.target.projection.weight
    _heads.target.projection.bias
    _heads.target.tagger.crf.transitions
    _heads.target.tagger.crf._constraint_mask
    _heads.target.tagger.crf.start_transitions
    _heads.target.tagger.crf.end_transitions
"""


@torch.no_grad()
def test_weights_of_the_first_archives_find_their_places(vocab, corpora) -> None:
    """What those archives call their weights is written down above. The linear layers have since moved into the tag heads."""
    trained, fresh = build(vocab), build(vocab)
    for weight in fresh.parameters():
        weight.fill_(0.5)
    today = trained.state_dict()
    names = EARLY_WEIGHTS.split()
    assert len(names) == len(today)
    fresh.load_state_dict(
        {name: today[re.sub(r"(source|target)\.projection", r"\1.tagger.projection", name)] for name in names}
    )
    for name in MODULES:
        batch = tensors(of_module(name, corpora[MODULES[name]["domain"]][:4]), vocab)
        assert_equal(fresh(**batch)["loss"], trained(**batch)["loss"])


@pytest.mark.slow
def test_an_archive_evaluates_and_predicts_without_the_file_of_vectors(trained) -> None:
    model, path = trained
    predictor = Predictor.from_archive(load_archive(path), "ner")
    gold = [[line[1] for line in block] for block in conll_blocks(BIO_TEST)]
    answers = predictor.predict_batch_json(
        [{"tokens": [line[0] for line in block]} for block in conll_blocks(BIO_TEST)]
    )
    found = [answer["tags"] for answer in answers]
    assert any(tag != "O" for tags in found for tag in tags), "a tagger that finds nothing tests nothing"
    metrics = evaluate_from_archive(path, str(BIO_TEST))
    assert metrics["f1"] == pytest.approx(f1_score(gold, found)) and metrics["f1"] > 0
    assert metrics["support"] == sum(tag[0] == "B" for tags in gold for tag in tags)
    assert metrics["lm_target_perplexity"] > 1


@pytest.mark.slow
def test_a_word_that_only_the_vectors_know_has_its_vector_after_loading(trained) -> None:
    archive = load_archive(trained[1])
    vocab = archive.model.vocab
    trained_words = vocab.get_token_to_index_vocabulary("words")
    with gzip.open(VECTORS, "rt", encoding="utf-8") as lines:
        vectors = {line.split(" ", 1)[0]: [float(number) for number in line.split()[1:]] for line in lines}
    strangers = [word for word in vectors if word not in trained_words and word.isalpha() and word.islower()]
    assert len(strangers) > 100
    reader = archive.validation_dataset_reader
    words = [strangers[0], strangers[-1], strangers[0].upper(), "qqqqq"]
    indexed = reader.token_indexers["words"].tokens_to_indices([Token(word) for word in words], vocab)
    found = archive.model._embedder.token_embedder_words(torch.tensor([indexed["tokens"]]))[0]
    expected = torch.tensor([vectors[strangers[0]], vectors[strangers[-1]], vectors[strangers[0]]])
    torch.testing.assert_close(found[:3].detach(), expected)
    assert indexed["tokens"][3] == vocab.get_token_index(vocab._oov_token, "words")


# ------------------------------------------------------------------------------- more than 2 times 2


@pytest.mark.slow
def test_three_domains_and_three_tasks(environment, tmp_path) -> None:
    """
    NER, mentions of whatever type, and language modelling in English news, biomedicine and seafaring; the last has no labels, and
    its mentions are found with what the others taught task and domain.
    """
    indexers = copy.deepcopy(INDEXERS)
    labelled = {"type": "conll_ner", "tag_scheme": "IOBES", "token_indexers": indexers}
    mentions = {**labelled, "label_map": {"*": "MENTION"}, "label_namespace": "mention_labels"}
    text = {"lm_namespace": "lm_words", "token_indexers": indexers}
    train = {name: str(CORPORA / name / "train.conll") for name in ("en", "bio")}
    data = {
        "lm_en": ({"type": "conll_ner", "labelled": False, **text}, train["en"]),
        "ner_en": ({**labelled, "label_namespace": "en_labels"}, train["en"]),
        "mention_en": (mentions, train["en"]),
        "lm_bio": ({"type": "conll_ner", "labelled": False, **text}, train["bio"]),
        "ner_bio": ({**labelled, "label_namespace": "bio_labels"}, train["bio"]),
        "mention_bio": (mentions, train["bio"]),
        "lm_sea": ({"type": "raw_text", "tokenised": True, **text}, str(CORPORA / "sea/raw.txt")),
    }
    modules = {
        name: {"task": task, "domain": domain, "head": {"ner": domain}.get(task, task)}
        for name, (task, domain) in ((name, name.split("_")) for name in [*data, "mention_sea"])
    }
    for name, module in modules.items():
        if name.startswith("mention"):
            module["label_namespace"] = "mention_labels"
    params = config("pgn")
    params["dataset_reader"]["readers"] = {name: copy.deepcopy(reader) for name, (reader, _) in data.items()}
    params["train_data_path"] = {name: path for name, (_, path) in data.items()}
    params["validation_dataset_reader"] = {**copy.deepcopy(mentions), "lm_namespace": "lm_words"}
    params["validation_data_path"] = str(CORPORA / "sea/dev.conll")
    params["data_loader"]["scheduler"] |= {"modules": list(data), "epoch": "ner_en", "batch_size": {"ner_en": 30}}
    params["model"] |= {
        "tasks": ["lm", "ner", "mention"],
        "domains": ["en", "bio", "sea"],
        "heads": {"en": {}, "bio": {}, "mention": {}, "lm": {"type": "language_model"}},
        "modules": modules,
        "default_module": "mention_sea",
        "unlabelled_domains": ["sea"],
    }
    params["trainer"] |= {"num_gradient_accumulation_steps": 7, "callbacks": [{"type": "module_updates"}]}
    run = training_loop(Params(params), tmp_path)
    before = {name: weight.detach().clone() for name, weight in run.model.named_parameters()}
    run.trainer.train()
    moved = {name for name, weight in run.model.named_parameters() if not torch.equal(weight, before[name])}
    assert moved == {name for name, weight in run.model.named_parameters() if weight.requires_grad}
    metrics = json.loads((tmp_path / "metrics_epoch_0.json").read_text())
    assert metrics["validation_support"] == metrics["validation_support-MENTION"] == 96
    assert metrics["validation_lm_sea_perplexity"] > 1
    assert {name for name in metrics if name.endswith("_gradient_norm")} == {
        f"training_{name}_gradient_norm" for name in data
    }


# ------------------------------------------------------------------------------------------- errors


def changed(name: str, **change: str) -> Dict[str, Any]:
    return {"modules": {**MODULES, name: {**MODULES[name], **change}}}


@pytest.mark.parametrize(
    "changes, message",
    [
        (changed("ner_target", task="nre"), "task of module 'ner_target' is 'nre'.*tasks are lm, ner"),
        (changed("lm_source", domain="mars"), "domain of module 'lm_source' is 'mars'.*domains are source, target"),
        (changed("lm_source", head="tail"), "head of module 'lm_source' is 'tail'.*heads are source, target, lm"),
        (
            {"default_module": "ner_mars"},
            "'default_module' is 'ner_mars'.*modules are lm_source, ner_source, lm_target",
        ),
        ({"default_module": "lm_target"}, "'default_module' is 'lm_target', which is a language model"),
        ({"unlabelled_domains": ["mars"]}, "'unlabelled_domains' is 'mars'.*domains are source, target"),
        ({"heads": {**HEADS, "spare": {}}}, "One of 'heads' is 'spare'.*heads are lm, source"),
        (changed("ner_target", head="source"), "One of 'heads' is 'target'"),
        (
            {**changed("ner_target", head="source"), "heads": {"source": {}, "lm": HEADS["lm"]}},
            "different labels: 'source_labels' has B-LOC.*S-PER that 'target_labels' lacks, and 'target_labels' has B-Cellular",
        ),
        (
            {**changed("ner_target", head="bio.13"), "heads": {"source": {}, "bio.13": {}, "lm": HEADS["lm"]}},
            "One of 'heads' is 'bio.13', which torch does not allow.*'bio_13_head'",
        ),
        (
            {**changed("ner_target", head="train"), "heads": {"source": {}, "train": {}, "lm": HEADS["lm"]}},
            "One of 'heads' is 'train', which torch does not allow.*'train_head'",
        ),
        (changed("ner_source", label_namespace="mars_labels"), "0 tags in namespace 'mars_labels'"),
        ({"heads": {**HEADS, "lm": {"type": "language_model", "namespace": "empty"}}}, "namespace 'empty' is empty"),
        (
            {"heads": {**HEADS, "lm": {"type": "language_model", "num_samples": 5000}}},
            "draws 5000 samples from [0-9]+ words",
        ),
    ],
)
def test_what_does_not_fit_is_named(changes, message, vocab) -> None:
    with pytest.raises(ConfigurationError, match=message):
        build(vocab, **changes)


def test_vectors_of_another_size_are_named(environment, tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="tiny.16d.txt.gz: vector 1 has 16 numbers.*'embedding_dim' is 100"):
        params = config("pgn", **{"model.text_field_embedder.token_embedders.words.embedding_dim": 100})
        training_loop(Params(params), tmp_path)


def test_a_batch_of_several_modules_or_of_none_is_named(vocab, corpora) -> None:
    model = build(vocab)
    mixed = of_module("lm_source", corpora["source"][:1]) + of_module("ner_source", corpora["source"][1:2])
    with pytest.raises(ConfigurationError, match="several modules: lm_source, ner_source.*one_batch_per_module"):
        model(**tensors(mixed, vocab))
    with pytest.raises(ConfigurationError, match="no module 'ner_mars'; it has lm_source, ner_source, lm_target"):
        model(**tensors(of_module("ner_mars", corpora["source"][:2]), vocab))


def trained_with(changes: Dict[str, Any], folder: Path, name: str = "pgn", **overrides: Any) -> None:
    """Training by a config with a module more, or with other readers or paths: {"lm_mars": (reader, path)}."""
    params = config(name, **overrides)
    for module, (reader, path) in changes.items():
        params["dataset_reader"]["readers"][module] = reader
        params["train_data_path"][module] = str(path)
        if module not in params["data_loader"]["scheduler"]["modules"]:
            params["data_loader"]["scheduler"]["modules"].append(module)
            params["trainer"]["num_gradient_accumulation_steps"] += 1
    training_loop(Params(params), folder).trainer.train()


def language_model_reader(**options: Any) -> Dict[str, Any]:
    return {"type": "raw_text", "tokenised": True, "token_indexers": copy.deepcopy(INDEXERS), **options}


def test_data_of_a_module_that_the_model_does_not_have_stops_before_training(environment, tmp_path) -> None:
    reader = language_model_reader(lm_namespace="lm_words")
    with pytest.raises(ConfigurationError, match="no module 'lm_mars'; it has lm_source.*'modules' are named"):
        trained_with({"lm_mars": (reader, CORPORA / "sea/raw.txt")}, tmp_path / "run")
    assert not (tmp_path / "run" / "metrics_epoch_0.json").exists()


def test_labels_of_a_domain_without_labels_are_refused(environment, settings, tmp_path, monkeypatch) -> None:
    """The reader of a domain that is said to have no labels would read them."""
    monkeypatch.setenv("TARGET", "sea")
    reader = {"type": "conll_ner", "lm_namespace": "lm_words", "token_indexers": copy.deepcopy(INDEXERS)}
    with pytest.raises(ConfigurationError, match="'target' is one of.*'lm_target' would read its labels"):
        trained_with({"lm_target": (reader, CORPORA / "sea/dev.conll")}, tmp_path / "run", "pgn_uda")


@pytest.mark.parametrize("text, error", [("", "there is no text"), ("\n \n", "there is no text")])
def test_a_language_model_without_text_is_named(text, error, environment, tmp_path) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=f"empty.txt:1: {error}"):
        trained_with({"lm_target": (language_model_reader(lm_namespace="lm_words"), empty)}, tmp_path / "run")


def test_language_models_whose_readers_count_no_words_are_named(environment, tmp_path) -> None:
    params = config("pgn")
    for reader in params["dataset_reader"]["readers"].values():
        reader.pop("lm_namespace", None)
    del params["vocabulary"]["min_count"]  # which AllenNLP refuses for what nobody counts
    with pytest.raises(ConfigurationError, match="no words: namespace 'lm_words' is empty.*'lm_namespace': 'lm_words'"):
        training_loop(Params(params), tmp_path)


def test_tags_of_another_namespace_are_refused(cross_domain_archive, tmp_path) -> None:
    """Types that both domains might have, numbered by the target's namespace, but read out by the source's head."""
    archive = load_archive(cross_domain_archive, overrides={"model.default_module": "ner_source"})
    reader, model = archive.validation_dataset_reader, archive.model
    instances = [reader.text_to_instance(["p53", "binds"], ["S-Complex", "O"])]
    for instance in instances:
        reader.apply_token_indexers(instance)
    with pytest.raises(
        ConfigurationError, match="'target_labels', and the module's head by source_labels.*to 'source_labels'"
    ):
        model.eval().forward_on_instances(instances)
