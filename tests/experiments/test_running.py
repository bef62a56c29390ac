"""Which steps are run again, and the recovery from kills and full disks."""

import errno
import fcntl
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, List

import pytest

from lowresource_ner.experiments.running import run_steps
from lowresource_ner.experiments.step import Step
from lowresource_ner.experiments.steps import allennlp


class TestRunning:
    """With quick commands, each of which logs that it was called, and how."""

    @pytest.fixture
    def calls(self, tmp_path) -> Callable[[], List[str]]:
        """Returns the calls since the last time."""
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

    def test_changed_steps_and_those_that_depend_on_them_are_run_again(self, step, calls, tmp_path) -> None:
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
        # Steps that are left out for once are not forgotten.
        assert rerun(other) == [] and rerun(first, second, other, third) == []

    def test_no_step_is_started_after_a_failure_and_finished_ones_are_kept(self, step, calls, tmp_path, capsys) -> None:
        first = step("first")
        bad = step("bad", *first.outputs, program="print('wrong number'); sys.exit(3)")
        last = step("last", *bad.outputs)
        assert not run_steps([first, bad, last], tmp_path / "runs")
        assert calls() == ["first", "bad"]
        output = capsys.readouterr().out
        log = tmp_path / "runs" / "logs" / "bad.log"
        assert (
            f"bad: failed\nIt ended with exit status 3. Its output is in {log}" in output and "wrong number" in output
        )
        assert run_steps([first, step("bad", *first.outputs), last], tmp_path / "runs")
        assert calls() == ["bad", "last"]

    def test_an_interrupted_training_is_resumed_if_nothing_has_changed(self, step, calls, tmp_path, capsys) -> None:
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
        output = capsys.readouterr().out
        assert f"The same command continues from here. If it fails again, remove {runs / 'model'} to start" in output
        Path(checkpoint).unlink()  # as if the disk was full at the first checkpoint
        assert how(replace(training, settings={"epochs": 3})) == ["model --force"]
        assert how(step("model", text, settings={"epochs": 2}, is_training=True)) == ["model --force"]

    def test_a_truncated_config_is_restored(self, step, tmp_path) -> None:
        """AllenNLP writes it at every start, and cannot recover a training without it."""
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

    def test_a_step_whose_output_has_changed_is_run_again(self, step, calls, tmp_path) -> None:
        first, runs = step("first"), tmp_path / "runs"
        assert run_steps([first], runs) and calls() == ["first"]
        output = runs / "first" / "out"
        output.write_text("half")  # for instance by a killed run with other settings
        assert run_steps([first], runs) and calls() == ["first"]
        assert output.read_text() == ""
        os.utime(output, (1, 1))
        assert run_steps([first], runs) and calls() == []

    @pytest.mark.parametrize("record", [None, "", '{"first"', "[]"])
    def test_trainings_are_not_repeated_if_the_record_of_finished_steps_is_lost(
        self, record, step, calls, tmp_path, capsys
    ) -> None:
        """It is missing if the command is killed right after the first training."""
        training, runs = step("model", is_training=True), tmp_path / "runs"
        steps = [training, step("evaluation", *training.outputs)]
        assert run_steps(steps, runs) and calls() == ["model --force", "evaluation"]
        (runs / "steps.json").unlink() if record is None else (runs / "steps.json").write_text(record)
        assert run_steps(steps, runs) and calls() == ["evaluation"]
        assert ("steps.json is damaged: all steps except trainings" in capsys.readouterr().err) == (record is not None)
        assert run_steps(steps, runs) and calls() == []
        assert run_steps([replace(training, settings={"epochs": 2})], runs) and calls() == ["model --force"]

    def test_a_step_that_resumes_itself_keeps_its_folder_if_nothing_has_changed(
        self, step, calls, tmp_path, capsys
    ) -> None:
        """The command fails where it finds no checkpoint of an earlier call, and leaves one."""
        text, runs = tmp_path / "text", tmp_path / "runs"
        text.write_text("one")
        output, checkpoint = runs / "encoder" / "out", runs / "encoder" / "checkpoint"
        program = f"""
if not os.path.exists({str(checkpoint)!r}):
    os.remove({str(output)!r})
    open({str(checkpoint)!r}, "w").close()
    sys.exit(1)
"""
        encoder = step("encoder", text, program=program, resumes_itself=True)

        def outcomes(*changed: Step) -> List[bool]:
            return [run_steps([*changed], runs) for _ in range(2)]

        assert outcomes(encoder) == [False, True] and len(calls()) == 2
        assert "The same command continues from here." in capsys.readouterr().out
        assert outcomes(encoder, step("other", *encoder.outputs)) == [True, True] and calls() == ["other"]
        assert outcomes(replace(encoder, variables={"CUDA_VISIBLE_DEVICES": "1"})) == [True, True] and calls() == []
        (runs / "steps.json").unlink()
        assert outcomes(encoder) == [True, True] and calls() == []
        output.write_text("half")
        assert outcomes(encoder) == [False, True] and output.read_text() == "one"
        assert "encoder: its inputs, settings or outputs have changed, and its earlier run" in capsys.readouterr().out
        assert outcomes(replace(encoder, settings={"epochs": 2})) == [False, True]
        text.write_text("two")
        assert outcomes(encoder) == [False, True] and output.read_text() == "two"

    def test_a_full_disk_is_reported_and_nothing_is_lost(self, step, calls, tmp_path, monkeypatch, capsys) -> None:
        first, runs = step("first"), tmp_path / "runs"
        steps = [first, step("model", *first.outputs, is_training=True)]

        def full(path: Path) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("lowresource_ner.experiments.writing.written_whole", full)
            assert not run_steps(steps, runs)
        printed = capsys.readouterr()
        assert "steps.json' could not be written: [Errno 28] No space left on device. Is the disk full?" in printed.err
        assert "model.begun' could not be written: " in printed.out
        assert "free space; the same command continues" in printed.out
        assert "Traceback" not in printed.out + printed.err
        assert calls() == ["first"]
        assert run_steps(steps, runs)
        assert calls() == ["first", "model --force"]

    def test_the_command_of_a_step_is_found_from_any_folder(self, tmp_path, monkeypatch) -> None:
        monkeypatch.chdir(tmp_path)
        step = Step("version", allennlp("--version"), {}, [], [])
        assert run_steps([step], tmp_path / "runs")
        assert "lowresource-ner " in (tmp_path / "runs" / "logs" / "version.log").read_text()

    def test_commands_have_no_input(self, step, tmp_path) -> None:
        assert run_steps([step("asks", program="assert sys.stdin.read() == ''")], tmp_path / "runs")

    def test_commands_have_the_variables_of_the_step(self, step, tmp_path, monkeypatch) -> None:
        monkeypatch.setenv("SOURCE", "here")
        shows = step("shows", program="print(os.environ['SOURCE'], os.environ['PATH'])", variables={"SOURCE": "en"})
        assert run_steps([shows], tmp_path / "runs")
        assert (tmp_path / "runs" / "logs" / "shows.log").read_text() == f"en {os.environ['PATH']}\n"

    def test_jobs_run_in_parallel(self, step, tmp_path) -> None:
        """Each waits for the other to open its end of a pipe; one after the other, the first would be killed by the alarm."""
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        waits = f"signal.alarm(30); open({str(pipe)!r}, %r).close()"
        assert run_steps(
            [step("first", program=waits % "w"), step("second", program=waits % "r")], tmp_path / "runs", jobs=2
        )

    def test_a_killed_run_is_resumed_once_its_last_command_has_ended(self, step, calls, tmp_path) -> None:
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
                ValueError,
                match=f"Steps are being run in {runs}, or one is still running although its caller was killed",
            ):
                run_steps([first, second], runs)
        with (runs / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # until the orphan has ended
        assert run_steps([first, second], runs)
        assert calls() == ["second"]
