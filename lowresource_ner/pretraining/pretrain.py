"""
Pretrains an encoder on raw text and on translations: a new small BERT, or one that is to know your language or domain better.

    # go on with an encoder on text of your domain or language, before mbert_tagger, kd_student or PGN read through it
    python scripts/pretrain_encoder.py runs/oncology --encoder bert-base-multilingual-cased --text abstracts.txt.gz --epochs 3

    # a new encoder for several languages
    python scripts/pretrain_encoder.py runs/encoder --text en=en.txt.gz de=de.txt.gz --parallel en-de=en-de.tsv.gz --epochs 10

Text has a sentence a line; translations have a sentence, a tab and its translation; .gz, .bz2 and .xz are read as they are.
Masked language modelling (Devlin et al. 2019), translation language modelling on pairs (Conneau and Lample 2019), with
transformers' models, collator and Trainer. Of every file some lines are held out, and the loss on them is reported by file,
before and after. The same command goes on with a run that was broken off, by a kill or a full disk as well, and ends with the
weights of an unbroken one. FOLDER then holds what `ENCODER=FOLDER` needs, and pretraining.json, which says what was done.
"""

import argparse
from itertools import chain
from typing import Iterable, List, Tuple

import torch
import transformers
from lowresource_ner.pretraining.new_bert import learn_word_pieces, new_config
from lowresource_ner.pretraining.batches import MaskingCollator, Texts
from lowresource_ner.commands.encoder_training import (
    add_data_arguments,
    add_training_arguments,
    as_given,
    new_parser,
    parsed,
    run,
    say,
    settings_of,
    tell_of_done,
)
from lowresource_ner.pretraining.count_vectors import count_vectors, log_frequencies
from lowresource_ner.pretraining.encoders import (
    first_position,
    load_files,
    load_language_model,
    new_language_model,
    with_dropout,
)
from lowresource_ner.pretraining.run_folder import RunFolder
from lowresource_ner.pretraining.running import held_out_by_corpus, plan_batches, train, trainer_settings
from lowresource_ner.pretraining.texts import Corpus, Encoded, describe, encode_corpora, read_corpora
from lowresource_ner.pretraining.trainer import MaskedLanguageModelTrainer
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast


def arguments() -> argparse.Namespace:
    parser = new_parser(__doc__)
    add_data_arguments(parser)
    encoder = parser.add_argument_group("encoder")
    encoder.add_argument(
        "--encoder", help="a Hugging Face folder or hub name to go on with; left out, a new BERT is made"
    )
    encoder.add_argument("--vocab-size", type=int, default=16_000)
    encoder.add_argument("--hidden-size", type=int, default=256)
    encoder.add_argument("--layers", type=int, default=4)
    encoder.add_argument("--heads", type=int, default=4)
    encoder.add_argument(
        "--random-start", action="store_true", help="a new BERT's word vectors at random, not from counts"
    )
    training = add_training_arguments(parser)
    training.add_argument("--learning-rate", type=float, help="1e-3 for a new encoder, 5e-5 for one that exists")
    training.add_argument("--dropout", type=float, help="0 for a new encoder; one that exists keeps its own")
    args = parsed(parser)
    if args.steps is not None and args.steps < 1:
        parser.error(f"--steps is {args.steps}, and a training takes one at least")
    return args


def main() -> None:
    args = arguments()
    folder = RunFolder(args.folder, settings_of(args), "pretraining.json")
    if not folder.is_done_but_for_tidying():
        folder.check()
        transformers.set_seed(args.seed)
        corpora = read_corpora(args.text, args.parallel, args.held_out, args.seed)
        with folder.worked_on_alone():
            pretrain(args, folder, corpora)
    tell_of_done(args.folder, folder.finish())


def pretrain(args: argparse.Namespace, folder: RunFolder, corpora: List[Corpus]) -> None:
    files = load_files(args.encoder) if args.encoder else None
    tokenizer, config = (files.tokenizer(), files.config()) if files else make(args, corpora)
    model = language_model(config, args)
    max_length = min(args.max_length, files.max_length()) if files else args.max_length
    if files:
        files.check(model.base_model, max_length - sum(map(len, files.special_tokens())), config.hidden_size)
    encoded = encode_corpora(corpora, tokenizer, max_length)
    say(f"{sum(encoded.lengths()):,} sub-words in {len(encoded.texts):,} texts of {len(corpora)} files")
    if not args.encoder and not args.random_start:
        begin_with_counts(model, encoded.texts, args.seed)

    batches = plan_batches(encoded, args)
    collator = MaskingCollator(tokenizer, args.mask, first_position(model), args.seed)
    trainer = MaskedLanguageModelTrainer(
        model,
        trainer_settings(folder.work, len(batches), args.learning_rate or (5e-5 if args.encoder else 1e-3), args),
        tokenizer=tokenizer,
        collator=collator,
        texts=Texts(encoded.texts),
        batches=batches,
        held_out=held_out_by_corpus(corpora, collator, tokenizer, max_length, args),
        patience=args.patience,
    )
    report = {"command": as_given(), "corpora": describe(corpora, encoded), **train(trainer, folder)}
    model.config = config  # with the dropout that it had
    folder.save(model.half() if args.float16 else model, tokenizer, report)


def make(args: argparse.Namespace, corpora: Iterable[Corpus]) -> Tuple[PreTrainedTokenizerFast, PretrainedConfig]:
    """The tokenizer and the config of a new BERT: cased word pieces, learned from the training texts."""
    say("Learning word pieces")
    lines = chain.from_iterable(chain.from_iterable(corpus.training for corpus in corpora))
    tokenizer = learn_word_pieces(lines, args.vocab_size, args.max_length)
    return tokenizer, new_config(len(tokenizer), args.hidden_size, args.layers, args.heads, args.max_length)


def language_model(config: PretrainedConfig, args: argparse.Namespace) -> PreTrainedModel:
    """The encoder with its output layer: random weights, or those of an encoder that exists."""
    if args.encoder:
        model, _ = load_language_model(args.encoder, with_dropout(config, args.dropout))
        return model
    return new_language_model(with_dropout(config, args.dropout or 0.0))


def begin_with_counts(model: PreTrainedModel, texts: List[Encoded], seed: int) -> None:
    """Word vectors from counts, scaled to the spread they would have at random, and the output's bias from frequencies."""
    say("Counting, and making vectors of the counts")
    vectors = model.get_input_embeddings().weight
    counted = count_vectors(texts, vectors.shape[0], vectors.shape[1], seed)
    frequencies = log_frequencies(texts, vectors.shape[0])
    with torch.no_grad():
        vectors.copy_(torch.from_numpy(counted) * (model.config.initializer_range / counted.std()))
        model.get_output_embeddings().bias.copy_(torch.from_numpy(frequencies))


if __name__ == "__main__":
    run(main)
