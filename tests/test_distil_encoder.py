"""`allennlp distil-encoder` and its parts, against counts by hand, the teacher itself, and a plain loop of the same formulas."""

import copy
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from allennlp.commands import main
from allennlp.common.checks import ConfigurationError
from conftest import CORPORA, TINY_ENCODER
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from torch.nn import functional
from transformers import (
    AlbertConfig,
    AutoModelForMaskedLM,
    AutoTokenizer,
    BartConfig,
    BertConfig,
    BertForMaskedLM,
    BertTokenizerFast,
    DistilBertConfig,
    PreTrainedTokenizerFast,
    RobertaTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
    XLMRobertaTokenizerFast,
)

from lowresource_ner.encoding.encoder_files import EncoderFiles
from lowresource_ner.pretraining.batches import MaskingCollator, Texts, TokenBatches
from lowresource_ner.pretraining.distilling.reducing import fewer_layers, layer_spans, with_layers, with_pieces
from lowresource_ner.pretraining.distilling.trainer import DistillationTrainer, hidden_state_loss
from lowresource_ner.pretraining.distilling.vocabulary import Vocabulary, frequencies
from lowresource_ner.pretraining.encoders import load_language_model
from lowresource_ner.pretraining.masking import SubwordMasking
from lowresource_ner.pretraining.texts import Corpus, Encoded, EncodedCorpora, encode_corpora, read_corpora

SIZE = {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 64}
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]


def raw(language: str) -> list[str]:
    return (CORPORA / language / "raw.txt").read_text(encoding="utf-8").splitlines()


def sentence_pieces(model: models.Unigram) -> Tokenizer:
    """A unigram tokenizer as XLM-R has it, but for its special tokens."""
    backend = Tokenizer(model)
    backend.normalizer = normalizers.NFKC()
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    return backend


def xlm_r_tokenizer(backend: Tokenizer) -> PreTrainedTokenizerFast:
    numbers = [(token, backend.token_to_id(token)) for token in ("<s>", "</s>")]
    backend.post_processor = processors.TemplateProcessing("<s> $A </s>", "<s> $A </s> </s> $B </s>", numbers)
    return XLMRobertaTokenizerFast(tokenizer_object=backend, model_max_length=64)


@pytest.fixture(scope="module")
def xlm_r(tmp_path_factory) -> Path:
    """An XLM-R of random weights, with rows for more pieces than there are."""
    folder = tmp_path_factory.mktemp("teachers") / "xlm-r"
    backend = sentence_pieces(models.Unigram())
    trainer = trainers.UnigramTrainer(
        vocab_size=800, special_tokens=[*SPECIAL, "<mask>"], unk_token="<unk>", show_progress=False
    )
    backend.train_from_iterator([line for language in ("de", "es", "sw") for line in raw(language)], trainer)
    tokenizer = xlm_r_tokenizer(backend)
    torch.manual_seed(3)
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer) + 7, max_position_embeddings=66, type_vocab_size=1, initializer_range=0.2, **SIZE
    )
    model = XLMRobertaForMaskedLM(config)
    torch.nn.init.normal_(model.lm_head.bias)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder, legacy_format=False)
    return folder


@pytest.fixture(scope="module")
def bert(tmp_path_factory) -> Path:
    """The same of BERT."""
    folder = tmp_path_factory.mktemp("teachers") / "bert"
    tokenizer = AutoTokenizer.from_pretrained(TINY_ENCODER)
    torch.manual_seed(3)
    model = BertForMaskedLM(BertConfig(len(tokenizer), max_position_embeddings=64, initializer_range=0.2, **SIZE))
    torch.nn.init.normal_(model.cls.predictions.bias)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder, legacy_format=False)
    return folder


class TestVocabulary:
    def test_word_pieces_by_hand(self) -> None:
        pieces = ["q", "[PAD]", "[UNK]", "abq", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "##a", "##b", "##c", "##q"]
        pieces += ["ab", "ca", "##bc", "abc"]
        backend = Tokenizer(models.WordPiece({piece: number for number, piece in enumerate(pieces)}, unk_token="[UNK]"))
        backend.normalizer = normalizers.BertNormalizer(lowercase=False)
        backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        backend.post_processor = processors.BertProcessing(("[SEP]", 5), ("[CLS]", 4))
        backend.enable_padding(pad_id=1, pad_token="[PAD]")
        tokenizer = BertTokenizerFast(tokenizer_object=backend, do_lower_case=False)
        vocabulary = Vocabulary(tokenizer)
        # ab, ab, ab, abc, abc, ca ##bc, ca
        counts = frequencies(encoded(tokenizer, "ab ab ab", "abc abc cabc ca"), len(tokenizer), smoothing=1)
        assert counts == pytest.approx([{"ab": 3, "abc": 2, "ca": 2, "##bc": 1}.get(piece, 0) for piece in pieces])
        necessary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "##a", "##b", "##c"]

        def chosen(size: int) -> list[str]:
            return [pieces[number] for number in vocabulary.choose(counts, size)]

        assert chosen(11) == necessary
        assert chosen(13) == [*necessary, "ab", "ca"]  # "ca" is as frequent as "abc", and comes first
        assert chosen(16) == [*necessary, "ab", "ca", "##bc", "abc"]  # what does not occur is not kept
        assert vocabulary.choose(counts, 16, needed=[0])[0] == 0
        with pytest.raises(ConfigurationError, match="is 10, and 11 pieces are necessary"):
            chosen(10)
        with pytest.raises(ConfigurationError, match="has 18 pieces"):
            chosen(18)

        cut = vocabulary.cut(vocabulary.choose(counts, 13))
        assert cut.backend_tokenizer.padding["pad_id"] == 0
        assert cut.get_vocab() == {piece: number for number, piece in enumerate([*necessary, "ab", "ca"])}
        assert cut.convert_ids_to_tokens(cut("ab ca")["input_ids"]) == ["[CLS]", "ab", "ca", "[SEP]"]
        assert cut.tokenize("abc cabc aq") == ["ab", "##c", "ca", "##b", "##c", "[UNK]"]
        assert cut.mask_token_id == 4 and not cut.init_kwargs["do_lower_case"]

    def test_unigram_pieces_by_hand(self) -> None:
        scores = {"▁": -2.0, "a": -3.0, "z": -3.0, "▁az": -4.0, "▁ab": -4.0, "b": -3.0, "bb": -4.5, "▁zz": -20.0}
        pieces = [*SPECIAL, *scores, "<0x41>", "<mask>"]
        backend = sentence_pieces(
            models.Unigram([(piece, scores.get(piece, 0.0)) for piece in pieces], unk_id=3, byte_fallback=True)
        )
        backend.add_special_tokens([*SPECIAL, "<mask>"])
        tokenizer = xlm_r_tokenizer(backend)
        # "▁ab", "▁ab"; "▁ab" "bb"; "▁" "a"; "▁" "a"; "▁" "bb"
        counts = frequencies(encoded(tokenizer, "ab ab", "abbb a a bb"), len(tokenizer), smoothing=1)
        assert counts == pytest.approx([{"▁ab": 3, "bb": 2, "▁": 3, "a": 2}.get(piece, 0) for piece in pieces])
        vocabulary = Vocabulary(tokenizer)
        # "b" occurs within pieces only, "▁zz" has the lowest score
        necessary = [*SPECIAL, "▁", "a", "b", "▁zz", "<0x41>", "<mask>"]
        assert [pieces[number] for number in vocabulary.choose(counts, 10)] == necessary
        kept = [pieces[number] for number in vocabulary.choose(counts, 11)]
        assert kept == [*SPECIAL, "▁", "a", "▁ab", "b", "▁zz", "<0x41>", "<mask>"]

        cut = vocabulary.cut(vocabulary.choose(counts, 11))
        assert cut.get_vocab() == {piece: number for number, piece in enumerate(kept)}
        assert cut("ab")["input_ids"] == [0, 6, 2]
        assert cut.tokenize("abbb A") == ["▁ab", "b", "b", "▁", "<0x41>"]
        assert cut.mask_token_id == 10 and cut.model_max_length == 64

    def test_small_corpora_count_as_much_as_they_are_drawn(self) -> None:
        """45 and 5 sub-words, special tokens included: with exponent 0 nine texts are drawn five times, and one is as well."""
        text, pair = Encoded(np.array([7, 7, 8]), np.array([], dtype=int)), Encoded(np.array([9]), np.array([8]))
        corpora = EncodedCorpora([], [text] * 9 + [pair], [0] * 9 + [1], {})
        assert frequencies(corpora, 11, smoothing=1).tolist() == pytest.approx([0] * 7 + [18, 10, 1, 0])
        assert frequencies(corpora, 11, smoothing=0).tolist() == pytest.approx([0] * 7 + [10, 10, 5, 0])

    @pytest.mark.parametrize(("kind", "size"), [("bert", 800), ("xlm_r", 400)])
    def test_texts_of_kept_pieces_have_the_same_pieces_and_hidden_states(self, kind, size, request) -> None:
        folder = request.getfixturevalue(kind)
        files = EncoderFiles(str(folder))
        tokenizer, model = files.tokenizer(), load_language_model(str(folder), files.config())[0].eval()
        vocabulary = Vocabulary(tokenizer)
        counts = frequencies(encoded(tokenizer, *raw("sw")), len(tokenizer), smoothing=1)
        pieces = vocabulary.choose(counts, size)
        cut, smaller = vocabulary.cut(pieces), with_pieces(model, pieces).eval()
        assert len(cut) == len(pieces) == smaller.config.vocab_size == size
        assert smaller.config.pad_token_id == cut.pad_token_id
        lines = raw("sw") + raw("de")
        before, after = tokenizer(lines)["input_ids"], cut(lines)["input_ids"]
        of_kept = [number for number, ids in enumerate(before) if set(ids) <= set(pieces)]
        assert 10 < len(of_kept) < len(lines)
        for number in of_kept:
            assert [pieces[piece] for piece in after[number]] == before[number]
        # What is not kept falls into pieces that are.
        swahili = slice(0, len(raw("sw")))
        assert sum(map(len, after[swahili])) > sum(map(len, before[swahili]))
        unknown = [ids.count(tokenizer.unk_token_id) for ids in before[swahili]]
        assert [ids.count(cut.unk_token_id) for ids in after[swahili]] == unknown

        batch = [lines[number] for number in of_kept[:8]]
        with torch.no_grad():
            expected = model(**tokenizer(batch, padding=True, return_tensors="pt"), output_hidden_states=True)
            found = smaller(**cut(batch, padding=True, return_tensors="pt"), output_hidden_states=True)
        torch.testing.assert_close(found.hidden_states, expected.hidden_states)
        torch.testing.assert_close(found.logits, expected.logits[:, :, pieces])

    def test_positions_that_would_move_with_the_padding_are_refused(self) -> None:
        pieces = [1, 2, 3, 5, 6]
        roberta, bert = (kind(vocab_size=9, pad_token_id=5, **SIZE) for kind in (XLMRobertaConfig, BertConfig))
        assert with_pieces(AutoModelForMaskedLM.from_config(bert), pieces).config.pad_token_id == 3
        with pytest.raises(ConfigurationError, match="from the id of its padding, which is 5 and would be 3"):
            with_pieces(AutoModelForMaskedLM.from_config(roberta), pieces)

    def test_byte_level_bpe_is_refused(self, monkeypatch, tmp_path) -> None:
        backend = Tokenizer(models.BPE())
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        trainer = trainers.BpeTrainer(
            vocab_size=300,
            special_tokens=[*SPECIAL, "<mask>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        backend.train_from_iterator(raw("sw"), trainer)
        tokenizer = RobertaTokenizerFast(tokenizer_object=backend, add_prefix_space=True)
        tokenizer.save_pretrained(tmp_path / "roberta", legacy_format=False)
        XLMRobertaForMaskedLM(XLMRobertaConfig(len(tokenizer), **SIZE)).save_pretrained(tmp_path / "roberta")
        with pytest.raises(
            SystemExit, match="is a BPE tokenizer, whose vocabulary cannot be reduced.*Leave --vocab-size out"
        ):
            distil(monkeypatch, tmp_path / "new", "--teacher", tmp_path / "roberta", *TEXT, "--vocab-size", 280)


def encoded(tokenizer: PreTrainedTokenizerFast, *lines: str) -> EncodedCorpora:
    return encode_corpora([Corpus("corpus", [(line,) for line in lines], [], 0)], tokenizer, 64)


class TestLayers:
    def test_spans(self) -> None:
        assert layer_spans(12, 6) == [range(0, 2), range(2, 4), range(4, 6), range(6, 8), range(8, 10), range(10, 12)]
        assert layer_spans(5, 2) == [range(0, 2), range(2, 5)]
        assert layer_spans(3, 3) == [range(0, 1), range(1, 2), range(2, 3)]
        for number in (0, 4):
            with pytest.raises(ConfigurationError, match=f"--layers is {number}, and the teacher has 3"):
                layer_spans(3, number)

    @pytest.mark.parametrize(
        ("config", "stack"),
        [
            (BertConfig(vocab_size=90, **SIZE), "encoder.layer"),
            (XLMRobertaConfig(vocab_size=90, **SIZE), "encoder.layer"),
            (DistilBertConfig(vocab_size=90, dim=32, n_layers=4, n_heads=2, hidden_dim=64), "transformer.layer"),
        ],
        ids=lambda value: getattr(value, "model_type", ""),
    )
    def test_kept_layers_are_the_teachers(self, config, stack) -> None:
        torch.manual_seed(0)
        teacher = AutoModelForMaskedLM.from_config(config).eval()
        student = with_layers(teacher, fewer_layers(config, 2), [0, 2]).eval()
        assert student.config.num_hidden_layers == 2
        cut_out = copy.deepcopy(teacher)
        layers = cut_out.base_model.get_submodule(stack)
        del layers[3], layers[1]
        ids = torch.randint(5, 90, (2, 9))
        with torch.no_grad():
            found, expected = (model(input_ids=ids, output_hidden_states=True) for model in (student, cut_out))
        assert len(found.hidden_states) == 3
        torch.testing.assert_close(found.hidden_states, expected.hidden_states[:3])
        torch.testing.assert_close(found.logits, expected.logits)

    def test_layers_that_share_their_weights(self) -> None:
        config = AlbertConfig(vocab_size=90, embedding_size=8, **SIZE)
        torch.manual_seed(0)
        teacher = AutoModelForMaskedLM.from_config(config).eval()
        student = with_layers(teacher, fewer_layers(config, 2), [0, 2]).eval()
        ids = torch.randint(5, 90, (2, 9))
        with torch.no_grad():
            found, expected = (model(input_ids=ids, output_hidden_states=True) for model in (student, teacher))
        torch.testing.assert_close(found.hidden_states, expected.hidden_states[:3])


def test_loss_of_hidden_states() -> None:
    generator = np.random.default_rng(0)
    student, teacher = generator.normal(size=(2, 3, 4, 5, 6))  # 3 layers, 4 texts, 5 sub-words, 6 dimensions
    teacher[1] *= 10
    lengths = [5, 2, 1, 3]
    expected = 0.0
    for found, target in zip(student, teacher):
        rows = [(found[text, place], target[text, place]) for text in range(4) for place in range(lengths[text])]
        errors = [(a - b) ** 2 for x, y in rows for a, b in zip(x, y)]
        values = [value for _, row in rows for value in row]
        mean = sum(values) / len(values)
        variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
        expected += sum(errors) / len(errors) / variance / 3
    present = torch.arange(5) < torch.tensor(lengths)[:, None]
    found = hidden_state_loss(list(torch.from_numpy(student)), list(torch.from_numpy(teacher)), present)
    assert float(found) == pytest.approx(expected)


TEXT = ["--text", f"sw={CORPORA / 'sw' / 'raw.txt'}"]


def distil(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> dict:
    """The command as a user calls it, but in this process. Returns its report."""
    monkeypatch.setattr(sys, "argv", ["allennlp", "distil-encoder", *map(str, arguments)])
    main("allennlp")
    return json.loads((Path(str(arguments[0])) / "distillation.json").read_text())


@pytest.fixture(scope="module")
def command(xlm_r, tmp_path_factory) -> list:
    """Of XLM-R half the layers and pieces, learned from raw text and translations."""
    pairs = tmp_path_factory.mktemp("texts") / "de-es.tsv"
    pairs.write_text("".join(f"{first}\t{second}\n" for first, second in zip(raw("de"), raw("es"))), encoding="utf-8")
    length = ["--steps", 8, "--evaluate-every", 3, "--batch-tokens", 512, "--learning-rate", 5e-3, "--dropout", 0.1]
    return ["--teacher", xlm_r, "--layers", 2, "--vocab-size", 400, *TEXT, "--parallel", pairs, *length]


@pytest.fixture(scope="module")
def unbroken(command, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("distillation") / "unbroken"
    with pytest.MonkeyPatch.context() as monkeypatch:
        distil(monkeypatch, folder, *command)
    return folder


class Broken(BaseException):
    """Ends a run at once, as a kill does, but for the tests' process."""


def test_a_smaller_encoder(unbroken, xlm_r) -> None:
    report = json.loads((unbroken / "distillation.json").read_text())
    assert report["command"].startswith(
        f"allennlp distil-encoder {unbroken} --teacher {xlm_r} --layers 2 --vocab-size 400"
    )
    assert report["teacher"]["layers"] == 4 and report["student"]["layers_of_teacher"] == [[1, 2], [3, 4]]
    assert report["student"]["pieces"] == 400 and report["steps"] == 8
    assert 0.5 < report["vocabulary"]["share_of_texts_kept"] < 1
    more = {name: corpus["training_sub_words"] for name, corpus in report["corpora"].items()}
    assert all(more[name] > size for name, size in report["vocabulary"]["training_sub_words_before"].items())
    before, after = report["held_out_loss_before"], report["held_out_loss"]
    assert (
        before.keys()
        == after.keys()
        == {"eval_loss", *(f"eval_{name}{kind}_loss" for name in ("", "sw_", "de-es_") for kind in ("hidden", "mlm"))}
    )
    assert after["eval_hidden_loss"] < before["eval_hidden_loss"] - 0.05
    assert after["eval_mlm_loss"] < before["eval_mlm_loss"] - 0.05
    assert after["eval_loss"] == pytest.approx(after["eval_hidden_loss"] + 0.5 * after["eval_mlm_loss"], abs=1e-4)

    files = EncoderFiles(str(unbroken))
    assert files.model().config.num_hidden_layers == 2 and files.model().get_input_embeddings().weight.shape[0] == 400
    assert files.config().hidden_dropout_prob == EncoderFiles(str(xlm_r)).config().hidden_dropout_prob == 0.1
    assert "_name_or_path" not in json.loads((unbroken / "config.json").read_text())
    assert files.input_format.max_length == 64 and len(files.tokenizer()) == 400
    saved, missing = load_language_model(str(unbroken), files.config())
    weights = load_file(unbroken / "model.safetensors")
    assert torch.equal(saved.lm_head.bias, weights["lm_head.bias"]) and not missing


@pytest.mark.slow
def test_broken_off_and_taken_up_it_is_the_same(unbroken, command, monkeypatch, tmp_path) -> None:
    step = DistillationTrainer.training_step

    def breaks(trainer: DistillationTrainer, *arguments: object) -> torch.Tensor:
        if trainer.state.global_step == 5:
            raise Broken
        return step(trainer, *arguments)

    with monkeypatch.context() as patch, pytest.raises(Broken):
        patch.setattr(DistillationTrainer, "training_step", breaks)
        distil(patch, tmp_path / "broken", *command)
    assert (tmp_path / "broken" / ".training" / "checkpoint-3").is_dir()
    report = distil(monkeypatch, tmp_path / "broken", *command)
    assert_same_as_unbroken(tmp_path / "broken", report, unbroken)


def test_twice_it_is_the_same(unbroken, command, monkeypatch, tmp_path) -> None:
    report = distil(monkeypatch, tmp_path / "again", *command)
    assert_same_as_unbroken(tmp_path / "again", report, unbroken)


def assert_same_as_unbroken(folder: Path, report: dict, unbroken: Path) -> None:
    expected = json.loads((unbroken / "distillation.json").read_text())
    for each in (report, expected):
        del each["command"], each["hours"]
    assert report == expected and len(report["log"]) > 4
    weights = [load_file(each / "model.safetensors") for each in (folder, unbroken)]
    assert len(weights[0]) > 20 and weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in unbroken.iterdir())


def test_the_first_losses_are_those_of_a_plain_loop(bert, monkeypatch, tmp_path) -> None:
    """The output layer at all positions, the teacher's states of the text before it was masked, and torch's own optimizer."""
    num_steps, rate = 5, 2e-3
    report = distil(
        monkeypatch,
        tmp_path / "student",
        *["--teacher", bert, "--layers", 2, *TEXT, "--steps", num_steps, "--evaluate-every", 1, "--smoothing", 1],
        *["--batch-tokens", 512, "--learning-rate", rate, "--hidden-weight", 0.7, "--mlm-weight", 0.3, "--seed", 5],
    )
    found = [entry["loss"] for entry in report["log"] if "loss" in entry]

    tokenizer = AutoTokenizer.from_pretrained(bert)
    corpora = read_corpora(TEXT[1:], [], 500, seed=5)
    texts = encode_corpora(corpora, tokenizer, 64)
    teacher = BertForMaskedLM.from_pretrained(bert).eval()
    student = BertForMaskedLM.from_pretrained(bert, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0).train()
    student.bert.encoder.layer = torch.nn.ModuleList([student.bert.encoder.layer[0], student.bert.encoder.layer[2]])
    matrices = [weight for weight in student.parameters() if weight.dim() > 1]
    vectors = [weight for weight in student.parameters() if weight.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}]
    )
    batches = TokenBatches(texts.lengths(), texts.numbers, batch_tokens=512, num_batches=num_steps, smoothing=1, seed=5)
    collator = MaskingCollator(tokenizer, SubwordMasking(tokenizer, 0.15), first_position=None, seed=5)
    expected = []
    for number, draws in enumerate(batches):
        batch = collator([Texts(texts.texts)[draw] for draw in draws])
        labels, mask = batch.pop("labels"), batch["attention_mask"]
        read = student(**batch, output_hidden_states=True)
        whole = torch.where(labels >= 0, labels, batch["input_ids"])
        with torch.no_grad():
            targets = teacher(input_ids=whole, attention_mask=mask, output_hidden_states=True).hidden_states
        hidden = 0.0
        for state, target in ((read.hidden_states[1], targets[2]), (read.hidden_states[2], targets[4])):
            error = ((state - target) ** 2).mean(-1)
            hidden = hidden + (error * mask).sum() / mask.sum() / target[mask > 0].var() / 2
        mlm = functional.cross_entropy(read.logits.flatten(0, 1), labels.flatten(), ignore_index=-100)
        loss = 0.7 * hidden + 0.3 * mlm
        expected.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        for group in optimizer.param_groups:  # one step of warming up, then down to 0
            group["lr"] = rate * (num_steps - number) / (num_steps - 1) if number else 0.0
        optimizer.step()
    assert found == pytest.approx(expected, abs=2e-4)  # the Trainer rounds what it logs
    assert max(found) - min(found) > 0.01


def test_a_vocabulary_cut_alone(monkeypatch, tmp_path) -> None:
    """Nothing is trained: in half the space, the teacher's own weights, and no output layer where it has none."""
    report = distil(
        monkeypatch, tmp_path / "cut", "--teacher", TINY_ENCODER, *TEXT, "--vocab-size", 500, "--steps", 0, "--float16"
    )
    assert report["student"]["layers"] == report["teacher"]["layers"] == 4 and "held_out_loss" not in report
    weights, teacher = load_file(tmp_path / "cut" / "model.safetensors"), load_file(TINY_ENCODER / "model.safetensors")
    words = "embeddings.word_embeddings.weight"
    assert weights.keys() == teacher.keys() and weights[words].shape[0] == 500
    assert all(torch.equal(weights[name], teacher[name].half()) for name in weights if name != words)
    cut, whole = (EncoderFiles(str(folder)).tokenizer() for folder in (tmp_path / "cut", TINY_ENCODER))
    for piece, number in cut.get_vocab().items():
        assert torch.equal(weights[words][number], teacher[words][whole.get_vocab()[piece]].half())


def test_what_is_wrong_is_said(bert, xlm_r, monkeypatch, tmp_path) -> None:
    command = [tmp_path / "new", "--teacher", bert, *TEXT, "--steps", 0]
    with pytest.raises(SystemExit, match="nothing to do. Give --layers or --vocab-size"):
        distil(monkeypatch, *command)
    for number in (0, 5):
        with pytest.raises(SystemExit, match=f"--layers is {number}, and the teacher has 4"):
            distil(monkeypatch, *command, "--layers", number)
    decoder = shutil.copytree(xlm_r, tmp_path / "bart")
    BartConfig().save_pretrained(decoder)
    with pytest.raises(SystemExit, match="of type 'bart' and has a decoder"):
        distil(monkeypatch, *command, "--layers", 1, "--teacher", decoder)
    assert not (tmp_path / "new").exists()
    with pytest.raises(SystemExit, match="--vocab-size is 20, and .* pieces are necessary"):
        distil(monkeypatch, *command, "--vocab-size", 20)
    # Nothing is lost, and so the folder is free for another attempt.
    distil(monkeypatch, *command, "--layers", 1)
