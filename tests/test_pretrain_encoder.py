"""`allennlp pretrain-encoder` and its parts, against transformers' own losses, dense linear algebra and counts by hand."""

import fcntl
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from allennlp.commands import main
from conftest import CORPORA, REPOSITORY, TINY_ENCODER
from safetensors.torch import load_file
from support.forked_python import run_python
from transformers import AutoModelForMaskedLM, AutoTokenizer, BertConfig, DistilBertConfig, RobertaConfig

from lowresource_ner.data.text_lines import ConllError
from lowresource_ner.encoding.encoder_files import EncoderFiles
from lowresource_ner.pretraining.batches import Draw, MaskingCollator, Texts, TokenBatches, expected_copies
from lowresource_ner.pretraining.count_vectors import WINDOW, count_vectors, log_frequencies
from lowresource_ner.pretraining.encoder_folder import encoder_written_whole
from lowresource_ner.pretraining.encoders import load_language_model, new_language_model
from lowresource_ner.pretraining.masking import SubwordMasking
from lowresource_ner.pretraining.new_bert import learn_word_pieces
from lowresource_ner.pretraining.texts import Encoded, encode, named_files, read_pairs, read_text, split_corpora
from lowresource_ner.pretraining.trainer import MaskedLanguageModelTrainer as Trainer
from lowresource_ner.pretraining.trainer import only_these_positions

WORK = ".training"
NOTHING = np.empty(0, dtype=np.int32)


def one(*ids: int) -> Encoded:
    return Encoded(np.array(ids, dtype=np.int32), NOTHING)


def two(first: list[int], second: list[int]) -> Encoded:
    return Encoded(np.array(first, dtype=np.int32), np.array(second, dtype=np.int32))


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(TINY_ENCODER)


class TestTexts:
    def test_lines_without_blanks_and_decoded_once_more_where_they_were_encoded_twice(self, tmp_path) -> None:
        path = tmp_path / "es.txt"
        twice = "GijÃ³n , de Ã\u0081vila"
        path.write_text(f"uno dos\n\n  \n{twice}\nSÃO PAULO\nÂngela\n", encoding="utf-8")
        assert list(read_text(str(path))) == [("uno dos",), ("Gijón , de Ávila",), ("SÃO PAULO",), ("Ângela",)]

    def test_pairs(self, tmp_path) -> None:
        path = tmp_path / "en-de.tsv"
        path.write_text("the house\tdas Haus\nthe dog\n", encoding="utf-8")
        with pytest.raises(ConllError, match=r"en-de.tsv:2: .*tab"):
            list(read_pairs(str(path)))
        path.write_text("the house\tdas Haus\n", encoding="utf-8")
        assert list(read_pairs(str(path))) == [("the house", "das Haus")]

    def test_held_out_lines_are_nowhere_in_training(self) -> None:
        lines = [(f"line {number}",) for number in range(100)] + [("line 1",)] * 50
        pairs = [(f"line {number}", f"Zeile {number}") for number in range(100)]
        en, both = split_corpora({"en": lines, "en-de": pairs}, 10, seed=1)
        assert len(en.held_out) == len(set(en.held_out)) == 10 and len(both.held_out) == 10
        seen = {line for corpus in (en, both) for text in corpus.training for line in text}
        assert seen.isdisjoint(line for corpus in (en, both) for text in corpus.held_out for line in text)
        assert len(en.training) + len(en.held_out) + en.num_dropped == 150
        assert split_corpora({"en": lines, "en-de": pairs}, 10, seed=1) == [en, both]
        assert split_corpora({"en": lines, "en-de": pairs}, 10, seed=2) != [en, both]
        (few,) = split_corpora({"few": lines[:20]}, 500, seed=1)
        assert len(few.held_out) == 2

    def test_long_texts_become_windows_and_long_pairs_two_texts(self, tokenizer) -> None:
        line = "Vilnius is a city ."
        ids = tokenizer(line, add_special_tokens=False)["input_ids"]
        window = len(ids) - 2
        found = encode([(line,)], tokenizer, window + 2)
        assert [len(text.first) for text in found] == [window, 2]
        assert np.concatenate([text.first for text in found]).tolist() == ids
        (pair,) = encode([(line, line)], tokenizer, 2 * len(ids) + 3)
        assert pair.first.tolist() == pair.second.tolist() == ids and pair.length == 2 * len(ids) + 3
        apart = encode([(line, line)], tokenizer, 2 * len(ids) + 2)
        assert [text.first.tolist() for text in apart] == [ids, ids] and not any(len(text.second) for text in apart)

    def test_names_of_files(self) -> None:
        assert named_files(["a/de.txt.gz", "en=b/x.txt", "c=d/e.txt"]) == {
            "de": "a/de.txt.gz",
            "en": "b/x.txt",
            "c": "d/e.txt",
        }
        with pytest.raises(ValueError, match="'de'.*NAME=PATH"):
            named_files(["a/de.txt", "b/de.txt"])


class TestBatches:
    lengths = [int(length) for length in np.random.default_rng(0).integers(3, 40, size=500)]

    def test_each_pass_gives_each_text_once_and_no_batch_is_too_large(self) -> None:
        batches = TokenBatches(self.lengths, [0] * 500, batch_tokens=200, num_batches=10_000)
        passes = [list(batches.one_pass(number)) for number in (0, 1)]
        for number, found in enumerate(passes):
            assert sorted(draw.text for batch in found for draw in batch) == list(range(500))
            assert {draw.number for batch in found for draw in batch} == {number}
            assert max(len(batch) * max(self.lengths[draw.text] for draw in batch) for batch in found) <= 200
            padded = sum(len(batch) * max(self.lengths[draw.text] for draw in batch) for batch in found)
            assert padded < 1.1 * sum(self.lengths)
        assert [[d.text for d in batch] for batch in passes[0]] != [[d.text for d in batch] for batch in passes[1]]

    def test_as_many_as_asked_for_and_the_same_each_time(self) -> None:
        batches = TokenBatches(self.lengths, [0] * 500, batch_tokens=200, num_batches=130)
        assert len(list(batches)) == len(batches) == 130
        assert list(batches) == list(batches)
        first = next(iter(batches))
        assert batches.num_tokens(1) == sum(self.lengths[draw.text] for draw in first)

    def test_a_text_longer_than_a_batch_is_a_batch(self) -> None:
        batches = TokenBatches([50, 10], [0, 0], batch_tokens=20, num_batches=2)
        assert sorted(draw.text for batch in batches for draw in batch) == [0, 1]

    def test_smoothed_shares_by_hand(self) -> None:
        """90 and 10 sub-words have shares of 0.9 and 0.1; their square roots are as 3 to 1, so 0.75 and 0.25."""
        lengths, corpora = np.array([30, 30, 30, 10]), np.array([0, 0, 0, 1])
        assert expected_copies(lengths, corpora, 0.5) == pytest.approx([0.75 / 0.9] * 3 + [2.5])
        assert expected_copies(lengths, corpora, 1.0) == pytest.approx([1] * 4)
        batches = TokenBatches(lengths, corpora, batch_tokens=100, num_batches=1, smoothing=0.5)
        drawn = [[draw.text for batch in batches.one_pass(number) for draw in batch] for number in range(2000)]
        assert sum(indices.count(3) for indices in drawn) / 2000 == pytest.approx(2.5, abs=0.05)
        assert sum(indices.count(0) for indices in drawn) / 2000 == pytest.approx(0.833, abs=0.05)

    def test_masks(self, tokenizer) -> None:
        texts = Texts([one(*range(10, 60)), one(*range(60, 80))])
        examples = [texts[Draw(0, 0)], texts[Draw(0, 1)]]
        collate = MaskingCollator(tokenizer, SubwordMasking(tokenizer, 0.3), seed=5)
        batch = collate(examples)
        begin, end, padding = tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id
        original = [[begin, *range(10, 60), end], [begin, *range(60, 80), end] + [padding] * 30]
        masked = batch["labels"] != -100
        assert torch.equal(torch.where(masked, batch["labels"], batch["input_ids"]), torch.tensor(original))
        assert not masked[:, 0].any() and not masked[1, 21:].any() and not masked[0, -1]
        assert 0.1 < masked.sum() / 70 < 0.5
        assert batch["attention_mask"].sum(1).tolist() == [52, 22]
        torch.rand(7)  # whatever else has drawn in the meantime
        again = collate(examples)
        assert all(torch.equal(again[name], batch[name]) for name in batch)
        later = collate([texts[Draw(1, 0)], texts[Draw(1, 1)]])
        assert not torch.equal(later["labels"], batch["labels"])

    def test_the_second_text_of_a_pair_counts_its_positions_anew_and_is_the_first_in_every_other_pass(
        self, tokenizer
    ) -> None:
        texts = Texts([two([10, 11, 12], [13, 14])])
        nothing = SubwordMasking(tokenizer, 0.0)
        collate = MaskingCollator(tokenizer, nothing)
        begin, end = tokenizer.cls_token_id, tokenizer.sep_token_id
        batch = collate([texts[Draw(0, 0)]])
        assert batch["input_ids"].tolist() == [[begin, 10, 11, 12, end, 13, 14, end]]
        assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 4, 1, 2, 3]]
        assert collate([texts[Draw(1, 0)]])["input_ids"].tolist() == [[begin, 13, 14, end, 10, 11, 12, end]]
        after_padding = MaskingCollator(tokenizer, nothing, first_position=2)([texts[Draw(0, 0)]])
        assert after_padding["position_ids"].tolist() == [[2, 3, 4, 5, 6, 3, 4, 5]]
        assert "position_ids" not in MaskingCollator(tokenizer, nothing, first_position=None)([texts[Draw(0, 0)]])


SMALL = {"vocab_size": 90, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
SMALL_CONFIGS = pytest.mark.parametrize(
    "config",
    [
        BertConfig(**SMALL),
        RobertaConfig(**SMALL),
        DistilBertConfig(vocab_size=90, dim=16, n_layers=1, n_heads=2, hidden_dim=8),
    ],
    ids=lambda config: config.model_type,
)


@SMALL_CONFIGS
def test_a_language_model_is_loaded_with_its_output_bias(config, tmp_path) -> None:
    """transformers' own loading leaves that of RoBERTa at 0."""
    model = AutoModelForMaskedLM.from_config(config)
    bias = torch.nn.init.normal_(model.get_output_embeddings().bias)
    model.save_pretrained(tmp_path)
    loaded, missing = load_language_model(str(tmp_path), config)
    assert torch.equal(loaded.get_output_embeddings().bias, bias) and not missing


@SMALL_CONFIGS
def test_a_language_model_is_made_where_there_is_a_gpu(config, monkeypatch) -> None:
    """Also of types that have no fused attention."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert new_language_model(config).config.model_type == config.model_type


@SMALL_CONFIGS
def test_output_at_masked_positions_alone_gives_the_loss_and_gradients_of_all(config) -> None:
    torch.manual_seed(1)
    model = AutoModelForMaskedLM.from_config(config).eval()
    input_ids = torch.randint(5, 90, (4, 9))
    labels = torch.where(torch.rand(4, 9) < 0.4, input_ids, -100)
    whole = model(input_ids=input_ids, labels=labels).loss
    expected = torch.autograd.grad(whole, list(model.parameters()), allow_unused=True)
    with only_these_positions(model, labels != -100):
        outputs = model(input_ids=input_ids, labels=labels[labels != -100][None])
    found = torch.autograd.grad(outputs.loss, list(model.parameters()), allow_unused=True)
    assert outputs.logits.shape == (1, int((labels != -100).sum()), 90)
    torch.testing.assert_close(outputs.loss, whole)
    assert sum(gradient is not None for gradient in expected) > 10
    torch.testing.assert_close([g for g in found if g is not None], [g for g in expected if g is not None])
    assert model(input_ids=input_ids).logits.shape == (4, 9, 90)


def test_vectors_from_counts_against_a_dense_computation() -> None:
    generator = np.random.default_rng(3)
    texts = [one(*generator.integers(0, 12, size=length)) for length in (9, 1, 7, 12)]
    texts += [two(list(generator.integers(0, 6, size=4)), list(generator.integers(6, 12, size=5))) for _ in range(6)]
    size, dim = 13, 4  # the last never occurs
    within, across = np.zeros((size, size)), np.zeros((size, size))
    for text in texts:
        for side in (text.first, text.second):
            for here in range(len(side)):
                for there in range(max(0, here - WINDOW), min(len(side), here + WINDOW + 1)):
                    if there != here:
                        within[side[here], side[there]] += 1 / abs(here - there)
        for first in text.first:
            for second in text.second:
                weight = 1 / np.sqrt(len(text.first) * len(text.second))
                across[first, second] += weight
                across[second, first] += weight
    counts = within + across * 0.5 * within.sum() / across.sum()
    contexts = counts.sum(0) ** 0.75
    with np.errstate(divide="ignore", invalid="ignore"):
        pmi = np.log(counts / (counts.sum(1, keepdims=True) * contexts / contexts.sum()))
    left, values, _ = np.linalg.svd(np.where(counts > 0, np.maximum(pmi, 0), 0))
    expected = (left[:, :dim] * values[:dim]) @ left[:, :dim].T
    found = count_vectors(texts, size, dim, seed=1)
    assert found.shape == (size, dim) and not found[12].any()
    np.testing.assert_allclose(found @ found.T, expected, rtol=1e-3, atol=1e-3)
    frequencies = log_frequencies(texts, size)
    number = sum(len(text.first) + len(text.second) for text in texts)
    assert np.exp(frequencies).sum() == pytest.approx(1) and frequencies[12] == pytest.approx(-np.log(number + size))


def test_the_same_lines_give_the_same_word_pieces() -> None:
    """Also where characters are more than are kept, and equally rare; each learner has an order of chance of its own."""
    generator = random.Random(0)
    letters = [chr(code) for code in range(0x100, 0x100 + 1500)]
    lines = [" ".join("".join(generator.choices(letters, k=3)) + "ing" for _ in range(8)) for _ in range(300)]
    first, second, third = (learn_word_pieces(iter(lines), 2400, 128).get_vocab() for _ in range(3))
    assert first == second == third and len(first) > 1500
    assert [first[token] for token in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")] == [0, 1, 2, 3, 4]
    assert "##ing" in first


def pretrain(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> dict:
    """The command as a user calls it, but in this process. Returns its report."""
    monkeypatch.setattr(sys, "argv", ["allennlp", "pretrain-encoder", *map(str, arguments)])
    main("allennlp")
    return json.loads((Path(str(arguments[0])) / "pretraining.json").read_text())


ADAPT = ["--encoder", TINY_ENCODER, "--text", f"sw={CORPORA / 'sw' / 'raw.txt'}", "--steps", 12, "--evaluate-every", 5]
ADAPT += ["--batch-tokens", 512, "--learning-rate", 2e-3, "--dropout", 0.1]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory) -> Path:
    """A run that nothing has happened to."""
    folder = tmp_path_factory.mktemp("pretraining") / "unbroken"
    with pytest.MonkeyPatch.context() as monkeypatch:
        pretrain(monkeypatch, folder, *ADAPT)
    return folder


@pytest.fixture(scope="module")
def killed(tmp_path_factory) -> Path:
    """A run that was killed when its second checkpoint had all of its files but the last two."""
    folder = tmp_path_factory.mktemp("pretraining") / "killed"
    done = run_python(["-c", KILL, "pretrain-encoder", folder, *ADAPT], REPOSITORY, os.environ)
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]
    assert (folder / WORK / "checkpoint-10" / "optimizer.pt").is_file()
    return folder


KILL = """
import os, signal
from allennlp.commands import main
from lowresource_ner.pretraining.trainer import MaskedLanguageModelTrainer as Trainer
save = Trainer._save_rng_state
def killing(self, *args):
    save(self, *args)
    if self.state.global_step == 10:
        os.kill(os.getpid(), signal.SIGKILL)
Trainer._save_rng_state = killing
main()
"""


class Broken(BaseException):
    """Ends a run at once, as a kill does, but for the tests' process."""


def at_step(step: int, method: Callable) -> Callable:
    """A method of the trainer that ends the run when it is called after so many steps."""

    def called(trainer: Trainer, *arguments: object) -> object:
        if trainer.state.global_step == step:
            raise Broken
        return method(trainer, *arguments)

    return called


@contextmanager
def files_no_larger_than(num_bytes: int) -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def assert_same(folder: Path, expected: Path) -> None:
    """The same weights, report and files."""
    weights = [load_file(each / "model.safetensors") for each in (folder, expected)]
    assert len(weights[0]) > 20 and weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    reports = [json.loads((each / "pretraining.json").read_text()) for each in (folder, expected)]
    for report in reports:
        del report["command"], report["hours"]
    assert reports[0] == reports[1] and len(reports[0]["log"]) > 2
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in expected.iterdir())


@pytest.mark.slow
class TestBrokenOff:
    """Each run is taken up by the same command, and ends as an unbroken one."""

    def test_by_a_kill_while_a_checkpoint_is_written(self, unbroken, killed, monkeypatch, tmp_path, capsys) -> None:
        folder = shutil.copytree(killed, tmp_path / "moved")
        pretrain(monkeypatch, folder, *ADAPT)
        assert_same(folder, unbroken)
        told = capsys.readouterr().err
        assert "checkpoint-10 is skipped and removed: it was not completed" in told and "starts over" not in told

    @pytest.mark.parametrize(("num_cut", "begins_anew"), [(1, False), (2, True)])
    def test_and_checkpoints_that_were_damaged(
        self, num_cut, begins_anew, unbroken, killed, monkeypatch, tmp_path, capsys
    ) -> None:
        folder = shutil.copytree(killed, tmp_path / "broken")
        with monkeypatch.context() as patch, pytest.raises(Broken):
            patch.setattr(Trainer, "held_out_losses", at_step(12, Trainer.held_out_losses))
            pretrain(patch, folder, *ADAPT)
        assert not (folder / "pretraining.json").exists()
        for step in (12, 10)[:num_cut]:
            file = folder / WORK / f"checkpoint-{step}" / "optimizer.pt"
            os.truncate(file, file.stat().st_size - 1)
        capsys.readouterr()
        pretrain(monkeypatch, folder, *ADAPT)
        assert_same(folder, unbroken)
        told = capsys.readouterr().err
        assert "checkpoint-12 is skipped and removed: optimizer.pt is damaged" in told
        assert ("The training starts over" in told) == begins_anew

    def test_by_a_full_disk(self, unbroken, killed, monkeypatch, tmp_path) -> None:
        """The weights of a checkpoint do not fit; then there is room for these alone, and not for Adam's moments."""
        folder = shutil.copytree(killed, tmp_path / "broken")
        size = (killed / WORK / "checkpoint-5" / "model.safetensors").stat().st_size
        for limit in (size // 2, size + 1000):
            with files_no_larger_than(limit), pytest.raises(SystemExit, match="checkpoint-10' could not .* Free space"):
                pretrain(monkeypatch, folder, *ADAPT)
        with files_no_larger_than(0), pytest.raises(SystemExit, match="settings.json' could not .* Free space"):
            pretrain(monkeypatch, tmp_path / "new", *ADAPT)
        pretrain(monkeypatch, folder, *ADAPT)
        assert_same(folder, unbroken)

    def test_when_all_was_done_but_for_tidying(self, unbroken, killed, monkeypatch, tmp_path, capsys) -> None:
        folder = shutil.copytree(killed, tmp_path / "broken")
        remove = shutil.rmtree

        def keeps_work(path: Path, **options: object) -> None:
            if path.name == WORK:
                raise Broken
            remove(path, **options)

        with monkeypatch.context() as patch, pytest.raises(Broken):
            patch.setattr(shutil, "rmtree", keeps_work)
            pretrain(patch, folder, *ADAPT)
        (folder / WORK / "settings.json").unlink()
        pretrain(monkeypatch, folder, *ADAPT)
        assert f"{folder} is done" in capsys.readouterr().out
        assert_same(folder, unbroken)
        with monkeypatch.context() as patch:
            patch.setattr(Trainer, "train", None)
            pretrain(patch, folder, *ADAPT)
        assert_same(folder, unbroken)
        with pytest.raises(SystemExit, match="contains a finished encoder. Name another folder"):
            pretrain(monkeypatch, folder, *ADAPT, "--seed", 2)

    @pytest.mark.parametrize("content", [None, "", '{"seed', '{"seed": 1}'])
    def test_before_its_settings_were_written_or_its_first_checkpoint(
        self, content, unbroken, monkeypatch, tmp_path
    ) -> None:
        work = tmp_path / "broken" / WORK
        work.mkdir(parents=True)
        (work / ".settings.json.ab.part").touch()
        (work / "held_out_loss_before.json").write_text("{}")  # of whatever run
        if content is not None:
            (work / "settings.json").write_text(content)
        pretrain(monkeypatch, tmp_path / "broken", *ADAPT)
        assert_same(tmp_path / "broken", unbroken)

    def test_when_patience_has_begun_to_run_out(self, monkeypatch, tmp_path) -> None:
        command = [*ADAPT, "--patience", 3, "--learning-rate", 0.3, "--evaluate-every", 2]
        report = pretrain(monkeypatch, tmp_path / "unbroken", *command)
        losses = [entry["eval_loss"] for entry in report["log"] if "eval_loss" in entry]
        best = losses.index(min(losses))
        assert report["steps"] == 2 * len(losses) < 12 and best == len(losses) - 4
        stopped = len(losses) - 1  # after that many evaluations, two of them without a lower loss
        with monkeypatch.context() as patch, pytest.raises(Broken):
            patch.setattr(Trainer, "training_step", at_step(2 * stopped, Trainer.training_step))
            pretrain(patch, tmp_path / "broken", *command)
        assert len(list((tmp_path / "broken" / WORK).glob("checkpoint-*"))) == 3  # the last two, and the best
        folder = shutil.move(tmp_path / "broken", tmp_path / "moved")
        pretrain(monkeypatch, folder, *command)
        assert_same(folder, tmp_path / "unbroken")

    def test_its_checkpoints_are_of_no_use_without_settings(self, killed, monkeypatch, tmp_path) -> None:
        folder = shutil.copytree(killed, tmp_path / "broken")
        os.truncate(folder / WORK / "settings.json", 0)
        with pytest.raises(SystemExit, match=r"settings.json is missing or damaged.* Remove .*\.training to start"):
            pretrain(monkeypatch, folder, *ADAPT)

    def test_and_one_process_at_a_time_goes_on_with_it(self, killed, monkeypatch, tmp_path) -> None:
        folder = shutil.copytree(killed, tmp_path / "broken")
        with (folder / WORK / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with pytest.raises(SystemExit, match="Another process is training in .*broken"):
                pretrain(monkeypatch, folder, *ADAPT)

    def test_and_a_text_that_has_changed_is_refused(self, killed, monkeypatch, tmp_path) -> None:
        """Its contents count, not its name and the time that it was written at."""
        folder, text = shutil.copytree(killed, tmp_path / "broken"), tmp_path / "sw.txt"
        before = (CORPORA / "sw" / "raw.txt").read_text(encoding="utf-8")
        digest = hashlib.sha256(before.encode()).hexdigest()
        settings = json.loads((folder / WORK / "settings.json").read_text())
        assert settings["sha256"] == {str(CORPORA / "sw" / "raw.txt"): digest}
        # As if it had been begun with a text that we may change.
        settings.update(text=[f"sw={text}"], sha256={str(text): digest})
        (folder / WORK / "settings.json").write_text(json.dumps(settings))
        command = [f"sw={text}" if str(argument).startswith("sw=") else argument for argument in ADAPT]
        text.write_text(before.replace("a", "e", 1), encoding="utf-8")
        with pytest.raises(SystemExit, match=f"with other settings: the contents of '{text}' have changed. Go back to"):
            pretrain(monkeypatch, folder, *command)
        assert (folder / WORK / "checkpoint-5").is_dir()
        text.unlink()
        with pytest.raises(SystemExit, match="sw.txt.*no such file"):
            pretrain(monkeypatch, folder, *command)
        text.write_text(before, encoding="utf-8")
        assert pretrain(monkeypatch, folder, *command)["settings"] == settings

    def test_by_ctrl_c(self, monkeypatch, tmp_path, capsys) -> None:
        def interrupt(*arguments: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(SystemExit) as stop:
            patch.setattr(Trainer, "training_step", interrupt)
            pretrain(patch, tmp_path / "broken", *ADAPT)
        assert stop.value.code == 130 and "The same command continues" in capsys.readouterr().err


@pytest.mark.parametrize("num_moved", [0, 1, 2])
def test_an_encoder_in_the_place_of_another_is_never_a_mixture(num_moved, monkeypatch, tmp_path) -> None:
    """Killed when some of its files have been moved there: until the last, its weights, there are none."""
    replace, names = os.replace, ["a.json", "model.safetensors", "tokenizer.json"]
    for name in names:
        (tmp_path / name).write_text("old")
    moved: list[Path] = []

    def move(source: Path, target: Path) -> None:
        if len(moved) == num_moved:
            raise Broken
        moved.append(target)
        replace(source, target)

    monkeypatch.setattr(os, "replace", move)
    with pytest.raises(Broken), encoder_written_whole(tmp_path, "") as new:
        for name in names:
            (new / name).write_text("new")
    found = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert found == dict(zip(("a.json", "tokenizer.json"), ["new"] * num_moved + ["old"] * 2))


@pytest.mark.slow
def test_batches_made_by_workers_are_the_same_and_no_tokenizer_warns(unbroken, monkeypatch, tmp_path, capfd) -> None:
    """As on a GPU. The tokenizers library has used threads when they are forked, and would warn of each on standard error."""
    monkeypatch.delenv("TOKENIZERS_PARALLELISM", raising=False)
    monkeypatch.setattr("lowresource_ner.pretraining.running.num_workers", lambda: 2)
    pretrain(monkeypatch, tmp_path / "workers", *ADAPT)
    assert "parallelism" not in capfd.readouterr().err
    assert "TOKENIZERS_PARALLELISM" not in os.environ
    assert_same(tmp_path / "workers", unbroken)


def test_an_encoder_goes_on_learning(unbroken) -> None:
    report = json.loads((unbroken / "pretraining.json").read_text())
    assert report["command"] == " ".join(["allennlp pretrain-encoder", str(unbroken), *map(str, ADAPT)])
    assert report["steps"] == 12 and report["sub_words"] > 12 * 256
    assert report["held_out_loss"]["eval_sw_loss"] < report["held_out_loss_before"]["eval_sw_loss"] - 0.1
    files = EncoderFiles(str(unbroken))
    embeddings = files.model().get_input_embeddings().weight
    weights = load_file(unbroken / "model.safetensors")
    assert torch.equal(embeddings, weights["bert.embeddings.word_embeddings.weight"])
    assert not torch.equal(embeddings, EncoderFiles(str(TINY_ENCODER)).model().get_input_embeddings().weight)
    assert files.config().hidden_dropout_prob == EncoderFiles(str(TINY_ENCODER)).config().hidden_dropout_prob
    assert files.tokenizer().get_vocab() == AutoTokenizer.from_pretrained(TINY_ENCODER).get_vocab()


def test_the_output_layer_goes_on_learning_too(unbroken, monkeypatch, tmp_path, capsys) -> None:
    """The held-out loss is that at which the encoder was left."""
    further = [str(unbroken) if argument == TINY_ENCODER else argument for argument in ADAPT]
    report = pretrain(monkeypatch, tmp_path / "further", *further, "--steps", 1)
    before = json.loads((unbroken / "pretraining.json").read_text())["held_out_loss"]["eval_sw_loss"]
    assert report["held_out_loss_before"]["eval_sw_loss"] == pytest.approx(before, abs=1e-4)
    assert "no output layer" not in capsys.readouterr().out
    pretrain(monkeypatch, tmp_path / "new", *ADAPT, "--steps", 1)
    assert f"{TINY_ENCODER} has no output layer for masked words" in capsys.readouterr().out
    head = EncoderFiles(str(unbroken)).masked_head_weights()
    weights = load_file(unbroken / "model.safetensors")
    assert torch.equal(head["bias"], weights["cls.predictions.bias"]) and len(head) == 5


def test_a_batch_in_which_nothing_is_masked_teaches_nothing(monkeypatch, tmp_path) -> None:
    report = pretrain(monkeypatch, tmp_path / "same", *ADAPT, "--mask", 0, "--steps", 2)
    assert [entry["loss"] for entry in report["log"] if "loss" in entry] == [0.0] and "eval_loss" not in report[
        "held_out_loss"
    ]
    weights = load_file(tmp_path / "same" / "model.safetensors")
    assert all(weight.isfinite().all() for weight in weights.values())


def test_a_new_encoder_of_several_languages(monkeypatch, tmp_path) -> None:
    """Word pieces, vectors from counts, translations, early stopping, and weights in half the space."""
    pairs = tmp_path / "de-es.tsv"
    lines = [(CORPORA / language / "raw.txt").read_text(encoding="utf-8").splitlines() for language in ("de", "es")]
    pairs.write_text("".join(f"{first}\t{second}\n" for first, second in zip(*lines)), encoding="utf-8")
    command = ["--text", CORPORA / "de" / "raw.txt", f"es={CORPORA / 'es' / 'raw.txt'}", "--parallel", pairs]
    with pytest.raises(SystemExit, match="Two files are called 'raw'"):
        pretrain(monkeypatch, tmp_path / "new", "--text", CORPORA / "de" / "raw.txt", CORPORA / "es" / "raw.txt")
    shape = ["--vocab-size", 600, "--hidden-size", 16, "--layers", 1, "--heads", 2, "--float16", "--seed", 7]
    report = pretrain(
        monkeypatch,
        tmp_path / "new",
        *command,
        *shape,
        "--steps",
        30,
        "--evaluate-every",
        2,
        "--patience",
        2,
        "--learning-rate",
        3,
    )
    assert report["steps"] < 30  # with such a learning rate the loss rises at once
    assert set(report["held_out_loss"]) == {"eval_raw_loss", "eval_es_loss", "eval_de-es_loss", "eval_loss"}
    assert set(report["corpora"]) == {"raw", "es", "de-es"}
    weights = load_file(tmp_path / "new" / "model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float16}
    files = EncoderFiles(str(tmp_path / "new"))
    assert next(files.model().parameters()).dtype == torch.float32
    assert files.config().hidden_dropout_prob == 0.1
    assert files.tokenizer().tokenize("Über Müllers") and files.input_format.max_length == 128
    with pytest.raises(SystemExit, match="contains a finished encoder"):
        pretrain(monkeypatch, tmp_path / "new", *command, *shape)


def test_what_is_wrong_is_said_before_anything_is_made(monkeypatch, tmp_path) -> None:
    folder = tmp_path / "encoder"
    with pytest.raises(SystemExit, match="nothing to learn from. Give --text or --parallel"):
        pretrain(monkeypatch, folder)
    with pytest.raises(SystemExit, match="--steps is 0, and must be 1 or more"):
        pretrain(monkeypatch, folder, *ADAPT, "--steps", 0)
    with pytest.raises(SystemExit, match="sw.txt.*no such file"):
        pretrain(monkeypatch, folder, "--text", tmp_path / "sw.txt")
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(SystemExit, match="empty.txt contains no text"):
        pretrain(monkeypatch, folder, "--text", tmp_path / "empty.txt")
    assert not folder.exists()
    work = folder / ".training"
    (work / "checkpoint-5").mkdir(parents=True)
    (work / "settings.json").write_text(json.dumps({"seed": 1}))
    with pytest.raises(SystemExit, match="other settings.*seed was 1 and is 2"):
        pretrain(monkeypatch, folder, "--text", CORPORA / "sw" / "raw.txt", "--seed", 2)
    with pytest.raises(SystemExit, match="contains other files"):
        pretrain(monkeypatch, tmp_path, "--text", CORPORA / "sw" / "raw.txt")
