"""What `allennlp check-archive` says, against archives whose contents are known."""

import argparse
import json
import shutil
import tarfile

import pytest
import torch
from conftest import TINY_ENCODER

from lowresource_ner.commands.check_archive import (
    NOT_COVERED,
    CheckArchiveCommand,
    archive_findings,
    check_archives,
)
from lowresource_ner.common.quoting import quoted

CONFIG = {
    "dataset_reader": {
        "type": "conll_ner",
        "token_indexers": {"words": {"type": "single_id"}, "more": {"type": "single_id"}},
    },
    "model": {
        "type": "mbert_tagger",
        "model_name": "some/encoder",
        "file": "https://example.org/a.txt",
        "language": "de_x",
    },
    "trainer": {"optimizer": {"type": "fused_adamw"}, "callbacks": [{"type": "torch.optim.Adafactor"}]},
}


@pytest.fixture
def run(tmp_path):
    """The folder of a run."""
    folder = tmp_path / "run"
    encoder = folder / "vocabulary" / ".encoders" / "tiny-12345678"
    encoder.mkdir(parents=True)
    for path in TINY_ENCODER.glob("*.json"):
        (encoder / path.name).write_bytes(path.read_bytes())
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "vocabulary" / "labels.txt").write_text("O\nB-PER\nI-PER\n")
    (folder / "vocabulary" / "non_padded_namespaces.txt").write_text("*labels\n")
    torch.save({"a": torch.zeros(2, 3), "b": torch.zeros(4)}, folder / "best.th")
    return folder


def test_what_an_archive_consists_of_is_said(run):
    assert archive_findings(str(run)) == {
        "members": "a folder, in which nothing that is read is a pipe or a device; links that lead out of it: none",
        "config": "a mbert_tagger, which reads by conll_ner; JSON",
        "classes": "allennlp: single_id; lowresource_ner: conll_ner, fused_adamw, mbert_tagger",
        "not built": "'trainer.callbacks.0.type' is 'torch.optim.Adafactor'",
        "weights": "2 tensors, 10 numbers, and no code",
        "vocabulary": "'labels' (3)",
        "encoders": "'tiny-12345678' (bert)",
        "named": "'https://example.org/a.txt', 'de_x', 'some/encoder'",
    }


class TestSourceTagger:
    """The archive of a label_embedding_tagger contains that of its source tagger."""

    @pytest.fixture
    def source_tagger(self, run, tmp_path):
        copy = shutil.copytree(run, tmp_path / "copy")
        return copy.rename(run / "vocabulary" / ".source_tagger")

    def test_it_is_described_too(self, run, source_tagger):
        torch.save({"a": torch.zeros(5)}, source_tagger / "best.th")
        findings = archive_findings(str(run))
        assert findings["weights"] == "2 tensors, 10 numbers, and no code"
        assert findings["source weights"] == "1 tensors, 5 numbers, and no code"
        assert findings["source encoders"] == "'tiny-12345678' (bert)"
        assert findings["vocabulary"] == findings["source vocabulary"] == "'labels' (3)"

    @pytest.mark.parametrize("fault", ["pickle", "class", "no archive"])
    def test_it_is_refused_with_the_archive(self, run, source_tagger, tmp_path, fault, capsys):
        if fault == "pickle":
            torch.save({"a": argparse.Namespace()}, source_tagger / "best.th")
        elif fault == "class":
            config = {**CONFIG, "dataset_reader": {"type": "subprocess.Popen", "args": ["true"]}}
            (source_tagger / "config.json").write_text(json.dumps(config))
        else:
            (source_tagger / "config.json").unlink()
            shutil.rmtree(source_tagger / "vocabulary")
        packed = tmp_path / "model.tar.gz"
        (run / "best.th").rename(run / "weights.th")
        with tarfile.open(packed, "w:gz") as file:
            file.add(run, ".")
        assert not check_archives([str(packed)])
        line = capsys.readouterr().out.splitlines()[1]
        assert line.startswith("  REFUSED") and ".source_tagger" in line


def test_links_out_of_the_folder_of_a_run_are_named(run, tmp_path):
    (run / "best.th").rename(tmp_path / "kept.th")
    (run / "best.th").symlink_to(tmp_path / "kept.th")
    (run / "vocabulary" / "more.txt").symlink_to("labels.txt")
    members = archive_findings(str(run))["members"]
    assert members.endswith(f"; links that lead out of it: 'best.th' to {quoted(str(tmp_path / 'kept.th'))}")


def test_an_encoder_with_code_that_is_not_needed_is_named(run):
    path = run / "vocabulary" / ".encoders" / "tiny-12345678" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "auto_map": {"AutoModel": "code.Model"}}))
    assert "code beside it that is not needed and not run" in archive_findings(str(run))["encoders"]


def test_the_rest_is_checked_where_one_is_refused(run, tmp_path, capsys):
    stranger = tmp_path / "stranger"
    (stranger / "vocabulary").mkdir(parents=True)
    config = {**CONFIG, "dataset_reader": {"type": "subprocess.Popen", "args": ["true"]}}
    (stranger / "config.json").write_text(json.dumps(config))
    assert not check_archives([str(stranger), str(run)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(stranger) and lines[1].split()[:5] == "REFUSED The config of archive".split()
    assert "'dataset_reader.type' is 'subprocess.Popen'" in lines[1]
    assert lines[2] == str(run) and lines[5].split() == ["classes", *lines[5].split()[1:]]
    assert lines[-1] == NOT_COVERED


@pytest.mark.parametrize("is_good", [True, False])
def test_the_command_fails_where_one_is_refused(run, is_good):
    parser = argparse.ArgumentParser()
    CheckArchiveCommand().add_subparser(parser.add_subparsers())
    if not is_good:
        (run / "best.th").unlink()
    args = parser.parse_args(["check-archive", str(run)])
    if is_good:
        args.func(args)
    else:
        with pytest.raises(SystemExit) as left:
            args.func(args)
        assert left.value.code == 1
