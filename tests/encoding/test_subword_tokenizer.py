"""Sub-words against the slow Python tokenizer of transformers, each word alone, and character offsets."""

import copy
from pathlib import Path

import pytest
from allennlp.common.checks import ConfigurationError
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import ByteLevelBPETokenizer, Tokenizer, models
from transformers import AutoTokenizer, PreTrainedTokenizerFast, RobertaConfig, RobertaTokenizerFast
from transformers.models.bert.tokenization_bert import BasicTokenizer, WordpieceTokenizer

from lowresource_ner.encoding.encoder_files import EncoderFiles
from lowresource_ner.encoding.subword_tokenizer import SubwordTokenizer

TINY = Path(__file__).resolve().parents[2] / "fixtures" / "encoders" / "tiny"
FAST = AutoTokenizer.from_pretrained(TINY)
BASIC = BasicTokenizer(do_lower_case=False)
WORDPIECE = WordpieceTokenizer(FAST.vocab, FAST.unk_token)
SUBWORDS = SubwordTokenizer(FAST)

EMOJI = ["😀", "👩‍🚀", "🇩🇪", "👍🏽", "❤️", "1️⃣"]
INVISIBLE = [*"\ufe0f\u200d\u200b\u00ad\x00\x07\x1b\ufffd\ufeff\t \u2028\u0301", ""]
SPECIAL = ["[SEP]", "[UNK]", "[CLS]", "[PAD]", "[MASK]", "x[SEP]y", "<s>", "</s>", "<mask>", "##ing"]
SCRIPTS = "abcXYZäßñóéīũ0189.,-'()„“ČŁйкаПعربيשלוםनमस्ते中文字東京かなไทยእን"
SCRIPT_WORDS = st.text(alphabet=SCRIPTS, min_size=1, max_size=8)
SEEN_WORDS = st.sampled_from(
    ["Kipchoge", "Zürich", "erreicht", "Buenos", "kijijini", "unbelievable", "São-Paulo", "U.S.", "a" * 120]
)
WORDS = st.one_of(SEEN_WORDS, SCRIPT_WORDS, st.sampled_from(EMOJI + INVISIBLE + SPECIAL))
SENTENCES = st.lists(WORDS, min_size=1, max_size=8)


def of_slow_tokenizer(word):
    """The ids of a word by the pure Python tokenizer, in which nothing is special."""
    pieces = [piece for token in BASIC.tokenize(word) for piece in WORDPIECE.tokenize(token)]
    return [FAST.vocab[piece] for piece in pieces] or [FAST.unk_token_id]


def alone(word):
    """The ids of a word by a second copy of the fast tokenizer that is given nothing but this word as a text."""
    backend = copy.deepcopy(FAST.backend_tokenizer)
    backend.encode_special_tokens = True
    return backend.encode(word, add_special_tokens=False).ids or [FAST.unk_token_id]


def by_word(subwords):
    """The ids of each word, cut at the starts."""
    return [subwords.ids[start:stop] for start, stop in zip(subwords.starts, [*subwords.starts[1:], len(subwords.ids)])]


@given(SENTENCES)
@example(["[SEP]", "Zürich", "[UNK]"])
@example(["\x00", "\x07", "Wien", "\x1b"])
@example(["Wien", "\ufe0f", "\u200d", "\u00ad"])
@example(["", ""])
@settings(deadline=None)
def test_a_sentence_is_its_words_as_the_slow_tokenizer_cuts_them(words):
    subwords = SUBWORDS.encode(words)
    assert by_word(subwords) == [of_slow_tokenizer(word) for word in words]
    assert subwords.starts[0] == 0


@given(st.lists(st.text(max_size=6), min_size=1, max_size=6))
@settings(deadline=None)
def test_any_text_at_all_is_cut_as_if_it_stood_alone(words):
    subwords = SUBWORDS.encode(words)
    assert by_word(subwords) == [alone(word) for word in words]


@given(st.lists(st.lists(WORDS, max_size=8), max_size=5))
@settings(deadline=None)
def test_every_word_has_exactly_one_start_and_a_batch_equals_its_single_sentences(sentences):
    batch = SUBWORDS.encode_batch(sentences)
    assert batch == [SUBWORDS.encode(words) for words in sentences]
    for words, subwords in zip(sentences, batch):
        assert len(subwords.starts) == len(words)
        assert len(set(subwords.starts)) == len(words)
        assert subwords.starts == sorted(subwords.starts)
        assert all(0 <= start < len(subwords.ids) for start in subwords.starts)


def test_words_that_nothing_is_left_of_become_the_unknown_token():
    unknown = FAST.unk_token_id
    paris = FAST.convert_tokens_to_ids("Paris")
    assert SUBWORDS.encode(["\x00", "Paris", "\u00ad", ""]) == ([unknown, paris, unknown, unknown], [0, 1, 2, 3])


def test_what_others_did_to_the_tokenizer_before_changes_nothing_and_nothing_is_left_behind():
    tokenizer = AutoTokenizer.from_pretrained(TINY)
    words = ["Kipchoge", "erreicht", "Zürich"] * 10
    tokenizer(words, is_split_into_words=True, truncation=True, max_length=8, padding="max_length")
    subwords = SubwordTokenizer(tokenizer).encode_batch([words, ["Wien"]])
    assert by_word(subwords[0]) == [of_slow_tokenizer(word) for word in words]
    assert by_word(subwords[1]) == [of_slow_tokenizer("Wien")]
    assert tokenizer("Wien [SEP]").input_ids.count(tokenizer.sep_token_id) == 2


def bare_tokenizer(**special_tokens):
    """A BPE tokenizer that knows two letters and leaves nothing of any other."""
    backend = Tokenizer(models.BPE({"<m>": 0, "a": 1, "b": 2}, []))
    return PreTrainedTokenizerFast(tokenizer_object=backend, **special_tokens)


def test_the_mask_token_stands_in_where_there_is_no_unknown_token():
    assert SubwordTokenizer(bare_tokenizer(mask_token="<m>")).encode(["ö", "ab", ""]) == ([0, 1, 2, 0], [0, 1, 3])


def test_a_tokenizer_with_neither_is_refused():
    with pytest.raises(ConfigurationError, match="neither an unknown nor a mask token"):
        SubwordTokenizer(bare_tokenizer())


@pytest.fixture(scope="module")
def byte_level(tmp_path_factory):
    """A byte-level BPE tokenizer, trained here, in a folder as the hub has it: without `add_prefix_space`."""
    folder = tmp_path_factory.mktemp("byte_level")
    bpe = ByteLevelBPETokenizer()
    text = (TINY.parents[1] / "corpora" / "de" / "raw.txt").read_text(encoding="utf-8")
    bpe.train_from_iterator(
        text.splitlines(), vocab_size=400, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    )
    bpe.save_model(str(folder))
    RobertaTokenizerFast.from_pretrained(folder).save_pretrained(folder)
    RobertaConfig(vocab_size=400).save_pretrained(folder)
    return folder


@given(st.lists(st.one_of(SEEN_WORDS, SCRIPT_WORDS, st.sampled_from(EMOJI)), min_size=1, max_size=8))
@example(["wir", "wir", "Wir", "."])
@settings(deadline=None)
def test_byte_level_sub_words_are_those_of_the_running_text_by_character_offsets(byte_level, words):
    subwords = SubwordTokenizer(EncoderFiles(str(byte_level)).tokenizer()).encode(words)
    running = RobertaTokenizerFast.from_pretrained(byte_level, add_prefix_space=True)(
        " ".join(words), add_special_tokens=False, return_offsets_mapping=True
    )
    last_characters = []
    for word in words:
        last_characters.append(len(word) + (last_characters[-1] + 1 if last_characters else 0))
    expected = [[] for _ in words]
    for subword_id, (_, stop) in zip(running.input_ids, running.offset_mapping):
        expected[next(number for number, last in enumerate(last_characters) if stop <= last)].append(subword_id)
    assert by_word(subwords) == expected


def test_a_byte_level_word_bears_its_space_and_a_special_token_is_text(byte_level):
    tokenizer = EncoderFiles(str(byte_level)).tokenizer()
    subwords = SubwordTokenizer(tokenizer).encode(["</s>", "die"])
    assert tokenizer.eos_token_id not in subwords.ids
    assert [tokenizer.decode(ids) for ids in by_word(subwords)] == [" </s>", " die"]
    assert all(tokenizer.convert_ids_to_tokens(ids[0]).startswith("Ġ") for ids in by_word(subwords))
