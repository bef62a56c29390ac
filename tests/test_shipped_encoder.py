"""The encoder in the box: its files, its words, and that it knows more than chance, in several languages alike."""

import json
import math
from collections import defaultdict
from pathlib import Path
from typing import Any, Dict, Iterable, List

import numpy
import pytest
import torch
from conftest import CORPORA, REPOSITORY
from transformers import AutoModelForMaskedLM, AutoTokenizer

from lowresource_ner.distillation import SentenceEncoder
from lowresource_ner.encoding.encoder_files import EncoderFiles, encoder_source

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


def test_its_size_is_what_the_card_says() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {
        "README.md",
        "config.json",
        "distillation.json",
        "model.safetensors",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    files = EncoderFiles("multilingual-mini")
    config = files.config()
    num_parameters = sum(weight.numel() for weight in files.model(load_weights=False).parameters())
    card = " ".join((FOLDER / "README.md").read_text(encoding="utf-8").split())
    assert (
        f"{config.num_hidden_layers} layers of {config.hidden_size}, {config.num_attention_heads} heads, "
        f"{config.vocab_size:,} unigram pieces, {num_parameters / 1e6:.1f} million parameters"
    ) in card
    assert f"{config.max_position_embeddings} positions, saved in float16 ({weights_size() / 1e6:.0f} MB)" in card
    assert (
        config.vocab_size == len(files.tokenizer()) and files.input_format.max_length == config.max_position_embeddings
    )


def weights_size() -> int:
    return (FOLDER / "model.safetensors").stat().st_size


@pytest.fixture(scope="module")
def report() -> Dict[str, Any]:
    return json.loads((FOLDER / "distillation.json").read_text())


def test_each_stage_has_improved_on_every_text_and_all_languages_were_read(report) -> None:
    first, second = report["stage_1"], report["stage_2"]
    for name in first["texts"]:
        begun, between, done = (
            numpy.array(losses[name]) for losses in (first["before"], first["after"], second["after"])
        )
        assert (begun > between).all() and between[0] > done[0], name
    assert {language for name in first["texts"] for language in languages_of(name)} == LANGUAGES


def languages_of(text: str) -> List[str]:
    """Of en-de-bible.tsv.gz both, of de-eltec.txt.gz the one."""
    stem, suffix, _ = text.split(".")
    return stem.split("-")[: {"tsv": 2, "txt": 1}[suffix]]


def test_the_card_says_what_the_report_says(report) -> None:
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    rows = {
        cells[0]: cells[1:] for cells in (line[1:-1].split("|") for line in card.splitlines() if line.startswith("| "))
    }
    rows = {name.strip(): [cell.strip() for cell in cells] for name, cells in rows.items()}
    texts = report["stage_1"]["texts"]
    kinds: Dict[str, List[str]] = defaultdict(list)
    for name in texts:
        kinds["-".join(languages_of(name))].append(name)
        kinds["all"].append(name)
    for kind, names in kinds.items():
        losses = [
            "{:.2f} ({:.2f})".format(*mean(report[stage][when][name] for name in names))
            for stage, when in (("stage_1", "before"), ("stage_1", "after"), ("stage_2", "after"))
        ]
        assert rows[kind] == [str(len(names)), f"{sum(texts[name] for name in names):,}", *losses]
    for stage, title in (("stage_1", "stage 1"), ("stage_2", "stage 2, from its weights")):
        assert rows[title][:2] == [f"{report[stage]['steps']:,}", f"{report[stage]['minutes']:.1f}"]


def mean(pairs: Iterable[List[float]]) -> numpy.ndarray:
    return numpy.mean(list(pairs), axis=0)


def test_the_card_names_its_teacher_its_pieces_and_what_its_texts_allow() -> None:
    card = " ".join((FOLDER / "README.md").read_text(encoding="utf-8").split())
    for said in (
        "intfloat/multilingual-e5-small",
        "MIT licence",
        "arXiv:2402.05672",
        "The words, never the tags, of development and test files were counted as well.",
        "CC BY-NC",
        "research use",
        "What you may do with the weights.",
    ):
        assert said in card


@pytest.mark.slow
@pytest.mark.parametrize("language", ["de", "es", "sw"])
def test_it_reads_the_fixtures_better_than_word_frequencies(language: str) -> None:
    """Masked words of texts that it has never seen, against the best guess that knows these texts' own frequencies."""
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    model = AutoModelForMaskedLM.from_pretrained(FOLDER).eval()
    lines = (CORPORA / language / "raw.txt").read_text(encoding="utf-8").splitlines()[:60]
    batch = tokenizer(lines, padding=True, return_tensors="pt")
    assert (batch["input_ids"] == tokenizer.unk_token_id).sum() == 0
    torch.manual_seed(1)
    words = ~torch.isin(batch["input_ids"], torch.tensor(tokenizer.all_special_ids))
    masked = words & (torch.rand(words.shape) < 0.15)
    inputs = torch.where(masked, tokenizer.mask_token_id, batch["input_ids"])
    with torch.no_grad():
        logits = model(input_ids=inputs, attention_mask=batch["attention_mask"]).logits
    loss = torch.nn.functional.cross_entropy(logits[masked].float(), batch["input_ids"][masked])
    counts = torch.bincount(batch["input_ids"][words], minlength=len(tokenizer)).double()
    shares = counts[counts > 0] / counts.sum()
    entropy = -(shares * shares.log()).sum()
    assert masked.sum() > 100
    assert loss < entropy - 1 < math.log(len(tokenizer)), "a nat better, at least"


def test_it_holds_translations_for_alike() -> None:
    """A sentence is nearest to its own translation among those of all: what carries a tagger over to another language."""
    sentences = {
        "en": ["The train to Berlin is late.", "My mother bakes bread every Sunday.", "The bank lost a lot of money."],
        "es": [
            "El tren a Berlín llega tarde.",
            "Mi madre hace pan todos los domingos.",
            "El banco perdió mucho dinero.",
        ],
        "de": [
            "Der Zug nach Berlin hat Verspätung.",
            "Meine Mutter backt jeden Sonntag Brot.",
            "Die Bank verlor viel Geld.",
        ],
        "sw": ["Treni ya Berlin imechelewa.", "Mama yangu huoka mkate kila Jumapili.", "Benki ilipoteza pesa nyingi."],
    }
    encoder = SentenceEncoder("multilingual-mini")
    vectors = {
        language: encoder.encode([text.replace(".", " .").split() for text in texts])
        for language, texts in sentences.items()
    }
    english = normalised(vectors["en"])
    for language in ("es", "de", "sw"):
        likeness = normalised(vectors[language]) @ english.T
        assert likeness.argmax(axis=1).tolist() == [0, 1, 2], language


def normalised(vectors: numpy.ndarray) -> numpy.ndarray:
    return vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)
