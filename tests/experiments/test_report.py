"""All formats of the report, for invented counts, against text that was written by hand."""

import csv
import hashlib
import io
import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import List, Sequence

import numpy
import pytest
from matplotlib.colors import to_hex

from lowresource_ner.experiments.report.figures import draw_curves, draw_types
from lowresource_ner.experiments.report.latex import as_latex, escaped
from lowresource_ner.experiments.report.markdown import as_markdown
from lowresource_ner.experiments.report.records import as_csv, as_json
from lowresource_ner.experiments.report.scores import Row, Run, Section, collect
from lowresource_ner.experiments.report.sentence_counts import SentenceCounts
from lowresource_ner.experiments.report.training_facts import TrainingFacts, total, training_facts
from lowresource_ner.experiments.report.wording import duration, number, p_value
from lowresource_ner.experiments.report.writing import write_report
from lowresource_ner.experiments.result import Result


def run_of(seed: int, loc: Sequence[int], per: Sequence[int], facts: TrainingFacts) -> Run:
    """Two sentences: correct, predicted and gold LOC in the first, PER in the second."""
    counts = numpy.array([[loc, [0, 0, 0]], [[0, 0, 0], per]])
    return Run(seed, SentenceCounts(["LOC", "PER_son"], counts, "digest"), facts)


@pytest.fixture
def sections(tmp_path) -> List[Section]:
    """
    pgn: F1 of LOC 1 and 0.5, of PER_son 0.5 and 0.5; overall (correct, predicted, gold) is (6, 8, 8) and (4, 8, 8), so F1 is 0.75
    and 0.5: 62.5 ± 17.7. stm: LOC 0, PER_son 0.5 and 1; overall (2, 4, 8) and (4, 4, 8): F1 1/3 and 2/3, precision 0.5 and 1,
    recall 0.25 and 0.5.
    """
    data = tmp_path / "test.conll"
    data.write_text("a\tO\n")
    pgn = [
        run_of(13, [4, 4, 4], [2, 4, 4], TrainingFacts(60.0, 15_100_000, [0.5, 0.7])),
        run_of(14, [2, 4, 4], [2, 4, 4], TrainingFacts(180.0, 15_100_000, [0.3, 0.9, 0.8])),
    ]
    stm = [
        run_of(13, [0, 0, 4], [2, 4, 4], TrainingFacts(9.0, 4_000, [0.25])),
        run_of(14, [0, 0, 4], [4, 4, 4], TrainingFacts(10.0, 4_000, [0.35], {"weights": {"alpha": {"en": 0.25}}})),
    ]
    stm[0].facts.teachers.update({"weights": {"alpha": {"en": 0.75}}})
    rows = [
        Row("stm", stm, "source development F1", "source", 0.0004),
        Row("pgn", pgn, "nothing (last epoch)", "target"),
    ]
    return [Section("news → 50% sea", data, rows, "pgn")]


def test_markdown(sections) -> None:
    digest = hashlib.sha256(b"a\tO\n").hexdigest()[:16]
    expected = f"""\
Encoder x.

## news → 50% sea

Entity scores in percent, mean ± standard deviation (n - 1) of 2 seeds (13, 14). test.conll, 2 sentences, SHA-256 {digest}. \
p: paired bootstrap over sentences against pgn, one-sided, 10,000 resamples, mean F1 over seeds, not corrected for the number of \
comparisons.

| system | F1 | precision | recall | p | parameters | time | checkpoint |
|---|--:|--:|--:|--:|--:|--:|---|
| stm | 50.0 ± 23.6 | 75.0 ± 35.4 | 37.5 ± 17.7 | < 0.001 | 4.0 k | 10 s | source development F1 |
| pgn | **62.5 ± 17.7** | 62.5 ± 17.7 | 62.5 ± 17.7 | – | 15.1 M | 2 min | nothing (last epoch) |

| F1 by type (entities) | LOC (4) | PER_son (4) |
|---|--:|--:|
| stm | 0.0 ± 0.0 | 75.0 ± 35.4 |
| pgn | 75.0 ± 35.4 | 50.0 ± 0.0 |

Weights of the teachers:

- stm: en 0.500

Parameters: all weights, with word vectors and frozen weights. Time: of one training, with validation, without the trainings \
that it starts from. Checkpoint: what the epoch that is kept was selected by.
"""
    assert as_markdown(sections, "Encoder x.") == expected


def test_one_system_and_seed_have_neither_deviation_nor_p(sections) -> None:
    (section,) = sections
    row = section.rows[1]
    alone = Section("x", section.data, [Row("a|b", row.runs[:1], row.chosen_by, row.validated_on)], "a|b")
    table = as_markdown([alone], "")
    assert "| a\\|b | 75.0 | 75.0 | 75.0 | 15.1 M | 60 s | nothing (last epoch) |" in table
    assert "one seed (13)" in table and "bootstrap" not in table
    assert as_json([alone], {})["corpora"]["x"]["systems"]["a|b"]["f1"] == {"mean": 0.75, "standard_deviation": None}


def test_latex(sections) -> None:
    text = as_latex(sections)
    assert text.startswith(
        "% Entity scores in percent, mean ± standard deviation (n - 1) of 2 seeds (13, 14). p: paired bootstrap"
    )
    expected = r"""
% Dagger: p < 0.05, better or worse
\begin{tabular}{lrl}
\toprule
System & news $\rightarrow$ 50\% sea & Checkpoint chosen by \\
\midrule
stm & 50.0 $\pm$ 23.6$^\dagger$ & source development F1 \\
pgn & \textbf{62.5 $\pm$ 17.7} & nothing (last epoch) \\
\bottomrule
\end{tabular}

% news → 50% sea
\begin{tabular}{lrr}
\toprule
F1 by type & LOC & PER\_son \\
\midrule
stm & 0.0 $\pm$ 0.0 & 75.0 $\pm$ 35.4 \\
pgn & 75.0 $\pm$ 35.4 & 50.0 $\pm$ 0.0 \\
\bottomrule
\end{tabular}
"""
    assert text[text.index("\n% Dagger") :] == expected


def test_the_cell_of_a_system_without_results_on_a_corpus_is_a_dash(sections) -> None:
    (section,) = sections
    both = [section, Section("second", section.data, section.rows[1:], "pgn")]
    assert r"stm & 50.0 $\pm$ 23.6$^\dagger$ & -- & source development F1 \\" in as_latex(both)


class TestSystemsWithOtherSeeds:
    """stm with both seeds, pgn with the first alone."""

    @pytest.fixture
    def unequal(self, sections) -> List[Section]:
        (section,) = sections
        stm, pgn = section.rows
        rows = [replace(stm, p_seeds=[13]), replace(pgn, runs=pgn.runs[:1])]
        return [replace(section, rows=rows), replace(section, title="second", rows=rows[1:])]

    def test_seeds_are_a_column(self, unequal) -> None:
        table = as_markdown(unequal[:1], "")
        assert "over the seeds of each system, which are not the same for all." in table
        assert "mean F1 over the seeds that the two systems have in common, not corrected" in table
        assert "| system | seeds | F1 | precision | recall | p | parameters | time | checkpoint |" in table
        assert "|---|--:|--:|--:|--:|--:|--:|--:|---|" in table
        assert "| stm | 13, 14 | 50.0 ± 23.6 |" in table and "| pgn | 13 | **75.0** | 75.0 |" in table
        lines = as_latex(unequal).splitlines()
        assert r"\begin{tabular}{lrrrl}" in lines
        assert r"System & Seeds & news $\rightarrow$ 50\% sea & second & Checkpoint chosen by \\" in lines
        assert r"pgn & 13 & \textbf{75.0} & \textbf{75.0} & nothing (last epoch) \\" in lines

    def test_csv_json_and_figures_have_them(self, unequal) -> None:
        systems = as_json(unequal, {})["corpora"]["news → 50% sea"]["systems"]
        assert {name: (row["seeds"], row["p_seeds"]) for name, row in systems.items()} == {
            "stm": ([13, 14], [13]),
            "pgn": ([13], []),
        }
        assert [(row["system"], row["seeds"]) for row in csv.DictReader(io.StringIO(as_csv(unequal[:1])))] == [
            *[("stm", "2")] * 3,
            *[("pgn", "1")] * 3,
        ]
        for draw, expected in (
            (draw_curves, ["stm, 2 seeds (on source)", "pgn, 1 seed"]),
            (draw_types, ["stm, 2 seeds", "pgn, 1 seed"]),
        ):
            axes, second = draw(unequal).axes
            assert [text.get_text() for text in axes.get_legend().get_texts()] == expected
            assert [text.get_text() for text in second.get_legend().get_texts()] == ["pgn"]


def test_special_characters_of_latex_are_escaped() -> None:
    assert escaped(r"a_b & c%$#{} ~^\ <>") == (
        r"a\_b \& c\%\$\#\{\} \textasciitilde{}\textasciicircum{}\textbackslash{} $<$$>$"
    )


def test_csv(sections) -> None:
    expected = """\
corpus,system,type,seeds,entities,precision,precision_sd,recall,recall_sd,f1,f1_sd,reference,p,parameters,seconds,checkpoint
news → 50% sea,stm,all,2,8,0.7500,0.3536,0.3750,0.1768,0.5000,0.2357,pgn,0.0004,4000,9.5,source development F1
news → 50% sea,stm,LOC,2,4,0.0000,0.0000,0.0000,0.0000,0.0000,0.0000,,,,,
news → 50% sea,stm,PER_son,2,4,0.7500,0.3536,0.7500,0.3536,0.7500,0.3536,,,,,
news → 50% sea,pgn,all,2,8,0.6250,0.1768,0.6250,0.1768,0.6250,0.1768,pgn,,15100000,120.0,nothing (last epoch)
news → 50% sea,pgn,LOC,2,4,0.7500,0.3536,0.7500,0.3536,0.7500,0.3536,,,,,
news → 50% sea,pgn,PER_son,2,4,0.5000,0.0000,0.5000,0.0000,0.5000,0.0000,,,,,
"""
    assert as_csv(sections) == expected


def test_json(sections, tmp_path) -> None:
    report = json.loads(json.dumps(as_json(sections, {"split": "test"})))
    assert report["settings"] == {"split": "test"}
    corpus = report["corpora"]["news → 50% sea"]
    systems = corpus.pop("systems")
    assert corpus == {
        "data": str(tmp_path / "test.conll"),
        "sha256": hashlib.sha256(b"a\tO\n").hexdigest(),
        "sentences": 2,
        "entities": {"LOC": 4, "PER_son": 4},
        "reference": "pgn",
    }
    half = pytest.approx(0.125**0.5)
    assert systems["pgn"]["f1-LOC"] == {"mean": 0.75, "standard_deviation": half}
    run = systems["stm"]["by_seed"]["13"]
    assert run["scores"]["f1"] == pytest.approx(1 / 3) and run["scores"]["support-LOC"] == 4
    assert run["development_f1"] == [0.25] and run["teachers"]["weights"]["alpha"] == {"en": 0.75}
    assert {key: systems["stm"][key] for key in ("p", "parameters", "seconds", "checkpoint")} == {
        "p": 0.0004,
        "parameters": 4000,
        "seconds": 9.5,
        "checkpoint": "source development F1",
    }


def test_formatting_of_numbers() -> None:
    assert [number(count) for count in (None, 4_000, 60_000, 15_100_000)] == ["–", "4.0 k", "0.1 M", "15.1 M"]
    assert [duration(each) for each in (None, 9.4, 100, 5_999, 7_200)] == ["–", "9 s", "2 min", "100 min", "2.0 h"]
    assert [p_value(p) for p in (None, 0.0, 0.0009, 0.001, 1.0)] == ["–", "< 0.001", "< 0.001", "0.001", "1.000"]


class TestFigures:
    def test_curves_are_means_over_seeds_and_their_range(self, sections) -> None:
        (axes,) = draw_curves(sections).axes
        stm, pgn = axes.lines
        assert list(pgn.get_xdata()) == [1, 2, 3] and list(pgn.get_ydata()) == pytest.approx([40.0, 80.0, 80.0])
        assert list(stm.get_ydata()) == pytest.approx([30.0])
        assert [text.get_text() for text in axes.get_legend().get_texts()] == ["stm (on source)", "pgn"]
        assert (stm.get_linestyle(), pgn.get_linestyle()) == ("--", "-")
        corners = axes.collections[1].get_paths()[0].vertices  # between the seeds of pgn
        assert {(1.0, 30.0), (1.0, 50.0), (2.0, 70.0), (2.0, 90.0), (3.0, 80.0)} <= {
            tuple(numpy.round(each, 6)) for each in corners
        }
        assert (axes.get_title(), axes.get_xlabel()) == ("news → 50% sea", "epoch")

    def test_bars_are_types_by_system(self, sections) -> None:
        (axes,) = draw_types(sections).axes
        stm, pgn = [container for container in axes.containers if hasattr(container, "patches")]
        assert [bar.get_height() for bar in stm] == pytest.approx([0, 75]) and stm.get_label() == "stm"
        assert [bar.get_height() for bar in pgn] == pytest.approx([75, 50])
        lengths = [segment[:, 1].tolist() for segment in pgn.errorbar.lines[2][0].get_segments()]
        spread = 100 * 0.125**0.5
        assert lengths == [pytest.approx([75 - spread, 75 + spread]), pytest.approx([50, 50])]
        assert [label.get_text() for label in axes.get_xticklabels()] == ["LOC\n(4)", "PER_son\n(4)"]

    def test_seventeen_systems_look_different(self, sections) -> None:
        (section,) = sections
        names = [f"system {number}" for number in range(17)]
        rows = [Row(name, section.rows[1].runs, "", "target") for name in names]
        many = [Section("many", section.data, rows, names[0])]
        (axes,) = draw_curves(many).axes
        assert len({(line.get_color(), line.get_marker()) for line in axes.lines}) == 17
        (axes,) = draw_types(many).axes
        assert (
            len(
                {
                    (to_hex(bars[0].get_facecolor()), bars[0].get_hatch())
                    for bars in axes.containers
                    if hasattr(bars, "patches")
                }
            )
            == 17
        )

    def test_systems_without_development_data_have_no_curve(self, sections) -> None:
        (section,) = sections
        runs = [Run(run.seed, run.counts, TrainingFacts()) for run in section.rows[0].runs]
        without = Section("text alone", section.data, [Row("ts", runs, "nothing (last epoch)", "")], "ts")
        first, second = draw_curves([section, without]).axes
        assert len(first.lines) == 2 and not second.lines and second.texts[0].get_text() == "no development data"


class TestCollecting:
    @pytest.fixture
    def result(self, tmp_path):
        """Writes the outputs of a run on three sentences with an entity each, of which it finds the first `found`."""

        def make(system: str, seed: int, found: int, gold: str = "B-X") -> Result:
            folder = tmp_path / f"{system}-{seed}"
            folder.mkdir()
            (folder / "config.json").write_text('{"trainer": {"validation_metric": "+f1"}}')
            lines = [
                {"tokens": ["a"], "gold_tags": [gold], "tags": [gold if number < found else "O"]} for number in range(3)
            ]
            predictions = tmp_path / f"{system}-{seed}.jsonl"
            predictions.write_text("".join(json.dumps(line) + "\n" for line in lines))
            data = tmp_path / "test.conll"
            data.write_text("a\tB-X\n")
            return Result("news", system, seed, folder / "model.tar.gz", data, predictions, "nothing", "")

        return make

    def test_systems_are_compared_with_the_baseline_or_the_best(self, result) -> None:
        results = [result("a", 1, 1), result("b", 1, 3), result("c", 1, 3)]
        (section,) = collect(results)
        assert section.reference == "b" and [row.system for row in section.rows] == ["a", "b", "c"]
        # a is worse on two sentences of three: δ = 0.5 - 1, and no resample has a difference of more than 1.
        assert [row.p for row in section.rows] == [0.0, None, 1.0]
        assert collect(results, baseline="a")[0].reference == "a"
        assert collect(results, baseline="of another corpus")[0].reference == "b"

    def test_systems_on_other_sentences_or_seeds_are_not_compared(self, result) -> None:
        results = [result("a", 1, 3), result("b", 1, 2, gold="B-Y"), result("c", 2, 1), result("d", 1, 1)]
        (section,) = collect(results)
        assert [row.p is None for row in section.rows] == [True, True, True, False]

    def test_systems_are_compared_over_the_seeds_in_common(self, result) -> None:
        """As if the other seeds had not been trained."""
        found = {("a", 1): 1, ("a", 2): 0, ("a", 3): 3, ("b", 1): 2, ("b", 2): 3, ("c", 2): 2, ("c", 3): 2, ("d", 4): 3}
        results = [result(system, seed, number) for (system, seed), number in found.items()]
        (section,) = collect(results, baseline="a")
        assert not section.has_same_seeds
        assert {row.system: row.p_seeds for row in section.rows} == {"a": [], "b": [1, 2], "c": [2, 3], "d": []}
        p = {row.system: row.p for row in section.rows}
        assert p["a"] is p["d"] is None
        for system, seeds in (("b", (1, 2)), ("c", (2, 3))):
            (alone,) = collect([each for each in results if each.system in ("a", system) and each.seed in seeds], "a")
            assert alone.has_same_seeds and p[system] == alone.rows[1].p

    def test_results_without_predictions_are_skipped(self, tmp_path) -> None:
        assert collect([Result("news", "a", 1, tmp_path / "model.tar.gz")]) == []


class TestTrainingFacts:
    def test_the_times_before_and_after_an_interruption_are_summed_up(self) -> None:
        assert total([10, 20, 33]) == 33
        assert total([10, 20, 5, 12, 3]) == 20 + 12 + 3

    def test_epochs_are_in_order_and_of_the_validation_metric(self, tmp_path) -> None:
        (tmp_path / "config.json").write_text('{"trainer": {"validation_metric": "+ner_source_f1"}}')
        for epoch in range(11):
            metrics = {"validation_ner_source_f1": epoch / 10, "training_duration": f"1 day, 0:01:{epoch:02d}.5"}
            (tmp_path / f"metrics_epoch_{epoch}.json").write_text(json.dumps(metrics))
        facts = training_facts(tmp_path)
        assert facts.development_f1 == [epoch / 10 for epoch in range(11)]
        assert (facts.seconds, facts.parameters) == (86_400 + 60 + 10.5, None)

    def test_a_damaged_file_is_an_error(self, tmp_path) -> None:
        (tmp_path / "config.json").write_text("{")
        with pytest.raises(
            ValueError, match="config.json is damaged: .* Remove .*, and the same command trains it again"
        ):
            training_facts(tmp_path)


def test_all_files_are_written_and_reproducible(sections, tmp_path) -> None:
    def write(name: str) -> List[Path]:
        (tmp_path / name).mkdir()
        table = write_report(sections, tmp_path / name / "table.v1", "", {})
        assert table == (tmp_path / name / "table.v1.md").read_text(encoding="utf-8")
        return sorted((tmp_path / name).iterdir())

    first, second = write("first"), write("second")
    names = ["-epochs.pdf", "-epochs.png", "-types.pdf", "-types.png", ".csv", ".json", ".md", ".tex"]
    assert [path.name.removeprefix("table.v1") for path in first] == names
    assert [zlib.crc32(path.read_bytes()) for path in first] == [zlib.crc32(path.read_bytes()) for path in second]
    assert (
        len(list(csv.DictReader(io.StringIO((tmp_path / "first" / "table.v1.csv").read_text(encoding="utf-8"))))) == 6
    )
