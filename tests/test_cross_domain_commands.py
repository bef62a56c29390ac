"""The cross-domain systems by the commands that users give."""

import json
import math
import re
import shutil
from pathlib import Path
from typing import Any, Dict, List

import pytest
import torch
from allennlp.models import load_archive
from conftest import CORPORA, REPOSITORY, TINY_ENCODER, conll_blocks
from seqeval.metrics import f1_score, precision_score, recall_score
from support.trainings import best_weights, differing, kill_and_recover, measured, train

import lowresource_ner  # noqa: F401  what the archives name is registered by the import

CONFIGS = REPOSITORY / "training_configs/cross_domain"
SEA_TEST = CORPORA / "sea" / "test.conll"
SEA_TEXT = CORPORA / "sea" / "raw.txt"
EN_TEST = CORPORA / "en" / "test.conll"
SMALL = {"model.encoder.hidden_size": 32, "model.dropout": 0.1}
ONE_TYPE = {"*": "NAME"}


def gold_tags(path: Path) -> List[List[str]]:
    return [[line[-1] for line in block] for block in conll_blocks(path)]


def names(tags: List[List[str]]) -> List[List[str]]:
    """The same, all types one."""
    return [[re.sub("-.*", "-NAME", tag) for tag in sentence] for sentence in tags]


def head_override(name: str) -> str:
    """What the head of a config says to give with `-o`, for evaluation."""
    lines = (CONFIGS / f"{name}.jsonnet").read_text(encoding="utf-8").splitlines()
    (override,) = [line.split("'")[1] for line in lines if line.startswith("// -o '{\"model.default_module")]
    return override


def evaluate(allennlp: Any, archive: Path, data: object, folder: Path, *options: object) -> Dict[str, float]:
    output = folder / "scores.json"
    allennlp("evaluate", archive, data, "--output-file", output, *options)
    scores: Dict[str, float] = json.loads(output.read_text(encoding="utf-8"))
    return scores


def check_scores(scores: Dict[str, float], gold: List[List[str]], found: List[List[str]], prefix: str = "") -> None:
    assert any(tag != "O" for tags in found for tag in tags), "a tagger that finds nothing tests nothing"
    assert scores[f"{prefix}f1"] == pytest.approx(f1_score(gold, found)) and scores[f"{prefix}f1"] > 0
    assert scores[f"{prefix}precision"] == pytest.approx(precision_score(gold, found))
    assert scores[f"{prefix}recall"] == pytest.approx(recall_score(gold, found))
    assert scores[f"{prefix}support"] == sum(tag[0] == "B" for tags in gold for tag in tags)


# ---------------------------------------------------------------------------- a domain without labels


@pytest.fixture(scope="module")
def uda(allennlp, settings, tmp_path_factory) -> Dict[str, Any]:
    """
    pgn_uda, whose optimizer is switched after the first epoch; all types are one, which is learned sooner. The vectors are gone
    afterwards, and what is left is the archive, in another place, and what was logged.
    """
    folder = tmp_path_factory.mktemp("uda")
    vectors = Path(shutil.copy(settings["VECTORS"], folder / "vectors.txt.gz"))
    overrides = {
        **SMALL,
        "trainer.num_epochs": 5,
        "trainer.optimizer.lr": 0.005,
        "trainer.callbacks.3.threshold": -1,
        "trainer.callbacks.3.optimizer.lr": 0.05,
        "dataset_reader.readers.ner_source.label_map": ONE_TYPE,
        "validation_dataset_reader.label_map": ONE_TYPE,
    }
    arguments = ["train", CONFIGS / "pgn_uda.jsonnet", "-s", folder / "run", "-o", json.dumps(overrides)]
    completed = allennlp(*arguments, TARGET="sea", VECTORS=str(vectors))
    metrics = [json.loads((folder / f"run/metrics_epoch_{epoch}.json").read_text()) for epoch in range(5)]
    archive = Path(shutil.move(folder / "run/model.tar.gz", folder / "model.tar.gz"))
    shutil.rmtree(folder / "run")
    vectors.unlink()
    return {"archive": archive, "metrics": metrics, "log": completed.stdout + completed.stderr}


@pytest.fixture(scope="module")
def sea_tags(allennlp, uda, tmp_path_factory) -> List[List[str]]:
    """Of the target's test file, by `allennlp predict` as CoNLL."""
    folder = tmp_path_factory.mktemp("predictions")
    output = folder / "out.conll"
    options = ["--use-dataset-reader", "--predictor", "ner_conll", "--batch-size", "16", "--silent"]
    package = ["--include-package", "lowresource_ner"]
    allennlp("predict", uda["archive"], SEA_TEST, *options, *package, "--output-file", output, cwd=folder)
    blocks = conll_blocks(output)
    assert [[line[0] for line in block] for block in blocks] == [
        [line[0] for line in block] for block in conll_blocks(SEA_TEST)
    ]
    return [[line[1] for line in block] for block in blocks]


def test_uda_trains_by_source_labels_and_text_and_changes_its_optimizer(uda) -> None:
    (switch,) = re.findall(r"After epoch (\d+) validation ner_source_f1 .* a new (\w+) replaces (\w+)", uda["log"])
    assert switch == ("0", "LazySgd", "RmsPropOptimizer")
    assert len(uda["metrics"]) == 5
    for metrics in uda["metrics"]:
        assert {"training_ner_source_loss", "training_lm_target_sampled_loss"} <= metrics.keys()
        assert not [name for name in metrics if "ner_target" in name], "which is never trained nor validated"
        assert metrics["validation_ner_source_support"] == 92
    best = max(metrics["validation_ner_source_f1"] for metrics in uda["metrics"])
    assert uda["metrics"][-1]["best_validation_ner_source_f1"] == best


def test_uda_is_evaluated_in_the_target_domain_and_in_the_source_by_its_name(allennlp, uda, sea_tags, tmp_path) -> None:
    """One command for two files: a plain path is of the default module, and a path with the name of a module is of that one."""
    outputs = [tmp_path / "target.json", tmp_path / "source.json"]
    data = f'"{SEA_TEST}",{json.dumps({"ner_source": str(EN_TEST)})}'
    allennlp("evaluate", uda["archive"], data, "--output-file", ",".join(map(str, outputs)))
    target, source = (json.loads(output.read_text(encoding="utf-8")) for output in outputs)
    check_scores(target, names(gold_tags(SEA_TEST)), sea_tags)
    assert target["lm_target_perplexity"] > 1
    assert not [name for name in target if "source" in name]

    # The same for the source by override of the default module.
    archive = load_archive(uda["archive"], overrides='{"model.default_module": "ner_source"}')
    model = archive.model.eval()
    instances = list(archive.validation_dataset_reader.read(EN_TEST))
    found = [output["tags"] for output in model.forward_on_instances(instances)]
    check_scores(source, names(gold_tags(EN_TEST)), found, prefix="ner_source_")
    assert not {"f1", "lm_target_perplexity"} & source.keys()
    by_override = model.get_metrics(reset=True)
    assert by_override["f1"] == pytest.approx(source["ner_source_f1"])
    assert by_override["lm_source_perplexity"] == pytest.approx(source["lm_source_perplexity"], rel=1e-4)


def test_perplexity_on_raw_text_is_that_of_the_full_softmax(allennlp, uda, tmp_path) -> None:
    archive = load_archive(uda["archive"])
    reader = archive.config["validation_dataset_reader"].as_dict(quiet=True)
    kept = {key: value for key, value in reader.items() if key in ("token_indexers", "lm_namespace")}
    override = {"validation_dataset_reader": {"type": "raw_text", "tokenised": True, **kept}}
    scores = evaluate(allennlp, uda["archive"], SEA_TEXT, tmp_path, "-o", json.dumps(override))
    assert list(scores) == ["lm_target_perplexity"], "there are no tags to score"
    sentences = [line.split() for line in SEA_TEXT.read_text(encoding="utf-8").splitlines()]
    expected = perplexity(archive.model, archive.validation_dataset_reader, sentences)
    assert scores["lm_target_perplexity"] == pytest.approx(expected, rel=1e-4)


@torch.no_grad()
def perplexity(model: Any, reader: Any, sentences: List[List[str]]) -> float:
    """By the states that the model's language model is given, sentence by sentence."""
    states: List[torch.Tensor] = []
    head = model.eval()._heads["lm"]
    head.register_forward_pre_hook(lambda module, arguments: states.append(arguments[0][0]))
    known = model.vocab.get_token_to_index_vocabulary("lm_words")
    (weight, bias) = (head.model.softmax.softmax_w.weight, head.model.softmax.softmax_b.weight[:, 0])
    total, num_words = 0.0, 0
    for words in sentences:
        instance = reader.text_to_instance(words)
        reader.apply_token_indexers(instance)
        model.forward_on_instance(instance)
        forward, backward = torch.log_softmax(states.pop().view(-1, 2, weight.size(1)) @ weight.t() + bias, 2).unbind(1)
        written = [re.sub(r"\d", "0", word) for word in words]
        classes = torch.tensor([0, *(known.get(word, known.get(word.lower(), 1)) - 1 for word in written), 0])
        total -= forward.gather(1, classes[2:, None]).sum().item() + backward.gather(1, classes[:-2, None]).sum().item()
        num_words += len(words)
    return math.exp(total / 2 / num_words)


# ------------------------------------------------------------------------------------- three domains


@pytest.fixture(scope="module")
def combined(allennlp, tmp_path_factory) -> Path:
    """pgn_combined, the target's text read lazily, at a pace of its own."""
    folder = tmp_path_factory.mktemp("combined") / "run"
    overrides = {
        **SMALL,
        "trainer.num_epochs": 4,
        "trainer.optimizer": {"type": "adam", "lr": 0.02},
        "trainer.callbacks.0.loss_weights.ner_source": 10,
        "data_loader.scheduler.batch_size": {"ner_source": 10, "lm_target": 7},
        "data_loader.max_instances_in_memory": {"lm_target": 20},
    }
    allennlp("train", CONFIGS / "pgn_combined.jsonnet", "-s", folder, "-o", json.dumps(overrides))
    metrics = json.loads((folder / "metrics_epoch_3.json").read_text())
    trained = ["lm_source", "lm_target", "lm_unlabelled", "ner_source", "ner_target"]
    assert sorted(name for name in metrics if name.endswith("gradient_norm")) == [
        f"training_{name}_gradient_norm" for name in trained
    ]
    return folder / "model.tar.gz"


def test_a_domain_without_labels_is_evaluated_and_predicted_as_the_config_says(allennlp, combined, tmp_path) -> None:
    override = ["-o", head_override("pgn_combined")]
    lines = [json.dumps({"id": 3, "text": "Magellan was killed on Mactan."}), "{broken", '{"tokens": []}']
    blocks = conll_blocks(SEA_TEST)
    lines += [json.dumps({"tokens": [line[0] for line in block], "id": number}) for number, block in enumerate(blocks)]
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    options = ["--predictor", "ner", "--batch-size", "64", "--silent", "--include-package", "lowresource_ner"]
    allennlp("predict", combined, source, *options, *override, "--output-file", output, cwd=tmp_path)
    answers = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    text, broken, empty, *sentences = answers
    assert text["tokens"] == ["Magellan", "was", "killed", "on", "Mactan", "."] and text["id"] == 3
    assert "error" in broken and empty["tags"] == empty["entities"] == []
    assert [answer["id"] for answer in sentences] == list(range(40))
    found = [answer["tags"] for answer in sentences]
    types = {tag[2:] for tags in found for tag in tags if tag != "O"}
    assert types <= {"LOC", "MISC", "ORG", "PER"}, "those of the source"

    scores = evaluate(allennlp, combined, SEA_TEST, tmp_path, *override)
    check_scores(scores, gold_tags(SEA_TEST), found)
    assert {name for name in scores if "perplexity" in name} == {"lm_unlabelled_perplexity"}


def test_the_source_is_predicted_by_the_same_override(combined) -> None:
    override = head_override("pgn_combined").replace("ner_unlabelled", "ner_source")
    archive = load_archive(combined, overrides=override)
    instances = list(archive.validation_dataset_reader.read(EN_TEST))
    found = [output["tags"] for output in archive.model.eval().forward_on_instances(instances)]
    check_scores(archive.model.get_metrics(reset=True), gold_tags(EN_TEST), found)


# ----------------------------------------------------------------------------- adapters in a transformer


@pytest.fixture(scope="module")
def adapters(allennlp, tmp_path_factory) -> Path:
    """The archive of pgn_transformer_uda, all types one, from an encoder that is gone afterwards, in another place."""
    folder = tmp_path_factory.mktemp("adapters")
    encoder = shutil.copytree(TINY_ENCODER, folder / "encoder")
    overrides = {
        "trainer.num_epochs": 6,
        "trainer.optimizer.lr": 0.005,
        "trainer.optimizer.parameter_groups": [[["adapter_parameters|transformer"], {"lr": 0.002}]],
        "dataset_reader.readers.ner_source.label_map": ONE_TYPE,
        "validation_dataset_reader.label_map": ONE_TYPE,
    }
    arguments = ["train", CONFIGS / "pgn_transformer_uda.jsonnet", "-s", folder / "run", "-o", json.dumps(overrides)]
    allennlp(*arguments, TARGET="sea", ENCODER=str(encoder))
    metrics = json.loads((folder / "run/metrics_epoch_5.json").read_text())
    assert {"training_ner_source_loss", "training_lm_target_loss", "validation_ner_source_f1"} <= metrics.keys()
    assert not [name for name in metrics if "ner_target" in name], "which is never trained nor validated"
    archive = Path(shutil.move(folder / "run/model.tar.gz", folder / "model.tar.gz"))
    shutil.rmtree(folder / "run")
    shutil.rmtree(encoder)
    return archive


def test_a_domain_without_labels_is_tagged_by_a_transformer(allennlp, adapters, tmp_path) -> None:
    """The same tags by `evaluate`, `predict` and `tag`; and the perplexity of raw text, by its module's name."""
    conll, jsonl, lines = tmp_path / "out.conll", tmp_path / "out.jsonl", tmp_path / "in.jsonl"
    options = ["--use-dataset-reader", "--predictor", "ner_conll", "--batch-size", "16", "--silent"]
    package = ["--include-package", "lowresource_ner"]
    allennlp("predict", adapters, SEA_TEST, *options, *package, "--output-file", conll, cwd=tmp_path)
    found = [[line[1] for line in block] for block in conll_blocks(conll)]
    blocks = conll_blocks(SEA_TEST)
    lines.write_text("".join(json.dumps({"tokens": [line[0] for line in block]}) + "\n" for block in blocks))
    allennlp("tag", adapters, lines, "--output-file", jsonl, *package, cwd=tmp_path)
    assert [json.loads(line)["tags"] for line in jsonl.read_text(encoding="utf-8").splitlines()] == found

    outputs = [tmp_path / "gold.json", tmp_path / "text.json"]
    data = f'"{SEA_TEST}",{json.dumps({"lm_target": str(SEA_TEST)})}'
    allennlp("evaluate", adapters, data, "--output-file", ",".join(map(str, outputs)))
    tagging, text = (json.loads(output.read_text(encoding="utf-8")) for output in outputs)
    check_scores(tagging, names(gold_tags(SEA_TEST)), found)
    assert not [name for name in tagging if "perplexity" in name]
    assert set(text) == {"lm_target_perplexity", "loss"} and 1 < text["lm_target_perplexity"] < 2000


def test_killed_and_recovered_adapters_equal_unbroken_ones(allennlp, tmp_path) -> None:
    """Masks, dropout and the order of the data go on as they were; killed in the second epoch, between two updates."""
    overrides = {
        "trainer.num_epochs": 3,
        "trainer.checkpointer": {"save_every_num_batches": 3},
        "trainer.callbacks": [{"type": "module_updates"}, {"type": "random_state"}, {"type": "kill_at_batch"}],
    }
    config = CONFIGS / "pgn_transformer.jsonnet"
    train(allennlp, config, tmp_path / "unbroken", overrides)
    kill_and_recover(allennlp, config, tmp_path / "run", overrides, 12)
    assert differing(best_weights(tmp_path / "unbroken"), best_weights(tmp_path / "run")) == []
    assert measured(tmp_path / "unbroken") == measured(tmp_path / "run")
