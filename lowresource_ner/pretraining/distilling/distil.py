"""
Makes a small encoder of a large one: fewer layers, a vocabulary of the pieces that your languages need, or both.

    # of XLM-R, a small and fast encoder of three languages
    python scripts/distil_encoder.py runs/small --teacher xlm-roberta-base --layers 6 --vocab-size 24000 \\
        --text sw=sw.txt.gz en=en.txt.gz de=de.txt.gz --parallel en-sw=en-sw.tsv.gz --epochs 10

    # the same encoder for one language, in less memory: nothing is trained
    python scripts/distil_encoder.py runs/sw --teacher xlm-roberta-base --vocab-size 16000 --text sw.txt.gz --steps 0

Texts are those of pretrain_encoder.py, held-out lines included. Pieces are chosen by how often the training lines would have
them read (Abdaoui, Pradel and Sigel 2020, https://aclanthology.org/2020.sustainlp-1.16), of WordPiece and unigram tokenizers. The
teacher's vocabulary is cut first, so that teacher and student read the same pieces, and hidden states stand side by side.

Each layer of the student stands for a span of the teacher's: it begins as the first of them (DistilBERT, Sanh et al. 2019,
https://arxiv.org/abs/1910.01108), and learns to give what the last one gives (TinyBERT, Jiao et al. 2020,
https://arxiv.org/abs/1909.10351), reading masked text where the teacher reads it whole; and it learns the masked words.

The same command goes on with a run that was broken off, and ends with the weights of an unbroken one. FOLDER then holds what
`ENCODER=FOLDER` needs, and distillation.json, which says what was done.
"""

import argparse
from typing import Any, Dict, List, NamedTuple, Tuple

import numpy as np
import transformers
from allennlp.common.checks import ConfigurationError
from lowresource_ner.pretraining.distilling.reducing import fewer_layers, layer_spans, token_ids, with_layers, with_pieces
from lowresource_ner.pretraining.distilling.trainer import DistillationTrainer
from lowresource_ner.pretraining.distilling.vocabulary import Vocabulary, frequencies
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
from lowresource_ner.pretraining.encoders import load_files, load_language_model, with_dropout
from lowresource_ner.pretraining.run_folder import RunFolder
from lowresource_ner.pretraining.running import held_out_by_corpus, plan_batches, train, trainer_settings
from lowresource_ner.pretraining.texts import Corpus, EncodedCorpora, describe, encode_corpora, read_corpora
from transformers import PreTrainedModel, PreTrainedTokenizerFast


class Encoder(NamedTuple):
    """A masked language model, and what it reads."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    max_length: int
    has_output_layer: bool
    """False where its files have none, and that of `model` is random"""

    @property
    def num_layers(self) -> int:
        return self.model.config.num_hidden_layers

    def size(self) -> Dict[str, int]:
        """For a report."""
        return {
            "layers": self.num_layers,
            "pieces": len(self.tokenizer),
            "parameters": self.model.num_parameters(),
        }


def arguments() -> argparse.Namespace:
    parser = new_parser(__doc__)
    parser.add_argument("--teacher", required=True, help="a Hugging Face folder or hub name")
    add_data_arguments(parser)
    student = parser.add_argument_group("student")
    student.add_argument("--layers", type=int, help="left out, all of the teacher's")
    student.add_argument("--vocab-size", type=int, help="pieces that are kept at most; left out, all")
    training = add_training_arguments(parser, steps="updates, in place of passes; 0 to train nothing")
    training.add_argument("--hidden-weight", type=float, default=1.0, help="of the loss of hidden states")
    training.add_argument("--mlm-weight", type=float, default=0.5, help="of the loss of masked words")
    training.add_argument("--learning-rate", type=float, default=5e-4)
    training.add_argument(
        "--dropout", type=float, default=0.0, help="in training; the student's config has the teacher's"
    )
    args = parsed(parser)
    if args.steps == 0 and args.layers is None and args.vocab_size is None:
        parser.error("nothing to do: give --layers or --vocab-size, or more than 0 --steps")
    return args


def main() -> None:
    args = arguments()
    folder = RunFolder(args.folder, settings_of(args), "distillation.json")
    if not folder.is_done_but_for_tidying():
        folder.check()
        transformers.set_seed(args.seed)
        corpora = read_corpora(args.text, args.parallel, args.held_out, args.seed)
        teacher = load_teacher(args)
        spans = layer_spans(teacher.num_layers, teacher.num_layers if args.layers is None else args.layers)
        with folder.worked_on_alone():
            distil(args, folder, corpora, teacher, spans)
    tell_of_done(args.folder, folder.finish())


def distil(
    args: argparse.Namespace, folder: RunFolder, corpora: List[Corpus], teacher: Encoder, spans: List[range]
) -> None:
    """Makes the student, each of whose layers stands for a span of the teacher's, trains it, and writes it."""
    report: Dict[str, Any] = {"command": as_given(), "teacher": teacher.size()}
    if args.vocab_size is not None:
        teacher, report["vocabulary"] = with_cut_vocabulary(args, teacher, corpora)
    config = fewer_layers(teacher.model.config, len(spans))
    begun_with = [span[0] for span in spans]
    student = teacher._replace(model=with_layers(teacher.model, with_dropout(config, args.dropout), begun_with))
    report["student"] = {**student.size(), "layers_of_teacher": [[layer + 1 for layer in span] for span in spans]}
    say(f"{told(report['teacher'])} become {told(report['student'])}")

    encoded = encode_corpora(corpora, student.tokenizer, student.max_length)
    report["corpora"] = describe(corpora, encoded)
    if args.steps != 0:
        trainer = new_trainer(args, folder, student, teacher, [span[-1] for span in spans], corpora, encoded)
        report.update(train(trainer, folder))
    # An output layer that neither the teacher's files hold nor this run has trained is of no use.
    is_whole = student.has_output_layer or (args.steps != 0 and args.mlm_weight > 0)
    model = student.model if is_whole else student.model.base_model
    model.config = config  # with the dropout that it had
    folder.save(model.half() if args.float16 else model, student.tokenizer, report)


def load_teacher(args: argparse.Namespace) -> Encoder:
    """
    # Raises

    `ValueError`, `ConfigurationError`
        As `load_files`; and where the teacher has a decoder.
    """
    files = load_files(args.teacher)
    config = files.config()
    if config.is_encoder_decoder:
        raise ConfigurationError(
            f"'{args.teacher}' is of type '{config.model_type}' and has a decoder. Take an encoder: a BERT, RoBERTa, XLM-R, "
            "DistilBERT or one like them."
        )
    model, missing = load_language_model(args.teacher, config)
    max_length = min(args.max_length, files.max_length())
    files.check(model.base_model, max_length - sum(map(len, files.special_tokens())), config.hidden_size)
    return Encoder(model, files.tokenizer(), max_length, has_output_layer=not missing)


def with_cut_vocabulary(
    args: argparse.Namespace, encoder: Encoder, corpora: List[Corpus]
) -> Tuple[Encoder, Dict[str, Any]]:
    """The encoder that knows only the pieces that are most frequent in the training texts, and a report of them."""
    vocabulary = Vocabulary(encoder.tokenizer)
    say("Choosing pieces")
    encoded = encode_corpora(corpora, encoder.tokenizer, encoder.max_length)
    counts = frequencies(encoded, len(vocabulary), args.smoothing)
    needed = [number for number in token_ids(encoder.model.config).values() if number < len(vocabulary)]
    pieces = vocabulary.choose(counts, args.vocab_size, needed)
    share = float(counts[pieces].sum() / counts.sum())
    say(f"{len(pieces):,} of {len(vocabulary):,} pieces are kept, which make up {share:.2%} of the texts")
    report = {
        "pieces_in_texts": int(np.count_nonzero(counts)),
        "share_of_texts_kept": round(share, 5),
        "training_sub_words_before": dict(zip([corpus.name for corpus in corpora], encoded.sizes(len(corpora)))),
    }
    return encoder._replace(model=with_pieces(encoder.model, pieces), tokenizer=vocabulary.cut(pieces)), report


def new_trainer(
    args: argparse.Namespace,
    folder: RunFolder,
    student: Encoder,
    teacher: Encoder,
    taught_by: List[int],
    corpora: List[Corpus],
    encoded: EncodedCorpora,
) -> DistillationTrainer:
    # The two texts of a pair stand one after the other for both, as for the teacher any text does: no position counts anew.
    collator = MaskingCollator(student.tokenizer, args.mask, first_position=None, seed=args.seed)
    batches = plan_batches(encoded, args)
    return DistillationTrainer(
        student.model,
        trainer_settings(folder.work, len(batches), args.learning_rate, args),
        tokenizer=student.tokenizer,
        collator=collator,
        texts=Texts(encoded.texts),
        batches=batches,
        held_out=held_out_by_corpus(corpora, collator, student.tokenizer, student.max_length, args),
        patience=args.patience,
        teacher=teacher.model.base_model,
        taught_by=taught_by,
        hidden_weight=args.hidden_weight,
        mlm_weight=args.mlm_weight,
    )


def told(size: Dict[str, Any]) -> str:
    return f"{size['layers']} layers, {size['pieces']:,} pieces and {size['parameters'] / 1e6:.1f} million parameters"


if __name__ == "__main__":
    run(main)
