"""A dataset reader for students: unlabelled text with the soft labels of teachers."""

import json
import logging
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence

from allennlp.common.checks import ConfigurationError
from allennlp.data import DatasetReader, Instance

from lowresource_ner.common.whole_files import written_whole
from lowresource_ner.data.dataset_readers.sentence_reader import reader_without_tags, words_of
from lowresource_ner.data.dataset_readers.sharding_reader import ShardingReader
from lowresource_ner.data.fields.numpy_field import NumpyField
from lowresource_ner.data.fields.soft_labels_field import SoftLabelsField
from lowresource_ner.distillation.selections.selection import Selection, combined_word_weights
from lowresource_ner.distillation.teacher_ensemble import TeacherEnsemble
from lowresource_ner.distillation.teachers.teacher import Teacher
from lowresource_ner.distillation.text_counts import TextCounts
from lowresource_ner.distillation.weights.teacher_weights import TeacherWeights

logger = logging.getLogger(__name__)

SUMMARY = "teachers.json"
"""The file in a run's folder with the teachers' weights and statistics of the selected text."""


@DatasetReader.register("teacher_labelled")
class TeacherLabelledReader(ShardingReader):
    """
    Reads sentences with another reader and adds the field `teacher_probabilities`; `word_weights` if there are selections; and
    `agreement` on request. Gold tags are not read.

    The teachers' weights, statistics of the selections, and the number of sentences that are left out are logged and written to
    `teachers.json` in the run's folder.

    In distributed training, selections and teachers with 'missing': 'skip' make the processes' shares unequal, and AllenNLP ends
    each epoch with the shortest.

    Registered as a `DatasetReader` with name "teacher_labelled".

    # Parameters

    reader : `DatasetReader`
        `raw_text`, or `conll_ner`, whose tags are not used.
    teachers : `Dict[str, Teacher]`
        By name.
    label_maps, weights, store
        See `TeacherEnsemble`.
    selections : `Optional[List[Selection]]`
        Select the words that the student learns from. Their weights are multiplied.
    agreement : `bool`, optional (default = `False`)
        Add the field `agreement`, for students with an `agreed_label_weight`.
    tag_scheme : `str`, optional (default = `"IOB2"`)
        The student's tag scheme.
    label_namespace : `str`, optional (default = `"labels"`)
    max_instances, serialization_dir
        See `ShardingReader`.

    # Raises

    `ConfigurationError`
        If the reader is not one of this package, agreement is requested of a single teacher, or all of a text is left out; and as
        `TeacherEnsemble`.
    """

    gives_soft_labels = True
    """Whether instances have labels of teachers in place of gold ones."""

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
                f"'agreement' is true, but the teachers are {', '.join(teachers) or 'none'}. Give at least two, or leave it out."
            )
        self.reader = reader_without_tags(reader, "teacher_labelled")
        self.inner_readers = [self.reader]
        self.ensemble = TeacherEnsemble(teachers, tag_scheme, label_maps, weights, store)
        self._selections = selections or []
        self._agreement = agreement
        self._label_namespace = label_namespace
        self._run_dir = Path(self.serialization_dir) if self.serialization_dir else None
        self._prepared: Any = None
        self._summary: Dict[str, Any] = {}
        self._labelled: Any = None
        self.token_indexers = self.reader.token_indexers

    def open(self) -> None:
        """
        Loads what weights and selections need and matches the teachers' labels, so that errors are found early.

        # Raises

        `ConfigurationError`
            If something is missing or wrong.
        """
        self.ensemble.open()
        for selection in self._selections:
            selection.open()

    def prepare(self, corpus: Any) -> Dict[str, Any]:
        """
        Prepares weights and selections for a corpus, unless it was the last one prepared.

        # Returns

        `Dict[str, Any]`
            Statistics for the log: "weights" and "selections", if there are any.
        """

        def sentences() -> Iterable[Sequence[str]]:
            return (sentence.words for sentence in self.reader.sentences(corpus))

        if self._prepared != corpus:
            weights = self.ensemble.prepare(sentences)
            selections = [
                found for found in (each.prepare(sentences, self.ensemble) for each in self._selections) if found
            ]
            found = {"weights": weights, "selections": selections}
            self._prepared, self._summary = corpus, {name: each for name, each in found.items() if each}
        return self._summary

    def labelled(self, corpus: Any) -> Iterator[List[Instance]]:
        """Yields blocks of the instances that are not left out, with their soft labels."""
        is_new = self._labelled != corpus
        if not is_new and self.ensemble.lacks_store:
            logger.warning(
                "The teachers label %s once more. Give 'store', a folder, so that they do so only once.", corpus
            )
        summary = self.prepare(corpus)
        self._labelled = corpus
        if summary and is_new:
            logger.info(
                "Teachers' weights and selections: %s",
                json.dumps(summary, ensure_ascii=False),
            )
            self._write(summary)
        counts = TextCounts()
        try:
            for block in self.reader.instance_blocks(corpus):
                self.prepare(corpus)  # in lazy reading, another corpus may have been read meanwhile
                yield self._with_soft_labels(block, counts)
        finally:  # also if the training is interrupted
            self.ensemble.flush()
        if is_new and counts.any_left_out:
            logger.log(logging.WARNING if counts.passed_over else logging.INFO, "%s: %s", corpus, counts)
            if self._reads_all:
                self._write({**self.prepare(corpus), "text": counts.as_dict()})

    def text_to_instance(self, *inputs: Any) -> Instance:
        """Returns an instance without soft labels, from the inner reader."""
        return self.reader.text_to_instance(*inputs)

    def apply_token_indexers(self, instance: Instance) -> None:
        self.reader.apply_token_indexers(instance)

    def _read(self, file_path: Any) -> Iterator[Instance]:
        is_empty = True
        for block in self.labelled(file_path):
            for instance in block:
                is_empty = False
                yield instance
        if is_empty and self._reads_all:
            raise ConfigurationError(
                f"{file_path}: no sentence is left to learn from. Sentences are left out by teachers with 'missing': 'skip' and "
                "by 'selections', and 'held_out_share' may hold out all of a short text."
            )

    def _with_soft_labels(self, instances: Sequence[Instance], counts: TextCounts) -> List[Instance]:
        """Returns the instances that are not left out, with the fields of teachers and selections."""
        soft_labels = self.ensemble.label([words_of(instance) for instance in instances])
        labelled = [(instance, each) for instance, each in zip(instances, soft_labels) if each is not None]
        weights = combined_word_weights(
            self._selections,
            [words_of(instance) for instance, _ in labelled],
            [each.probabilities for _, each in labelled],
        )
        kept = [(instance, each, own) for (instance, each), own in zip(labelled, weights) if own is not None]
        for instance, each, own in kept:
            field = SoftLabelsField(each.probabilities, self.ensemble.labels, self._label_namespace)
            instance.add_field("teacher_probabilities", field)
            instance["metadata"].metadata["label_namespace"] = self._label_namespace  # type: ignore[attr-defined]
            if self._selections:
                instance.add_field("word_weights", NumpyField(own))
                counts.words_of_weight_0 += int((own == 0).sum())
            if self._agreement:
                instance.add_field("agreement", NumpyField(each.agreement))
        counts.sentences += len(instances)
        counts.passed_over += len(instances) - len(labelled)
        counts.learned += len(kept)
        return [instance for instance, _, _ in kept]

    @property
    def _reads_all(self) -> bool:
        """Whether no other process or data loader worker reads a share of the text."""
        return self.get_worker_info() is None and self.get_distributed_info() is None

    def _write(self, summary: Dict[str, Any]) -> None:
        process, worker = self.get_distributed_info(), self.get_worker_info()
        is_first = (process is None or process.global_rank == 0) and (worker is None or worker.id == 0)
        if self._run_dir is not None and is_first and not self.reader.reads_held_out:
            self._run_dir.mkdir(parents=True, exist_ok=True)
            with written_whole(self._run_dir / SUMMARY) as new:
                new.write_text(json.dumps(summary, ensure_ascii=False) + "\n", encoding="utf-8")
