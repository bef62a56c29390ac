"""`allennlp cross-lingual`: what is planned, what is run again and what is not, and once all of it, outside the repository."""

import argparse
import errno
import fcntl
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Set

import pytest
from allennlp.common import Params
from conftest import CORPORA, TINY_ENCODER

from lowresource_ner.common.options import add_options, options_from
from lowresource_ner.cross_lingual.plan import Plan, Result
from lowresource_ner.cross_lingual.request import Request
from lowresource_ner.cross_lingual.running import run_steps
from lowresource_ner.cross_lingual.step import Step
from lowresource_ner.cross_lingual.systems import ONE_SOURCE
from lowresource_ner.cross_lingual.table import as_json, as_markdown, as_places, collect


@pytest.fixture
def request_of(tmp_path, monkeypatch) -> Callable[..., Request]:
    """A request for the fixtures, from a folder in which there is nothing."""
    monkeypatch.chdir(tmp_path)

    def make(*systems: str, **changed: Any) -> Request:
        request = Request(CORPORA, ["en"], "es", tmp_path / "runs", list(systems), str(TINY_ENCODER), [13])
        return replace(request, **changed)

    return make


def by_name(plan: Plan) -> Dict[str, Step]:
    return {step.name: step for step in plan.steps}


def config_of(step: Step) -> Dict[str, Any]:
    """A training's config as `allennlp train` reads it: overrides for which there is no place are an error."""
    overrides = step.command[step.command.index("-o") + 1]
    return Params.from_file(step.command[4], overrides, step.variables).as_dict(quiet=True)


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
            teacher-en-{0} evaluate-mt-en-es-{0}-test soft-labels-teacher-en-{0}-es hl-en-es-{0} evaluate-hl-en-es-{0}-test
            ts-en-es-{0} evaluate-ts-en-es-{0}-test adversarial-en-es-{0} soft-labels-adversarial-en-es-{0}-es
            selected-en-es-{0} evaluate-selected-en-es-{0}-test"""
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
        assert archives < set(steps["evaluate-voting-en+de-es-13-test"].inputs)
        titles = [result.system for result in plan.results]
        assert titles == ["mt (en)", "mt (de)", "voting", "uniform", "learned", "cosine-sentence"]

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
            (True, [*ONE_SOURCE, "voting", "uniform", "learned"], 4 + 8 + 2 + 1 + 1 + 2),
            (False, ["ts", "selected", "voting"], 4 + 4 + 2 + 1),
        ],
    )
    def test_every_file_that_a_config_reads_is_an_input(
        self, request_of, tmp_path, has_raw_text: bool, systems: List[str], num_trainings: int
    ) -> None:
        """
        And has been made before; with the words of train.conll where the target has no raw.txt. No training reads its dev or test
        file.
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
                config = config_of(step)
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

    def test_a_label_map_reaches_all_that_read_labels(self, request_of) -> None:
        label_map = {"MISC": "O"}
        plan = Plan(request_of("mt", "ts", "selected", label_map=label_map))
        steps = by_name(plan)
        teacher, adversarial = config_of(steps["teacher-en-13"]), config_of(steps["adversarial-en-es-13"])
        assert teacher["dataset_reader"]["label_map"] == teacher["validation_dataset_reader"]["label_map"] == label_map
        assert adversarial["dataset_reader"]["readers"]["ner_source"]["label_map"] == label_map
        assert adversarial["validation_dataset_reader"]["label_map"] == label_map
        for name in ("mt", "ts", "selected"):
            overrides = steps[f"evaluate-{name}-en-es-13-test"].settings["overrides"]
            assert overrides == {
                "validation_dataset_reader.repair": True,
                "validation_dataset_reader.label_map": label_map,
            }

    @pytest.mark.slow
    def test_overrides_reach_taggers_and_those_of_a_config_come_last(self, request_of) -> None:
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
        epochs = {step.name: config_of(step)["trainer"].get("num_epochs") for step in plan.steps if step.is_training}
        others = {
            "adversarial-en-es-13": 7,
            "adversarial-de-es-13": 7,
            "similarity-en+de-13": 8,
            "voting-en+de-es-13": None,
        }
        assert epochs == dict.fromkeys(epochs, 2) | others
        of_labels = by_name(plan)["soft-labels-teacher-en-13-es"].settings["overrides"]
        assert of_labels == {"dataset_reader.store": str(plan.results[0].scores.parent.parent / "soft_labels")}

    @pytest.mark.slow
    def test_only_what_depends_on_a_setting_changes_with_it(self, request_of) -> None:
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
    def test_faults_are_found_before_the_work(self, request_of, changed: Dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            Plan(request_of("mt", "ts", **changed))

    def test_a_target_of_text_alone_is_tagged_and_not_evaluated(self, request_of, tmp_path) -> None:
        data = tmp_path / "data"
        (data / "sw").mkdir(parents=True)
        (data / "sw" / "raw.txt").write_text("Amina anaishi Dodoma .\n", encoding="utf-8")
        (data / "en").symlink_to(CORPORA / "en")
        plan = Plan(request_of("mt", "ts", data=data, target="sw"))
        assert [step.name for step in plan.steps] == ["teacher-en-13", "soft-labels-teacher-en-13-sw", "ts-en-sw-13"]
        archives = [tmp_path / "runs" / name / "model.tar.gz" for name in ("teacher-en-13", "ts-en-sw-13")]
        assert [(result.scores, result.archive) for result in plan.results] == [(None, path) for path in archives]
        assert (
            as_places(plan.results).splitlines()[1] == f"- ts, seed 13: {archives[1]}" and collect(plan.results) == {}
        )
        with pytest.raises(ValueError, match="Files are missing:\n  - .*/sw/test.conll\n"):
            Plan(request_of("mt", data=data, target="sw"))

    def test_types_that_a_source_has_not_are_not_mapped_in_its_training(self, request_of) -> None:
        teacher, *_ = Plan(request_of("mt", label_map={"DATE": "O", "MISC": "O"})).steps
        assert config_of(teacher)["dataset_reader"]["label_map"] == {"MISC": "O"}

    def test_configs_are_found_wherever_it_is_called(self, request_of, tmp_path) -> None:
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


class TestRunning:
    """With commands that take no time, each of which notes that it was called, and how."""

    @pytest.fixture
    def calls(self, tmp_path) -> Callable[[], List[str]]:
        """What was called since it was asked last."""
        log = tmp_path / "calls"

        def read() -> List[str]:
            lines = log.read_text().splitlines() if log.exists() else []
            log.write_text("")
            return lines

        return read

    @pytest.fixture
    def step(self, tmp_path) -> Callable[..., Step]:
        runs = tmp_path / "runs"

        def make(name: str, *inputs: Path, program: str = "", **more: Any) -> Step:
            output = runs / name / "out"
            text = f"import os, signal, sys; open({str(tmp_path / 'calls')!r}, 'a').write(' '.join(sys.argv[1:]) + chr(10))\n"
            text += (
                f"open({str(output)!r}, 'w').write(''.join(open(path).read() for path in {list(map(str, inputs))}))\n"
            )
            return Step(
                name,
                [sys.executable, "-c", text + program, name],
                more.pop("settings", {}),
                list(inputs),
                [output],
                **more,
            )

        return make

    def test_what_changed_is_run_again_and_what_depends_on_it(self, step, calls, tmp_path) -> None:
        text = tmp_path / "text"
        text.write_text("one")
        first = step("first", text, settings={"a": 1})
        second = step("second", *first.outputs, settings={"b": {"c": 1, "d": [2]}})
        other = step("other", text)
        runs = tmp_path / "runs"

        def rerun(*steps: Step) -> List[str]:
            assert run_steps(steps, runs)
            return calls()

        assert rerun(first, second, other) == ["first", "second", "other"]
        assert rerun(second, first, other) == []
        os.utime(text, (1, 1))
        assert rerun(first, second, other) == []
        assert rerun(first, replace(second, settings={"b": {"d": [2], "c": 1}}), other) == []
        second = replace(second, settings={"b": {"c": 1, "d": [3]}})
        assert rerun(first, second, other) == ["second"]
        text.write_text("two")
        assert rerun(first, second, other) == ["first", "second", "other"]
        assert (runs / "second" / "out").read_text() == "two"
        (runs / "other" / "out").unlink()
        assert rerun(first, second, other) == ["other"]
        third = step("third", *first.outputs)
        assert rerun(first, replace(second, after=["third"]), other, third) == ["third"]
        # Less is asked for, and more again: what was done is not forgotten.
        assert rerun(other) == [] and rerun(first, second, other, third) == []

    def test_a_failure_ends_the_run_and_costs_nothing_else(self, step, calls, tmp_path, capsys) -> None:
        first = step("first")
        bad = step("bad", *first.outputs, program="print('wrong number'); sys.exit(3)")
        last = step("last", *bad.outputs)
        assert not run_steps([first, bad, last], tmp_path / "runs")
        assert calls() == ["first", "bad"]
        told = capsys.readouterr().out
        assert (
            "bad: failed\nIt ended with 3. " in told
            and str(tmp_path / "runs" / "logs" / "bad.log") in told
            and "wrong number" in told
        )
        assert run_steps([first, step("bad", *first.outputs), last], tmp_path / "runs")
        assert calls() == ["bad", "last"]

    def test_a_training_that_was_broken_off_is_taken_up_if_nothing_has_changed(
        self, step, calls, tmp_path, capsys
    ) -> None:
        text = tmp_path / "text"
        text.write_text("one")
        runs = tmp_path / "runs"
        (runs / "model").mkdir(parents=True)
        config, checkpoint = str(runs / "model" / "config.json"), str(runs / "model" / "model_state_e1_b0.th")
        fails = f"open({config!r}, 'w').write('{{}}'); open({checkpoint!r}, 'w').close(); sys.exit(1)"
        training = step("model", text, program=fails, is_training=True)

        def how(training: Step) -> List[str]:
            run_steps([training], runs)
            return calls()

        assert how(training) == ["model --force"]
        assert how(training) == ["model --recover"]
        assert how(replace(training, settings={"epochs": 2})) == ["model --force"]
        assert how(training) == ["model --force"]
        text.write_text("two")
        assert how(training) == ["model --force"]
        capsys.readouterr()
        assert how(training) == ["model --recover"]
        assert "its earlier training is replaced" not in capsys.readouterr().out
        assert how(replace(training, variables={"DEVICE": "1"})) == []
        assert "interrupted on device -1, and AllenNLP resumes" in capsys.readouterr().out
        assert how(replace(training, settings={"epochs": 3})) == ["model --force"]
        assert (
            "model: its inputs or settings have changed, and its earlier training is replaced"
            in capsys.readouterr().out
        )
        assert how(replace(training, settings={"epochs": 3})) == ["model --recover"]
        told = capsys.readouterr().out
        assert f"The same command continues from here. If it fails again, remove {runs / 'model'} to start" in told
        Path(checkpoint).unlink()  # as where the disk was full when it began
        assert how(replace(training, settings={"epochs": 3})) == ["model --force"]
        assert how(step("model", text, settings={"epochs": 2}, is_training=True)) == ["model --force"]

    def test_a_config_that_a_kill_has_cut_is_put_back(self, step, tmp_path) -> None:
        """AllenNLP writes it whenever it begins, and refuses to go on without it."""
        config, folder = tmp_path / "model.jsonnet", tmp_path / "runs" / "model"
        config.write_text('{model: {dim: 1, device: std.extVar("DEVICE")}}')
        program = f"""
folder = {str(folder)!r}
if sys.argv[-1] == "--recover":
    open(folder + "/out", "w").write(open(folder + "/config.json").read())
else:
    for name in ("config.json", "model_state_e1_b0.th"):
        open(folder + "/" + name, "w").write("{{")
    os.kill(os.getpid(), signal.SIGKILL)
"""
        made = step("model", program=program, is_training=True, variables={"DEVICE": "3"})
        arguments = ["train", str(config), "-s", str(folder), "-o", '{"model.dim": 2}']
        training = replace(made, command=[sys.executable, "-c", f"import os, signal, sys{program}", *arguments])
        assert not run_steps([training], tmp_path / "runs")
        assert run_steps([training], tmp_path / "runs")
        assert json.loads((folder / "out").read_text()) == {"model": {"dim": 2, "device": "3"}}

    def test_what_is_not_as_it_was_left_is_made_again(self, step, calls, tmp_path) -> None:
        first, runs = step("first"), tmp_path / "runs"
        assert run_steps([first], runs) and calls() == ["first"]
        output = runs / "first" / "out"
        output.write_text("half")  # by a command with other settings, say, that was killed
        assert run_steps([first], runs) and calls() == ["first"]
        assert output.read_text() == ""
        os.utime(output, (1, 1))
        assert run_steps([first], runs) and calls() == []

    @pytest.mark.parametrize("noted", [None, "", '{"first"', "[]"])
    def test_without_a_whole_note_of_what_is_done_trainings_are_not_run_again(
        self, noted, step, calls, tmp_path, capsys
    ) -> None:
        """There is none where the last training has ended, and all is killed before that is noted."""
        training, runs = step("model", is_training=True), tmp_path / "runs"
        steps = [training, step("evaluation", *training.outputs)]
        assert run_steps(steps, runs) and calls() == ["model --force", "evaluation"]
        (runs / "steps.json").unlink() if noted is None else (runs / "steps.json").write_text(noted)
        assert run_steps(steps, runs) and calls() == ["evaluation"]
        assert ("steps.json is damaged: all steps except trainings" in capsys.readouterr().err) == (noted is not None)
        assert run_steps(steps, runs) and calls() == []
        assert run_steps([replace(training, settings={"epochs": 2})], runs) and calls() == ["model --force"]

    def test_a_full_disk_is_told_of_and_nothing_is_lost(self, step, calls, tmp_path, monkeypatch, capsys) -> None:
        first, runs = step("first"), tmp_path / "runs"
        steps = [first, step("model", *first.outputs, is_training=True)]

        def full(path: Path) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("lowresource_ner.cross_lingual.writing.written_whole", full)
            assert not run_steps(steps, runs)
        told = capsys.readouterr()
        assert "steps.json' could not be written: [Errno 28] No space left on device. Is the disk full?" in told.err
        assert (
            "model.begun' could not be written: " in told.out and "free space; the same command continues" in told.out
        )
        assert "Traceback" not in told.out + told.err
        assert calls() == ["first"]
        assert run_steps(steps, runs)
        assert calls() == ["first", "model --force"]

    def test_commands_are_given_no_input(self, step, tmp_path) -> None:
        assert run_steps([step("asks", program="assert sys.stdin.read() == ''")], tmp_path / "runs")

    def test_variables_are_those_of_the_step(self, step, tmp_path, monkeypatch) -> None:
        monkeypatch.setenv("SOURCE", "here")
        shows = step("shows", program="print(os.environ['SOURCE'], os.environ['PATH'])", variables={"SOURCE": "en"})
        assert run_steps([shows], tmp_path / "runs")
        assert (tmp_path / "runs" / "logs" / "shows.log").read_text() == f"en {os.environ['PATH']}\n"

    def test_jobs_run_at_once(self, step, tmp_path) -> None:
        """Each waits for the other to open its end of a pipe; one after the other, the first would be killed by the alarm."""
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        waits = f"signal.alarm(30); open({str(pipe)!r}, %r).close()"
        assert run_steps(
            [step("first", program=waits % "w"), step("second", program=waits % "r")], tmp_path / "runs", jobs=2
        )

    def test_a_killed_run_forgets_nothing_and_its_last_command_keeps_others_out(self, step, calls, tmp_path) -> None:
        pipe, runs = tmp_path / "pipe", tmp_path / "runs"
        os.mkfifo(pipe)
        first = step("first")
        kills = f"signal.alarm(60); os.kill(os.getppid(), signal.SIGKILL); open({str(pipe)!r}).read()"
        command = os.fork()
        if not command:
            try:
                run_steps([first, step("second", *first.outputs, program=kills)], runs)
            finally:
                os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(command, 0)[1]) == -9
        second = step("second", *first.outputs)
        with pipe.open("w"):  # the orphan reads from it now
            assert calls() == ["first", "second"]
            with pytest.raises(
                ValueError, match=f"Steps are being run in {runs}, or one is still running whose caller was killed"
            ):
                run_steps([first, second], runs)
        with (runs / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # until the orphan has ended
        assert run_steps([first, second], runs)
        assert calls() == ["second"]


class TestTable:
    def test_means_and_standard_deviations_over_seeds(self, request_of, tmp_path) -> None:
        scores = {("ts", 13): 0.5, ("ts", 14): 0.6, ("learned", 13): 0.25, ("learned", 14): 0.25}
        results = []
        for (system, seed), f1 in scores.items():
            path, student = tmp_path / f"{system}-{seed}.json", tmp_path / f"{system}-{seed}"
            path.write_text(json.dumps({"f1": f1, "precision": f1, "recall": 2 * f1 - 0.1, "f1-LOC": 0.1}))
            results.append(Result(system, seed, path, student))
            if system == "learned":
                student.mkdir()
                alpha = {"en": 0.2, "de": 0.8} if seed == 13 else {"en": 0.4, "de": 0.6}
                (student / "teachers.json").write_text(json.dumps({"weights": {"alpha": alpha}}))
        request = request_of("ts", "learned", sources=["en", "de"], seeds=[13, 14])
        found = collect(results)
        lines = as_markdown(request, found).splitlines()
        assert "mean ± standard deviation of 2 seeds (13, 14)" in lines[0] and "en, de → es (test)" in lines[0]
        assert lines[4:6] == [
            "| ts | 55.0 ± 7.1 | 55.0 ± 7.1 | 100.0 ± 14.1 |",
            "| learned | 25.0 ± 0.0 | 25.0 ± 0.0 | 40.0 ± 0.0 |",
        ]
        assert lines[-1] == "- learned: en 0.300, de 0.700"
        told = json.loads(json.dumps(as_json(request, found)))
        assert told["f1"]["ts"] == {
            "mean": pytest.approx(0.55),
            "standard_deviation": pytest.approx(0.005**0.5),
            "num_seeds": 2,
        }
        assert told["by_seed"]["ts"]["14"]["scores"]["f1-LOC"] == 0.1

    def test_one_seed_has_no_deviation(self, request_of, tmp_path) -> None:
        path = tmp_path / "scores.json"
        path.write_text(json.dumps({"f1": 0.5, "precision": 0.4, "recall": 0.6}))
        request = request_of("mt")
        found = collect([Result("mt", 13, path)])
        assert as_markdown(request, found).splitlines()[-1] == "| mt | 50.0 | 40.0 | 60.0 |"
        assert as_json(request, found)["f1"]["mt"]["standard_deviation"] is None


def test_from_corpora_to_a_table_and_not_twice(allennlp, tmp_path, monkeypatch, capfd) -> None:
    """Called outside the repository, in a folder that names the plugin."""
    monkeypatch.chdir(tmp_path)
    Path(".allennlp_plugins").write_text("lowresource_ner\n")
    runs = tmp_path / "runs"
    overrides, label_map = {"trainer.num_epochs": 1, "trainer.optimizer.lr": 1e-3}, {"MISC": "O"}
    arguments = "--source en --target es --systems mt ts --seeds 13 --jobs 2".split()
    arguments += ["--encoder", str(TINY_ENCODER), "--data", str(CORPORA), "--runs", str(runs)]
    arguments += ["--overrides", json.dumps(overrides), "--label-map", json.dumps(label_map)]
    told = allennlp("cross-lingual", *arguments, cwd=tmp_path).stdout
    assert told.count(": begun\n") == 5 and "up to date" not in told
    results = json.loads((runs / "results-en-es-test.json").read_text())
    scores = {system: results["by_seed"][system]["13"]["scores"] for system in ("mt", "ts")}
    assert "f1-LOC" in scores["mt"] and "f1-MISC" not in scores["mt"]
    table = (runs / "results-en-es-test.md").read_text()
    for system, found in scores.items():
        row = [f"{100 * found[key]:.1f}" for key in ("f1", "precision", "recall")]
        assert f"| {system} | " + " | ".join(row) + " |" in table and table in told
    labelling = json.loads((runs / "logs" / "soft-labels-teacher-en-13-es.log").read_text().splitlines()[-1])
    num_sentences = len((CORPORA / "es" / "raw.txt").read_text(encoding="utf-8").splitlines())
    assert labelling["computed"] == labelling["sentences"] == num_sentences
    assert len(list((runs / "soft_labels").iterdir())) == 1
    # The same once more: nothing is left to do.
    request = Request(CORPORA, ["en"], "es", runs, ["mt", "ts"], str(TINY_ENCODER), [13], label_map=label_map)
    again = Plan(replace(request, overrides=overrides))
    assert run_steps(again.steps, runs)
    told_again = capfd.readouterr().out
    assert told_again.count(": up to date\n") == 5 and "begun" not in told_again
    assert as_markdown(request, collect(again.results)) == table
