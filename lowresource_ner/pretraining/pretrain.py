"""Pretrains an encoder: a new small BERT, or an existing one."""

from itertools import chain
from pathlib import Path
from typing import Any, Dict, Iterable, List, Tuple

import torch
import transformers
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

from lowresource_ner.encoding.positions import first_position
from lowresource_ner.pretraining.batches import MaskingCollator
from lowresource_ner.pretraining.count_vectors import count_vectors, log_frequencies
from lowresource_ner.pretraining.encoders import load_files, load_language_model, new_language_model, with_dropout
from lowresource_ner.pretraining.masking import masking_of
from lowresource_ner.pretraining.new_bert import learn_word_pieces, new_config
from lowresource_ner.pretraining.options import REPORT, PretrainingOptions
from lowresource_ner.pretraining.run_folder import RunFolder
from lowresource_ner.pretraining.running import command_as_given, say, train
from lowresource_ner.pretraining.texts import Corpus, Encoded, encode_corpora, read_corpora
from lowresource_ner.pretraining.trainer import MaskedLanguageModelTrainer


def pretrain_encoder(path: Path, options: PretrainingOptions) -> Dict[str, Any]:
    """
    Pretrains an encoder and writes it to a folder. An interrupted run in the folder is resumed, and ends with the same weights.
    Nothing is done if it has finished.

    # Returns

    `Dict[str, Any]`
        The report, which is also written to `REPORT`.

    # Raises

    `ValueError`, `ConfigurationError`
        If options, texts, the encoder or the folder are unsuitable.
    `OSError`
        If a file cannot be written. The message says what to do on a full disk.
    """
    folder = RunFolder(path, options, REPORT)
    if not folder.is_finished():
        folder.check()
        transformers.set_seed(options.seed)
        corpora = read_corpora(options.text, options.parallel, options.held_out, options.seed)
        with folder.locked():
            _pretrain(folder, options, corpora)
    return folder.finish()


def _pretrain(folder: RunFolder, options: PretrainingOptions, corpora: List[Corpus]) -> None:
    files = load_files(options.encoder) if options.encoder else None
    tokenizer, config = (files.tokenizer(), files.config()) if files else _new_bert(options, corpora)
    model = _language_model(config, options)
    max_length = min(options.max_length, files.input_format.max_length) if files else options.max_length
    if files:
        files.check(model.base_model, max_length, config.hidden_size)
    encoded = encode_corpora(corpora, tokenizer, max_length, options.masks_words)
    say(f"{sum(encoded.lengths()):,} sub-words in {len(encoded.texts):,} texts of {len(corpora)} files")
    if not files and not options.random_start:
        _begin_with_counts(model, encoded.texts, options.seed)

    masking = masking_of(options.masking, tokenizer, options.mask)
    collator = MaskingCollator(tokenizer, masking, first_position(model), options.seed)
    learning_rate = options.learning_rate or (5e-5 if files else 1e-3)
    training = train(MaskedLanguageModelTrainer, model, encoded, collator, folder, options, learning_rate)
    report = {"command": command_as_given(), "corpora": encoded.description(), **training}
    model.config = config  # with the dropout that it had
    folder.save(model.half() if options.float16 else model, tokenizer, report)


def _new_bert(
    options: PretrainingOptions, corpora: Iterable[Corpus]
) -> Tuple[PreTrainedTokenizerFast, PretrainedConfig]:
    """The tokenizer and the config of a new BERT: cased word pieces, learned from the training texts."""
    say("Learning word pieces")
    lines = chain.from_iterable(chain.from_iterable(corpus.training for corpus in corpora))
    tokenizer = learn_word_pieces(lines, options.vocab_size, options.max_length)
    return tokenizer, new_config(len(tokenizer), options.hidden_size, options.layers, options.heads, options.max_length)


def _language_model(config: PretrainedConfig, options: PretrainingOptions) -> PreTrainedModel:
    """The encoder with its output layer: random weights, or those of an existing encoder."""
    if options.encoder:
        model, missing = load_language_model(options.encoder, with_dropout(config, options.dropout))
        if missing:
            say(f"{options.encoder} has no output layer for masked words, which begins with random weights")
        return model
    return new_language_model(with_dropout(config, options.dropout or 0.0))


def _begin_with_counts(model: PreTrainedModel, texts: List[Encoded], seed: int) -> None:
    """Sets the word vectors from counts, scaled to the spread of random ones, and the output's bias from frequencies."""
    say("Making vectors from counts")
    vectors = model.get_input_embeddings().weight
    counted = count_vectors(texts, vectors.shape[0], vectors.shape[1], seed)
    frequencies = log_frequencies(texts, vectors.shape[0])
    with torch.no_grad():
        vectors.copy_(torch.from_numpy(counted) * (model.config.initializer_range / counted.std()))
        model.get_output_embeddings().bias.copy_(torch.from_numpy(frequencies))
