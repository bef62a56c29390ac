"""Word vectors against the Hugging Face model itself, run on its tokenizer's own output and by hand on windows."""

import json
import math
import os
import shutil
from pathlib import Path

import pytest
import torch
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.data import Batch, Instance, Vocabulary
from allennlp.data.fields import TextField
from allennlp.modules.token_embedders import TokenEmbedder
from allennlp.training.optimizers import Optimizer
from tokenizers import ByteLevelBPETokenizer
from transformers import (
    AutoModel,
    AutoTokenizer,
    BartConfig,
    EsmConfig,
    LukeConfig,
    MarkupLMConfig,
    RobertaConfig,
    RobertaModel,
    RobertaPreLayerNormConfig,
    RobertaTokenizerFast,
    T5Config,
    XLNetConfig,
    XmodConfig,
)

from lowresource_ner.data.token_indexers.subwords import SubwordIndexer, encode_words
from lowresource_ner.modules import SubwordTransformer

os.environ["HF_HUB_OFFLINE"] = "1"

TINY = Path(__file__).resolve().parents[2] / "fixtures" / "encoders" / "tiny"
RAW = TINY.parents[1] / "corpora" / "de" / "raw.txt"
SHORT = ["Lionel", "Messi", "nació", "en", "Rosario", "."]
SENTENCES = [SHORT, ["Zürich"], ["Eliud", "\ufe0f", "Kipchoge", "[SEP]", "kijijini"]]
LONG = RAW.read_text(encoding="utf-8").split()
CONFIG = json.loads((TINY / "config.json").read_text())
NUM_LAYERS, LIMIT = CONFIG["num_hidden_layers"], CONFIG["max_position_embeddings"]


def tensors_of(sentences, model=TINY, run_dir=None):
    """What the embedder is given: the indexer's padded batch."""
    indexers = {"words": SubwordIndexer(str(model), serialization_dir=run_dir)}
    batch = Batch([Instance({"words": TextField(words, indexers)}) for words in encode_words(sentences, indexers)])
    batch.index_instances(Vocabulary())
    return batch.as_tensor_dict()["words"]["words"]


def embed(embedder, sentences, model=TINY):
    """The vectors of each sentence's words, (num_words, hidden_size)."""
    with torch.no_grad():
        tensors = tensors_of(sentences, model)
        vectors = embedder.eval()(**tensors)
    return [row[: len(words)] for row, words in zip(vectors, sentences)]


def close(actual, expected):
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=0)


class Truth:
    """The model of transformers, run on one sentence, or on one window of it, at a time."""

    def __init__(self, folder, **tokenizer_options):
        model = AutoModel.from_pretrained(folder).eval()
        self.model = model.encoder if model.config.is_encoder_decoder else model
        self.tokenizer = AutoTokenizer.from_pretrained(folder, **tokenizer_options)

    def short(self, words):
        """For words that leave sub-words and hold no special token."""
        encoding = self.tokenizer(words, is_split_into_words=True, return_tensors="pt")
        word_ids = encoding.word_ids()
        with torch.no_grad():
            hidden = self.model(encoding.input_ids, attention_mask=encoding.attention_mask).last_hidden_state[0]
        return hidden[[word_ids.index(word) for word in range(len(words))]]

    def windows(self, words, size, overlap):
        """For each word the vectors of all windows in which it has most context: one, or two where there is a tie."""
        encoding = self.tokenizer(words, is_split_into_words=True, add_special_tokens=False)
        ids, word_ids = encoding.input_ids, encoding.word_ids()
        starts = list(range(0, len(ids) - size, size - overlap)) + [len(ids) - size]
        hidden = []
        for start in starts:
            window = self.tokenizer.build_inputs_with_special_tokens(ids[start : start + size])
            with torch.no_grad():
                hidden.append(self.model(torch.tensor([window])).last_hidden_state[0, 1:-1])
        vectors = []
        for word in range(len(words)):
            position = word_ids.index(word)
            contexts = []
            for start in starts:
                before = position - start if start else math.inf
                after = start + size - 1 - position if start + size < len(ids) else math.inf
                contexts.append(min(before, after) if start <= position < start + size else -1)
            best = [number for number, number_of in enumerate(contexts) if number_of == max(contexts)]
            vectors.append([hidden[number][position - starts[number]] for number in best])
        return vectors


@pytest.fixture(scope="module")
def truth():
    return Truth(TINY)


@pytest.fixture(scope="module")
def embedder():
    return SubwordTransformer(str(TINY))


def test_short_sentences_equal_the_model_on_its_tokenizers_own_output(embedder, truth):
    assert TokenEmbedder.by_name("subword_transformer") is SubwordTransformer
    assert embedder.get_output_dim() == CONFIG["hidden_size"]
    sentences = [SHORT, ["Zürich"], LONG[:20]]
    for vectors, words in zip(embed(embedder, sentences), sentences):
        close(vectors, truth.short(words))


def test_a_word_without_sub_words_is_read_as_the_unknown_token(embedder, truth):
    close(embed(embedder, [["Wien", "\x00", "Paris"]])[0], truth.short(["Wien", "[UNK]", "Paris"]))


@pytest.mark.parametrize(
    "max_length, overlap, used_overlap",
    [(22, 5, 5), (22, 0, 0), (34, None, 8), (12, 9, 9), (None, None, (LIMIT - 2) // 4)],
)
def test_long_sentences_equal_the_model_by_hand_on_the_chosen_windows(truth, max_length, overlap, used_overlap):
    embedder = SubwordTransformer(str(TINY), max_length=max_length, window_overlap=overlap)
    words = LONG[: max_length or LIMIT]
    vectors = embed(embedder, [words])[0]
    expected = truth.windows(words, (max_length or LIMIT) - 2, used_overlap)
    assert len(vectors) == len(expected) == len(words)
    for vector, candidates in zip(vectors, expected):
        assert min(float((vector - candidate).abs().max()) for candidate in candidates) < 1e-5


@pytest.mark.parametrize("num_extra, num_windows", [(0, 1), (1, 2)])
def test_a_sentence_that_just_fits_is_one_window(truth, num_extra, num_windows):
    words = ["Wien"] * (10 + num_extra)
    embedder = SubwordTransformer(str(TINY), max_length=12, window_overlap=4)
    calls = []
    embedder.transformer.register_forward_pre_hook(
        lambda module, args, kwargs: calls.append(kwargs["input_ids"].shape), with_kwargs=True
    )
    vectors = embed(embedder, [words])[0]
    assert calls == [(num_windows, 12)]
    if num_windows == 1:
        close(vectors, truth.short(words))


def test_a_sentence_alone_equals_itself_in_a_ragged_batch_with_long_ones():
    embedder = SubwordTransformer(str(TINY), max_length=20)
    sentences = [*SENTENCES, LONG[:70], LONG[70:75], LONG[75:190], SHORT]
    for vectors, words in zip(embed(embedder, sentences), sentences):
        close(vectors, embed(embedder, [words])[0])


def test_a_separator_among_the_words_is_text(embedder, truth):
    separator = embed(embedder, [["Wien", "[SEP]", "Paris"]])[0]
    text = embed(embedder, [["Wien", "[", "SEP", "]", "Paris"]])[0]
    close(separator, text[[0, 1, 4]])
    assert not torch.allclose(separator[2], truth.short(["Wien", "[SEP]", "Paris"])[2], atol=1e-3)


def expected_frozen(num_frozen_layers, names):
    if num_frozen_layers is None:
        return set()
    prefixes = ("embeddings.", *(f"encoder.layer.{layer}." for layer in range(num_frozen_layers)))
    return {name for name in names if name.startswith(prefixes)}


def backward(embedder, sentences=SENTENCES):
    """One backward pass of a loss that no layer norm makes constant."""
    vectors = embedder(**tensors_of(sentences))
    (vectors * torch.linspace(-1, 2, vectors.size(-1)) ** 2).sum().backward()


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
@pytest.mark.parametrize("max_length", [None, 8], ids=["whole", "windows"])
@pytest.mark.parametrize("num_frozen_layers", [None, 0, 1, 2])
def test_gradients_reach_what_is_trained_and_nothing_below(num_frozen_layers, max_length):
    torch.manual_seed(0)
    embedder = SubwordTransformer(str(TINY), num_frozen_layers=num_frozen_layers, max_length=max_length).train()
    transformer = embedder.transformer
    stages = [transformer.embeddings, *transformer.encoder.layer]
    outputs, reached = {}, set()
    for number, stage in enumerate(stages):
        stage.register_forward_hook(
            lambda module, args, output, number=number: outputs.__setitem__(
                number, output[0] if isinstance(output, tuple) else output
            )
        )
        stage.register_full_backward_hook(lambda *_, number=number: reached.add(number))
    backward(embedder)

    parameters = dict(transformer.named_parameters())
    frozen = expected_frozen(num_frozen_layers, parameters)
    assert {name for name, parameter in parameters.items() if not parameter.requires_grad} == frozen
    for name, parameter in parameters.items():
        if name in frozen:
            assert parameter.grad is None, name
        else:
            # A bias on all keys alike changes no attention, so that its gradient is zero by mathematics.
            assert parameter.grad is not None and (parameter.grad.any() or name.endswith("key.bias")), name

    num_stages_frozen = 0 if num_frozen_layers is None else num_frozen_layers + 1
    for number in range(len(stages)):
        below = number < num_stages_frozen
        assert outputs[number].requires_grad is not below
        assert (outputs[number].grad_fn is None) is below
        assert (number in reached) is not below


def test_with_all_layers_frozen_there_is_nothing_to_propagate():
    embedder = SubwordTransformer(str(TINY), num_frozen_layers=NUM_LAYERS)
    assert not any(parameter.requires_grad for parameter in embedder.parameters())
    assert embedder(**tensors_of([SHORT])).grad_fn is None


@pytest.mark.filterwarnings("ignore:This implementation of AdamW is deprecated")
def test_the_optimizer_holds_no_frozen_parameter_and_changes_none():
    embedder = SubwordTransformer(str(TINY), num_frozen_layers=1)
    before = {name: parameter.detach().clone() for name, parameter in embedder.named_parameters()}
    trained = [[name, parameter] for name, parameter in embedder.named_parameters() if parameter.requires_grad]
    optimizer = Optimizer.from_params(Params({"type": "huggingface_adamw", "lr": 0.01}), model_parameters=trained)
    backward(embedder)
    optimizer.step()
    names = {id(parameter): name for name, parameter in embedder.named_parameters()}
    held = {names[id(parameter)] for group in optimizer.param_groups for parameter in group["params"]}
    frozen = {f"transformer.{name}" for name in expected_frozen(1, dict(embedder.transformer.named_parameters()))}
    assert len(frozen) > 10 and held == set(before) - frozen
    assert {names[id(parameter)] for parameter in optimizer.state} == held
    changed = {name for name, parameter in embedder.named_parameters() if not torch.equal(parameter, before[name])}
    assert changed <= held and len(changed) >= len(held) - NUM_LAYERS


@pytest.mark.parametrize(
    "options, message",
    [
        ({"max_length": LIMIT + 1}, f"'max_length' is {LIMIT + 1}; .* reads 3 to {LIMIT} sub-words"),
        ({"max_length": 2}, f"'max_length' is 2; .* reads 3 to {LIMIT} sub-words"),
        ({"max_length": 12, "window_overlap": 10}, "'window_overlap' is 10, and a window holds 10 sub-words"),
        ({"window_overlap": -1}, f"'window_overlap' is -1, and a window holds {LIMIT - 2} sub-words"),
        ({"num_frozen_layers": NUM_LAYERS + 1}, f"'num_frozen_layers' is {NUM_LAYERS + 1}, .* has {NUM_LAYERS} layers"),
        ({"num_frozen_layers": -1}, f"'num_frozen_layers' is -1, .* has {NUM_LAYERS} layers"),
    ],
)
def test_what_the_encoder_cannot_do_is_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        SubwordTransformer(str(TINY), **options)


@pytest.mark.parametrize("model_name", ["no-such/encoder", "/no/such/folder"])
def test_a_missing_encoder_is_reported(model_name):
    with pytest.raises(ConfigurationError, match=f"encoder '{model_name}' cannot be read: .* Give the name of a model"):
        SubwordTransformer(model_name)


def test_a_folder_without_weights_says_so(tmp_path):
    folder = shutil.copytree(TINY, tmp_path / "encoder")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ConfigurationError, match="The weights of encoder .* cannot be read"):
        SubwordTransformer(str(folder))
    SubwordTransformer(str(folder), load_weights=False)


def equal_weights(one, other):
    other = other.state_dict()
    return [torch.equal(value, other[name]) for name, value in one.state_dict().items()]


def test_weights_are_those_of_the_folder_or_random(embedder, truth):
    weights = truth.model.state_dict()
    loaded = embedder.transformer.state_dict()
    assert set(weights) - set(loaded) == {"pooler.dense.weight", "pooler.dense.bias"}
    assert all(torch.equal(value, weights[name]) for name, value in loaded.items())
    torch.manual_seed(1)
    random = SubwordTransformer(str(TINY), load_weights=False)
    another = SubwordTransformer(str(TINY), load_weights=False)
    for one, other in [(random, embedder), (random, another)]:
        matrices = [name for name, value in one.named_parameters() if value.dim() == 2]
        assert len(matrices) == 3 + 6 * NUM_LAYERS
        assert not any(torch.equal(one.get_parameter(name), other.get_parameter(name)) for name in matrices)


@pytest.fixture
def encoder_and_run(tmp_path):
    return shutil.copytree(TINY, tmp_path / "encoder"), tmp_path / "run"


@pytest.mark.parametrize("weights_file", ["weights.th", "best.th"])
def test_an_archive_is_built_again_without_the_folder_it_was_trained_from(encoder_and_run, weights_file):
    folder, run_dir = encoder_and_run
    SubwordIndexer(str(folder), serialization_dir=str(run_dir))
    first = SubwordTransformer(str(folder), serialization_dir=str(run_dir), num_frozen_layers=1, max_length=20)
    expected = embed(first, [SHORT, LONG[:60]], folder)
    folder.rename(folder.with_name("gone"))
    torch.save(first.state_dict(), run_dir / weights_file)

    second = SubwordTransformer(str(folder), serialization_dir=str(run_dir), num_frozen_layers=1, max_length=20)
    assert second.transformer.config.hidden_size == CONFIG["hidden_size"]
    for option in ("_name_or_path", "architectures"):
        delattr(first.transformer.config, option)
        delattr(second.transformer.config, option)
    assert second.transformer.config.to_dict() == first.transformer.config.to_dict()
    assert not all(equal_weights(second, first))  # they come from the archive, afterwards
    second.load_state_dict(torch.load(run_dir / weights_file, weights_only=True))

    tensors, original = tensors_of([SHORT, LONG[:60]], folder, run_dir), tensors_of([SHORT, LONG[:60]])
    assert all(torch.equal(tensors[key], original[key]) for key in original)
    with torch.no_grad():
        vectors = second.eval()(**tensors)
    close(vectors[0, : len(SHORT)], expected[0])
    close(vectors[1], expected[1])


def test_without_weights_of_its_own_a_run_cannot_do_without_the_folder(encoder_and_run):
    folder, run_dir = encoder_and_run
    SubwordTransformer(str(folder), serialization_dir=str(run_dir))
    folder.rename(folder.with_name("gone"))
    with pytest.raises(ConfigurationError, match="The weights of encoder .* cannot be read"):
        SubwordTransformer(str(folder), serialization_dir=str(run_dir))


def test_an_archive_as_encoder_brings_its_own_weights_and_tokenizer(encoder_and_run):
    folder, run_dir = encoder_and_run
    model = torch.nn.Module()
    model.embedder = SubwordTransformer(str(folder), load_weights=False, serialization_dir=str(run_dir))
    torch.save(model.state_dict(), run_dir / "best.th")
    (run_dir / "vocabulary" / ".encoders" / ".left-by-a-killed-run").mkdir()
    archive = shutil.make_archive(str(run_dir.with_name("model")), "gztar", run_dir)
    shutil.rmtree(folder)
    for source in (str(run_dir), archive):
        continued = SubwordTransformer(source)
        assert all(equal_weights(continued, model.embedder))
        tensors, original = tensors_of(SENTENCES, source), tensors_of(SENTENCES)
        assert all(torch.equal(tensors[key], original[key]) for key in original)


def test_what_a_kill_leaves_behind_is_no_part_of_the_vocabulary(encoder_and_run, monkeypatch):
    """Killed before the files are in their place: beside them lies what comes into no archive, and the next run does not mind."""
    folder, run_dir = encoder_and_run
    encoders = run_dir / "vocabulary" / ".encoders"

    def killed(*paths):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            SubwordIndexer(str(folder), serialization_dir=str(run_dir))
    assert list(encoders.iterdir()) == []
    left_over = [path for path in run_dir.rglob("*") if path.is_file()]
    assert left_over and not any(path.is_relative_to(run_dir / "vocabulary") for path in left_over)
    (encoders / ".tmp1234").mkdir()
    SubwordIndexer(str(folder), serialization_dir=str(run_dir))
    (kept,) = encoders.iterdir()
    assert kept.name.startswith("encoder-") and (kept / "tokenizer.json").is_file()


def test_a_folder_whose_checkpoints_would_not_be_found_is_refused_at_the_start(tmp_path):
    for name in ("run[1]", "run*", "what?"):
        with pytest.raises(ConfigurationError, match="A training cannot be saved in .*'-s'"):
            SubwordIndexer(str(TINY), serialization_dir=str(tmp_path / name))


@pytest.fixture(scope="module")
def roberta(tmp_path_factory):
    """A byte-level BPE encoder whose position 0 and 1 are no positions: 40 in the config are 38 sub-words."""
    folder = tmp_path_factory.mktemp("roberta")
    bpe = ByteLevelBPETokenizer()
    bpe.train([str(RAW)], vocab_size=400, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    bpe.save_model(str(folder))
    RobertaTokenizerFast.from_pretrained(folder).save_pretrained(folder)
    torch.manual_seed(2)
    RobertaModel(
        RobertaConfig(
            vocab_size=400,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=40,
            type_vocab_size=1,
        )
    ).save_pretrained(folder)
    return folder


def test_an_encoder_of_the_roberta_kind_reads_as_far_as_its_positions_go(roberta):
    roberta_truth = Truth(roberta, add_prefix_space=True)
    embedder = SubwordTransformer(str(roberta))
    sentences = [LONG[:5], LONG[:60], ["München"]]
    vectors = embed(embedder, sentences, roberta)
    close(vectors[0], roberta_truth.short(LONG[:5]))
    close(vectors[2], roberta_truth.short(["München"]))
    for vector, candidates in zip(vectors[1], roberta_truth.windows(LONG[:60], size=36, overlap=9)):
        assert min(float((vector - candidate).abs().max()) for candidate in candidates) < 1e-5
    with pytest.raises(ConfigurationError, match="reads 3 to 38 sub-words"):
        SubwordTransformer(str(roberta), max_length=39)
    with pytest.raises(IndexError):
        roberta_truth.model(torch.full((1, 39), 5))


SIZES = {
    "vocab_size": 2000,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
OF_40 = {**SIZES, "max_position_embeddings": 40, "pad_token_id": 0}
SEQ2SEQ = {"vocab_size": 2000, "d_model": 16, "pad_token_id": 0}
KINDS = {
    "roberta-prelayernorm": (RobertaPreLayerNormConfig(**OF_40), 39),
    "luke": (LukeConfig(**OF_40, entity_vocab_size=5, entity_emb_size=8), 39),
    "esm": (EsmConfig(**OF_40, mask_token_id=4), 39),
    "markuplm": (MarkupLMConfig(**OF_40), 39),
    "xmod": (XmodConfig(**OF_40, languages=["en_XX", "de_DE"], default_language="de_DE"), 39),
    # Positions without an end: as many as the tokenizer says.
    "xlnet": (XLNetConfig(vocab_size=2000, d_model=16, n_layer=2, n_head=2, d_inner=32, pad_token_id=0), LIMIT),
    "t5": (T5Config(**SEQ2SEQ, num_layers=3, d_kv=8, num_heads=2, d_ff=32), LIMIT),
    "bart": (
        BartConfig(
            **SEQ2SEQ,
            encoder_layers=2,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=32,
            decoder_ffn_dim=32,
            max_position_embeddings=40,
        ),
        40,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_encoders_of_other_kinds_are_read_to_their_end(tmp_path, kind):
    config, limit = KINDS[kind]
    torch.manual_seed(3)
    model = AutoModel.from_config(config)
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(TINY).save_pretrained(tmp_path)
    embedder = SubwordTransformer(str(tmp_path), num_frozen_layers=1)
    assert embedder.get_output_dim() == 16
    assert not any("decoder" in name for name in embedder.state_dict())
    truth = Truth(tmp_path)
    sentences = [SHORT, LONG[:100]]
    vectors = embed(embedder, sentences, tmp_path)
    close(vectors[0], truth.short(SHORT))
    size = limit - 2
    for vector, candidates in zip(vectors[1], truth.windows(LONG[:100], size, size // 4)):
        assert min(float((vector - candidate).abs().max()) for candidate in candidates) < 1e-5
    if limit < LIMIT:
        with pytest.raises(IndexError):
            truth.model(torch.full((1, limit + 1), 5))
    frozen = {name for name, parameter in embedder.transformer.named_parameters() if not parameter.requires_grad}
    assert frozen and any("embed" in name for name in frozen) and len(frozen) < len(embedder.state_dict())


def test_the_encoder_of_an_encoder_decoder_is_taken_from_an_archive(tmp_path):
    config, _ = KINDS["t5"]
    AutoModel.from_config(config).save_pretrained(tmp_path / "t5")
    AutoTokenizer.from_pretrained(TINY).save_pretrained(tmp_path / "t5")
    model = torch.nn.Module()
    model.embedder = SubwordTransformer(str(tmp_path / "t5"), serialization_dir=str(tmp_path / "run"))
    torch.save(model.state_dict(), tmp_path / "run" / "best.th")
    shutil.rmtree(tmp_path / "t5")
    assert all(equal_weights(SubwordTransformer(str(tmp_path / "run")), model.embedder))


def test_layers_of_an_encoder_of_the_roberta_kind_are_frozen_too(roberta):
    embedder = SubwordTransformer(str(roberta), num_frozen_layers=1)
    parameters = dict(embedder.transformer.named_parameters())
    frozen = {name for name, parameter in parameters.items() if not parameter.requires_grad}
    assert frozen == expected_frozen(1, parameters) and 0 < len(frozen) < len(parameters)


def test_bfloat16_computes_the_transformer_alone_in_it():
    torch.manual_seed(1)
    plain = SubwordTransformer(str(TINY)).train(False)
    half = SubwordTransformer(str(TINY), bfloat16=True).train(False)
    seen = []
    half.transformer.encoder.layer[0].attention.self.query.register_forward_hook(
        lambda *call: seen.append(call[2].dtype)
    )
    vectors = half(**tensors_of([SHORT]))
    assert seen == [torch.bfloat16] and vectors.dtype == torch.float32
    expected = plain(**tensors_of([SHORT]))
    # bfloat16 keeps 8 bits, so vectors of size 1 agree to some hundredths, and are not equal.
    assert 0 < (vectors - expected).abs().max() < 0.1
    vectors.square().sum().backward()
    gradients = [weight.grad for weight in half.parameters() if weight.grad is not None]
    assert len(gradients) > 10 and all(gradient.dtype == torch.float32 for gradient in gradients)
