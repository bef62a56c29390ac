"""Plans of tables with pretrainings, and with systems that have their own seeds."""

import argparse
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from conftest import CORPORA, FIXTURES
from support.plans import by_name

from lowresource_ner.common.options import add_options, options_from
from lowresource_ner.experiments.step import Step
from lowresource_ner.experiments.steps import config_of
from lowresource_ner.experiments.tables.comparison import described
from lowresource_ner.experiments.tables.plan import TablePlan
from lowresource_ner.experiments.tables.table_file import table_from
from lowresource_ner.pretraining.options import PretrainingOptions

TINY = str(FIXTURES / "encoders" / "tiny")
TEXT = str(CORPORA / "bio" / "raw.txt")
ADAPTED = {"encoder": "$ENCODER", "text": ["$NER_DATA/$TARGET/raw.txt"], "masking": "spans", "epochs": 2}
FINE_TUNED = {
    "config": "few_labels",
    "variables": {"SOURCE": "$TARGET"},
    "after": {"ENCODER": "on_source"},
    "overrides": {"dataset_reader.sample": None, "model.pretrained_file": None},
}


@pytest.fixture
def content(monkeypatch) -> Dict[str, Any]:
    for name in ("SOURCE", "TARGET", "ENCODER", "ENCODER_SIZE", "SEED", "DEVICE", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NER_DATA", str(CORPORA))
    return {
        "corpora": {"biomedicine": {"SOURCE": "en", "TARGET": "bio"}},
        "variables": {"ENCODER": TINY},
        "systems": {
            "adapted": {"pretraining": ADAPTED},
            "on_source": {"config": "teacher", "after": {"ENCODER": "adapted"}},
            "fine_tuned": FINE_TUNED,
        },
        "rows": ["fine_tuned"],
        "overrides": {"trainer.num_epochs": 2},
        "seeds": [1],
    }


@pytest.fixture
def plan(content, tmp_path) -> Callable[..., TablePlan]:
    def make(device: int = -1, systems: Dict[str, Any] | None = None, **changed: Any) -> TablePlan:
        all_systems = {**content["systems"], **(systems or {})}
        return TablePlan(table_from({**content, "systems": all_systems, **changed}), tmp_path / "runs", device)

    return make


def parsed(step: Step) -> PretrainingOptions:
    """The options as `pretrain-encoder` parses them."""
    parser = argparse.ArgumentParser()
    add_options(parser, PretrainingOptions)
    return options_from(parser.parse_args(step.command[5:]), PretrainingOptions)


def encoder_of(step: Step) -> str:
    name: str = config_of(step)["model"]["text_field_embedder"]["token_embedders"]["encoder"]["model_name"]
    return name


def test_an_encoder_is_pretrained_before_what_starts_from_it(plan, tmp_path) -> None:
    made = plan()
    steps, folder = by_name(made), tmp_path / "runs" / "adapted-biomedicine-1"
    assert list(steps) == [
        *(f"{name}-biomedicine-1" for name in ("adapted", "on_source", "fine_tuned")),
        "tag-fine_tuned-biomedicine-1-test",
    ]
    adapted, on_source, fine_tuned, _ = steps.values()
    assert adapted.command[3:5] == ["pretrain-encoder", str(folder)]
    assert parsed(adapted) == PretrainingOptions(encoder=TINY, text=[TEXT], masking="spans", epochs=2, seed=1)
    assert set(adapted.inputs) == {Path(TEXT), *Path(TINY).iterdir()}
    # The files that it writes are the inputs, whether they exist or not, so that the same plan is up to date afterwards.
    assert encoder_of(on_source) == str(folder) and set(adapted.outputs) <= set(on_source.inputs)
    folder.mkdir(parents=True)
    for path in (*adapted.outputs, folder / "config.json"):
        path.touch()
    assert by_name(plan())["on_source-biomedicine-1"] == on_source
    assert encoder_of(fine_tuned) == str(on_source.product) and on_source.product in fine_tuned.inputs
    assert config_of(fine_tuned)["model"]["pretrained_file"] is None
    assert described(made).startswith("adapted-biomedicine-1: pretrain\non_source-biomedicine-1: train\n")


def test_with_a_seed_of_its_own_it_is_pretrained_once(plan) -> None:
    def pretrainings(made: TablePlan) -> List[str]:
        return [step.name for step in made.steps if step.resumes_itself]

    assert pretrainings(plan(seeds=[1, 2])) == ["adapted-biomedicine-1", "adapted-biomedicine-2"]
    made = plan(seeds=[1, 2], systems={"adapted": {"pretraining": {**ADAPTED, "seed": 7}}})
    assert pretrainings(made) == ["adapted-biomedicine-7"]
    steps = by_name(made)
    assert parsed(steps["adapted-biomedicine-7"]).seed == 7
    assert {encoder_of(steps[f"on_source-biomedicine-{seed}"]) for seed in (1, 2)} == {
        str(steps["adapted-biomedicine-7"].product)
    }


def test_a_pretraining_may_start_from_another(plan) -> None:
    """From text of the domain to text of the task (Gururangan et al. 2020, arXiv:2004.10964, section 4)."""
    task = {
        "pretraining": {**ADAPTED, "steps": 5, "text": ["task=$NER_DATA/sea/raw.txt"]},
        "after": {"ENCODER": "adapted"},
    }
    del task["pretraining"]["epochs"]
    systems = {"task": task, "on_source": {"config": "teacher", "after": {"ENCODER": "task"}}}
    steps = by_name(plan(systems=systems))
    first, second = steps["adapted-biomedicine-1"], steps["task-biomedicine-1"]
    assert parsed(second).encoder == str(first.product)
    assert set(second.inputs) == {CORPORA / "sea" / "raw.txt", *first.outputs}
    assert encoder_of(steps["on_source-biomedicine-1"]) == str(second.product)


@pytest.mark.parametrize(
    "variables, expected",
    [
        ({"ENCODER": "multilingual-mini"}, ["small", "small"]),
        ({"ENCODER": "multilingual-mini", "ENCODER_SIZE": "large"}, ["large", "large"]),
        ({"ENCODER": TINY}, ["auto", "auto"]),
    ],
)
def test_what_starts_from_a_small_encoder_is_small(variables, expected, plan) -> None:
    steps = by_name(plan(variables=variables))
    found = [steps[f"{name}-biomedicine-1"].variables["ENCODER_SIZE"] for name in ("on_source", "fine_tuned")]
    assert found == expected


def test_a_new_encoder_is_small(plan) -> None:
    steps = by_name(plan(systems={"adapted": {"pretraining": {"text": [TEXT], "hidden_size": 16}}}))
    assert steps["on_source-biomedicine-1"].variables["ENCODER_SIZE"] == "small"
    assert steps["adapted-biomedicine-1"].inputs == [Path(TEXT)]


@pytest.mark.parametrize("device, visible, expected", [(-1, "0", ""), (1, None, "1"), (1, "4,6", "6")])
def test_it_sees_the_device_of_the_table_alone(device, visible, expected, plan, monkeypatch) -> None:
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    step = by_name(plan(device=device))["adapted-biomedicine-1"]
    assert step.variables == {"CUDA_VISIBLE_DEVICES": expected}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"text": ["gone.txt"]}, "'fine_tuned' on .*'pretraining' of 'adapted': files are missing:\n  - gone.txt$"),
        ({"encoder": "/gone/encoder"}, "files are missing:\n  - /gone/encoder$"),
        ({"text": ["$TEXT"]}, r"text is '\$TEXT', and the variable TEXT is not set"),
        ({"text": [TEXT, f"{CORPORA}/es/raw.txt"]}, "Two files are called 'raw'. Name them apart: NAME=PATH"),
        ({"text": TEXT}, "'text' of 'pretraining' of the system 'adapted' is .*, and should be a list"),
        ({"text": []}, "'pretraining' of 'adapted': There is nothing to learn from"),
        ({"epochs": "2"}, "'epochs' of .* is '2', and should be a number"),
        ({"steps": 2}, "'pretraining' of the system 'adapted' has both 'epochs' and 'steps'"),
        (
            {"spans": True},
            "'pretraining' of the system 'adapted' has the unknown key 'spans'; known are text, parallel",
        ),
        ({"masking": "span"}, "--masking is 'span'; it is one of sub-words, words, spans"),
        ({"mask": 15}, "--mask is 15; it is a share"),
    ],
)
def test_faults_of_options_are_found_before_the_work(plan, changed: Dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plan(systems={"adapted": {"pretraining": {**ADAPTED, **changed}}})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rows": ["adapted"]}, "'rows' contains 'adapted', which pretrains an encoder"),
        (
            {"systems": {"adapted": {"pretraining": ADAPTED, "overrides": {"seed": 1}}}},
            "the system 'adapted' has both 'pretraining' and 'overrides'",
        ),
        (
            {"systems": {"adapted": {"pretraining": ADAPTED, "after": {"ENCODER": "earlier"}}, "earlier": "teacher"}},
            "earlier-biomedicine-1/model.tar.gz is an archive, and cannot be pretrained",
        ),
        ({"systems": {"fine_tuned": {**FINE_TUNED, "seeds": []}}}, r"'seeds' of the system 'fine_tuned' is \[\]; give"),
        ({"systems": {"fine_tuned": {**FINE_TUNED, "seeds": [3, 3]}}}, r"is \[3, 3\]; give whole numbers, each once"),
    ],
)
def test_faults_of_systems_are_found_before_the_work(plan, changed: Dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plan(**changed)


def test_without_rows_all_systems_but_pretrainings_are_shown(plan) -> None:
    assert {result.system for result in plan(rows=None).results} == {"fine_tuned", "on_source"}


def test_a_system_has_its_own_seeds_and_so_has_what_it_starts_from(plan) -> None:
    direct = {"config": "few_labels", "variables": {"SOURCE": "$TARGET"}, "seeds": [3]}
    chained = {**FINE_TUNED, "seeds": [2, 4]}
    made = plan(systems={"direct": direct, "chained": chained}, rows=["fine_tuned", "direct", "chained"], seeds=[1, 2])
    assert [(result.system, result.seed) for result in made.results] == [
        *(("fine_tuned", seed) for seed in (1, 2)),
        ("direct", 3),
        *(("chained", seed) for seed in (2, 4)),
    ]
    trained = {step.name for step in made.steps if step.is_training or step.resumes_itself}
    assert trained == {
        *(f"{name}-biomedicine-{seed}" for name in ("adapted", "on_source") for seed in (1, 2, 4)),
        *(f"fine_tuned-biomedicine-{seed}" for seed in (1, 2)),
        "direct-biomedicine-3",
        *(f"chained-biomedicine-{seed}" for seed in (2, 4)),
    }
    assert config_of(by_name(made)["chained-biomedicine-4"])["random_seed"] == 4
