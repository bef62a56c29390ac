"""`allennlp cross-lingual`: its plans, and a whole run outside the repository."""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Dict, Iterator, List, Set

import pytest
from conftest import CORPORA, TINY_ENCODER
from support.plans import as_trained, by_name

from lowresource_ner.common.options import add_options, options_from
from lowresource_ner.experiments.cross_lingual.comparison import tagger_paths
from lowresource_ner.experiments.cross_lingual.plan import Plan
from lowresource_ner.experiments.cross_lingual.request import Request
from lowresource_ner.experiments.cross_lingual.source_choice import source_choice, write_source_choice
from lowresource_ner.experiments.cross_lingual.systems import ONE_SOURCE
from lowresource_ner.experiments.report.markdown import as_markdown
from lowresource_ner.experiments.report.scores import collect
from lowresource_ner.experiments.running import run_steps


@pytest.fixture
def request_of(tmp_path, monkeypatch) -> Callable[..., Request]:
    """Makes a request for the fixtures, in an empty working directory."""
    monkeypatch.chdir(tmp_path)

    def make(*systems: str, **changed: Any) -> Request:
        request = Request(CORPORA, ["en"], "es", tmp_path / "runs", list(systems), str(TINY_ENCODER), [13])
        return replace(request, **changed)

    return make


def leaves(value: Any) -> Iterator[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if inner is None:
        yield value
    else:
        for each in inner:
            yield from leaves(each)


class TestPlan:
    @pytest.mark.slow
    def test_one_source(self, request_of) -> None:
        plan = Plan(request_of("mt", "hl", "ts", "selected", seeds=[13, 14]))
        of_a_seed = """
            teacher-en-{0} tag-mt-en-es-{0}-test soft-labels-teacher-en-{0}-es hl-en-es-{0} tag-hl-en-es-{0}-test
            ts-en-es-{0} tag-ts-en-es-{0}-test adversarial-en-es-{0} soft-labels-adversarial-en-es-{0}-es
            selected-en-es-{0} tag-selected-en-es-{0}-test"""
        names = [step.name for step in plan.steps]
        assert sorted(names) == sorted(f"{of_a_seed} {of_a_seed.replace('{0}', '{1}')}".format(13, 14).split())
        assert [(result.system, result.seed) for result in plan.results] == [
            (system, seed) for system in ("mt", "hl", "ts", "selected") for seed in (13, 14)
        ]

    @pytest.mark.slow
    def test_several_sources(self, request_of, tmp_path) -> None:
        plan = Plan(request_of("mt", "voting", "uniform", "learned", "cosine-sentence", sources=["en", "de"]))
        steps = by_name(plan)
        runs = tmp_path / "runs"
        teachers = f"en={runs}/teacher-en-13/model.tar.gz,de={runs}/teacher-de-13/model.tar.gz"
        assert steps["uniform-en+de-es-13"].variables["TEACHERS"] == teachers
        assert "SIMILARITY" not in steps["uniform-en+de-es-13"].variables
        similarity = steps["similarity-en+de-13"]
        assert similarity.variables["SOURCES"] == "en,de"
        for system in ("learned", "cosine-sentence"):
            student = steps[f"{system}-en+de-es-13"]
            assert student.variables["WEIGHTS"] == system
            assert student.variables["SIMILARITY"] == str(similarity.outputs[0])
            assert sorted(student.after) == ["soft-labels-teacher-de-13-es", "soft-labels-teacher-en-13-es"]
        # An archive of a vote holds no weights: what it says changes with the teachers'.
        archives = {runs / f"teacher-{source}-13" / "model.tar.gz" for source in ("en", "de")}
        assert archives < set(steps["tag-voting-en+de-es-13-test"].inputs)
        titles = [result.system for result in plan.results]
        assert titles == ["mt (en)", "mt (de)", "voting", "uniform", "learned", "cosine-sentence"]

    def test_r_drop_has_its_own_teachers_and_neighbours_are_found_with_the_teachers_encoder(
        self, request_of, tmp_path
    ) -> None:
        plan = Plan(request_of("mt-rdrop", "ts", "ts-rdrop", "consistent", label_map={"MISC": "O"}))
        steps = by_name(plan)
        config = as_trained(steps["teacher_rdrop-en-13"])
        assert config["model"]["r_drop"] == 0.5 and config["dataset_reader"]["label_map"] == {"MISC": "O"}
        assert "r_drop" not in as_trained(steps["teacher-en-13"])["model"]
        archives = {
            name: str(tmp_path / "runs" / f"{name}-en-13" / "model.tar.gz") for name in ("teacher", "teacher_rdrop")
        }
        assert steps["tag-mt-rdrop-en-es-13-test"].inputs[0] == Path(archives["teacher_rdrop"])
        assert steps["ts-rdrop-en-es-13"].variables["TEACHER"] == archives["teacher_rdrop"]
        consistent = as_trained(steps["consistent-en-es-13"])["dataset_reader"]
        assert consistent["selections"][0]["encoder"]["model_name"] == archives["teacher"]
        assert consistent["store"] == as_trained(steps["ts-en-es-13"])["dataset_reader"]["store"]
        assert steps["consistent-en-es-13"].after == ["soft-labels-teacher-en-13-es"]
        assert [result.system for result in plan.results] == ["mt-rdrop", "ts", "ts-rdrop", "consistent"]

    @pytest.mark.slow
    def test_sources_are_ranked_by_the_similarity_that_also_weights_teachers(self, request_of, tmp_path) -> None:
        plan = Plan(request_of("mt", "learned", sources=["en", "de"], seeds=[13, 14], rank_sources=True))
        steps = by_name(plan)
        for seed, ranking in zip((13, 14), plan.rankings):
            archive = tmp_path / "runs" / f"similarity-en+de-{seed}" / "model.tar.gz"
            step = steps[f"rank-en+de-es-{seed}"]
            assert step.inputs[:2] == [CORPORA / "es" / "raw.txt", archive] and step.outputs == [ranking]
            assert steps[f"learned-en+de-es-{seed}"].variables["SIMILARITY"] == str(archive)
        assert Plan(request_of("mt", sources=["en", "de"])).rankings == []

    def test_rounds(self, request_of, tmp_path) -> None:
        plan = Plan(request_of("ts", rounds=3))
        steps = by_name(plan)
        taught_by = {
            f"ts{n}-en-es-13": f"{teacher}-13"
            for n, teacher in [("", "teacher-en"), ("-2", "ts-en-es"), ("-3", "ts-2-en-es")]
        }
        for student, teacher in taught_by.items():
            archive = tmp_path / "runs" / teacher / "model.tar.gz"
            assert steps[student].variables["TEACHER"] == str(archive) and archive in steps[student].inputs
            assert steps[student].after == [f"soft-labels-{teacher}-es"]
        assert [result.system for result in plan.results] == ["ts", "ts-2", "ts-3"]

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("has_raw_text", "systems", "num_trainings"),
        [
            # Taggers, students of one teacher, the second round's, a similarity, a vote, and students of two.
            (True, [*ONE_SOURCE, "voting", "uniform", "learned"], 6 + 12 + 2 + 1 + 1 + 2),
            (False, ["ts", "selected", "voting"], 4 + 4 + 2 + 1),
        ],
    )
    def test_every_file_that_a_config_reads_is_an_input(
        self, request_of, tmp_path, has_raw_text: bool, systems: List[str], num_trainings: int
    ) -> None:
        """
        And exists, or is the output of an earlier step. If the target has no raw.txt, it is train.conll. No training reads the
        target's dev or test file.
        """
        data = tmp_path / "data"
        for corpus in ("en", "de", "es"):
            (data / corpus).mkdir(parents=True)
            for path in (CORPORA / corpus).glob("*.conll"):
                (data / corpus / path.name).symlink_to(path)
        if has_raw_text:
            (data / "es" / "raw.txt").symlink_to(CORPORA / "es" / "raw.txt")
        target_text = str(data / "es" / ("raw.txt" if has_raw_text else "train.conll"))
        files_of_encoder = {str(path) for path in TINY_ENCODER.iterdir()}
        plan = Plan(request_of(*systems, data=data, sources=["en", "de"], label_map={"MISC": "O"}, rounds=2))
        assert len([step for step in plan.steps if step.is_training]) == num_trainings
        made: Set[Path] = set()
        names: Set[str] = set()
        for step in plan.steps:
            assert {path for path in step.inputs if not path.is_file()} <= made, step.name
            assert set(step.after) <= names
            made |= set(step.outputs)
            names.add(step.name)
            if step.is_training:
                config = as_trained(step)
                texts = [leaf for leaf in leaves(config) if isinstance(leaf, str)]
                read = {text for text in texts if text.startswith(str(data)) or text.endswith("model.tar.gz")}
                inputs = {str(path) for path in step.inputs}
                assert read == inputs - files_of_encoder, step.name
                assert files_of_encoder <= inputs
                of_target = [] if step.name.startswith(("teacher", "similarity")) else [target_text]
                assert [path for path in read if path.startswith(f"{data}/es/")] == of_target
                if not has_raw_text and step.name.startswith("ts"):
                    reader = config["dataset_reader"]["reader"]
                    assert (reader["type"], reader["labelled"]) == ("conll_ner", False)

    def test_a_label_map_applies_to_all_readers_of_labels(self, request_of) -> None:
        label_map = {"MISC": "O"}
        plan = Plan(request_of("mt", "ts", "selected", label_map=label_map))
        steps = by_name(plan)
        teacher, adversarial = as_trained(steps["teacher-en-13"]), as_trained(steps["adversarial-en-es-13"])
        assert teacher["dataset_reader"]["label_map"] == teacher["validation_dataset_reader"]["label_map"] == label_map
        assert adversarial["dataset_reader"]["readers"]["ner_source"]["label_map"] == label_map
        assert adversarial["validation_dataset_reader"]["label_map"] == label_map
        for name in ("mt", "ts", "selected"):
            overrides = steps[f"tag-{name}-en-es-13-test"].settings["overrides"]
            assert overrides == {
                "validation_dataset_reader.repair": True,
                "validation_dataset_reader.label_map": label_map,
            }

    @pytest.mark.slow
    def test_overrides_apply_to_taggers_and_those_of_a_config_take_precedence(self, request_of) -> None:
        plan = Plan(
            request_of(
                "ts",
                "selected",
                "learned",
                "voting",
                sources=["en", "de"],
                overrides={"trainer.num_epochs": 2},
                config_overrides={"adversarial": {"trainer.num_epochs": 7}, "similarity": {"trainer.num_epochs": 8}},
            )
        )
        epochs = {step.name: as_trained(step)["trainer"].get("num_epochs") for step in plan.steps if step.is_training}
        others = {
            "adversarial-en-es-13": 7,
            "adversarial-de-es-13": 7,
            "similarity-en+de-13": 8,
            "voting-en+de-es-13": None,
        }
        assert epochs == dict.fromkeys(epochs, 2) | others
        of_labels = by_name(plan)["soft-labels-teacher-en-13-es"].settings["overrides"]
        assert of_labels == {"dataset_reader.store": str(plan.results[0].archive.parent.parent / "soft_labels")}

    @pytest.mark.slow
    def test_a_setting_changes_only_the_steps_that_depend_on_it(self, request_of) -> None:
        def settings(**changed: Any) -> Dict[str, Any]:
            return {step.name: step.settings for step in Plan(request_of("mt", "hl", "ts", **changed)).steps}

        before = settings()
        assert settings(device=0) == before
        after = settings(encoder_size="small")
        assert [name for name in before if before[name] != after[name]] == [
            "teacher-en-13",
            "hl-en-es-13",
            "ts-en-es-13",
        ]
        after = settings(config_overrides={"student_hard": {"trainer.num_epochs": 1}})
        assert [name for name in before if before[name] != after[name]] == ["hl-en-es-13"]
        after = settings(overrides={"trainer.num_epochs": 1})
        assert [name for name in before if before[name] != after[name]] == [
            "teacher-en-13",
            "hl-en-es-13",
            "ts-en-es-13",
        ]
        assert settings(seeds=[14, 13]).items() > before.items()

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"systems": ["ts", "best"]}, "Unknown systems: best. Known are mt, .*ts, .*learned"),
            ({"systems": ["learned", "ts"]}, "learned: several sources are needed, and --source names one: en"),
            ({"sources": ["en", "es"]}, "'es' is the target and a source"),
            ({"sources": ["en", "en"]}, "--source names something twice: en, en"),
            ({"rounds": 0}, "--rounds is 0"),
            ({"rank_sources": True}, "--rank-sources needs several sources, and --source names one: en"),
            (
                {"rounds": 2, "systems": ["mt", "hl"]},
                "--rounds is 2, which needs 'ts' among the systems: mt, hl",
            ),
            ({"config_overrides": {"teecher": {}}}, "--config-overrides names teecher, which is not a config in"),
            (
                {"sources": ["xx"]},
                r"Files are missing:\n  - .*/xx/train.conll\n  - .*/xx/dev.conll\n--data \(NER_DATA\) is",
            ),
            ({"target": "yy"}, r"Files are missing:\n  - .*/yy/train.conll\n  - .*/yy/test.conll\n"),
            ({"overrides": {"optimizer.lr": 1}}, "do not fit .*teacher.jsonnet: .*unused keys.*optimizer.lr"),
            ({"config_overrides": {"student_hard": {}}}, "names student_hard, which none of the systems uses: mt, ts"),
            (
                {"label_map": {"LOC": "GPE"}, "sources": ["de", "bio"], "systems": ["ts"]},
                r"""es/test.conll has entities of type .*, which 'bio' does not have: .*--label-map '\{"LOC": "GPE", .*"O"\}'""",
            ),
        ],
    )
    def test_faults_are_found_before_anything_runs(self, request_of, changed: Dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            Plan(request_of("mt", "ts", **changed))

    def test_taggers_of_a_target_without_labels_are_not_evaluated(self, request_of, tmp_path) -> None:
        data = tmp_path / "data"
        (data / "sw").mkdir(parents=True)
        (data / "sw" / "raw.txt").write_text("Amina anaishi Dodoma .\n", encoding="utf-8")
        (data / "en").symlink_to(CORPORA / "en")
        plan = Plan(request_of("mt", "ts", data=data, target="sw"))
        assert [step.name for step in plan.steps] == ["teacher-en-13", "soft-labels-teacher-en-13-sw", "ts-en-sw-13"]
        archives = [tmp_path / "runs" / name / "model.tar.gz" for name in ("teacher-en-13", "ts-en-sw-13")]
        assert [(result.predictions, result.archive) for result in plan.results] == [(None, path) for path in archives]
        assert (
            tagger_paths(plan.results).splitlines()[1] == f"- ts, seed 13: {archives[1]}"
            and collect(plan.results) == []
        )
        with pytest.raises(ValueError, match="Files are missing:\n  - .*/sw/test.conll\n"):
            Plan(request_of("mt", data=data, target="sw"))

    def test_types_that_a_source_lacks_are_not_mapped_in_its_training(self, request_of) -> None:
        teacher, *_ = Plan(request_of("mt", label_map={"DATE": "O", "MISC": "O"})).steps
        assert as_trained(teacher)["dataset_reader"]["label_map"] == {"MISC": "O"}

    def test_configs_are_found_from_any_working_directory(self, request_of, tmp_path) -> None:
        teacher, *_ = Plan(request_of("mt")).steps
        assert Path.cwd() == tmp_path and Path(teacher.command[4]).is_absolute() and Path(teacher.command[4]).is_file()

    @pytest.mark.parametrize(("sources", "systems"), [(["en"], ["mt", "hl", "ts", "selected"]), (["en", "de"], None)])
    def test_options_and_their_defaults(self, sources, systems, monkeypatch) -> None:
        for name in ("NER_DATA", "ENCODER", "ENCODER_SIZE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("DEVICE", "2")
        parser = argparse.ArgumentParser()
        add_options(parser, Request)
        with pytest.raises(SystemExit):
            parser.parse_args(["--source", *sources, "--target", "es"])  # there are no corpora
        monkeypatch.setenv("NER_DATA", "corpora")
        parser = argparse.ArgumentParser()
        add_options(parser, Request)
        given = ["--source", *sources, "--target", "es", "--seeds", "1", "2", "--label-map", '{"MISC": "O"}']
        request = options_from(parser.parse_args(given), Request)
        assert request == Request(
            data=Path("corpora"),
            sources=sources,
            target="es",
            runs=Path("runs/cross_lingual"),
            systems=systems or ["mt", "ts", "voting", "uniform", "learned"],
            seeds=[1, 2],
            label_map={"MISC": "O"},
            device=2,
        )
        assert (request.encoder, request.encoder_size, request.split, request.rounds) == (
            "multilingual-mini",
            "auto",
            "test",
            1,
        )


def test_whether_the_nearest_source_was_the_best(tmp_path) -> None:
    """The two seeds disagree on the nearest source; a tie counts as right."""
    rankings = []
    for seed, (learned, cosine) in enumerate([(0.6, 0.25), (0.3, 0.25)]):
        path = tmp_path / f"{seed}.json"
        similarities = {"learned": {"de": 1 - learned, "en": learned}, "cosine": {"de": 1 - cosine, "en": cosine}}
        path.write_text(json.dumps({"similarities": similarities}))
        rankings.append(path)
    scores = {
        "mt (en)": [0.5, 0.75],
        "mt (de)": [0.5, 0.5],
        "ts (en)": [0.5, 0.5],
        "ts (de)": [0.75, 0.25],
        "learned": [0.1],
    }
    rows = [SimpleNamespace(system=system, scores=lambda key, f1=f1: f1) for system, f1 in scores.items()]
    choice: Any = source_choice(rankings, [SimpleNamespace(rows=rows)], ["mt", "ts"], ["en", "de"])
    assert choice["similarities"]["learned"] == pytest.approx({"en": 0.45, "de": 0.55})
    assert choice["f1"] == {"mt": {"en": 0.625, "de": 0.5}, "ts": {"en": 0.5, "de": 0.5}}
    for made in choice["choices"].values():
        assert made["nearest"] == "de"
        assert made["best"]["mt"] == {"source": "en", "is_right": False, "lost": 0.125}
        assert made["best"]["ts"] == {"source": "en", "is_right": True, "lost": 0.0}
    text = write_source_choice(choice, tmp_path / "results")
    assert (
        "| source | learned | cosine | F1 of mt | F1 of ts |\n|---|--:|--:|--:|--:|\n| en | 0.450 | 0.250 | 62.5 | 50.0 |"
        in text
    )
    assert (
        "| measure | nearest | mt | ts |\n|---|---|---|---|\n| learned | de | wrong: en is 12.5 better | right |"
        in text
    )
    assert json.loads((tmp_path / "results-sources.json").read_text()) == choice
    assert (tmp_path / "results-sources.md").read_text() == text + "\n"
    rankings[0].write_text("{")
    with pytest.raises(ValueError, match="0.json is damaged.*Remove the file"):
        source_choice(rankings, [], [], ["en", "de"])


def test_a_whole_run_and_again_when_it_is_up_to_date(allennlp, tmp_path, monkeypatch, capfd) -> None:
    """Called outside the repository, in a folder that names the plugin."""
    monkeypatch.chdir(tmp_path)
    Path(".allennlp_plugins").write_text("lowresource_ner\n")
    runs = tmp_path / "runs"
    overrides, label_map = {"trainer.num_epochs": 1, "trainer.optimizer.lr": 1e-3}, {"MISC": "O"}
    arguments = "--source en --target es --systems mt ts --seeds 13".split()
    arguments += ["--encoder", str(TINY_ENCODER), "--data", str(CORPORA), "--runs", str(runs)]
    arguments += ["--overrides", json.dumps(overrides), "--label-map", json.dumps(label_map)]
    output = allennlp("cross-lingual", *arguments, cwd=tmp_path, forks_steps=True).stdout
    assert output.count(": started\n") == 5 and "up to date" not in output
    results = json.loads((runs / "results-en-es-test.json").read_text())["corpora"]["en → es"]
    scores = {system: results["systems"][system]["by_seed"]["13"]["scores"] for system in ("mt", "ts")}
    assert "f1-LOC" in scores["mt"] and "f1-MISC" not in scores["mt"]
    # `allennlp evaluate` on the same archive and file agrees.
    options = [
        "-o",
        json.dumps({"validation_dataset_reader.label_map": label_map, "validation_dataset_reader.repair": True}),
    ]
    evaluated = runs / "scores.json"
    test = CORPORA / "es" / "test.conll"
    allennlp("evaluate", runs / "ts-en-es-13" / "model.tar.gz", test, *options, "--output-file", evaluated)
    expected = json.loads(evaluated.read_text())
    assert scores["ts"] == pytest.approx({key: expected[key] for key in scores["ts"]}) and scores["ts"]["support"] > 0
    table = (runs / "results-en-es-test.md").read_text()
    for system, found in scores.items():
        row = [f"{100 * found[key]:.1f}" for key in ("f1", "precision", "recall")]
        assert f"| {system} | " + " | ".join(row) + " | " in table.replace("**", "") and table in output
        assert results["systems"][system]["checkpoint"] == "nothing (last epoch)"
    labelling = json.loads((runs / "logs" / "soft-labels-teacher-en-13-es.log").read_text().splitlines()[-1])
    num_sentences = len((CORPORA / "es" / "raw.txt").read_text(encoding="utf-8").splitlines())
    assert labelling["computed"] == labelling["sentences"] == num_sentences
    assert len(list((runs / "soft_labels").iterdir())) == 1
    # Run again, everything is up to date.
    request = Request(CORPORA, ["en"], "es", runs, ["mt", "ts"], str(TINY_ENCODER), [13], label_map=label_map)
    again = Plan(replace(request, overrides=overrides))
    assert run_steps(again.steps, runs)
    output = capfd.readouterr().out
    assert output.count(": up to date\n") == 5 and "started" not in output
    assert as_markdown(collect(again.results), f"Encoder {TINY_ENCODER}.") == table
