"""
Archives as a stranger might make them: each would run code, write elsewhere, or never end, where it is used without care.

    python tests/support/hostile_archives.py FOLDER

writes them all. What would run writes the file FOLDER/RAN; what would be written elsewhere is called `escaped`.
"""

import gzip
import io
import json
import os
import pickle
import sys
import tarfile
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

import torch

MARKER = "RAN"
ESCAPED = "escaped"

Parts = Dict[str, bytes]


class Hostile(NamedTuple):
    """
    How it is made, in which part it lies ("members", "config", "weights", "encoder") or in doing what it is met ("building",
    "teachers"), and what is said of it.
    """

    make: Callable[[Path], Path]
    part: str
    message: str


def harmless_config() -> Dict[str, Any]:
    return {
        "dataset_reader": {"type": "conll_ner", "token_indexers": {"tokens": {"type": "single_id"}}},
        "model": {"type": "pgn_bilstm_crossdomain", "modules": {}},
        "train_data_path": "test.conll",
    }


def harmless_parts() -> Parts:
    """The files of an archive by their names."""
    weights = io.BytesIO()
    torch.save({"projection.weight": torch.zeros(2)}, weights)
    return {
        "config.json": json.dumps(harmless_config()).encode(),
        "weights.th": weights.getvalue(),
        "vocabulary/labels.txt": b"O\nB-PER\n",
        "vocabulary/non_padded_namespaces.txt": b"*labels\n",
        "vocabulary/.encoders/tiny/config.json": b'{"model_type": "bert"}',
    }


def file_member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size
    return member


def packed(path: Path, parts: Parts, *members: Tuple[tarfile.TarInfo, bytes]) -> Path:
    """An archive of these files, and of further members as they are."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in parts.items():
            tar.addfile(file_member(name, len(content)), io.BytesIO(content))
        for member, content in members:
            tar.addfile(member, io.BytesIO(content) if content else None)
    return path


def with_member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> Callable[[Path], Path]:
    """An archive with one member more, of this kind."""

    def make(folder: Path) -> Path:
        content = b"" if kind != tarfile.REGTYPE else b"escaped"
        member = file_member(name.replace("FOLDER", str(folder)), len(content))
        member.type, member.linkname = kind, target.replace("FOLDER", str(folder))
        return packed(folder / "model.tar.gz", harmless_parts(), (member, content))

    return make


def bomb(folder: Path) -> Path:
    """A hundred megabytes of zeros, packed to a thousandth."""
    content = bytes(100 << 20)
    return packed(folder / "model.tar.gz", {**harmless_parts(), "vocabulary/tokens.txt": content})


def endless_header(folder: Path) -> Path:
    """The name of a member is a gigabyte long, by its header, and would be read at once."""
    path = folder / "model.tar.gz"
    header = file_member("name", 1 << 30)
    header.type = tarfile.GNUTYPE_LONGNAME
    path.write_bytes(gzip.compress(header.tobuf() + bytes(1 << 20)))
    return path


def with_header(size: int, number: int = 1) -> Callable[[Path], Path]:
    """An archive that begins with headers of this size, each of them digits: the next may begin after any of them."""

    def make(folder: Path) -> Path:
        header = file_member("header", size)
        header.type = tarfile.XHDTYPE
        path = packed(folder / "model.tar.gz", harmless_parts())
        headers = (header.tobuf() + b"1" * size + bytes(-size % tarfile.BLOCKSIZE)) * number
        path.write_bytes(gzip.compress(headers + gzip.decompress(path.read_bytes())))
        return path

    return make


def headers_everywhere(folder: Path) -> Path:
    """Three hundred members, each after a header of four kilobytes."""
    members = [(file_member(f"vocabulary/{number}.txt", 0), b"") for number in range(300)]
    for member, _ in members:
        member.pax_headers = {"comment": "x" * 4000}
    return packed(folder / "model.tar.gz", harmless_parts(), *members)


def negative_size(folder: Path) -> Path:
    """The next member would begin before this one, and be this one again."""
    return packed(folder / "model.tar.gz", harmless_parts(), (file_member("again", -512), b""))


def holes(folder: Path) -> Path:
    """A file of a gigabyte of which nothing is written but where it is, as newer tars say it."""
    member = file_member("vocabulary/tokens.txt", 0)
    member.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(1 << 30)}
    return packed(folder / "model.tar.gz", harmless_parts(), (member, b""))


def old_holes(folder: Path) -> Path:
    """The same, as older ones say it: a kind of member."""
    member = file_member("vocabulary/tokens.txt", 0)
    member.type = tarfile.GNUTYPE_SPARSE
    return packed(folder / "model.tar.gz", harmless_parts(), (member, b""))


def many_members(folder: Path) -> Path:
    return packed(folder / "model.tar.gz", {f"{number}": b"" for number in range(10_002)})


def long_config(folder: Path) -> Path:
    content = json.dumps({**harmless_config(), "x": [0] * (6 << 20)}).encode()
    return packed(folder / "model.tar.gz", {**harmless_parts(), "config.json": content})


def long_tail(folder: Path) -> Path:
    path = packed(folder / "model.tar.gz", harmless_parts())
    path.write_bytes(path.read_bytes() + gzip.compress(bytes(4 << 20)))
    return path


def with_config(change: Callable[[Dict[str, Any], str], Any]) -> Callable[[Path], Path]:
    """An archive whose config is another; `change` is given the path of the marker, which the config is to have made."""

    def make(folder: Path) -> Path:
        changed = change(harmless_config(), str(folder / MARKER))
        content = changed if isinstance(changed, str) else json.dumps(changed)
        return packed(folder / "model.tar.gz", {**harmless_parts(), "config.json": content.encode()})

    return make


def program(marker: str) -> Dict[str, Any]:
    return {"type": "subprocess.check_call", "args": ["touch", marker]}


def nested(config: Dict[str, Any], place: str, value: Any) -> Dict[str, Any]:
    """The config with a value at a dotted place."""
    *parents, last = place.split(".")
    section = config
    for name in parents:
        section = section.setdefault(name, {})
    section[last] = value
    return config


def with_pickle(folder: Path) -> Path:
    class Runs:
        def __reduce__(self) -> Tuple[Any, ...]:
            return os.system, (f"touch '{folder / MARKER}'",)

    return packed(folder / "model.tar.gz", {**harmless_parts(), "weights.th": pickle.dumps({"w": Runs()}, protocol=2)})


def run_folder(folder: Path, parts: Parts) -> Path:
    """The folder of a run, with a file as it is unpacked from what a stranger sent."""
    run = folder / "run"
    for name, content in parts.items():
        path = run / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return run


def with_pipe(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        parts = harmless_parts()
        parts.pop(name, None)
        run = run_folder(folder, parts)
        os.mkfifo(run / name)
        return run

    return make


ENCODER_CODE = """
import pathlib
pathlib.Path({marker!r}).touch()
from transformers import PretrainedConfig
class Config(PretrainedConfig):
    model_type = "strange"
"""


def encoder_parts(folder: Path, prefix: str = "") -> Parts:
    """The files of an encoder that asks for code that lies beside them."""
    config = {"model_type": "strange", "auto_map": {"AutoConfig": "code.Config", "AutoModel": "code.Model"}}
    tokenizer = {"tokenizer_class": "Strange", "auto_map": {"AutoTokenizer": ["code.Tokenizer", "code.Tokenizer"]}}
    return {
        f"{prefix}config.json": json.dumps(config).encode(),
        f"{prefix}tokenizer_config.json": json.dumps(tokenizer).encode(),
        f"{prefix}code.py": ENCODER_CODE.format(marker=str(folder / MARKER)).encode(),
    }


def with_encoder_code(folder: Path) -> Path:
    parts = {name: content for name, content in harmless_parts().items() if ".encoders" not in name}
    return packed(folder / "model.tar.gz", {**parts, **encoder_parts(folder, "vocabulary/.encoders/strange/")})


def with_encoder_config(**settings: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        content = json.dumps({"model_type": "bert", **settings}).encode()
        return packed(folder / "model.tar.gz", {**harmless_parts(), "vocabulary/.encoders/tiny/config.json": content})

    return make


def teacher_of_itself(folder: Path) -> Path:
    teacher = {"type": "archive", "archive_file": str(folder / "model.tar.gz")}
    return with_config(
        lambda config, marker: {**config, "model": {"type": "teacher_vote", "teachers": {"own": teacher}}}
    )(folder)


ENDLESS = "local f(x) = f(x + 1) tailstrict; f(0)"
READS_ENVIRONMENT = '{"model": {"type": std.extVar("HOME")}, "dataset_reader": {"type": "conll_ner"}}'

OUTSIDE = "would be written outside of the folder"
NO_CLASS = "no class is registered by this name"
MODULE = "may import a module of this name"
UNCHECKED = "would load another archive unchecked"
NO_JSON = "The config of archive .* cannot be read: .* never evaluated"

HOSTILE: Dict[str, Hostile] = {
    "a symbolic link out": Hostile(
        with_member("link", tarfile.SYMTYPE, "FOLDER"), "members", "'link' is a symbolic link"
    ),
    "a symbolic link in": Hostile(with_member("link", tarfile.SYMTYPE, "config.json"), "members", "is a symbolic link"),
    "a hard link": Hostile(with_member("link", tarfile.LNKTYPE, "config.json"), "members", "is a hard link"),
    "a named pipe": Hostile(with_member("vocabulary/t.txt", tarfile.FIFOTYPE), "members", "is a named pipe"),
    "a device": Hostile(with_member("vocabulary/t.txt", tarfile.CHRTYPE), "members", "is a device"),
    "an unknown kind": Hostile(with_member("strange", b"Z"), "members", "is of an unknown kind"),
    "an absolute name": Hostile(with_member(f"FOLDER/{ESCAPED}"), "members", OUTSIDE),
    "a name above": Hostile(with_member(f"../{ESCAPED}"), "members", OUTSIDE),
    "a name above, hidden": Hostile(with_member(f"vocabulary/../../{ESCAPED}"), "members", OUTSIDE),
    "a name twice": Hostile(with_member("./config.json"), "members", "is there twice"),
    "a bomb": Hostile(bomb, "members", "would fill the disk"),
    "an endless name": Hostile(endless_header, "members", "bytes, which is impossible"),
    "an endless header": Hostile(with_header(1 << 20), "members", "bytes, which is impossible"),
    "headers without end": Hostile(with_header(0, 3000), "members", "is one header too many"),
    "headers everywhere": Hostile(headers_everywhere, "members", "is one header too many"),
    "holes": Hostile(holes, "members", "is a file with holes"),
    "holes of old": Hostile(old_holes, "members", "is of an unknown kind"),
    "too many members": Hostile(many_members, "members", "is one of more than 10,000"),
    "a config that never ends": Hostile(long_config, "config", "bytes, and at most 16,777,216 are read"),
    "a negative size": Hostile(negative_size, "members", "bytes, which is impossible"),
    "an endless tail": Hostile(long_tail, "members", "more than a megabyte follows"),
    "endless Jsonnet": Hostile(with_config(lambda config, marker: ENDLESS), "config", NO_JSON),
    "Jsonnet that reads": Hostile(with_config(lambda config, marker: READS_ENVIRONMENT), "config", NO_JSON),
    "no object": Hostile(with_config(lambda config, marker: [config]), "config", "it is not a JSON object"),
    "deep": Hostile(
        with_config(lambda config, marker: '{"model": ' * 500 + "1" + "}" * 500), "config", "nested more than"
    ),
    "very deep": Hostile(with_config(lambda config, marker: "[" * 100_000), "config", NO_JSON),
    "a program as reader": Hostile(
        with_config(lambda config, marker: nested(config, "dataset_reader", program(marker))), "config", NO_CLASS
    ),
    "a program's name as reader": Hostile(
        with_config(lambda config, marker: nested(config, "dataset_reader", "subprocess.Popen")), "config", MODULE
    ),
    "a program's name as validation reader": Hostile(
        with_config(lambda config, marker: nested(config, "validation_dataset_reader", "subprocess.Popen")),
        "config",
        MODULE,
    ),
    "a program as model": Hostile(
        with_config(lambda config, marker: nested(config, "model", program(marker))), "config", NO_CLASS
    ),
    "a program's name as model": Hostile(
        with_config(lambda config, marker: nested(config, "model", "subprocess.Popen")), "config", MODULE
    ),
    "a program as vocabulary": Hostile(
        with_config(lambda config, marker: nested(config, "vocabulary", program(marker))), "config", NO_CLASS
    ),
    "a program as indexer": Hostile(
        with_config(lambda config, marker: nested(config, "dataset_reader.token_indexers.tokens", program(marker))),
        "config",
        "'dataset_reader.token_indexers.tokens.type' is 'subprocess.check_call', and no class",
    ),
    "a program in a list": Hostile(
        with_config(lambda config, marker: nested(config, "model.regularizer.regexes", [["x", program(marker)]])),
        "config",
        "'model.regularizer.regexes.0.1.type' is",
    ),
    "a program's name in a list": Hostile(
        with_config(lambda config, marker: nested(config, "model.regularizer.regexes", [["x", "subprocess.Popen"]])),
        "config",
        "'model.regularizer.regexes.0.1' is",
    ),
    "os.system": Hostile(
        with_config(
            lambda config, marker: nested(
                config, "model.tag_head", {"type": "os.system", "command": f"touch '{marker}'"}
            )
        ),
        "config",
        NO_CLASS,
    ),
    "an attribute of a module": Hostile(
        with_config(lambda config, marker: nested(config, "model.scoring_func", "os.abort")), "config", MODULE
    ),
    "another archive's model": Hostile(
        with_config(
            lambda config, marker: nested(config, "model", {"type": "from_archive", "archive_file": "other.tar.gz"})
        ),
        "config",
        UNCHECKED,
    ),
    "another archive's module": Hostile(
        with_config(
            lambda config, marker: nested(config, "model.tag_head", {"_pretrained": {"archive_file": "other.tar.gz"}})
        ),
        "config",
        UNCHECKED,
    ),
    "another archive's weights": Hostile(
        with_config(lambda config, marker: nested(config, "model.weights", {"type": "pretrained"})),
        "config",
        UNCHECKED,
    ),
    "another archive's vocabulary": Hostile(
        with_config(
            lambda config, marker: nested(config, "model.vocab", {"type": "from_files", "directory": "other.tar.gz"})
        ),
        "config",
        "would fetch or unpack another vocabulary unchecked",
    ),
    "a billion layers": Hostile(
        with_config(lambda config, marker: nested(config, "model.lstm.num_layers", 10**9)),
        "config",
        "no model has more than 1,000 of these",
    ),
    "an encoder of a billion layers": Hostile(
        with_encoder_config(num_hidden_layers=10**9),
        "members",
        "'num_hidden_layers' is 1000000000, and no model has more",
    ),
    "a spaCy model": Hostile(
        with_config(
            lambda config, marker: {
                **config,
                "dataset_reader": {
                    "type": "text_classification_json",
                    "tokenizer": {"type": "spacy", "language": "no_such_model"},
                },
            }
        ),
        "building",
        "needs the spaCy model 'no_such_model', which is not installed",
    ),
    "a teacher of itself": Hostile(teacher_of_itself, "teachers", "is a teacher of itself"),
    "trust in remote code": Hostile(
        with_config(lambda config, marker: nested(config, "model.transformer_kwargs.trust_remote_code", "yes")),
        "config",
        "code that comes with an encoder",
    ),
    "a pickle": Hostile(with_pickle, "weights", "The file weights.th of archive .* cannot be read"),
    "an encoder with code": Hostile(with_encoder_code, "encoder", "needs Python code that comes with its files"),
    "a pipe for a config": Hostile(with_pipe("config.json"), "members", "'config.json' in it is a pipe"),
    "a pipe for weights": Hostile(with_pipe("weights.th"), "members", "'weights.th' in it is a pipe"),
    "a pipe for a vocabulary": Hostile(with_pipe("vocabulary/t.txt"), "members", "'vocabulary/t.txt' in it is a pipe"),
    "a pipe in an encoder": Hostile(
        with_pipe("vocabulary/.encoders/tiny/vocab.txt"), "members", "'vocabulary/.encoders/tiny/vocab.txt' in it"
    ),
}


def main(arguments: List[str]) -> None:
    folder = Path(arguments[0]).absolute()
    for name, hostile in HOSTILE.items():
        inner = folder / name.replace(" ", "_").replace(",", "").replace("'", "")
        inner.mkdir(parents=True)
        print(f"{hostile.make(inner)}: {name}")


if __name__ == "__main__":
    main(sys.argv[1:])
