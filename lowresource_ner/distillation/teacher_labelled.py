"""The dataset reader of a student: unlabelled text, and what teachers say of it."""

import json
import logging
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

import numpy
from allennlp.common.checks import ConfigurationError
from allennlp.data import DatasetReader, Instance

from lowresource_ner.common.whole_files import written_whole
from lowresource_ner.data.dataset_readers.sentence_reader import reader_without_tags, words_of
from lowresource_ner.data.dataset_readers.sharding_reader import ShardingReader
from lowresource_ner.data.fields.numpy_field import NumpyField
from lowresource_ner.data.fields.soft_labels_field import SoftLabelsField
from lowresource_ner.distillation.selections.selection import Selection
from lowresource_ner.distillation.teacher_board import SoftLabels, TeacherBoard
from lowresource_ner.distillation.teachers.teacher import Teacher
from lowresource_ner.distillation.weights.teacher_weights import TeacherWeights

logger = logging.getLogger(__name__)

SUMMARY = "teachers.json"
"""In the folder of a training: what was found out about its teachers' weights and the selection of its text."""

Labelled = Tuple[Instance, SoftLabels, Optional[numpy.ndarray]]


@DatasetReader.register("teacher_labelled")
class TeacherLabelledReader(ShardingReader):
    """
    Reads unlabelled sentences with another reader and adds the field `teacher_probabilities`, the teachers' distributions over
    the words' labels; `word_weights` where there are selections, and `agreement` on request. Tags that the text may have are not
    read: which words count, and for what, the text and the teachers decide.

    What weights and selections find out about the text as a whole is logged, and written to `teachers.json` in the run's folder,
    and so is how much of it is left out.

    Where several processes train together, selections and teachers with 'missing': 'skip' leave them shares of different length,
    and AllenNLP ends an epoch, of training as of validation, with the shortest.

    Registered as a `DatasetReader` with name "teacher_labelled".

    # Parameters

    reader : `DatasetReader`
        `raw_text`, or `conll_ner`, whose tags are not used.
    teachers : `Dict[str, Teacher]`
        By name.
    label_maps, weights, store
        See `TeacherBoard`.
    selections : `Optional[List[Selection]]`
        What is learned from; a word's weight is the product of those that they give it.
    agreement : `bool`, optional (default = `False`)
        Add the field `agreement`, for a student with an `agreed_label_weight`.
    tag_scheme : `str`, optional (default = `"IOB2"`)
        The student's.
    label_namespace : `str`, optional (default = `"labels"`)
    max_instances, serialization_dir
        See `ShardingReader`.

    # Raises

    `ConfigurationError`
        Where the reader is none of this package's, agreement is asked of a single teacher, or nothing is left of a text; and as
        `TeacherBoard`.
    """

    inner_options = "Options of the reader of the text are below 'reader': dataset_reader.reader.{option}."

    def __init__(
        self,
        reader: DatasetReader,
        teachers: Dict[str, Teacher],
        label_maps: Optional[Dict[str, Dict[str, str]]] = None,
        weights: Optional[TeacherWeights] = None,
        store: Optional[str] = None,
        selections: Optional[List[Selection]] = None,
        agreement: bool = False,
        tag_scheme: str = "IOB2",
        label_namespace: str = "labels",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if agreement and len(teachers) < 2:
            raise ConfigurationError(
                f"'agreement' is true, and {', '.join(teachers) or 'nobody'} is the only teacher. Give two at least, or leave it "
                "out."
            )
        self.reader = reader_without_tags(reader, "teacher_labelled")
        self.inner_readers = [self.reader]
        self.board = TeacherBoard(teachers, tag_scheme, label_maps, weights, store)
        self._selections = selections or []
        self._agreement = agreement
        self._label_namespace = label_namespace
        self._run_dir = Path(self.serialization_dir) if self.serialization_dir else None
        self._prepared: Any = None
        self._labelled: Any = None
        self.token_indexers = self.reader.token_indexers

    def open(self) -> None:
        """
        Opens teachers, weights and selections, as far as that is cheap.

        # Raises

        `ConfigurationError`
            Where one of them is not what it should be.
        """
        self.board.open()
        for selection in self._selections:
            selection.open()

    def prepare(self, corpus: Any) -> Dict[str, Any]:
        """
        Finds out what weights and selections have to know of a corpus as a whole, once for a corpus that is read again and again.

        # Returns

        `Dict[str, Any]`
            What a user is told of it: "weights" and "selections", as far as there is something to tell.
        """

        def sentences() -> Iterable[Sequence[str]]:
            return (sentence.words for sentence in self.reader.sentences(corpus))

        if self._prepared != corpus:
            self.board.prepare(sentences)
            for selection in self._selections:
                selection.prepare(sentences)
            self._prepared = corpus
        summaries = {
            "weights": self.board.summary(),
            "selections": [summary for summary in (each.summary() for each in self._selections) if summary],
        }
        return {name: summary for name, summary in summaries.items() if summary}

    def labelled(self, corpus: Any) -> Iterator[List[Labelled]]:
        """
        A corpus in blocks: of each sentence that is learned from its instance as `reader` makes it, what the teachers say, and
        the weights of its words (None without selections).
        """
        if self._labelled == corpus and self.board.lacks_store:
            logger.warning(
                "The teachers answer for %s once more. Give 'store', a folder, and they do so only once.", corpus
            )
        summary = self.prepare(corpus)
        is_new, self._labelled = self._labelled != corpus, corpus
        if summary and is_new:
            logger.info(
                "Of the teachers' weights and the text that is learned from: %s",
                json.dumps(summary, ensure_ascii=False),
            )
            self._write(summary)
        amounts = _Amounts()
        try:
            for block in self.reader.instance_blocks(corpus):
                self.prepare(corpus)  # another corpus may have been read meanwhile, where reading is lazy
                words = [words_of(instance) for instance in block]
                answers = self.board.label(words)
                selected = list(self._selected(block, words, answers))
                amounts.count(answers, selected)
                yield selected
        finally:  # also of a training that is broken off
            self.board.flush()
        if is_new and amounts.something_is_left_out:
            logger.log(logging.WARNING if amounts.passed_over else logging.INFO, "%s: %s", corpus, amounts)
            if self.get_worker_info() is None and self.get_distributed_info() is None:
                self._write({**self.prepare(corpus), "text": amounts.as_dict()})

    def text_to_instance(self, *inputs: Any) -> Instance:
        """An instance without the teachers' word, as the reader makes it."""
        return self.reader.text_to_instance(*inputs)

    def apply_token_indexers(self, instance: Instance) -> None:
        self.reader.apply_token_indexers(instance)

    def _read(self, file_path: Any) -> Iterator[Instance]:
        number = 0
        for block in self.labelled(file_path):
            for instance, soft_labels, word_weights in block:
                number += 1
                yield self._with_fields(instance, soft_labels, word_weights)
        if number == 0 and self.get_worker_info() is None and self.get_distributed_info() is None:
            raise ConfigurationError(
                f"{file_path}: no sentence is left to learn from. Teachers that pass over what they do not know ('missing': "
                "'skip') and 'selections' leave sentences out, and 'held_out_share' may hold out all of a short text."
            )

    def _with_fields(
        self, instance: Instance, soft_labels: SoftLabels, word_weights: Optional[numpy.ndarray]
    ) -> Instance:
        instance.add_field(
            "teacher_probabilities",
            SoftLabelsField(soft_labels.probabilities, self.board.labels, self._label_namespace),
        )
        if word_weights is not None:
            instance.add_field("word_weights", NumpyField(word_weights))
        if self._agreement:
            instance.add_field("agreement", NumpyField(soft_labels.agreement))
        return instance

    def _selected(
        self, instances: Sequence[Instance], sentences: Sequence[List[str]], answers: Sequence[Optional[SoftLabels]]
    ) -> Iterator[Labelled]:
        known = [
            (instance, words, answer)
            for instance, words, answer in zip(instances, sentences, answers)
            if answer is not None
        ]
        words = [each for _, each, _ in known]
        probabilities = [answer.probabilities for _, _, answer in known]
        weights = [selection.word_weights(words, probabilities) for selection in self._selections]
        for (instance, _, answer), *of_sentence in zip(known, *weights):
            if all(each is not None for each in of_sentence):
                product = numpy.prod(numpy.stack(of_sentence), axis=0) if of_sentence else None
                if product is None or product.any():
                    yield instance, answer, product

    def _write(self, summary: Dict[str, Any]) -> None:
        process, worker = self.get_distributed_info(), self.get_worker_info()
        is_first = (process is None or process.global_rank == 0) and (worker is None or worker.id == 0)
        if self._run_dir is not None and is_first and not self.reader.reads_held_out:
            self._run_dir.mkdir(parents=True, exist_ok=True)
            with written_whole(self._run_dir / SUMMARY) as new:
                new.write_text(json.dumps(summary, ensure_ascii=False) + "\n", encoding="utf-8")


class _Amounts:
    """How much of a text is learned from; of its share, where a process reads no more."""

    def __init__(self) -> None:
        self.sentences = 0
        self.passed_over = 0
        self.learned = 0
        self.words_of_weight_0 = 0

    def count(self, answers: Sequence[Optional[SoftLabels]], selected: Sequence[Labelled]) -> None:
        self.sentences += len(answers)
        self.passed_over += sum(answer is None for answer in answers)
        self.learned += len(selected)
        self.words_of_weight_0 += sum(int((weights == 0).sum()) for _, _, weights in selected if weights is not None)

    def __str__(self) -> str:
        of_selections = self.sentences - self.passed_over - self.learned
        return (
            f"of {self.sentences} sentences {self.learned} are learned from. The teachers passed over {self.passed_over}, and "
            f"selections left out {of_selections} and {self.words_of_weight_0} words of the others."
        )

    @property
    def something_is_left_out(self) -> bool:
        return self.learned < self.sentences or self.words_of_weight_0 > 0

    def as_dict(self) -> Dict[str, int]:
        return {
            "sentences": self.sentences,
            "passed_over_by_teachers": self.passed_over,
            "not_selected": self.sentences - self.passed_over - self.learned,
            "learned_from": self.learned,
            "words_of_weight_0": self.words_of_weight_0,
        }
