"""Makes a small encoder from a large one: fewer layers, a smaller vocabulary, or both."""

from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

import numpy as np
import transformers
from allennlp.common.checks import ConfigurationError
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from lowresource_ner.pretraining.batches import MaskingCollator
from lowresource_ner.pretraining.distilling.reducing import (
    fewer_layers,
    layer_spans,
    token_ids,
    with_layers,
    with_pieces,
)
from lowresource_ner.pretraining.distilling.trainer import DistillationTrainer
from lowresource_ner.pretraining.distilling.vocabulary import Vocabulary, frequencies
from lowresource_ner.pretraining.encoders import load_files, load_language_model, with_dropout
from lowresource_ner.pretraining.masking import masking_of
from lowresource_ner.pretraining.options import DistillationOptions
from lowresource_ner.pretraining.run_folder import RunFolder
from lowresource_ner.pretraining.running import command_as_given, say, train
from lowresource_ner.pretraining.texts import Corpus, encode_corpora, read_corpora


class Encoder(NamedTuple):
    """A masked language model, its tokenizer, and the number of sub-words that it reads at once."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    max_length: int
    has_output_layer: bool
    """False if its files do not have one, so that the one of `model` is random"""

    @property
    def num_layers(self) -> int:
        return self.model.config.num_hidden_layers

    def size(self) -> Dict[str, int]:
        """The size, for a report."""
        return {"layers": self.num_layers, "pieces": len(self.tokenizer), "parameters": self.model.num_parameters()}


def distil_encoder(path: Path, options: DistillationOptions) -> Dict[str, Any]:
    """
    Makes a small encoder from a large one and writes it to a folder. Resumes an interrupted run in the folder, which ends with
    the same weights.

    # Returns

    `Dict[str, Any]`
        The report, which is also written to distillation.json.

    # Raises

    `ValueError`, `ConfigurationError`
        If options, texts, the teacher or the folder are unsuitable.
    `OSError`
        If a file cannot be written. The message says what to do on a full disk.
    """
    folder = RunFolder(path, options, "distillation.json")
    if not folder.is_finished():
        folder.check()
        transformers.set_seed(options.seed)
        corpora = read_corpora(options.text, options.parallel, options.held_out, options.seed)
        teacher = _load_teacher(options)
        spans = layer_spans(teacher.num_layers, teacher.num_layers if options.layers is None else options.layers)
        with folder.locked():
            _distil(folder, options, corpora, teacher, spans)
    return folder.finish()


def _distil(
    folder: RunFolder, options: DistillationOptions, corpora: List[Corpus], teacher: Encoder, spans: List[range]
) -> None:
    """Makes a student with a layer for each span of the teacher's layers, trains it, and writes it."""
    report: Dict[str, Any] = {"command": command_as_given(), "teacher": teacher.size()}
    if options.vocab_size is not None:
        teacher, report["vocabulary"] = _with_fewer_pieces(teacher, options.vocab_size, corpora, options.smoothing)
    config = fewer_layers(teacher.model.config, len(spans))
    begun_with = [span[0] for span in spans]
    student = teacher._replace(model=with_layers(teacher.model, with_dropout(config, options.dropout), begun_with))
    report["student"] = {**student.size(), "layers_of_teacher": [[layer + 1 for layer in span] for span in spans]}
    say(f"{_described(report['teacher'])} become {_described(report['student'])}")

    encoded = encode_corpora(corpora, student.tokenizer, student.max_length, options.masks_words)
    report["corpora"] = encoded.description()
    if options.steps != 0:
        # Positions are counted through both texts of a pair, as the teacher was trained.
        masking = masking_of(options.masking, student.tokenizer, options.mask)
        collator = MaskingCollator(student.tokenizer, masking, first_position=None, seed=options.seed)
        training = train(
            *(DistillationTrainer, student.model, encoded, collator, folder, options, options.learning_rate),
            teacher=teacher.model.base_model,
            taught_by=[span[-1] for span in spans],
            hidden_weight=options.hidden_weight,
            mlm_weight=options.mlm_weight,
        )
        report.update(training)
    # An output layer that is neither in the teacher's files nor trained is random, and left out.
    is_whole = student.has_output_layer or (options.steps != 0 and options.mlm_weight > 0)
    model = student.model if is_whole else student.model.base_model
    model.config = config  # with the dropout that it had
    folder.save(model.half() if options.float16 else model, student.tokenizer, report)


def _load_teacher(options: DistillationOptions) -> Encoder:
    """
    Loads and checks the teacher.

    # Raises

    `ValueError`, `ConfigurationError`
        As in `load_files`, and if the teacher has a decoder.
    """
    files = load_files(options.teacher)
    config = files.config()
    if config.is_encoder_decoder:
        raise ConfigurationError(
            f"'{options.teacher}' is of type '{config.model_type}' and has a decoder. Take an encoder: a BERT, RoBERTa, XLM-R, "
            "DistilBERT or similar."
        )
    model, missing = load_language_model(options.teacher, config)
    max_length = min(options.max_length, files.input_format.max_length)
    files.check(model.base_model, max_length, config.hidden_size)
    return Encoder(model, files.tokenizer(), max_length, has_output_layer=not missing)


def _with_fewer_pieces(
    encoder: Encoder, size: int, corpora: List[Corpus], smoothing: float
) -> Tuple[Encoder, Dict[str, Any]]:
    """The encoder with only the pieces that are most frequent in the training texts, and the report's part about them."""
    vocabulary = Vocabulary(encoder.tokenizer)
    say("Choosing pieces")
    encoded = encode_corpora(corpora, encoder.tokenizer, encoder.max_length)
    counts = frequencies(encoded, len(vocabulary), smoothing)
    needed = [number for number in token_ids(encoder.model.config).values() if number < len(vocabulary)]
    pieces = vocabulary.choose(counts, size, needed)
    share = float(counts[pieces].sum() / counts.sum())
    say(f"{len(pieces):,} of {len(vocabulary):,} pieces are kept, which make up {share:.2%} of the texts")
    report = {
        "pieces_in_texts": int(np.count_nonzero(counts)),
        "share_of_texts_kept": round(share, 5),
        "training_sub_words_before": encoded.sizes(),
    }
    return encoder._replace(model=with_pieces(encoder.model, pieces), tokenizer=vocabulary.cut(pieces)), report


def _described(size: Dict[str, Any]) -> str:
    return f"{size['layers']} layers, {size['pieces']:,} pieces and {size['parameters'] / 1e6:.1f} million parameters"
