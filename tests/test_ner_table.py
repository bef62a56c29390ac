"""`allennlp ner-table`, with two systems on a corpus and two seeds."""

import argparse
import csv
import json
from pathlib import Path
from typing import Any, Dict, List

import pytest
from conftest import CORPORA, conll_blocks
from seqeval.metrics import f1_score

from lowresource_ner.commands.ner_table import NerTableCommand
from lowresource_ner.experiments.report.markdown import as_markdown
from lowresource_ner.experiments.report.scores import collect
from lowresource_ner.experiments.running import run_steps
from lowresource_ner.experiments.tables.plan import TablePlan
from lowresource_ner.experiments.tables.table_file import read_table

TEST = CORPORA / "bio" / "test.conll"
SMALL = {
    "model.encoder.hidden_size": 16,
    "model.dropout": 0.1,
    "model.text_field_embedder.token_embedders.characters.dropout": 0.0,
    "trainer.num_epochs": 1,
    "trainer.optimizer": {"type": "adam", "lr": 0.02},
    # All entities have one type, which is learned sooner.
    "dataset_reader.readers.ner_target.label_map": {"*": "NAME"},
    "validation_dataset_reader.label_map": {"*": "NAME"},
}
TABLE: Dict[str, Any] = {
    "corpora": {"biomedicine": {"SOURCE": "en", "TARGET": "bio"}},
    "systems": {
        "alone": {"config": "stm_target", "overrides": {"data_loader.scheduler.batch_size": {"ner_target": 3}}},
        "both": {"config": "multi_task_ner", "overrides": {"data_loader.scheduler.batch_size": {"ner_source": 4}}},
    },
    "rows": ["both", "alone"],
    "seeds": [13, 14],
    "overrides": SMALL,
    "baseline": "alone",
}


def tags_of(predictions: Path) -> List[List[str]]:
    return [json.loads(line)["tags"] for line in predictions.read_text(encoding="utf-8").splitlines()]


def test_all_of_a_table_and_again_when_it_is_up_to_date(allennlp, environment, tmp_path, capfd) -> None:
    path, runs = tmp_path / "table.jsonnet", tmp_path / "runs"
    path.write_text(json.dumps(TABLE))
    output = allennlp("ner-table", path, "--runs", runs, forks_steps=True).stdout
    assert output.count(": started\n") == 8 and "up to date" not in output
    assert {each.name for each in runs.iterdir() if each.name.startswith("table")} == {
        *("table.md", "table.csv", "table.tex", "table.json"),
        *("table-epochs.pdf", "table-epochs.png", "table-types.pdf", "table-types.png"),
    }
    corpus = json.loads((runs / "table.json").read_text())["corpora"]["biomedicine"]
    gold = [
        ["-".join([line[-1][0], "NAME"]) if line[-1] != "O" else "O" for line in block] for block in conll_blocks(TEST)
    ]
    for system in ("both", "alone"):
        row = corpus["systems"][system]
        for seed in ("13", "14"):
            predicted = tags_of(runs / "predictions" / f"{system}-biomedicine-{seed}-test.jsonl")
            run = row["by_seed"][seed]
            assert run["scores"]["f1"] == pytest.approx(f1_score(gold, predicted, zero_division=0))
            metrics = json.loads((runs / f"{system}-biomedicine-{seed}" / "metrics_epoch_0.json").read_text())
            assert run["development_f1"] == [metrics["validation_f1"]] and run["seconds"] > 0
        assert row["checkpoint"] == "nothing (last epoch)" and row["parameters"] > 1000
    assert corpus["systems"]["both"]["f1"]["mean"] > 0, "a tagger that finds nothing tests nothing"
    assert corpus["entities"] == {"NAME": sum(tag[0] == "B" for tags in gold for tag in tags)}
    assert corpus["systems"]["alone"]["p"] is None and 0 <= corpus["systems"]["both"]["p"] <= 1
    table = (runs / "table.md").read_text(encoding="utf-8")
    assert table in output and table.index("| both |") < table.index("| alone |")
    rows = list(csv.DictReader((runs / "table.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["system"], row["type"]) for row in rows] == [
        (system, kind) for system in ("both", "alone") for kind in ("all", "NAME")
    ]
    # Run again, everything is up to date.
    plan = TablePlan(read_table(path), runs)
    assert run_steps(plan.steps, runs)
    output = capfd.readouterr().out
    assert output.count(": up to date\n") == 8 and "started" not in output
    assert as_markdown(collect(plan.results, "alone"), "") == table


def test_an_error_is_one_line(allennlp, tmp_path) -> None:
    path = tmp_path / "table.jsonnet"
    path.write_text(json.dumps({**TABLE, "baseline": "neither"}))
    failed = allennlp("ner-table", path, "--runs", tmp_path / "runs", check=False)
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1] == f"{path}: The baseline 'neither' is not a row of the table: both, alone."
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_writes_nothing(allennlp, tmp_path) -> None:
    path = tmp_path / "table.jsonnet"
    path.write_text(json.dumps({**TABLE, "seeds": [1]}))
    lines = allennlp("ner-table", path, "--runs", tmp_path / "runs", "--dry-run").stdout.splitlines()
    assert lines[:2] == ["both-biomedicine-1: train", "tag-both-biomedicine-1-test: tag"]
    assert not (tmp_path / "runs").exists()


def test_a_device_that_is_not_a_number_is_an_error_of_this_command(capsys, monkeypatch) -> None:
    monkeypatch.setenv("DEVICE", "gpu")
    parser = argparse.ArgumentParser()
    NerTableCommand().add_subparser(parser.add_subparsers())
    with pytest.raises(SystemExit):
        parser.parse_args(["ner-table", "table.jsonnet"])
    assert "--device: invalid int value: 'gpu'" in capsys.readouterr().err
