"""The encoder in the box: its files, its words, and that it knows more than chance."""

import json
import math
from pathlib import Path

import pytest
import torch
from conftest import CORPORA, REPOSITORY
from transformers import AutoModelForMaskedLM, AutoTokenizer

from lowresource_ner.encoder_files import EncoderFiles, encoder_source

FOLDER = REPOSITORY / "lowresource_ner" / "encoders" / "multilingual-mini"
LANGUAGES = {"de", "en", "es", "fr", "it", "nl", "pt", "da", "no", "sv", "sw", "ha"}


def test_its_name_is_enough(monkeypatch, tmp_path) -> None:
    files = EncoderFiles("multilingual-mini")
    assert encoder_source("multilingual-mini") == str(FOLDER)
    assert encoder_source("bert-base-multilingual-cased") == "bert-base-multilingual-cased"
    model = files.model()
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert files.config().hidden_size == model.get_input_embeddings().weight.shape[1]
    monkeypatch.chdir(tmp_path)
    Path("multilingual-mini").mkdir()
    assert encoder_source("multilingual-mini") == "multilingual-mini"  # a folder of the user's own comes first


def test_its_size_and_its_report() -> None:
    size = sum(path.stat().st_size for path in FOLDER.iterdir())
    assert 10e6 < size < 25e6
    report = json.loads((FOLDER / "pretraining.json").read_text())
    before, after = report["held_out_loss_before"], report["held_out_loss"]
    assert {f"eval_{language}_loss" for language in LANGUAGES} <= set(after)
    assert all(after[name] < before[name] for name in after)
    assert not {path.name for path in FOLDER.iterdir()} - {
        "README.md",
        "config.json",
        "model.safetensors",
        "pretraining.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }


def test_the_card_says_what_the_report_says() -> None:
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    report = json.loads((FOLDER / "pretraining.json").read_text())
    assert f"{report['steps']:,}" in card and report["command"] in card.replace(" \\\n    ", " ")
    rows = [line.split("|")[1:-1] for line in card.splitlines() if line.startswith("| ")]
    losses = {row[0].strip(): (row[-2].strip(), row[-1].strip()) for row in rows if len(row) == 4}
    for name in report["corpora"]:
        before, after = (report[key][f"eval_{name}_loss"] for key in ("held_out_loss_before", "held_out_loss"))
        assert losses[name] == (f"{before:.2f}", f"{after:.2f}")


@pytest.mark.parametrize("language", ["de", "es", "sw"])
def test_it_reads_the_fixtures_better_than_word_frequencies(language: str) -> None:
    """Masked words of texts that it has never seen, against the best guess that knows these texts' own frequencies."""
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    model = AutoModelForMaskedLM.from_pretrained(FOLDER).eval()
    lines = (CORPORA / language / "raw.txt").read_text(encoding="utf-8").splitlines()[:100]
    batch = tokenizer(lines, padding=True, return_tensors="pt")
    assert (batch["input_ids"] == tokenizer.unk_token_id).sum() <= 2
    torch.manual_seed(1)
    words = batch["attention_mask"].bool() & (batch["input_ids"] > tokenizer.mask_token_id)
    masked = words & (torch.rand(words.shape) < 0.15)
    inputs = torch.where(masked, tokenizer.mask_token_id, batch["input_ids"])
    with torch.no_grad():
        logits = model(input_ids=inputs, attention_mask=batch["attention_mask"]).logits
    loss = torch.nn.functional.cross_entropy(logits[masked], batch["input_ids"][masked])
    counts = torch.bincount(batch["input_ids"][words], minlength=len(tokenizer)).double()
    shares = counts[counts > 0] / counts.sum()
    entropy = -(shares * shares.log()).sum()
    assert masked.sum() > 100
    assert loss < entropy + 0.5 < math.log(len(tokenizer))
