"""The subcommand, its numbers against numpy on the archive's raw weights, and its figure."""

import io
import json
import re
import shutil
import sys
import tarfile
from itertools import combinations
from pathlib import Path
from typing import Any, Callable, Dict
from xml.etree import ElementTree

import matplotlib.style
import numpy
import pytest
import torch
from allennlp.common.checks import ConfigurationError

from lowresource_ner.commands.compare_modules import compare_modules
from lowresource_ner.commands.module_figure import draw_figure, principal_components, save_figure
from lowresource_ner.common.figures import STYLE

MODULES = ["lm_source", "lm_target", "ner_source", "ner_target"]

# Of fixtures/vectors and the config: word vectors and characters, and the LSTM's size in each direction.
INPUT, HIDDEN = 16 + 50, 100
# w_ih, w_hh, and both biases, for four gates.
PARTS = {"input_weights": 4 * HIDDEN * INPUT, "recurrent_weights": 4 * HIDDEN * HIDDEN, "biases": 8 * HIDDEN}


@pytest.fixture(scope="module")
def contents(cross_domain_archive, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("contents")
    with tarfile.open(cross_domain_archive) as tar:
        tar.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def weights(contents) -> Dict[str, numpy.ndarray]:
    """Of the generator, by their names in the archive."""
    state = torch.load(contents / "weights.th", weights_only=True)
    names = ("weight", "task_embeddings", "domain_embeddings")
    return {name: state[f"lstm_parameters.{name}"].numpy().astype("float64") for name in names}


@pytest.fixture(scope="module")
def comparison(cross_domain_archive) -> Dict[str, Any]:
    return compare_modules(str(cross_domain_archive))


@pytest.fixture
def altered(contents, tmp_path) -> Callable[..., str]:
    """The archive as a folder, another weight in the place of the generator's and, if need be, other `lstm_parameters`."""

    def alter(weight: torch.Tensor, lstm_parameters: Dict[str, Any] | None = None) -> str:
        folder = shutil.copytree(contents, tmp_path / "altered")
        state = torch.load(folder / "weights.th", weights_only=True)
        config = json.loads((folder / "config.json").read_text())
        if lstm_parameters is not None:
            config["model"]["lstm_parameters"] = lstm_parameters
            state = {name: each for name, each in state.items() if not name.startswith("lstm_parameters.")}
        torch.save({**state, "lstm_parameters.weight": weight}, folder / "weights.th")
        (folder / "config.json").write_text(json.dumps(config))
        return str(folder)

    return alter


def thetas(weights: Dict[str, numpy.ndarray]) -> numpy.ndarray:
    """(4, P), of `MODULES`: W (I_t ⊗ I_d)."""
    rows = [(task, domain) for task in (0, 1) for domain in (0, 1)]
    outer = [numpy.outer(weights["task_embeddings"][t], weights["domain_embeddings"][d]).ravel() for t, d in rows]
    return numpy.stack([weights["weight"] @ each for each in outer])


def cosine(a: numpy.ndarray, b: numpy.ndarray) -> float:
    return a @ b / numpy.sqrt((a @ a) * (b @ b))


def assert_cosines(found: Any, rows: numpy.ndarray) -> None:
    expected = [[cosine(a, b) for b in rows] for a in rows]
    numpy.testing.assert_allclose(found, expected, atol=1e-5)
    assert all(found[i][i] == 1 for i in range(len(rows)))
    assert len(rows) < 2 or numpy.abs(numpy.array(found) - numpy.eye(len(rows))).max() > 0.01


# Numbers


def test_modules_and_embeddings_are_those_of_the_archive(comparison, weights) -> None:
    assert [module["name"] for module in comparison["modules"]] == MODULES
    assert all(module["name"] == f"{module['task']}_{module['domain']}" for module in comparison["modules"])
    assert list(comparison["tasks"]) == ["lm", "ner"] and list(comparison["domains"]) == ["source", "target"]
    numpy.testing.assert_allclose(list(comparison["tasks"].values()), weights["task_embeddings"], rtol=1e-7)
    numpy.testing.assert_allclose(list(comparison["domains"].values()), weights["domain_embeddings"], rtol=1e-7)
    assert_cosines(comparison["task_cosine"], weights["task_embeddings"])
    assert_cosines(comparison["domain_cosine"], weights["domain_embeddings"])


def test_cosines_distances_and_norms_are_those_of_the_generated_parameters(comparison, weights) -> None:
    rows = thetas(weights)
    assert_cosines(comparison["cosine"], rows)
    norms = numpy.sqrt((rows**2).sum(axis=1))
    numpy.testing.assert_allclose(comparison["norms"], norms, rtol=1e-5)
    distance = numpy.array(comparison["distance"])
    assert (numpy.diag(distance) == 0).all() and (distance == distance.T).all()
    for i, j in combinations(range(4), 2):
        expected = numpy.sqrt(((rows[i] - rows[j]) ** 2).sum()) / numpy.mean([norms[i], norms[j]])
        assert distance[i, j] == pytest.approx(expected, rel=1e-5)


def test_parts_are_cut_where_the_lstm_has_them(comparison, weights) -> None:
    rows = thetas(weights)
    start = 0
    assert list(comparison["by_part"]) == ["forward", "backward"]
    for direction in comparison["by_part"].values():
        assert list(direction) == list(PARTS)
        for part, size in PARTS.items():
            assert_cosines(direction[part], rows[:, start : start + size])
            start += size
    assert start == rows.shape[1]


def test_a_module_that_was_not_trained_can_be_added(cross_domain_archive, comparison) -> None:
    again = {"task": "ner", "domain": "source", "head": "source", "label_namespace": "source_labels"}
    added = compare_modules(str(cross_domain_archive), overrides=json.dumps({"model.modules.again": again}))
    names = [module["name"] for module in added["modules"]]
    assert sorted(names) == ["again", *MODULES]
    same, other = names.index("again"), names.index("ner_source")
    assert added["cosine"][same][other] == 1 and added["distance"][same][other] == pytest.approx(0, abs=1e-6)
    kept = [names.index(name) for name in MODULES]
    numpy.testing.assert_allclose(numpy.array(added["cosine"])[numpy.ix_(kept, kept)], comparison["cosine"], atol=1e-7)


def test_one_lstm_for_all_has_no_embeddings(altered, tmp_path) -> None:
    weight = torch.linspace(-1, 1, 2 * sum(PARTS.values()))
    plot = tmp_path / "plot.svg"
    comparison = compare_modules(altered(weight, {"type": "shared"}), plot=str(plot))
    assert [comparison[key] for key in ("tasks", "domains", "task_cosine", "domain_cosine")] == [None] * 4
    assert comparison["cosine"] == [[1.0] * 4] * 4 and comparison["distance"] == [[0.0] * 4] * 4
    assert comparison["norms"] == pytest.approx([float(weight.double().norm())] * 4)
    assert texts(plot).count("1.00") >= 16 and "Task embeddings" not in texts(plot)


@pytest.mark.parametrize("number", [0.0, float("nan")])
def test_parameters_without_a_direction_are_an_error(altered, weights, number) -> None:
    archive = altered(torch.full(weights["weight"].shape, number))
    with pytest.raises(ConfigurationError, match="θ of module 'lm_source' has the length"):
        compare_modules(archive)


# The command


@pytest.fixture(scope="module")
def called(allennlp, cross_domain_archive, tmp_path_factory) -> Path:
    """A folder outside the repository with a plugins file, where the command was called once for each way of output."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / ".allennlp_plugins").write_text("lowresource_ner\n")
    command = ["compare-modules", cross_domain_archive, "--include-package", "lowresource_ner"]
    (folder / "stdout").write_text(allennlp(*command, cwd=folder).stdout, encoding="utf-8")
    completed = allennlp(*command, "--output-file", "out.json", "--plot", "plot.svg", cwd=folder)
    assert completed.stdout == ""
    return folder


def test_the_command_prints_json_and_nothing_else(called, comparison) -> None:
    assert json.loads((called / "stdout").read_text(encoding="utf-8")) == comparison
    assert (called / "out.json").read_text(encoding="utf-8") == (called / "stdout").read_text(encoding="utf-8")


def test_a_row_is_a_line(called, comparison) -> None:
    lines = (called / "out.json").read_text(encoding="utf-8").splitlines()
    assert len(lines) < 100
    assert f"    {json.dumps(comparison['cosine'][1])}," in lines


def test_help_in_the_repository_lists_the_command(allennlp) -> None:
    assert "compare-modules" in allennlp("--help").stdout


def archive_of(path: Path, model: str) -> str:
    """An archive with a config and nothing else: whoever reads on, fails."""
    text = json.dumps({"model": {"type": model}, "dataset_reader": {"type": "conll_ner"}}).encode()
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo("config.json")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))
    return str(path)


def test_an_archive_of_another_model_is_an_error(tmp_path) -> None:
    archive = archive_of(tmp_path / "model.tar.gz", "mbert_tagger")
    with pytest.raises(ConfigurationError) as error:
        compare_modules(archive)
    assert f"compare-modules reads pgn_bilstm_crossdomain, and {archive} is a mbert_tagger" in str(error.value)


def test_what_is_no_archive_is_an_error(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match=f"^ARCHIVE is '{tmp_path}', which is not an archive .*allennlp train"):
        compare_modules(str(tmp_path))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"plot": "plot.jpg"}, "'{folder}/plot.jpg' is not the name of a figure: it must end in .svg, .png, .pdf"),
        ({"plot": "plot"}, "must end in .svg, .png, .pdf"),
        (
            {"plot": "missing/plot.svg"},
            "'{folder}/missing/plot.svg' cannot be written: No such file or directory. Give a file",
        ),
        ({"output_file": "missing/out.json"}, "'{folder}/missing/out.json' cannot be written"),
        ({"output_file": ""}, "'{folder}/' cannot be written"),
    ],
)
def test_files_that_cannot_be_written_are_an_error_at_once(tmp_path, options, message) -> None:
    archive = archive_of(tmp_path / "model.tar.gz", "pgn_bilstm_crossdomain")
    given = {name: f"{tmp_path}/{path}" for name, path in options.items()}
    with pytest.raises(ConfigurationError) as error:
        compare_modules(archive, **given)
    assert message.format(folder=tmp_path) in str(error.value)


# The figure


def texts(path: Path) -> list:
    """What stands in the text elements of an SVG."""
    elements = ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")
    return ["".join(element.itertext()).strip() for element in elements]


def test_the_figure_names_modules_tasks_and_domains_and_holds_the_cosines(called, comparison) -> None:
    found = texts(called / "plot.svg")
    assert all(found.count(name) == 2 for name in MODULES), "on both axes"
    assert {"lm", "ner", "source", "target", "Task embeddings", "Domain embeddings", "module"} <= set(found)
    assert found.count("PC 1: 100% of variance") == 2, "two points lie on a line"
    shown = [float(text) for text in found if re.fullmatch(r"-?[01]\.\d\d", text)]
    for value in numpy.ravel(comparison["cosine"]):
        assert shown.count(round(value, 2)) >= 2


@pytest.mark.parametrize("suffix, start", [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_the_same_comparison_gives_the_same_bytes(called, comparison, tmp_path, suffix, start) -> None:
    """The SVG was drawn by another process before."""
    paths = [tmp_path / f"one.{suffix}", tmp_path / f"two.{suffix}"]
    for path in paths:
        with path.open("wb") as file:
            save_figure(comparison, file, f".{suffix}")
    first, second = (path.read_bytes() for path in paths)
    assert first == second and first.startswith(start)
    if suffix == "svg":
        assert first == (called / "plot.svg").read_bytes()
        assert b"<dc:date>" not in first
    assert "matplotlib.pyplot" not in sys.modules


@pytest.mark.parametrize("num_tasks, num_domains", [(1, 1), (1, 2), (2, 3), (3, 4)])
def test_all_texts_lie_within_the_figure_and_numbers_within_their_cells(num_tasks, num_domains) -> None:
    generator = numpy.random.default_rng(num_domains)
    tasks = {f"task_{number}": generator.normal(size=8) for number in range(num_tasks)}
    domains = {f"a_longer_$name$_{number}": generator.normal(size=5) for number in range(num_domains)}
    rows = [numpy.outer(task, domain).ravel() for task in tasks.values() for domain in domains.values()]
    names = [f"{task}_{domain}" for task in tasks for domain in domains]
    comparison = {
        "tasks": {name: each.tolist() for name, each in tasks.items()},
        "domains": {name: each.tolist() for name, each in domains.items()},
        "modules": [{"name": name} for name in names],
        "cosine": [[cosine(a, b) for b in rows] for a in rows],
    }
    with matplotlib.style.context(["default", STYLE]):
        figure = draw_figure(comparison)
        figure.draw_without_rendering()
    for axes in figure.axes:
        box = axes.get_tightbbox()
        assert box is not None and figure.bbox.containsx(box.x0) and figure.bbox.containsx(box.x1)
        assert figure.bbox.containsy(box.y0) and figure.bbox.containsy(box.y1)
    (heat_map,) = (axes for axes in figure.axes if axes.images)
    assert len(heat_map.texts) == len(names) ** 2
    assert [label.get_text() for label in heat_map.get_xticklabels()] == names
    widest = max(text.get_window_extent().width for text in heat_map.texts)
    assert widest < 0.95 * heat_map.get_window_extent().width / len(names)


def test_principal_components_are_those_of_the_covariance() -> None:
    points = numpy.random.default_rng(3).normal(size=(7, 5))
    places, shares = principal_components(points)
    values, vectors = numpy.linalg.eigh(numpy.cov(points.T))
    numpy.testing.assert_allclose(shares, values[::-1][:2] / values.sum())
    expected = (points - points.mean(axis=0)) @ vectors[:, ::-1][:, :2]
    numpy.testing.assert_allclose(numpy.abs(places), numpy.abs(expected))
    numpy.testing.assert_allclose(principal_components(points + 4)[0], places, err_msg="the signs are free and fixed")


@pytest.mark.parametrize("dim", [1, 8])
def test_two_points_lie_on_a_line_and_one_in_its_middle(dim) -> None:
    points = numpy.random.default_rng(4).normal(size=(2, dim))
    places, shares = principal_components(points)
    half = numpy.linalg.norm(points[0] - points[1]) / 2
    numpy.testing.assert_allclose(sorted(places[:, 0]), [-half, half])
    numpy.testing.assert_allclose(places[:, 1], 0, atol=1e-12)
    numpy.testing.assert_allclose(shares, [1, 0], atol=1e-12)
    for same in (points[:1], points[[0, 0]]):
        places, shares = principal_components(same)
        assert (places == 0).all() and places.shape == (len(same), 2) and (shares == 0).all()
