"""What is installed, from what, and that it works where it is installed."""

import ast
import configparser
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from allennlp.common import Params
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lowresource_ner import _compatibility
from lowresource_ner.version import VERSION

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "lowresource_ner"
FEWEST_REGISTERED = 32
FEWEST_PINS = 100

# Runs in the other environment, imports only the package, and looks up every name that its installed source registers.
LOOK_UP = """
import ast, json, sys
from pathlib import Path
import lowresource_ner

root = Path(lowresource_ner.__file__).parent
found = []
for path in sorted(root.rglob("*.py")):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ClassDef):
            continue
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Attribute) and mark.func.attr == "register":
                module = sys.modules[".".join(path.relative_to(root.parent).with_suffix("").parts)]
                base = eval(ast.unparse(mark.func.value), vars(module))
                name = ast.literal_eval(mark.args[0])
                found.append([base.__name__, name, base.resolve_class_name(name)[0].__name__, node.name])
print(json.dumps({"file": lowresource_ner.__file__, "version": lowresource_ner.__version__, "found": found}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that the repository stays as it is and nothing is taken from an earlier build."""
    sources = tmp_path_factory.mktemp("sources")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "lowresource_ner_command.py"):
        shutil.copy(REPOSITORY / name, sources)
    # What must not be packed lies in the copy too. Of the training configs the package has a link.
    for folder in ("lowresource_ner", "training_configs", "tests", "scripts"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / folder, sources / folder, symlinks=True, ignore=ignored)
    built = tmp_path_factory.mktemp("built")
    run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(built), str(sources)], cwd=built)
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Another environment with the wheel in it. The packages that it needs are seen through a path file: what is only listed there
    has its own path files ignored, so the editable installation of this repository stays out of sight.
    """
    folder = tmp_path_factory.mktemp("environment")
    run([sys.executable, "-m", "venv", "--without-pip", str(folder)], cwd=folder)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    install = ["-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    run([sys.executable, *install], cwd=folder)
    where = run([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], cwd=folder).strip()
    layers = [entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
    assert layers
    (Path(where) / "layers.pth").write_text("\n".join(layers) + "\n", encoding="utf-8")
    return python


def run(command: list[str], cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_"))}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command[:6])} ...\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    packed = {name for name in names if ".dist-info/" not in name}
    sources = {path.relative_to(REPOSITORY).as_posix() for path in PACKAGE.rglob("*.py")}
    encoders = {path.relative_to(REPOSITORY).as_posix() for path in (PACKAGE / "encoders").glob("*/*")}
    root = REPOSITORY / "training_configs"
    configs = {f"lowresource_ner/{path.relative_to(REPOSITORY)}" for path in root.rglob("*") if path.is_file()}
    assert len(encoders) == 7 and len(configs) > 25
    assert packed == sources | encoders | configs | {"lowresource_ner/py.typed", "lowresource_ner_command.py"}
    assert any(name.endswith("/LICENSE") for name in names)
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert all((folder / "__init__.py").is_file() for folder in folders), "a folder without __init__.py is not packed"


def test_wheel_says_what_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        text = archive.read(name).decode("utf-8")
    assert f"Version: {VERSION}\n" in text
    assert "Requires-Dist: allennlp==2.10.1\n" in text
    assert re.search(r"^Requires-Python: .*<3\.13", text, re.MULTILINE)
    assert {"dev", "baselines"} <= set(re.findall(r"^Provides-Extra: (\S+)$", text, re.MULTILINE))


def test_importing_the_package_alone_registers_every_name(elsewhere: Path, tmp_path: Path) -> None:
    answer = json.loads(run([str(elsewhere), "-c", LOOK_UP], cwd=tmp_path).splitlines()[-1])
    assert Path(answer["file"]).is_relative_to(elsewhere.parent.parent)
    assert answer["version"] == VERSION
    found = answer["found"]
    assert len(found) >= FEWEST_REGISTERED
    assert [entry for entry in found if entry[2] != entry[3]] == [], "another class has taken the name"
    names = {(base, name) for base, name, *_ in found}
    assert {
        ("DataLoader", "one_batch_per_module"),
        ("DatasetReader", "conll_ner"),
        ("DatasetReader", "raw_text"),
        ("DatasetReader", "teacher_labelled"),
        ("DistillationLoss", "hard_labels"),
        ("DistillationLoss", "kl"),
        ("DistillationLoss", "mse"),
        ("DistillationLoss", "soft_cross_entropy"),
        ("EncoderParameters", "parameter_generator"),
        ("EncoderParameters", "shared"),
        ("LearningRateScheduler", "inverse_time_decay"),
        ("Model", "kd_student"),
        ("Model", "mbert_tagger"),
        ("Model", "pgn_bilstm_crossdomain"),
        ("Model", "pgn_transformer"),
        ("ModuleHead", "language_model"),
        ("ModuleHead", "masked_language_model"),
        ("ModuleHead", "tagging"),
        ("Metric", "seqeval_f1"),
        ("MultiTaskScheduler", "one_batch_per_module"),
        ("Optimizer", "lazy_sgd"),
        ("Predictor", "ner"),
        ("Predictor", "ner_conll"),
        ("Subcommand", "compare-modules"),
        ("Subcommand", "configs"),
        ("Subcommand", "cross-lingual"),
        ("Subcommand", "distil-encoder"),
        ("Subcommand", "pretrain-encoder"),
        ("Teacher", "archive"),
        ("Teacher", "label_file"),
        ("Teacher", "transformers"),
        ("TeacherWeights", "given"),
        ("TeacherWeights", "uniform"),
        ("TokenEmbedder", "character_cnn"),
        ("TokenEmbedder", "word_vectors"),
        ("TokenIndexer", "normalised_words"),
        ("TokenIndexer", "word_characters"),
        ("TrainerCallback", "module_updates"),
        ("TrainerCallback", "switch_optimizer"),
    } <= names


def test_configs_of_the_wheel_are_listed_and_copied_and_can_be_read(elsewhere: Path, tmp_path: Path) -> None:
    """Where nothing is known of the repository."""
    variables = {
        "NER_DATA": "corpora",
        "TARGET": "es",
        "TEACHER": "model.tar.gz",
        "ENCODER": "mini",
        "ENCODER_SIZE": "small",
    }
    variables |= {"SEED": "13", "DEVICE": "-1"}
    program = f"""
import sys
import lowresource_ner
from allennlp.commands import main
from allennlp.common import Params

for arguments in (["list"], ["copy", "student_soft", "mine"]):
    sys.argv = ["allennlp", "configs", *arguments]
    main()
Params.from_file("mine/cross_lingual/student_soft.jsonnet", ext_vars={variables}).to_file("read.json")
"""
    said = run([str(elsewhere), "-c", program], cwd=tmp_path).splitlines()
    root = REPOSITORY / "training_configs"
    names = sorted(str(path.relative_to(root).with_suffix("")) for path in root.glob("*/*.jsonnet"))
    assert [line.split()[0] for line in said[: len(names)]] == names and len(names) > 20
    listed = {name: text for name, text in (line.split(maxsplit=1) for line in said[: len(names)])}
    assert listed["cross_lingual/student_soft"].startswith(
        "TS of Wu et al. (2020, arXiv:2004.12440): a student that learns"
    )
    copied = {str(path.relative_to(tmp_path / "mine")) for path in (tmp_path / "mine").rglob("*") if path.is_file()}
    imported = {f"lib/{name}.libsonnet" for name in ("environment", "encoder_tagger", "resumable", "student")}
    assert copied == {"cross_lingual/student_soft.jsonnet", "defaults.sh"} | imported
    expected = Params.from_file(root / "cross_lingual" / "student_soft.jsonnet", ext_vars=variables)
    assert json.loads((tmp_path / "read.json").read_text()) == expected.as_dict(quiet=True)


def test_registered_names_are_snake_case() -> None:
    """Those of subcommands are written with hyphens, as AllenNLP's own are."""
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for mark in node.decorator_list if isinstance(node, ast.ClassDef) else []:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func).endswith(".register"):
                    name = ast.literal_eval(mark.args[0])
                    joint = "-" if ast.unparse(mark.func) == "Subcommand.register" else "_"
                    if not re.fullmatch(rf"[a-z][a-z0-9{joint}]*", name):
                        wrong.append(f"{path.name}: {name}")
    assert wrong == []


def test_plugins_file_names_the_package() -> None:
    """AllenNLP takes every non-blank line for the name of a module, comments included."""
    assert (REPOSITORY / ".allennlp_plugins").read_text(encoding="utf-8").split() == ["lowresource_ner"]


# Requirements


def pins(*names: str) -> dict[str, Requirement]:
    found: dict[str, Requirement] = {}
    for name in names:
        for line in (REPOSITORY / name).read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                requirement = Requirement(line)
                key = canonicalize_name(requirement.name)
                assert key not in found, f"{key} stands in {name} although it is pinned before"
                found[key] = requirement
    return found


FILES_OF_PINS = ("requirements.txt", "requirements-dev.txt", "requirements-baselines.txt", "requirements-eflomal.txt")


@pytest.mark.parametrize("name", FILES_OF_PINS)
def test_closure_is_pinned_by_name_and_version_alone(name: str) -> None:
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines
    form = r'[a-z0-9]+(-[a-z0-9]+)*==[0-9][0-9a-z.]*( ; sys_platform == "[a-z0-9]+")?'
    assert [line for line in lines if not re.fullmatch(form, line)] == []
    assert "://" not in text


def test_nothing_is_missing_from_the_closure_or_at_odds_with_it() -> None:
    """
    Follows what the installed packages themselves require. Only AllenNLP may ask for something else than is pinned: its ranges
    are why the closure exists.
    """
    closure = pins("requirements.txt", "requirements-dev.txt")
    assert len(closure) >= FEWEST_PINS
    here = {name for name, pin in closure.items() if pin.marker is None or pin.marker.evaluate()}
    missing, at_odds = set(), set()
    for name in sorted(here - {"allennlp"}):
        for line in metadata.requires(name) or []:
            need = Requirement(line)
            if need.marker is not None and not need.marker.evaluate({"extra": ""}):
                continue
            key = canonicalize_name(need.name)
            if key not in here:
                missing.add(f"{key}, which {name} needs")
            elif not need.specifier.contains(pinned_version(closure[key]), prereleases=True):
                at_odds.add(f"{key}: {name} needs {need.specifier}, pinned is {pinned_version(closure[key])}")
    assert (missing, at_odds) == (set(), set())


def test_every_pin_is_needed() -> None:
    """Reached from what setup.cfg and the extra `dev` name; what AllenNLP asks for and never imports does not count."""
    closure = pins("requirements.txt", "requirements-dev.txt")
    installed = {canonicalize_name(distribution.metadata["Name"]) for distribution in metadata.distributions()}
    settings = setup_cfg()
    named = settings["options"]["install_requires"] + settings["options.extras_require"]["dev"]
    waiting = [(canonicalize_name(need.name), frozenset(need.extras)) for need in requirements_in(named)]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen or name not in closure or name not in installed:
            continue
        seen.add((name, extras))
        for line in metadata.requires(name) or []:
            need = Requirement(line)
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in {"", *extras}):
                waiting.append((canonicalize_name(need.name), frozenset(need.extras)))
    reached = {name for name, _ in seen}
    elsewhere_only = {name for name, pin in closure.items() if pin.marker is not None and not pin.marker.evaluate()}
    assert set(closure) - reached - elsewhere_only == set()


def pinned_version(pin: Requirement) -> str:
    (specifier,) = pin.specifier
    return specifier.version


def setup_cfg() -> configparser.ConfigParser:
    settings = configparser.ConfigParser()
    settings.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    return settings


def requirements_in(block: str) -> list[Requirement]:
    return [Requirement(line) for line in block.splitlines() if line.strip()]


def test_pins_lie_within_the_declared_ranges() -> None:
    closure = pins(*FILES_OF_PINS)
    settings = setup_cfg()
    declared = [settings["options"]["install_requires"], *settings["options.extras_require"].values()]
    overrides = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]
    needs = [need for block in declared for need in requirements_in(block)]
    needs += [Requirement(line) for line in overrides["override-dependencies"]]
    assert len(needs) > 20
    for need in needs:
        key = canonicalize_name(need.name)
        if need.marker is not None and not need.marker.evaluate():
            assert key not in closure, f"{key} is left out for uv and pinned for pip"
        else:
            assert need.specifier.contains(pinned_version(closure[key])), f"{need}, pinned is {closure[key]}"


def test_what_the_package_imports_is_declared() -> None:
    declared = {canonicalize_name(need.name) for need in requirements_in(setup_cfg()["options"]["install_requires"])}
    used = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                used |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                used.add(node.module.split(".")[0])
    outside = used - set(sys.stdlib_module_names) - {"lowresource_ner"}
    assert {"allennlp", "torch"} <= outside
    known_as = metadata.packages_distributions()
    assert {canonicalize_name(known_as[name][0]) for name in outside} <= declared
    # transformers' Trainer asks for it when it trains.
    assert "accelerate" in declared


# The check of the environment


FITTING = {
    "packaging": "26.3",
    "allennlp": "2.10.1",
    "torch": "2.14.1",
    "torchvision": "0.29.1",
    "transformers": "4.43.4",
    "tokenizers": "0.19.1",
    "numpy": "2.4.6",
    "spacy": "3.8.18",
    "seqeval": "1.2.2",
}


def check(requirements: list[str] | None = None, **changed: str | None) -> str:
    """The message for an environment that differs from a fitting one, empty where there is no fault."""
    versions: dict[str, str | None] = {**FITTING, **changed}
    try:
        _compatibility.check_environment(versions.get, lambda name: requirements or ["numpy", "torch (>=2.14.0)"])
    except ImportError as error:
        return str(error)
    return ""


def test_this_environment_fits() -> None:
    _compatibility.check_environment()


def test_the_pinned_closure_fits() -> None:
    closure = pins("requirements.txt")
    versions = {need.name: pinned_version(closure[need.name]) for need in _compatibility.NEEDS}
    assert check(**versions) == ""


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("torch", "1.12.1"),
        ("transformers", "4.42.4"),
        ("transformers", "4.44.2"),
        ("transformers", "4.50.0"),
        ("numpy", "1.24.4"),
        ("spacy", "3.3.3"),
        ("allennlp", "2.9.3"),
    ],
)
def test_an_unfit_version_is_named_with_what_is_needed_and_what_to_do(name: str, version: str) -> None:
    message = check(**{name: version})
    (need,) = [need for need in _compatibility.NEEDS if need.name == name]
    assert f"{name} {version} is installed, {name}{need.versions} is needed" in message
    assert "pip install --no-deps -r requirements.txt" in message
    assert "uv pip install -e ." in message


@pytest.mark.parametrize(
    ("name", "version"),
    [("torch", "2.15.0"), ("torch", "2.14.1+cpu"), ("torch", "2.14.2a0+local"), ("numpy", "1.26.4")],
)
def test_other_fitting_versions_pass(name: str, version: str) -> None:
    assert check(**{name: version}) == ""


@pytest.mark.parametrize("name", sorted(FITTING))
def test_a_missing_package_is_named(name: str) -> None:
    assert f"{name} is not installed" in check(**{name: None})


def test_all_faults_come_at_once() -> None:
    message = check(allennlp=None, transformers="4.57.1", numpy="1.21.6")
    assert message.count("\n  - ") == 3


def test_a_torchvision_for_another_torch_is_a_fault() -> None:
    message = check(torch="2.13.0+cpu")
    assert "torch 2.13.0+cpu is installed, but torchvision 0.29.1 is built for torch>=2.14.0" in message
    assert "built for torch==2.11.0" in check(["torch (==2.11.0)"], torchvision="0.26.0")


def test_the_wheel_brings_a_command(elsewhere: Path, tmp_path: Path) -> None:
    said = run([str(elsewhere.with_name("lowresource-ner")), "--version"], cwd=tmp_path)
    assert said.splitlines() == [f"lowresource-ner {VERSION}", "allennlp 2.10.1"]


def test_the_check_imports_nothing_heavy() -> None:
    """It must speak where AllenNLP cannot be imported: the file is run alone, and what it has imported is looked at."""
    program = (
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('alone', {str(PACKAGE / '_compatibility.py')!r})\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "module.check_environment()\n"
        "print(sorted({'torch', 'allennlp', 'transformers', 'numpy', 'spacy'} & set(sys.modules)))\n"
    )
    assert run([sys.executable, "-c", program], cwd=PACKAGE.parent).strip() == "[]"


def test_importing_the_package_checks_first(tmp_path: Path) -> None:
    """In an environment without any of the packages the import ends in our message, not in `No module named allennlp`."""
    program = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); import lowresource_ner"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "ImportError: lowresource_ner cannot run with the packages installed here" in done.stderr
    assert "pip install --no-deps -r requirements.txt" in done.stderr


# The search for a Python


@pytest.fixture
def find_python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """Runs scripts/find_python.sh with a PATH of stand-ins: `name="text"` is a script of that name that prints the text."""

    def find(argument: str = "", **answers: str) -> subprocess.CompletedProcess:
        for name, text in answers.items():
            stand_in = tmp_path / name.replace("_", ".")
            stand_in.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
            stand_in.chmod(0o755)
        script = [shutil.which("sh") or "/bin/sh", str(REPOSITORY / "scripts/find_python.sh"), argument]
        # The script needs `cat` besides the Pythons.
        (tmp_path / "cat").symlink_to(shutil.which("cat") or "/bin/cat")
        return subprocess.run(script, env={"PATH": str(tmp_path)}, capture_output=True, text=True)

    return find


@pytest.mark.skipif(os.name == "nt", reason="make and sh belong to Unix")
class TestFindPython:
    def test_takes_the_first_that_fits(self, find_python: Callable[..., subprocess.CompletedProcess]) -> None:
        done = find_python(python3_12="exit 127", python3_11="echo fits", python3="echo fits")
        assert done.returncode == 0
        assert Path(done.stdout.strip()).name == "python3.11"

    def test_says_what_was_found_and_what_to_do(self, find_python: Callable[..., subprocess.CompletedProcess]) -> None:
        done = find_python(python3_12="exit 127", python3='echo "Python 3.13.0 is not supported"')
        assert done.returncode != 0 and done.stdout == ""
        assert "Needed: Python 3.11 or 3.12" in done.stderr
        assert re.search(r"python3\.12 \(.*\): does not run", done.stderr)
        assert "python3.11: not found" in done.stderr
        assert re.search(r"python3 \(.*\): Python 3\.13\.0 is not supported", done.stderr)
        assert "What to do:" in done.stderr

    def test_a_named_python_is_the_only_one(self, find_python: Callable[..., subprocess.CompletedProcess]) -> None:
        done = find_python("python3.9", python3_11="echo fits")
        assert done.returncode != 0
        assert "python3.9: not found" in done.stderr and "python3.11" not in done.stderr.split("What to do")[0]

    def test_a_real_python_is_judged(self) -> None:
        script = ["sh", str(REPOSITORY / "scripts/find_python.sh"), sys.executable]
        done = subprocess.run(script, capture_output=True, text=True)
        fits = (3, 11) <= sys.version_info[:2] <= (3, 12) and importlib.util.find_spec("ensurepip") is not None
        assert (done.returncode == 0) == fits
