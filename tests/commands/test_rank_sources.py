"""The subcommand that ranks sources: what it trains, what it says, and what it refuses before the training."""

import gzip
import json
from pathlib import Path
from typing import Any, Dict

import pytest
from allennlp.common.checks import ConfigurationError
from conftest import CORPORA, TINY_ENCODER, conll_blocks

from lowresource_ner.commands.rank_sources import as_table, rank_sources
from lowresource_ner.distillation import SimilarityWeights
from lowresource_ner.experiments.cross_lingual.plan import Plan
from lowresource_ner.experiments.cross_lingual.request import Request
from lowresource_ner.experiments.cross_lingual.source_choice import source_choice

SOURCES = [str(CORPORA / name) for name in ("en", "de")]
MEASURES = ["learned", "cosine", "l1", "l2"]


@pytest.fixture(scope="module")
def trained(allennlp, tmp_path_factory) -> Dict[str, Any]:
    """The report of a ranking, "folder" being that of its model."""
    folder = tmp_path_factory.mktemp("ranking") / "similarity"
    source = [SOURCES[0], f"german={CORPORA}/de/train.conll"]
    options = ["--sample", 40, "--encoder", TINY_ENCODER, "-s", folder, "--json"]
    done = allennlp("rank-sources", CORPORA / "es", "--source", *source, *options)
    return {**json.loads(done.stdout), "folder": str(folder)}


def test_sources_are_ranked_by_the_weights_of_their_teachers(trained) -> None:
    assert trained["text"] == f"{CORPORA}/es/raw.txt" and (trained["sentences"], trained["measure"]) == (40, "learned")
    assert list(trained["similarities"]) == list(trained["tau"]) == MEASURES
    config = json.loads(Path(trained["folder"], "config.json").read_text())
    assert config["dataset_reader"]["reader"]["sample"] == 40 and set(config["train_data_path"]) == {"en", "german"}
    again = rank_sources(f"{CORPORA}/es", archive=trained["folder"], sample=40)
    assert {**again, "folder": trained["folder"]} == trained
    # All sentences of another text, by another measure; as a student's teachers are weighed.
    text = CORPORA / "es" / "test.conll"
    words = [[line[0] for line in block] for block in conll_blocks(text)]
    found = rank_sources(str(text), archive=trained["folder"], measure="cosine")
    assert found["sentences"] == len(words)
    for measure in MEASURES:
        weights = SimilarityWeights(trained["folder"], measure)
        alpha = weights.prepare(["en", "german"], lambda: words)["alpha"]
        assert found["similarities"][measure] == pytest.approx(alpha, abs=1e-4)
    cosine = found["similarities"]["cosine"]
    assert (
        found["ranking"] == sorted(cosine, key=lambda name: -cosine[name]) and found["nearest"] == found["ranking"][0]
    )


def test_the_table_begins_with_the_measure_that_ranks() -> None:
    report = {
        "text": "es.txt",
        "sentences": 1200,
        "measure": "cosine",
        "nearest": "de",
        "ranking": ["de", "en"],
        "similarities": {"learned": {"en": 0.75, "de": 0.25}, "cosine": {"en": 0.125, "de": 0.875}},
        "tau": {"learned": 3.0, "cosine": 2.0},
    }
    assert as_table(report).splitlines() == [
        "Similarity of the sources to 1,200 sentences of es.txt:",
        "",
        "| source | cosine | learned |",
        "|---|--:|--:|",
        "| de | 0.875 | 0.250 |",
        "| en | 0.125 | 0.750 |",
        "",
        "The most similar source by the measure 'cosine' is de.",
    ]
    report["tau"]["cosine"] = 0
    assert as_table(report).endswith("The measure 'cosine' does not distinguish the sources.")


def test_the_step_of_a_comparison(trained, allennlp, tmp_path) -> None:
    """As `allennlp cross-lingual --rank-sources` runs it, with an archive of the same languages."""
    request = Request(CORPORA, ["en", "german"], "es", tmp_path, ["mt"], str(TINY_ENCODER), [13], rank_sources=True)
    step = Plan.__new__(Plan)
    step._request, step._steps, step._configs = request, {}, set()
    (output,) = [step._ranking(13)]
    output.parent.mkdir()
    archive = tmp_path / "similarity-en+german-13"
    archive.symlink_to(trained["folder"])
    allennlp(*step._steps["rank-en+german-es-13"].command[3:])
    choice = source_choice([output], [], [], ["en", "german"])
    found = json.loads(output.read_text())
    assert choice["similarities"] == {measure: pytest.approx(found["similarities"][measure]) for measure in MEASURES}
    assert choice["choices"]["learned"] == {"nearest": found["nearest"], "best": {}}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sample": 0}, "--sample is 0"),
        ({"source": SOURCES[:1]}, "The sources are en. At least two with different names"),
        (
            {"source": [SOURCES[0], f"en={CORPORA}/de/train.conll"]},
            "The sources are en, en. At least two with different",
        ),
        ({"source": [SOURCES[0], f"a,b={CORPORA}/de/train.conll"]}, "must not contain a comma: en a,b. Use NAME=FILE"),
        ({"source": [*SOURCES, "xx=nowhere.conll"]}, "File 'nowhere.conll' does not exist. Check --source"),
        ({"source": [*SOURCES, "nowhere"]}, "File 'nowhere/train.conll' does not exist. Check --source"),
        ({"text": "nowhere.txt"}, "File 'nowhere.txt' does not exist. Check TEXT"),
        ({"text": str(TINY_ENCODER / "config.json")}, "cannot be determined from its name. Add --input-format text"),
        (
            {"serialization_dir": str(CORPORA)},
            "already exists. If it contains a trained similarity model, use it with --archive",
        ),
        ({"source": None, "archive": "nowhere.tar.gz"}, "ARCHIVE.*nowhere.tar.gz"),
    ],
)
def test_what_is_refused_before_the_training(changed: Dict[str, Any], message: str, monkeypatch) -> None:
    monkeypatch.setattr("lowresource_ner.commands.rank_sources.train_model", None)
    with pytest.raises(ConfigurationError, match=message):
        rank_sources(**{"text": str(CORPORA / "es"), "source": SOURCES, **changed})


def test_a_packed_file_and_one_whose_name_says_nothing(trained, tmp_path) -> None:
    lines = (CORPORA / "es" / "raw.txt").read_bytes()
    packed, plain = tmp_path / "es.txt.gz", tmp_path / "es.raw"
    packed.write_bytes(gzip.compress(lines))
    plain.write_bytes(lines)
    first = rank_sources(str(packed), archive=trained["folder"], sample=5)
    second = rank_sources(str(plain), archive=trained["folder"], sample=5, input_format="text")
    assert first["sentences"] == 5 and first["similarities"].keys() == second["similarities"].keys()
