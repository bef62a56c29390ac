"""The plan of a table, as data, and what is said of tables that cannot be made."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from conftest import CORPORA, FIXTURES, REPOSITORY
from support.plans import as_trained, by_name

from lowresource_ner.experiments.steps import config_of
from lowresource_ner.experiments.tables.comparison import described, table_path
from lowresource_ner.experiments.tables.files_read import files_read
from lowresource_ner.experiments.tables.plan import TablePlan
from lowresource_ner.experiments.tables.table import Table
from lowresource_ner.experiments.tables.table_file import read_table, table_from

VECTORS = str(FIXTURES / "vectors" / "tiny.16d.txt.gz")
LAST = {"type": "keep_last_epoch"}


@pytest.fixture
def content(monkeypatch) -> Dict[str, Any]:
    """A table of what the fixtures allow. Of the environment only NER_DATA is used."""
    for name in ("SOURCE", "TARGET", "VECTORS", "VECTORS_DIM", "ENCODER", "ENCODER_SIZE", "SEED", "DEVICE", "ARCHIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NER_DATA", str(CORPORA))
    return {
        "corpora": {"biomedicine": {"SOURCE": "en", "TARGET": "bio"}, "spanish": {"SOURCE": "en", "TARGET": "es"}},
        "variables": {"VECTORS": VECTORS, "VECTORS_DIM": 16},
        "systems": {
            "stm_target": "cross_domain/stm_target",
            "stm_en": {"config": "stm_target", "variables": {"TARGET": "$SOURCE"}},
            "fine_tune": {
                "config": "fine_tune",
                "after": {"ARCHIVE": "stm_en"},
                "overrides": {"trainer.num_epochs": 4},
            },
            "uda": {"config": "cross_domain/pgn_uda", "corpora": ["spanish"], "evaluation_overrides": {"a.b": 1}},
        },
        "rows": ["uda", "fine_tune"],
        "overrides": {"trainer.num_epochs": 2, "model.dropout": 0.1},
        "seeds": [1],
    }


@pytest.fixture
def plan(content, tmp_path) -> Callable[..., TablePlan]:
    def make(**changed: Any) -> TablePlan:
        return TablePlan(table_from({**content, **changed}), tmp_path / "runs")

    return make


def test_rows_and_what_they_need_are_planned_in_order(plan, tmp_path) -> None:
    made = plan()
    of_corpus = "stm_en-{0}-1 fine_tune-{0}-1 tag-fine_tune-{0}-1-test"
    uda = "uda-spanish-1 tag-uda-spanish-1-test"
    expected = f"{of_corpus.format('biomedicine')} {uda} {of_corpus.format('spanish')}"
    assert [step.name for step in made.steps] == expected.split()
    assert [(each.corpus, each.system, each.seed) for each in plan(seeds=[1, 2]).results] == [
        *(("biomedicine", "fine_tune", seed) for seed in (1, 2)),
        *(("spanish", system, seed) for system in ("uda", "fine_tune") for seed in (1, 2)),
    ]
    steps = by_name(made)
    runs = tmp_path / "runs"
    archive = runs / "stm_en-biomedicine-1" / "model.tar.gz"
    needs, tags = steps["fine_tune-biomedicine-1"], steps["tag-fine_tune-biomedicine-1-test"]
    assert needs.variables["ARCHIVE"] == str(archive) and archive in needs.inputs
    assert set(needs.inputs) == {archive, Path(VECTORS), CORPORA / "bio" / "train.conll", CORPORA / "bio" / "dev.conll"}
    assert tags.command[3:8] == [
        "tag",
        *map(str, (needs.outputs[0], CORPORA / "bio" / "test.conll")),
        "--input-format",
        "conll",
    ]
    assert tags.outputs == [made.results[0].predictions]
    assert steps["tag-uda-spanish-1-test"].settings["overrides"] == {"a.b": 1}
    assert CORPORA / "es" / "raw.txt" in steps["uda-spanish-1"].inputs


def test_variables_are_the_systems_then_the_corpus_s_then_the_tables_then_the_environments(plan, monkeypatch) -> None:
    monkeypatch.setenv("TARGET", "nowhere")
    made = by_name(plan())
    of_source = as_trained(made["stm_en-biomedicine-1"])
    assert of_source["train_data_path"] == {"ner_target": f"{CORPORA}/en/train.conll"}
    assert of_source["random_seed"] == 1
    assert as_trained(made["fine_tune-spanish-1"])["train_data_path"] == {"ner_target": f"{CORPORA}/es/train.conll"}


def test_variables_may_name_the_archives_of_other_systems(plan, content, tmp_path) -> None:
    """A folder's name with a dollar sign is no reference."""
    systems = {
        **content["systems"],
        "source_only": "stm_source",
        "student": {
            "config": "pgn_uda_student",
            "after": {"ONLY": "source_only", "UDA": "uda"},
            "variables": {"TEACHERS": "source=$ONLY,uda=$UDA"},
        },
    }
    runs = tmp_path / "the $UDA runs"
    made = TablePlan(table_from({**content, "systems": systems, "rows": ["student"]}), runs)
    steps = by_name(made)
    archives = {name: runs / f"{name}-spanish-1" / "model.tar.gz" for name in ("source_only", "uda")}
    student = steps["student-spanish-1"]
    assert [name for name in steps if name.endswith("spanish-1")] == [
        "source_only-spanish-1",
        "uda-spanish-1",
        student.name,
    ]
    assert student.variables["TEACHERS"] == f"source={archives['source_only']},uda={archives['uda']}"
    assert set(archives.values()) <= set(student.inputs)
    teachers = as_trained(student)["dataset_reader"]["readers"]["ner_target"]["teachers"]
    assert [each["archive_file"] for each in teachers.values()] == list(map(str, archives.values()))


def test_overrides_of_a_system_come_after_those_of_its_corpus_and_of_all(plan, content) -> None:
    corpora = {**content["corpora"]}
    corpora["spanish"] = {**corpora["spanish"], "overrides": {"model.dropout": 0.3, "trainer.num_epochs": 3}}
    made = by_name(plan(corpora=corpora))
    found = {
        name: as_trained(made[f"{name}-1"]) for name in ("stm_en-biomedicine", "stm_en-spanish", "fine_tune-spanish")
    }
    told = {name: (config["trainer"]["num_epochs"], config["model"]["dropout"]) for name, config in found.items()}
    assert told == {"stm_en-biomedicine": (2, 0.1), "stm_en-spanish": (3, 0.3), "fine_tune-spanish": (4, 0.3)}


def test_labels_of_the_target_choose_nothing_by_default(plan) -> None:
    made = plan(
        overrides={"trainer.num_epochs": 2, "trainer.callbacks.0.loss_weights": {"ner_target": 3}}, rows=["stm_target"]
    )
    callbacks = as_trained(by_name(made)["stm_target-biomedicine-1"])["trainer"]["callbacks"]
    assert callbacks[-1] == LAST and callbacks[0]["loss_weights"] == {"ner_target": 3}
    assert {result.chosen_by for result in made.results} == {"nothing (last epoch)"}
    assert {result.validated_on for result in made.results} == {"target"}
    selecting = plan(select_on_target=True)
    assert {(each.system, each.chosen_by) for each in selecting.results} == {
        ("uda", "source development F1"),
        ("fine_tune", "target development F1"),
    }
    steps = by_name(plan())
    # The source's own labels may choose: of a model that the target's training begins from, and without labels of the target.
    for name in ("stm_en-biomedicine-1", "uda-spanish-1"):
        assert LAST not in as_trained(steps[name])["trainer"]["callbacks"]
    whole = plan(rows=["stm_target"], overrides={"trainer": {"num_epochs": 1, "patience": 2}})
    trainer = as_trained(by_name(whole)["stm_target-biomedicine-1"])["trainer"]
    # A trainer without a validation metric has AllenNLP's, the loss, which labels decide as well.
    assert trainer == {"num_epochs": 1, "patience": None, "callbacks": [LAST]}


def test_another_file_and_split_and_predictor(plan, content, tmp_path) -> None:
    made = plan(split="dev")
    assert {result.data for result in made.results} == {CORPORA / name / "dev.conll" for name in ("bio", "es")}
    corpora = {"mine": {**content["corpora"]["spanish"], "file": "$NER_DATA/$SOURCE/test.conll"}}
    systems = {"stm": {"config": "stm_target", "predictor": "any_tagger"}}
    made = plan(corpora=corpora, systems=systems, rows=["stm"])
    assert made.results[0].data == CORPORA / "en" / "test.conll"
    command = by_name(made)["tag-stm-mine-1-test"].command
    assert command[3] == "predict" and command[command.index("--predictor") + 1] == "any_tagger"
    mine = tmp_path / "mine.jsonnet"
    mine.write_text(f"(import '{REPOSITORY}/training_configs/cross_domain/stm_target.jsonnet') {{ batch_size:: 3 }}")
    made = plan(systems={"mine": str(mine)}, rows=None)
    scheduler = config_of(by_name(made)["mine-biomedicine-1"])["data_loader"]["scheduler"]
    assert scheduler["batch_size"] == {"ner_target": 3}


def test_a_plan_can_be_shown(plan) -> None:
    lines = described(plan()).splitlines()
    assert lines[0] == "stm_en-biomedicine-1: train" and lines[2] == "tag-fine_tune-biomedicine-1-test: tag"
    assert lines[-1] == "fine_tune on spanish: checkpoint selected by nothing (last epoch)"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"system": {}}, "the table has the unknown key 'system'; known are corpora, systems, rows"),
        ({"systems": {}}, "The table has no systems"),
        ({"systems": {"a/b": "pgn"}}, "'a/b' in 'systems' is part of a folder's name"),
        ({"systems": {"pgn": {"overrides": {}}}, "rows": ["pgn"]}, "the system 'pgn' has no 'config'"),
        ({"systems": {"pgn": {"config": "pgn", "over": {}}}}, "the system 'pgn' has the unknown key 'over'"),
        ({"systems": {"pgn": 3}}, "the system 'pgn' is 3; it must be an object"),
        (
            {"systems": {"pgn": {"config": "pgn", "overrides": 3}}},
            "'overrides' of the system 'pgn' is 3, and should be an object",
        ),
        (
            {"systems": {"pgn": "pgnn"}, "rows": ["pgn"]},
            "'pgn' on 'biomedicine': there is no config 'pgnn', neither .*cross_domain/pgn",
        ),
        (
            {"systems": {"a": "tables/cross_domain"}, "rows": ["a"]},
            "cross_domain.jsonnet is not the config of a training: it has no 'trainer'",
        ),
        (
            {"corpora": {"bio": {"Target": "bio"}}},
            "the corpus 'bio' has the unknown key 'Target'; variables are written in capitals",
        ),
        ({"corpora": {"bio": {"TARGET": ["bio"]}}}, r"The variable TARGET of the corpus 'bio' is \['bio'\]"),
        ({"rows": ["best"]}, r"'rows' is \['best'\]; it must name some of the systems, each once: stm_target, stm_en"),
        ({"rows": ["uda", "uda"]}, r"'rows' is \['uda', 'uda'\]; it must name some of the systems, each once"),
        ({"rows": []}, r"'rows' is \[\]; it must name some"),
        ({"seeds": [1, 1]}, r"'seeds' is \[1, 1\]; give whole numbers, each once"),
        ({"seeds": ["1"]}, "'seeds' of the table is .*, and should be a list of elements that are each a whole number"),
        ({"split": "train"}, "'split' is 'train'; it is 'dev' or 'test'"),
        ({"baseline": "stm_en"}, "The baseline 'stm_en' is not a row of the table: uda, fine_tune"),
        (
            {"systems": {"pgn": {"config": "pgn", "corpora": ["sea"]}}, "rows": None},
            "'pgn' is for 'sea', which is not one of the corpora",
        ),
        (
            {"systems": {"a": {"config": "fine_tune", "after": {"ARCHIVE": "b"}}}, "rows": ["a"]},
            "'a' comes after 'b', which is not one of",
        ),
        (
            {
                "systems": {
                    "a": {"config": "fine_tune", "after": {"ARCHIVE": "b"}},
                    "b": {"config": "fine_tune", "after": {"ARCHIVE": "a"}},
                },
                "rows": ["a"],
            },
            "'a' comes after itself, by way of b",
        ),
        (
            {"systems": {"a": {"config": "pgn", "variables": {"TARGET": "$UNSET_X"}}}, "rows": ["a"]},
            "the variable UNSET_X is not set",
        ),
        ({"variables": {"VECTORS": "3$"}}, "VECTORS is '3.': .*A dollar sign is written"),
        (
            {"variables": {"VECTORS": VECTORS}},
            "'fine_tune' on 'biomedicine': .*cannot be read: undefined external variable: VECTORS_DIM",
        ),
        (
            {"corpora": {"spanish": {"SOURCE": "en"}}, "rows": ["fine_tune"]},
            r"file is .\$NER_DATA/\$TARGET/test.conll., and the variable TARGET is not set",
        ),
        ({"variables": {"VECTORS": "none.txt", "VECTORS_DIM": 16}}, "files are missing:\n  - none.txt$"),
        (
            {"corpora": {"spanish": {"SOURCE": "en", "TARGET": "xx"}}, "rows": ["fine_tune"]},
            "files are missing:\n  - .*/xx/train.conll\n  - .*/xx/dev.conll$",
        ),
        (
            {"corpora": {"spanish": {"SOURCE": "en", "TARGET": "bio", "file": "gone.conll"}}, "rows": ["fine_tune"]},
            "there is no file gone.conll to evaluate on",
        ),
        ({"systems": {"fine_tune": "fine_tune"}, "rows": ["fine_tune"]}, "undefined external variable: ARCHIVE"),
        (
            {"systems": {"a": {"config": "fine_tune", "variables": {"ARCHIVE": "gone.tar.gz"}}}, "rows": ["a"]},
            "files are missing:\n  - gone.tar.gz",
        ),
        (
            {"overrides": {"optimizer.lr": 1}},
            "'fine_tune' on 'biomedicine': The overrides do not fit .*stm_target.jsonnet: .*optimizer.lr",
        ),
    ],
)
def test_faults_are_found_before_the_work(plan, changed: Dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plan(**changed)


def test_files_are_found_wherever_a_config_names_them(tmp_path) -> None:
    for name in ("a1.conll", "a2.conll", "vectors.txt", "encoder/config.json", "encoder/weights", "bert"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    config = {
        "train_data_path": {"lm": [f"{tmp_path}/a*.conll"], "other": "https://example.org/text"},
        "vocabulary": {"pretrained_files": {"words": f"{tmp_path}/vectors.txt"}},
        "model": {"tower": [{"model_name": f"{tmp_path}/encoder"}], "model_name": "bert-base-cased", "note": "no/file"},
        "callbacks": [{"source_archive": "made.tar.gz", "source_data_path": f"{tmp_path}/a1.conll"}],
    }
    found = files_read(config, {"made.tar.gz": [Path("made.tar.gz")]})
    names = ["made.tar.gz", "a1.conll", "a2.conll", "encoder/config.json", "encoder/weights", "vectors.txt"]
    assert sorted(found) == sorted([Path(names[0]), *(tmp_path / name for name in names[1:])])
    with pytest.raises(ValueError, match="files are missing:\n  - made.tar.gz$"):
        files_read(config)
    with pytest.raises(ValueError, match="files are missing:\n  - .*/b[*].conll$"):
        files_read({"validation_data_path": f"{tmp_path}/b*.conll"})


def test_two_cells_may_not_share_a_folder(plan, content) -> None:
    corpora = {"b-c": content["corpora"]["spanish"], "c": content["corpora"]["spanish"]}
    with pytest.raises(ValueError, match="another system and corpus have the same folder, a-b-c-1"):
        plan(corpora=corpora, systems={"a": "stm_target", "a-b": "stm_target"}, rows=None)


class TestFile:
    def test_jsonnet_and_json_say_the_same(self, content, tmp_path) -> None:
        plain, jsonnet = tmp_path / "table.json", tmp_path / "table.jsonnet"
        plain.write_text(json.dumps(content))
        jsonnet.write_text(f"local seeds = [1]; {json.dumps(content)} + {{ seeds: seeds }}")
        assert read_table(plain) == read_table(jsonnet) == table_from(content)

    def test_what_is_wrong_is_told_with_the_file(self, tmp_path) -> None:
        path = tmp_path / "table.jsonnet"
        with pytest.raises(ValueError, match="There is no file '.*table.jsonnet'"):
            read_table(path)
        for text, message in (
            ("{", "table.jsonnet"),
            ("[]", "table.jsonnet"),
            ("{systems: {}}", "table.jsonnet: the table has no"),
        ):
            path.write_text(text)
            with pytest.raises(ValueError, match=message):
                read_table(path)

    def test_the_shipped_table_has_all_cross_domain_systems(self, content, monkeypatch, tmp_path) -> None:
        """Planned on the fixtures, under the names of the corpora that it is for."""
        data = tmp_path / "data"
        data.mkdir()
        for name, fixture in (("conll2003", "en"), ("bionlp13pc", "bio"), ("wikiann_en", "sea")):
            (data / name).symlink_to(CORPORA / fixture)
        for name, value in (("NER_DATA", str(data)), ("VECTORS", VECTORS), ("VECTORS_DIM", "16")):
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("ENCODER", str(FIXTURES / "encoders" / "tiny"))
        table: Table = read_table(table_path("tables/cross_domain"))
        shipped = {path.stem for path in (REPOSITORY / "training_configs/cross_domain").glob("*.jsonnet")}
        configs = [system.config for system in table.systems.values() if system.config]
        assert {Path(config).name for config in configs if config.startswith("cross_domain/")} == shipped
        assert "domain_adaptive" in table.shown
        made = TablePlan(replace(table, seeds=[13]), tmp_path / "runs")
        choices = {result.chosen_by for result in made.results}
        assert choices == {"nothing (last epoch)", "source development F1"}
        assert len(made.results) == len(table.shown)
