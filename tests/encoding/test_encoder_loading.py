"""Encoders that are damaged, mistyped, or need code of others: one kind of error, which says which and what to do."""

import io
import json
import pickle
import shutil
import sys
from pathlib import Path
from typing import Callable

import pytest
import torch
import transformers
from allennlp.common.checks import ConfigurationError
from conftest import TINY_ENCODER
from transformers import AutoModel, AutoModelForTokenClassification

from lowresource_ner.common.damaged_files import damage_reported
from lowresource_ner.distillation import SentenceEncoder
from lowresource_ner.distillation.teachers.transformers_teacher import TransformersTeacher
from lowresource_ner.encoding.encoder_files import EncoderFiles
from lowresource_ner.modules import SubwordTransformer

FILES = ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"]


@pytest.fixture
def folder(tmp_path) -> Path:
    return Path(shutil.copytree(TINY_ENCODER, tmp_path / "encoder"))


@pytest.fixture
def nothing_asked(monkeypatch) -> None:
    """Neither the hub nor the user."""

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("the hub was asked")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", refuse)
    monkeypatch.setattr("transformers.utils.hub.hf_hub_download", refuse)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))


@pytest.mark.parametrize("size", [0, 40, 300])
@pytest.mark.parametrize("name", FILES)
def test_a_cut_file_is_named(folder, name, size) -> None:
    path = folder / name
    content = path.read_bytes()
    assert len(content) > 40
    path.write_bytes(content[: min(size, len(content) - 3)])
    with pytest.raises(ConfigurationError, match=f"of encoder '{folder}' cannot be read: .*again {path}"):
        SubwordTransformer(str(folder))


def cut_pickle(path: Path) -> None:
    torch.save(AutoModel.from_pretrained(TINY_ENCODER).state_dict(), path)
    path.write_bytes(path.read_bytes()[:5000])


DAMAGED_WEIGHTS: dict[str, Callable[[Path], object]] = {
    "cut": cut_pickle,
    "code": lambda path: path.write_bytes(pickle.dumps(print, protocol=2)),
    "text": lambda path: path.write_text("not found"),
    "empty": lambda path: path.write_bytes(b""),
}


@pytest.mark.parametrize("kind", DAMAGED_WEIGHTS)
def test_damaged_weights_of_the_older_format_are_named(folder, kind) -> None:
    (folder / "model.safetensors").unlink()
    path = folder / "pytorch_model.bin"
    DAMAGED_WEIGHTS[kind](path)
    with pytest.raises(ConfigurationError, match=f"weights of encoder '{folder}' cannot be read: .*{path}") as raised:
        SubwordTransformer(str(folder))
    assert "weights_only" not in str(raised.value)


def test_json_of_another_kind_is_a_damaged_file(folder) -> None:
    for name, content in [
        ("config.json", "[]"),
        ("config.json", '{"model_type": "no such"}'),
        ("tokenizer.json", "[1]"),
    ]:
        copy = Path(shutil.copytree(folder, folder.with_name("copy"), dirs_exist_ok=True))
        (copy / name).write_text(content)
        with pytest.raises(ConfigurationError, match=f"encoder '{copy}' cannot be read: .*{name}"):
            EncoderFiles(str(copy)).model()


def test_weights_of_another_shape_are_told(folder) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 64}))
    with pytest.raises(ConfigurationError, match="weights of encoder .* cannot be read: .*model.safetensors"):
        SubwordTransformer(str(folder))


def test_damage_is_told_by_teachers_and_encoders_of_sentences(folder) -> None:
    AutoModelForTokenClassification.from_pretrained(folder, num_labels=3).save_pretrained(folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    teacher = TransformersTeacher(str(folder), labels=["O", "B-PER", "I-PER"])
    for ask in (lambda: teacher.label([["Wien"]]), lambda: SentenceEncoder(str(folder)).encode([["Wien"]])):
        with pytest.raises(
            ConfigurationError, match=f"weights of encoder '{folder}' cannot be read: .*again {weights}"
        ):
            ask()


@pytest.mark.usefixtures("nothing_asked")
@pytest.mark.parametrize(
    "name",
    ["./none", "../none", ".none/tiny", "/no/such/folder", "runs/encoders/none", "~/none", "none/", "runs/none/"],
)
def test_a_mistyped_folder_is_not_looked_for_on_the_hub(name) -> None:
    with pytest.raises(
        ConfigurationError, match=f"encoder '{name}' cannot be read: there is no folder '{name}'.* Give"
    ):
        SubwordTransformer(name)


@pytest.mark.usefixtures("nothing_asked")
def test_a_file_is_no_encoder(folder) -> None:
    for name in ("config.json", "model.safetensors"):
        with pytest.raises(ConfigurationError, match=f"{name}' cannot be read: it is a file"):
            SubwordTransformer(str(folder / name))


def test_what_may_be_a_name_of_the_hub_is_looked_for_there_and_the_folder_said(folder, monkeypatch) -> None:
    monkeypatch.chdir(folder.parent.parent)
    with pytest.raises(ConfigurationError, match=f"folder '{folder.parent.name}' holds no 'tiny' either"):
        EncoderFiles(f"{folder.parent.name}/tiny")
    with pytest.raises(ConfigurationError) as raised:
        EncoderFiles("no-such-owner/tiny")
    assert "either" not in str(raised.value)


def with_code(folder: Path, **changes: object) -> str:
    config = json.loads((folder / "config.json").read_text())
    code = {"AutoConfig": "code.Config", "AutoModel": "code.Model"}
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": code, **changes}))
    (folder / "code.py").write_text("raise SystemExit('code of others was run')")
    return str(folder)


@pytest.mark.usefixtures("nothing_asked")
def test_code_that_comes_with_an_encoder_is_not_run_and_not_asked_about(folder) -> None:
    with pytest.raises(ConfigurationError, match="needs Python code .*'auto_map'.* type that transformers knows"):
        SubwordTransformer(with_code(folder, model_type="of-its-own"))
    assert sys.stdin.read() == "y\n"


@pytest.mark.usefixtures("nothing_asked")
def test_code_for_a_known_type_is_needed_where_the_known_class_lacks_weights(folder) -> None:
    SubwordTransformer(with_code(folder))
    weights = transformers.AutoModel.from_pretrained(folder, trust_remote_code=False).state_dict()
    (folder / "model.safetensors").unlink()
    torch.save({key: value for key, value in weights.items() if "position" not in key}, folder / "pytorch_model.bin")
    with pytest.raises(ConfigurationError, match=r"needs Python code .*lacks, such as 'embeddings.position_emb"):
        SubwordTransformer(str(folder))


def test_a_pooler_or_a_head_that_is_missing_needs_no_code(folder) -> None:
    AutoModel.from_pretrained(folder, add_pooling_layer=False).save_pretrained(folder)
    name = with_code(folder)
    assert EncoderFiles(name).model_with_pooler() is None
    with pytest.raises(ConfigurationError, match="it is not a model for token classification"):
        TransformersTeacher(name, labels=["O", "B-PER"]).label([["Wien"]])
    weights = AutoModel.from_pretrained(folder, trust_remote_code=False).state_dict()
    (folder / "model.safetensors").unlink()
    torch.save({key: value for key, value in weights.items() if "position" not in key}, folder / "pytorch_model.bin")
    with pytest.raises(ConfigurationError, match=r"needs Python code .*lacks, such as '.*embeddings.position_emb"):
        TransformersTeacher(name, labels=["O", "B-PER"]).label([["Wien"]])


def test_a_tokenizer_that_leaves_nothing_of_a_word_is_told(folder) -> None:
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    tokenizer["normalizer"] = {"type": "Replace", "pattern": {"Regex": "."}, "content": ""}
    path.write_text(json.dumps(tokenizer), encoding="utf-8")
    with pytest.raises(
        ConfigurationError, match=f"encoder '{folder}' returns nothing for the word 'a'.* Save it again"
    ):
        EncoderFiles(str(folder)).input_format  # noqa: B018


def test_what_has_nothing_to_do_with_a_file_is_let_through() -> None:
    for error in (ConfigurationError("known"), MemoryError(), KeyboardInterrupt(), torch.OutOfMemoryError()):
        with pytest.raises(type(error)), damage_reported("The file", "Copy it."):
            raise error
    with pytest.raises(ConfigurationError, match=r"^The file cannot be read: KeyError 'model'\. Copy it\.$"):
        with damage_reported("The file", "Copy it."):
            raise KeyError("model")
