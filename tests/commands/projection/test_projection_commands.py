"""The commands of annotation projection, on the forty hand-aligned pairs and with a real tagger."""

import gzip
import json
import os
import signal
from pathlib import Path

import pytest
from allennlp.common.checks import ConfigurationError
from conftest import FIXTURES, REPOSITORY, TINY_ENCODER, conll_blocks
from support.forked_python import run_python
from support.full_disk import no_file_over

from lowresource_ner.commands.projection.align_words import AlignmentOptions, align_words
from lowresource_ner.commands.projection.alignment_error_rate import alignment_error_rates
from lowresource_ner.commands.projection.make_dictionary import DictionaryOptions, make_dictionary
from lowresource_ner.commands.projection.project_labels import ProjectionOptions, project_labels
from lowresource_ner.commands.projection.text_options import TextOptions
from lowresource_ner.commands.projection.translate_labels import TranslationOptions, translate_labels
from lowresource_ner.data.conll.survey import survey_conll
from lowresource_ner.distillation import ArchiveTeacher, LabelFileTeacher
from lowresource_ner.projection import parallel_text, text_run
from lowresource_ner.tagging import get_scheme

PARALLEL = FIXTURES / "parallel"
TEXT, LINKS, SOURCE = (str(PARALLEL / name) for name in ("en-es.tsv", "en-es.pharaoh", "en.conll"))
TINY = json.dumps({"type": "encoder", "model_name": str(TINY_ENCODER)})


def by_hand(**options) -> ProjectionOptions:
    given = {"tokenised": True, "source_labels": SOURCE, "aligner": LINKS, "min_score": 0.0, **options}
    return ProjectionOptions(**given)


def test_tagger_to_student(allennlp, teacher: Path, tmp_path) -> None:
    """English is labelled by a tagger; a student learns from what is projected to Spanish, as from any label file."""
    files = [tmp_path / name for name in ("es.conll", "es.jsonl.gz", "es.txt")]
    options = ["--archive", teacher, "--aligner", TINY, "--tokenised", "--min-score", "0"]
    done = allennlp("project-labels", TEXT, "--output-file", *files, *options)
    report = json.loads(done.stdout.strip().splitlines()[-1])
    assert report["lines"] == report["kept"] == 40 and report["entities"] > 20 and report["seconds"] >= 0
    assert sorted(tmp_path.iterdir()) == sorted(files), "nothing unfinished is left"
    words = [line.split(" ") for line in files[2].read_text(encoding="utf-8").splitlines()]
    assert words == [line.split("\t")[1].split(" ") for line in Path(TEXT).read_text(encoding="utf-8").splitlines()]
    blocks = conll_blocks(files[0])
    assert [[word for word, _ in block] for block in blocks] == words
    assert survey_conll(files[0]).entities == report["entities"] - report["lost"]
    labels = LabelFileTeacher(str(files[1]))
    assert (
        labels.labels
        == get_scheme("IOB2").tag_set(["LOC", "MISC", "ORG", "PER"])
        == sorted(ArchiveTeacher(str(teacher)).labels, key=labels.labels.index)
    )
    for block, probabilities in zip(blocks, labels.label(words)):
        assert probabilities is not None and ((0 < probabilities) & (probabilities < 1)).any()
        assert all(
            (tag == "O") == (row[1:].max() <= row[0]) for (_, tag), row in zip(block, probabilities) if row.max() > 0.7
        )
    config = REPOSITORY / "training_configs/cross_lingual/student_soft.jsonnet"
    overrides = {"trainer.num_epochs": 1, "train_data_path": str(files[2]), "dataset_reader.reader.tokenised": True}
    run = tmp_path / "student"
    allennlp("train", config, "-s", run, "-o", json.dumps(overrides), TARGET="es", TEACHER=str(files[1]))
    assert json.loads((run / "metrics.json").read_text())["training_distillation_loss"] > 0


KILLED = """
import os, signal, sys
from allennlp.commands import main
from lowresource_ner.projection import annotation_projection, parallel_text, text_run

parallel_text._BLOCK = 8
if os.environ["HOW"] == "SIGKILL":
    text_run.SECONDS_BETWEEN_COMMITS = 0
project, blocks = annotation_projection.AnnotationProjection.project, [0]

def count(self, pairs):
    blocks[0] += 1
    if blocks[0] == 4:
        os.kill(os.getpid(), getattr(signal, os.environ["HOW"]))
    return project(self, pairs)

signal.signal(signal.SIGINT, signal.default_int_handler)
annotation_projection.AnnotationProjection.project = count
main()
"""


@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_an_interrupted_projection_goes_on(allennlp, tmp_path, how) -> None:
    """Broken off at the fourth block, and given again: nothing is lost or written twice, and repeated sentences are known."""
    lines = Path(TEXT).read_text(encoding="utf-8").splitlines(keepends=True)
    doubled, links, source = (tmp_path / name for name in ("text.tsv.gz", "links", "source.conll"))
    doubled.write_bytes(gzip.compress("".join([*lines[:20], *lines[:5], *lines[20:]]).encode()))
    for path, old, separator in ((links, LINKS, "\n"), (source, SOURCE, "\n\n")):
        parts = [part for part in Path(old).read_text(encoding="utf-8").split(separator) if part]
        path.write_text("".join(part + separator for part in [*parts[:20], *parts[:5], *parts[20:]]), encoding="utf-8")
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    files = [tmp_path / "out.conll.gz", tmp_path / "out.jsonl"]
    command = [
        "project-labels",
        doubled,
        "--tokenised",
        "--source-labels",
        source,
        "--aligner",
        links,
        "--min-score",
        "0",
    ]
    done = run_python([script, *command, "--output-file", *files], REPOSITORY, {**os.environ, "HOW": how})
    assert done.returncode == (-signal.SIGKILL if how == "SIGKILL" else 130), done.stderr
    assert ("Run the same command again to resume." in done.stderr) == (how != "SIGKILL")
    folder = tmp_path / "out.conll.gz.unfinished"
    assert json.loads((folder / "state.json").read_text())["state"]["lines"] == 24 and not any(map(Path.exists, files))
    # What a kill may leave behind the last commit.
    with next(folder.glob("1-*")).open("ab") as file:
        file.write(b'{"tokens": ["half')
    done = allennlp(*command, "--output-file", *files)
    report = json.loads(done.stdout.strip().splitlines()[-1])
    assert (report["lines"], report["kept"], report["repeated"]) == (45, 40, 5) and not folder.exists()
    whole = [tmp_path / "whole.conll", tmp_path / "whole.jsonl"]
    assert project_labels([TEXT], list(map(str, whole)), by_hand())["kept"] == 40
    assert gzip.decompress(files[0].read_bytes()) == whole[0].read_bytes()
    assert files[1].read_bytes() == whole[1].read_bytes()
    assert (report["entities"], report["lost"]) == (110, 1)


def test_sentences_with_a_low_score_are_left_out_and_counted(tmp_path) -> None:
    """The scores stand in the label file; a threshold between them divides the sentences."""
    whole, part = tmp_path / "whole.jsonl", tmp_path / "part.jsonl"
    project_labels([TEXT], [str(whole)], by_hand())
    scores = [json.loads(line)["score"] for line in whole.read_text(encoding="utf-8").splitlines()]
    threshold = sorted(scores)[10] + 1e-4
    report = project_labels([TEXT], [str(part)], by_hand(min_score=threshold))
    low = sum(score < threshold for score in scores)
    assert 0 < report["low_score"] == low == 40 - report["kept"] < 40
    kept = [line for line, score in zip(whole.read_text("utf-8").splitlines(), scores) if score >= threshold]
    assert part.read_text("utf-8").splitlines() == kept


def test_sentences_without_entities(tmp_path) -> None:
    path, links = tmp_path / "text.tsv", tmp_path / "links"
    path.write_text("Ana sings\tAna canta\nIt rains\tLlueve\n-DOCSTART-\t-DOCSTART-\n\n", encoding="utf-8")
    links.write_text("0-0 1-1\n0-0 1-0\n0-0\n\n")
    labels = tmp_path / "labels.jsonl"
    labels.write_text(
        '{"tokens": ["Ana", "sings"], "tags": ["B-PER", "O"]}\n{"tokens": ["It", "rains"], "tags": ["O", "O"]}\n'
    )
    teacher = json.dumps({"type": "label_file", "path": str(labels), "missing": "skip"})
    options = {"teacher": teacher, "aligner": str(links), "tokenised": True}
    out = tmp_path / "out.conll"
    report = project_labels([str(path)], [str(out)], ProjectionOptions(**options, tag_scheme="IOBES"))
    assert {**report, "seconds": 0} == {
        **{"lines": 4, "empty": 1, "unlabelled": 1, "entities": 1, "lost": 0, "repeated": 0, "kept": 2, "seconds": 0}
    }
    assert out.read_text(encoding="utf-8") == "Ana\tS-PER\ncanta\tO\n\nLlueve\tO\n\n"
    report = project_labels([str(path)], [str(out)], ProjectionOptions(**options, entities_only=True))
    assert (report["kept"], report["without_entities"]) == (1, 1)


@pytest.mark.parametrize(
    "options, files, complaint",
    [
        ({}, ["out.txt.zip"], "cannot be determined from its name. Use the suffix .conll"),
        ({}, ["out.conll", "out.conll"], "They must be distinct"),
        ({}, ["-.conll/x.conll"], "cannot be written"),
        ({"min_score": 1.5}, ["out.conll"], "--min-score is 1.5"),
        ({"source_labels": ""}, ["out.conll"], "No labels for the source side. Specify --archive"),
        (
            {"source_labels": "", "reader": {"repair": True}},
            ["out.conll"],
            "--reader applies only to --source-labels",
        ),
        (
            {"aligner": "links.gz"},
            ["out.conll"],
            "--aligner 'links.gz' is neither an existing file of links nor a known aligner. Known aligners: encoder",
        ),
        ({"aligner": "{"}, ["out.conll"], "--aligner is not valid JSON"),
        (
            {"projector": '{"type": "candidates", "score": "both"}'},
            ["out.conll"],
            "has none. Use the aligner 'encoder'",
        ),
        ({"aligner": SOURCE}, ["out.conll"], "en.conll:450: the file has 449 lines, but the text has 40|en.conll:41"),
    ],
)
def test_what_is_wrong_is_said_first(tmp_path, options, files, complaint) -> None:
    paths = [str(tmp_path / name) for name in files]
    with pytest.raises(ConfigurationError, match=complaint):
        project_labels([TEXT], paths, by_hand(**options))
    assert not any(path.suffix in (".conll", ".txt") for path in tmp_path.iterdir())


def test_nothing_that_is_read_is_overwritten_and_other_work_is_kept(tmp_path) -> None:
    text = tmp_path / "text.txt"
    text.write_bytes(Path(TEXT).read_bytes())
    with pytest.raises(ConfigurationError, match="text.txt' is also read by this command"):
        project_labels([str(text)], [str(text)], by_hand())
    out = tmp_path / "out.conll"
    with no_file_over(2000):
        with pytest.raises(
            ConfigurationError,
            match="out.conll.unfinished' cannot be written: .* Free disk space, then run the same command",
        ):
            project_labels([str(text)], [str(out)], by_hand())
    assert project_labels([str(text)], [str(out)], by_hand())["kept"] == 40
    # Work that another command has begun is not taken up, and not lost.
    other = tmp_path / "other.conll.unfinished"
    other.mkdir()
    state = {"settings": {"options": {}}, "sizes": {"0-other.conll": 0, "keys": 0}, "state": {"lines": 3, "counts": {}}}
    (other / "state.json").write_text(json.dumps(state))
    with pytest.raises(
        ConfigurationError, match=r"unfinished work of another command \(inputs, options\). .*remove the folder"
    ):
        project_labels([str(text)], [str(tmp_path / "other.conll")], by_hand())
    assert json.loads((other / "state.json").read_text()) == state
    # A run that fails before its first block leaves nothing that a corrected one has to be afraid of.
    failed, labels = tmp_path / "failed.conll", tmp_path / "labels.jsonl"
    labels.write_text('{"tokens": ["Ana"], "tags": ["B-PER"]}\n')
    lacking = json.dumps({"type": "label_file", "path": str(labels)})
    with pytest.raises(ConfigurationError, match="there is no line for the sentence"):
        project_labels([str(text)], [str(failed)], by_hand(source_labels="", teacher=lacking))
    assert project_labels([str(text)], [str(failed)], by_hand())["kept"] == 40


def test_links_are_written_for_each_line_and_read_again(allennlp, tmp_path, monkeypatch) -> None:
    """Lines that are left out have an empty line. The file serves as an aligner, and is compared with the links by hand."""
    monkeypatch.setattr(parallel_text, "_BLOCK", 7)
    text, out = tmp_path / "text.tsv", tmp_path / "links.gz"
    lines = Path(TEXT).read_text(encoding="utf-8").splitlines()
    text.write_text("".join(f"{line}\n" for line in ["only one side\t", *lines, "", ""]), encoding="utf-8")
    report = align_words([str(text)], str(out), AlignmentOptions(tokenised=True, aligner=TINY))
    written = gzip.decompress(out.read_bytes()).decode().split("\n")
    assert len(written) == 44 and written[0] == written[41] == written[42] == written[43] == "" and all(written[1:41])
    assert report == {"lines": 43, "empty": 3, "links": sum(len(line.split()) for line in written)}
    copied = tmp_path / "copied"
    again = align_words([str(text)], str(copied), AlignmentOptions(tokenised=True, aligner=str(out)))
    assert again == report and copied.read_text() == "\n".join(written)
    forty = tmp_path / "forty"
    forty.write_text("\n".join(written[1:41]) + "\n")
    done = allennlp("alignment-error-rate", TEXT, LINKS, "--aligner", forty, LINKS, TINY, "--tokenised")
    first, second, third = map(json.loads, done.stdout.strip().splitlines()[-3:])
    assert second == {
        "aligner": LINKS,
        "error_rate": 0.0,
        "precision": 100.0,
        "recall": 100.0,
        "pairs": 40,
        "links": 422,
        "sure_links": 422,
    }
    assert first["aligner"] == str(forty) and {**first, "aligner": TINY} == third and first["links"] == report["links"]
    right = [set(a.split()) & set(b.split()) for a, b in zip(written[1:41], Path(LINKS).read_text().splitlines())]
    assert first["recall"] == round(100 * sum(map(len, right)) / 422, 2)
    with pytest.raises(ConfigurationError, match="'method' of the aligner"):
        next(alignment_error_rates(TEXT, LINKS, [LINKS, '{"method": "x"}'], TextOptions()))


def test_a_dictionary_of_the_forty_pairs_translates_them(allennlp, tmp_path) -> None:
    """By the links by hand, "with" is "con" twice, and "said" comes once. Then tagged sentences are translated with it."""
    dictionary = tmp_path / "en-es.tsv"
    options = ["--tokenised", "--aligner", LINKS]
    done = allennlp("make-dictionary", TEXT, "--output-file", dictionary, *options, "--min-count", "2")
    entries = [line.split("\t") for line in dictionary.read_text(encoding="utf-8").splitlines()]
    assert json.loads(done.stdout.strip().splitlines()[-1])["pairs"] == 40
    assert ["with", "con"] in entries and ["north", "norte"] in entries and "said" not in dict(entries)
    assert [each[1] for each in entries if each[0] == "the"][:2] == ["la", "el"]
    assert entries == sorted(entries, key=lambda entry: entry[0])
    full = tmp_path / "full.tsv.gz"
    report = make_dictionary([TEXT], str(full), DictionaryOptions(tokenised=True, aligner=LINKS, min_count=1))
    with gzip.open(full, "rt", encoding="utf-8") as file:
        assert report["entries"] == len(file.readlines()) > len(entries)
    out = tmp_path / "out.conll"
    done = allennlp("translate-labels", SOURCE, "--dictionary", full, "--output-file", out)
    report = json.loads(done.stdout.strip().splitlines()[-1])
    assert report["sentences"] == report["kept"] == 40 and 0 < report["translated"] <= report["words"] < 409
    first, before = conll_blocks(out)[0], conll_blocks(Path(SOURCE))[0]
    assert [row for row in first if row[1] != "O"] == [row for row in before if row[1] != "O"]
    assert ["spring", "O"] in before and ["primavera", "O"] in first
    assert survey_conll(out).entities == 110
    translated = TranslationOptions(dictionary=str(full), entities="translate", tag_scheme="IOBES")
    translate_labels([SOURCE], str(out), translated)
    blocks = conll_blocks(out)
    assert ["Lisboa", "S-LOC"] in blocks[0] and survey_conll(out).entities == 110
    assert [row for row in blocks[8] if row[1] != "O"][:5] == [
        ["Organización", "B-ORG"],
        ["de", "I-ORG"],
        ["las", "I-ORG"],
        ["naciones", "I-ORG"],
        ["unidas", "E-ORG"],
    ] or blocks[8][1][0] == "UN"


def test_translations_that_are_left_out_and_outputs_that_are_not_overwritten(tmp_path, capfd) -> None:
    corpus, dictionary = tmp_path / "en.conll", tmp_path / "d.txt"
    corpus.write_text("Ana\tB-PER\nsings\tO\n\nAna\tB-PER\ndances\tO\nwell\tO\n\n", encoding="utf-8")
    dictionary.write_text("sings canta\nwell bien\n", encoding="utf-8")
    options = TranslationOptions(dictionary=str(dictionary), min_translated=0.6)
    report = translate_labels([str(corpus)], "-", options)
    assert report == {"sentences": 2, "words": 3, "translated": 2, "kept": 1, "low_share": 1}
    assert capfd.readouterr().out == "Ana\tB-PER\ncanta\tO\n\n"
    for path in (corpus, dictionary):
        before = path.read_bytes()
        with pytest.raises(ConfigurationError, match="is also read by this command"):
            translate_labels([str(corpus)], str(path), options)
        assert path.read_bytes() == before


def test_blocks_are_committed_now_and_then() -> None:
    assert 1 <= text_run.SECONDS_BETWEEN_COMMITS <= 60
