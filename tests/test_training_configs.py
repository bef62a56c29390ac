"""Every config that is shipped is built on the fixtures as `allennlp train` builds it, and takes a step."""

import json
import math
import os
import re
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import pytest
import torch
from allennlp.commands.train import train_model
from allennlp.common import Params
from allennlp.models import load_archive
from conftest import REPOSITORY
from support.trainings import training_loop

import lowresource_ner  # noqa: F401  what the configs name is registered by the import

CONFIGS = sorted(path for path in (REPOSITORY / "training_configs").glob("*/*.jsonnet") if path.parent.name != "tables")
CROSS_DOMAIN = REPOSITORY / "training_configs/cross_domain"
CROSS_LINGUAL = REPOSITORY / "training_configs/cross_lingual"
STUDENTS = [
    "student_soft",
    "student_hard",
    "student_held_out",
    "student_multi_source",
    "student_selected",
    "student_consistent",
]
VARIABLES = [
    "NER_DATA",
    "SOURCE",
    "TARGET",
    "UNLABELLED",
    "VECTORS",
    "VECTORS_DIM",
    "ELMO_OPTIONS",
    "ELMO_WEIGHTS",
    "ENCODER",
    "ENCODER_SIZE",
    "ARCHIVE",
    "TEACHER",
    "TEACHERS",
    "SOURCES",
    "SIMILARITY",
    "WEIGHTS",
    "DISCRIMINATOR",
    "SEED",
    "DEVICE",
]


def test_all_configs_are_found() -> None:
    stems: Dict[str, List[str]] = {}
    for path in CONFIGS:
        stems.setdefault(path.parent.name, []).append(path.stem)
    assert stems == {
        "cross_domain": [
            "co_lm",
            "co_ner",
            "co_ner_transformer",
            "crf_tagger",
            "fine_tune",
            "label_embedding",
            "mix_data",
            "multi_task",
            "multi_task_ner",
            "pgn",
            "pgn_combined",
            "pgn_transformer",
            "pgn_transformer_uda",
            "pgn_transformer_uda_student",
            "pgn_uda",
            "pgn_uda_student",
            "stm_elmo",
            "stm_source",
            "stm_target",
            "stm_transformer",
            "stm_transformer_frozen",
        ],
        "cross_lingual": [
            "adversarial",
            "few_labels",
            "similarity",
            "student_consistent",
            "student_hard",
            "student_held_out",
            "student_multi_source",
            "student_selected",
            "student_soft",
            "teacher",
            "teacher_biaffine",
            "teacher_crf",
            "teacher_rdrop",
            "voting",
        ],
    }


@pytest.fixture(scope="module")
def source_tagger(settings, tmp_path_factory) -> Path:
    """The archive that fine_tune goes on from: stm_target, trained on the source."""
    folder = tmp_path_factory.mktemp("stm") / "run"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**settings, "TARGET": settings["SOURCE"]}.items():
            patch.setenv(name, value)
        train_model(Params.from_file(CROSS_DOMAIN / "stm_target.jsonnet", {"trainer.num_epochs": 1}), str(folder))
    return folder / "model.tar.gz"


@pytest.fixture(scope="module")
def discriminator(settings, tmp_path_factory) -> Path:
    """The archive that student_selected selects with, hardly trained."""
    folder = tmp_path_factory.mktemp("adversarial") / "run"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**settings, "TARGET": "es"}.items():
            patch.setenv(name, value)
        overrides = {"trainer.num_epochs": 1, "dataset_reader.readers.ner_source.sample": 40}
        train_model(Params.from_file(CROSS_LINGUAL / "adversarial.jsonnet", overrides), str(folder))
    return folder / "model.tar.gz"


@pytest.fixture
def ready(environment, source_tagger, teacher, discriminator, monkeypatch) -> None:
    """All that any config reads from the environment."""
    monkeypatch.setenv("TEACHER", str(teacher))
    monkeypatch.setenv("TEACHERS", f"en={teacher},de={teacher}")
    monkeypatch.setenv("SOURCES", "en,de")
    monkeypatch.setenv("WEIGHTS", "uniform")
    monkeypatch.setenv("DISCRIMINATOR", str(discriminator))
    monkeypatch.setenv("ARCHIVE", str(source_tagger))


def as_read(path: Path, **overrides: Any) -> Dict[str, Any]:
    return Params.from_file(path, overrides or None).as_dict(quiet=True)


@pytest.mark.parametrize("path", [path for path in CONFIGS if path.stem != "voting"], ids=lambda path: path.stem)
def test_config_builds_and_takes_a_step(path: Path, ready, source_tagger, monkeypatch, tmp_path) -> None:
    """A step is a batch of each of its modules. (Nothing of a vote is trained; its own tests run it.)"""
    if path.stem.endswith("uda_student"):
        monkeypatch.setenv("TEACHERS", f"source={source_tagger}")  # tags in IOBES, as the student
    if path.stem == "crf_tagger":
        pytest.importorskip("allennlp_models.tagging", reason="an extra: make baselines")
    params = Params.from_file(path, {"trainer.num_epochs": 1})
    loop = training_loop(params, tmp_path)
    loop.model.train()
    batches = iter(loop.trainer.data_loader)
    for module in getattr(getattr(loop.trainer.data_loader, "scheduler", None), "modules", [None]):
        batch = next(batches)
        assert batch.get("module_name", [None])[0] == module
        loss = loop.model(**batch)["loss"]
        loss.backward()
        assert torch.isfinite(loss)
    trainable = [name for name, weight in loop.model.named_parameters() if weight.requires_grad]
    assert trainable and all(loop.model.get_parameter(name).grad is not None for name in trainable)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_opens_with_the_command_that_runs_it(path: Path) -> None:
    head = [line for line in path.read_text().split("\n\n")[0].splitlines() if line.startswith("//")]
    assert any(f"allennlp train training_configs/{path.parent.name}/{path.name}" in line for line in head)


@pytest.mark.slow
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_needs_what_its_head_exports_and_the_defaults_set(path: Path, monkeypatch) -> None:
    exports = [
        line.split("&&")[0].strip("/ ") for line in path.read_text().splitlines() if re.match("// +export ", line)
    ]
    assert exports
    script = "; ".join([*exports, "source training_configs/defaults.sh", "env -0"])
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    done = subprocess.run(["bash", "-c", script], env=clean, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    given = dict(entry.split("=", 1) for entry in done.stdout.split("\0") if "=" in entry)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        if name in given:
            monkeypatch.setenv(name, given[name])
    assert given["NER_DATA"] == "fixtures/corpora"
    assert as_read(path)["model"]


@pytest.mark.slow
def test_overrides_in_the_configs_heads_are_overrides_of_theirs(ready) -> None:
    """AllenNLP stops where an override has no place in the config."""
    found = []
    for path in CONFIGS:
        head = " ".join(line.strip("/ ") for line in path.read_text().splitlines() if line.startswith("//"))
        for overrides in re.findall(r"(?:-o|--overrides) '(\{.*?\})'", head):
            assert as_read(path, **json.loads(overrides)) != as_read(path)
            found.append(path.stem)
    assert found == [
        *("pgn_combined", "pgn_transformer", *["pgn_uda"] * 3, *["pgn_uda_student"] * 3),
        *("adversarial", "few_labels", "similarity", "student_consistent", "student_consistent", "student_held_out"),
        *("student_multi_source", "student_selected"),
        *("student_soft", "student_soft"),
    ]


def test_the_teacher_has_the_papers_numbers(environment) -> None:
    """Wu et al. (2020), section 4.2."""
    config = Params.from_file(REPOSITORY / "training_configs/cross_lingual/teacher.jsonnet").as_dict()
    encoder = config["model"]["text_field_embedder"]["token_embedders"]["encoder"]
    assert (encoder["max_length"], encoder["num_frozen_layers"]) == (128, 3)
    assert config["data_loader"]["batch_sampler"]["batch_size"] == 32
    trainer = config["trainer"]
    optimizer = trainer["optimizer"]
    assert (trainer["num_epochs"], trainer["grad_norm"]) == (3, 1.0)
    assert (optimizer["type"], optimizer["lr"], optimizer["eps"], optimizer["weight_decay"]) == (
        "fused_adamw",
        5e-5,
        1e-8,
        0.01,
    )
    assert trainer["learning_rate_scheduler"] == {"type": "linear_warmup_share", "warmup_share": 0.1}


def test_the_students_have_the_papers_numbers(ready) -> None:
    """Wu et al. (2020), section 4.2, and of several sources their released code."""
    teacher, soft, hard, several = (
        as_read(CROSS_LINGUAL / f"{name}.jsonnet")
        for name in ("teacher", "student_soft", "student_hard", "student_multi_source")
    )
    assert (soft["trainer"]["optimizer"]["lr"], teacher["trainer"]["optimizer"]["lr"]) == (1e-4, 5e-5)
    assert soft["model"]["loss"] == {"type": "mse"} and hard["model"].pop("loss") == {"type": "hard_labels"}
    for part in ("num_epochs", "grad_norm", "learning_rate_scheduler"):
        assert soft["trainer"][part] == teacher["trainer"][part]
    assert soft["model"]["text_field_embedder"] == teacher["model"]["text_field_embedder"]
    assert soft["data_loader"] == teacher["data_loader"]
    soft["model"].pop("loss")
    assert hard == soft, "HL differs in its loss alone"
    assert several["trainer"]["optimizer"] == {**soft["trainer"]["optimizer"], "weight_decay": 1e-5}


def steps_and_frozen(name: str) -> Tuple[float, Optional[int]]:
    config = as_read(CROSS_LINGUAL / f"{name}.jsonnet")
    encoder = config["model"]["text_field_embedder"]["token_embedders"]["encoder"]
    return config["trainer"]["optimizer"]["lr"], encoder["num_frozen_layers"]


PAPERS = {
    **dict.fromkeys(["teacher", "teacher_biaffine", "teacher_crf", "few_labels"], 5e-5),
    **dict.fromkeys(STUDENTS, 1e-4),
    "adversarial": 6e-5,
}


@pytest.mark.parametrize("name", PAPERS)
def test_a_small_encoder_takes_larger_steps_and_has_no_frozen_layer(name, ready, monkeypatch) -> None:
    """The one in the box by its name; any other, archives among them, where ENCODER_SIZE says so."""
    small, large = (1e-4, None), (PAPERS[name], 3)
    for encoder, size, expected in [
        ("multilingual-mini", "auto", small),
        ("runs/small/model.tar.gz", "small", small),
        ("somebody/small-encoder", "small", small),
        ("runs/small/model.tar.gz", "auto", large),
        ("bert-base-multilingual-cased", "auto", large),
        ("multilingual-mini", "large", large),
    ]:
        monkeypatch.setenv("ENCODER", encoder)
        monkeypatch.setenv("ENCODER_SIZE", size)
        assert steps_and_frozen(name) == expected, (encoder, size)
    monkeypatch.setenv("ENCODER_SIZE", "tiny")
    with pytest.raises(RuntimeError, match="ENCODER_SIZE is 'tiny'; it is small, large, or auto.*defaults.sh"):
        steps_and_frozen(name)


@pytest.mark.parametrize("size, expected", [("large", 6e-7), ("small", 1e-6)])
def test_the_encoder_deceives_in_steps_of_a_hundredth_of_the_taggers(size, expected, ready, monkeypatch) -> None:
    """AdvPicker's released code has 6e-5 and 6e-7."""
    monkeypatch.setenv("ENCODER_SIZE", size)
    updates, *_ = as_read(CROSS_LINGUAL / "adversarial.jsonnet")["trainer"]["callbacks"]
    assert updates["generator_optimizer"]["lr"] == expected


@pytest.mark.parametrize("name", STUDENTS)
def test_a_student_is_selected_without_a_label_of_the_target(name, ready) -> None:
    config = as_read(CROSS_LINGUAL / f"{name}.jsonnet")
    assert config["trainer"]["validation_metric"] == "-distillation_loss"
    text = config["train_data_path"]
    assert text.endswith("raw.txt")
    keeps_last = {"type": "keep_last_epoch"} in config["trainer"]["callbacks"]
    assert keeps_last != (name == "student_held_out")
    assert config["validation_data_path"] == (None if keeps_last else {"held_out": text})


def test_the_epoch_of_least_loss_on_held_out_text_is_kept(environment, teacher, tmp_path, monkeypatch) -> None:
    """And its archive is evaluated on gold tags by a plain path."""
    monkeypatch.setenv("TARGET", "es")
    monkeypatch.setenv("TEACHER", str(teacher))
    overrides = {
        "trainer.num_epochs": 3,
        "trainer.optimizer.lr": 0.05,  # so high that later epochs are not better
        "dataset_reader.reader.held_out_share": 0.2,
        "validation_dataset_reader.readers.held_out.reader.held_out_share": 0.2,
        "dataset_reader.store": str(tmp_path / "store"),
        "validation_dataset_reader.readers.held_out.store": str(tmp_path / "store"),
    }
    train_model(Params.from_file(CROSS_LINGUAL / "student_held_out.jsonnet", overrides), str(tmp_path / "run"))
    epochs = [json.loads((tmp_path / f"run/metrics_epoch_{epoch}.json").read_text()) for epoch in range(3)]
    losses = [epoch["validation_distillation_loss"] for epoch in epochs]
    assert len(set(losses)) == 3
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert metrics["best_epoch"] == losses.index(min(losses))
    assert metrics["best_validation_distillation_loss"] == min(losses)
    archive = load_archive(tmp_path / "run/model.tar.gz")
    gold = next(iter(archive.validation_dataset_reader.read(REPOSITORY / "fixtures/corpora/es/test.conll")))
    assert "tags" in gold.fields and "teacher_probabilities" not in gold.fields


def test_weights_of_several_sources_are_chosen_by_a_variable(ready, monkeypatch) -> None:
    monkeypatch.setenv("SIMILARITY", "runs/similarity/model.tar.gz")
    for value, measure, level in (
        ("learned", "learned", "corpus"),
        ("cosine", "cosine", "corpus"),
        ("l1-sentence", "l1", "sentence"),
    ):
        monkeypatch.setenv("WEIGHTS", value)
        weights = as_read(CROSS_LINGUAL / "student_multi_source.jsonnet")["dataset_reader"]["weights"]
        assert (weights["type"], weights["measure"], weights["level"]) == ("similarity", measure, level)
        assert weights["archive_file"] == "runs/similarity/model.tar.gz"


def test_weight_decay_spares_biases_and_layer_norm(environment, tmp_path) -> None:
    loop = training_loop(Params.from_file(REPOSITORY / "training_configs/cross_lingual/teacher.jsonnet"), tmp_path)
    names = {id(weight): name for name, weight in loop.model.named_parameters()}
    groups = [
        ({names[id(weight)] for weight in group["params"]}, group["weight_decay"])
        for group in loop.trainer.optimizer.param_groups
    ]
    spared = {name for names, decay in groups if decay == 0 for name in names}
    trainable = {name for name, weight in loop.model.named_parameters() if weight.requires_grad}
    assert spared == {name for name in trainable if name.endswith("bias") or "LayerNorm" in name}
    assert set().union(*(names for names, _ in groups)) == trainable


def test_pgn_has_the_numbers_of_the_released_code(environment, tmp_path) -> None:
    """Jia, Liang and Zhang (2019), supervised domain adaptation; docs/results.md says where they come from."""
    config = as_read(CROSS_DOMAIN / "pgn.jsonnet")
    model, trainer = config["model"], config["trainer"]
    embedders = model["text_field_embedder"]["token_embedders"]
    assert embedders["characters"] == {
        "type": "character_cnn",
        "embedding_dim": 30,
        "num_filters": 50,
        "width": 3,
        "dropout": 0.5,
    }
    assert model["encoder"] == {"hidden_size": 100, "num_layers": 1}
    assert model["lstm_parameters"] == {"type": "parameter_generator", "task_dim": 8, "domain_dim": 8}
    assert model["dropout"] == 0.5
    assert model["heads"] == {
        "lm": {"type": "language_model", "num_samples": 50},
        "source": {"type": "tagging"},
        "target": {"type": "tagging"},
    }
    readers = config["dataset_reader"]["readers"]
    schemes = [model, config["validation_dataset_reader"], readers["ner_source"], readers["ner_target"]]
    assert [each["tag_scheme"] for each in schemes] == ["IOBES"] * 4
    assert config["data_loader"]["scheduler"] == {
        "type": "one_batch_per_module",
        "modules": ["lm_source", "ner_source", "lm_target", "ner_target"],
        "epoch": "ner_source",
        "batch_size": {"ner_source": 30},
    }
    assert trainer["callbacks"][0] == {
        "type": "module_updates",
        "loss_weights": {"lm_source": 1, "ner_source": 1, "lm_target": 1, "ner_target": 2},
    }
    assert trainer["optimizer"] == {"type": "lazy_sgd", "lr": 0.015, "weight_decay": 1e-8}
    assert trainer["learning_rate_scheduler"] == {"type": "inverse_time_decay", "decay": 0.05}
    assert (trainer["num_epochs"], trainer["num_gradient_accumulation_steps"]) == (100, 4)
    assert (trainer["validation_metric"], config["model"]["default_module"]) == ("+f1", "ner_target")
    assert not {"grad_norm", "grad_clipping", "patience"} & set(trainer)
    # The language models read the sentences that NER is trained on; the target's dev file selects.
    for domain, folder in (("source", "en"), ("target", "bio")):
        paths = {config["train_data_path"][f"{task}_{domain}"] for task in ("lm", "ner")}
        assert [path.rsplit("/", 2)[1:] for path in paths] == [[folder, "train.conll"]]
    assert config["validation_data_path"].endswith("bio/dev.conll")

    built = training_loop(Params(config), tmp_path).model
    generator = built.lstm_parameters
    # P is 161,600 with vectors of 50 numbers; the fixtures' have 16, and 2 directions of 4 gates read them.
    num_parameters = 161_600 - 2 * 400 * (50 - 16)
    assert generator.weight.shape == (num_parameters, 64) and generator.task_embeddings.shape == (2, 8)
    for weight, bound in ((generator.weight, 1 / math.sqrt(100)), (generator.domain_embeddings, math.sqrt(3 / 8))):
        assert 0.7 * bound < weight.abs().max() <= bound
    assert built._embedder.token_embedder_words.weight.requires_grad
    for head in ("source", "target"):
        crf = built._heads[head].tagger.crf
        for weight in (crf.transitions, crf.start_transitions, crf.end_transitions):
            assert weight.eq(0).all()
    (convolution,) = [part for part in built.modules() if isinstance(part, torch.nn.Conv1d)]
    assert convolution.weight.shape == (50, 30, 3) and convolution.padding == (1,)


def test_uda_has_the_numbers_of_the_released_code(environment, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TARGET", "sea")
    pgn, config = (as_read(CROSS_DOMAIN / f"{name}.jsonnet") for name in ("pgn", "pgn_uda"))
    model, trainer = config["model"], config["trainer"]
    for part in ("text_field_embedder", "encoder", "dropout", "initializer"):
        assert model[part] == pgn["model"][part]
    # Ours, not the released code's: its domains begin independent of one another.
    assert model["lstm_parameters"] == {**pgn["model"]["lstm_parameters"], "domain_difference": 0.1}
    assert model["heads"] == {"lm": {"type": "language_model", "num_samples": 50}, "source": {"type": "tagging"}}
    assert model["modules"]["ner_target"] == {
        "task": "ner",
        "domain": "target",
        "head": "source",
        "label_namespace": "source_labels",
    }
    assert model["unlabelled_domains"] == ["target"] and model["default_module"] == "ner_target"
    scheduler = config["data_loader"]["scheduler"]
    assert scheduler["modules"] == ["lm_source", "ner_source", "lm_target"]
    assert (scheduler["epoch"], scheduler["batch_size"]) == ("ner_source", {"ner_source": 10})
    module_updates, *resumable, switch = trainer["callbacks"]
    assert resumable == [{"type": "random_state"}, {"type": "recovery"}]
    assert module_updates["loss_weights"] == {"lm_source": 1, "ner_source": 1, "lm_target": 1}
    assert trainer["optimizer"] == {"type": "rmsprop", "lr": 1e-3, "weight_decay": 1e-8}
    assert switch == {
        "type": "switch_optimizer",
        "metric": "+ner_source_f1",
        "threshold": 0.72,
        "optimizer": {"type": "lazy_sgd", "lr": 0.015, "weight_decay": 1e-8},
    }
    assert trainer["learning_rate_scheduler"] is None, "neither of them decays"
    assert trainer["validation_metric"] == "+ner_source_f1"
    assert config["vocabulary"]["min_count"] == {"lm_words": 5}
    assert config["train_data_path"]["lm_target"].endswith("sea/raw.txt")
    assert {name: path.rsplit("/", 2)[1:] for name, path in config["validation_data_path"].items()} == {
        "ner_source": ["en", "dev.conll"]
    }
    text = "".join(map(str, [config["train_data_path"], config["validation_data_path"]]))
    assert "sea/dev" not in text and "sea/test" not in text, "nothing of the target but its raw text"
    vocab = training_loop(Params(config), tmp_path).model.vocab
    assert 50 < vocab.get_vocab_size("lm_words") < vocab.get_vocab_size("words") / 5


@pytest.mark.parametrize(
    "name, modules, epoch, lstm_parameters",
    [
        ("co_lm", ["lm_target", "ner_target"], "ner_target", "parameter_generator"),
        ("co_ner", ["ner_source", "ner_target"], "ner_source", "parameter_generator"),
        ("fine_tune", ["ner_target"], "ner_target", "shared"),
        ("mix_data", ["lm_source", "ner_source", "lm_target", "ner_target"], "ner_source", "parameter_generator"),
        ("multi_task", ["lm_source", "ner_source", "lm_target", "ner_target"], "ner_source", "shared"),
        ("multi_task_ner", ["ner_source", "ner_target"], "ner_source", "shared"),
        ("stm_target", ["ner_target"], "ner_target", "shared"),
    ],
)
def test_a_baseline_differs_in_its_modules_and_its_lstm_alone(name, modules, epoch, lstm_parameters, ready) -> None:
    pgn, config = (as_read(CROSS_DOMAIN / f"{each}.jsonnet") for each in ("pgn", name))
    scheduler = config["data_loader"]["scheduler"]
    assert (scheduler["modules"], scheduler["epoch"], scheduler["batch_size"]) == (modules, epoch, {epoch: 30})
    assert sorted(config["model"]["modules"]) == sorted(config["dataset_reader"]["readers"]) == sorted(modules)
    assert config["model"]["lstm_parameters"]["type"] == lstm_parameters
    for part in ("text_field_embedder", "encoder", "dropout", "default_module", "initializer", "tag_scheme"):
        assert config["model"][part] == pgn["model"][part]
    differing = {"callbacks", "num_gradient_accumulation_steps"}
    assert {key: value for key, value in config["trainer"].items() if key not in differing} == {
        key: value for key, value in pgn["trainer"].items() if key not in differing
    }
    weights = config["trainer"]["callbacks"][0]["loss_weights"]
    # Beside others, target NER counts twice; alone, a weight would be a learning rate.
    assert weights == {module: 2 if module == "ner_target" and len(modules) > 1 else 1 for module in modules}
    reads_text = any(module.startswith("lm") for module in modules)
    assert config["validation_dataset_reader"].get("lm_namespace") == ("lm_words" if reads_text else None)
    assert ("pretrained_file" in config["model"]) == (name == "fine_tune")


def test_the_student_without_labels_is_uda_with_one_more_module(ready) -> None:
    uda, config = (as_read(CROSS_DOMAIN / f"{name}.jsonnet") for name in ("pgn_uda", "pgn_uda_student"))
    module = "ner_target"
    reader = config["dataset_reader"]["readers"].pop(module)
    assert config["train_data_path"].pop(module) == uda["train_data_path"]["lm_target"]
    assert config["data_loader"]["scheduler"]["modules"].pop() == module
    assert config["trainer"]["callbacks"][0]["loss_weights"].pop(module) == 1
    config["trainer"]["num_gradient_accumulation_steps"] -= 1
    assert config == uda
    assert (reader["type"], reader["weights"], list(reader["teachers"])) == (
        "teacher_labelled",
        {"type": "uniform"},
        ["de", "en"],
    )
    assert reader["tag_scheme"] == config["model"]["tag_scheme"]
    assert reader["label_namespace"] == config["model"]["modules"][module]["label_namespace"]


@pytest.mark.parametrize(
    "name, of_lstm",
    [
        ("pgn_transformer", "pgn"),
        ("pgn_transformer_uda", "pgn_uda"),
        ("pgn_transformer_uda_student", "pgn_uda_student"),
    ],
)
def test_a_transformer_with_adapters_has_the_modules_of_the_lstm(name, of_lstm, ready) -> None:
    config, other = (as_read(CROSS_DOMAIN / f"{each}.jsonnet") for each in (name, of_lstm))
    model, trainer = config["model"], config["trainer"]
    assert model["type"] == "pgn_transformer" and "lstm_parameters" not in model
    for part in ("modules", "default_module", "tasks", "domains", "unlabelled_domains", "tag_scheme", "initializer"):
        assert model[part] == other["model"][part]
    assert model["heads"] == {**other["model"]["heads"], "lm": {"type": "masked_language_model"}}
    assert model["adapter_parameters"] == {**other["model"]["lstm_parameters"], "task_dim": 4, "domain_dim": 4}
    assert config["data_loader"]["scheduler"]["modules"] == other["data_loader"]["scheduler"]["modules"]
    for part in ("train_data_path", "validation_data_path"):
        assert config[part] == other[part]
    readers = [each.get("reader", each) for each in config["dataset_reader"]["readers"].values()]
    for reader in [*readers, config["validation_dataset_reader"]]:
        assert reader["lm_namespace"] is None and list(reader["token_indexers"]) == ["encoder"]
    assert [callback["type"] for callback in trainer["callbacks"]] == ["module_updates", "random_state", "recovery"]
    assert trainer["callbacks"][0] == other["trainer"]["callbacks"][0]
    assert trainer["validation_metric"] == other["trainer"]["validation_metric"]
    assert trainer["num_gradient_accumulation_steps"] == len(config["data_loader"]["scheduler"]["modules"])


def test_mixed_data_is_the_same_for_both_language_models(environment) -> None:
    paths = as_read(CROSS_DOMAIN / "mix_data.jsonnet")["train_data_path"]
    assert paths["lm_source"] == paths["lm_target"] == [paths["ner_source"], paths["ner_target"]]
    assert paths["ner_source"] != paths["ner_target"]


def test_combined_trains_the_unlabelled_domain_on_raw_text_alone(environment) -> None:
    config = as_read(CROSS_DOMAIN / "pgn_combined.jsonnet")
    modules, model = config["data_loader"]["scheduler"]["modules"], config["model"]
    assert modules == ["lm_source", "ner_source", "lm_target", "ner_target", "lm_unlabelled"]
    assert set(model["modules"]) - set(modules) == {"ner_unlabelled"}
    assert model["modules"]["ner_unlabelled"]["head"] == "source" and model["unlabelled_domains"] == ["unlabelled"]
    assert [path for path in config["train_data_path"].values() if "sea" in path] == [
        config["train_data_path"]["lm_unlabelled"]
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, missing",
    [
        *(
            ("cross_lingual/teacher", name)
            for name in ("NER_DATA", "SOURCE", "ENCODER", "ENCODER_SIZE", "SEED", "DEVICE")
        ),
        *(("cross_domain/pgn", name) for name in ("NER_DATA", "SOURCE", "TARGET", "VECTORS", "VECTORS_DIM", "SEED")),
        ("cross_domain/pgn_uda", "TARGET"),
        ("cross_domain/pgn_combined", "UNLABELLED"),
        ("cross_domain/fine_tune", "ARCHIVE"),
        ("cross_domain/label_embedding", "ARCHIVE"),
        ("cross_domain/stm_elmo", "ELMO_OPTIONS"),
        ("cross_domain/stm_elmo", "ELMO_WEIGHTS"),
        *(("cross_lingual/student_soft", name) for name in ("TARGET", "TEACHER")),
        *(("cross_lingual/student_multi_source", name) for name in ("TEACHERS", "WEIGHTS")),
        ("cross_lingual/similarity", "SOURCES"),
    ],
)
def test_a_variable_that_is_not_set_is_named(name: str, missing: str, environment, monkeypatch) -> None:
    path = REPOSITORY / f"training_configs/{name}.jsonnet"
    for variable in set(VARIABLES) - set(os.environ):
        monkeypatch.setenv(variable, "en=anything")
    Params.from_file(path)
    monkeypatch.delenv(missing)
    with pytest.raises(RuntimeError, match=missing):
        Params.from_file(path)
    monkeypatch.setenv(missing, "")
    with pytest.raises(RuntimeError, match=f"{missing} is empty.*defaults.sh"):
        Params.from_file(path)


def test_defaults_name_what_has_none(tmp_path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "NER_DATA"}
    script = f"source '{REPOSITORY}/training_configs/defaults.sh'"
    failed = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True)
    assert failed.returncode != 0 and "NER_DATA" in failed.stderr
    command = f"{script}; python3 -c 'import os, json; print(json.dumps(dict(os.environ)))'"
    command = f"{script}; {command}"  # twice is as once
    done = subprocess.run(["bash", "-c", command], env={**environment, "NER_DATA": "x"}, capture_output=True, text=True)
    assert json.loads(done.stdout)["NER_DATA"] == "x"
    assert json.loads(done.stdout)["ENCODER"] == os.environ.get("ENCODER", "bert-base-multilingual-cased")


def test_teachers_of_every_kind_by_what_they_are_called(ready, monkeypatch) -> None:
    monkeypatch.setenv("TEACHERS", "en=runs/a=b/model.tar.gz,hub=hf:some/model,llm=labels.jsonl")
    teachers = as_read(REPOSITORY / "training_configs/cross_lingual/student_multi_source.jsonnet")["dataset_reader"][
        "teachers"
    ]
    assert teachers == {
        "en": {"type": "archive", "archive_file": "runs/a=b/model.tar.gz", "cuda_device": -1},
        "hub": {"type": "transformers", "model_name": "some/model", "cuda_device": -1},
        "llm": {"type": "label_file", "path": "labels.jsonl"},
    }
    monkeypatch.setenv("ENCODER", "encoder")
    for teacher, encoder in [
        ("runs/a.tar.gz", "runs/a.tar.gz"),
        ("hf:some/model", "some/model"),
        ("a.jsonl", "encoder"),
    ]:
        monkeypatch.setenv("TEACHER", teacher)
        (selection,) = as_read(CROSS_LINGUAL / "student_consistent.jsonnet")["dataset_reader"]["selections"]
        assert selection["encoder"]["model_name"] == encoder
    monkeypatch.setenv("TEACHERS", "runs/en/model.tar.gz")
    with pytest.raises(RuntimeError, match="has no name: write en=runs/en/model.tar.gz"):
        as_read(REPOSITORY / "training_configs/cross_lingual/voting.jsonnet")
