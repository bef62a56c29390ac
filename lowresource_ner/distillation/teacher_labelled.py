"""The dataset reader of a student: unlabelled text, and what teachers say of it."""

from typing import Any, Dict, Iterator, List, Optional

from allennlp.common.checks import ConfigurationError
from allennlp.common.util import lazy_groups_of
from allennlp.data import DatasetReader, Instance
from allennlp.data.dataset_readers.dataset_reader import DistributedInfo, WorkerInfo
from allennlp.data.fields import MetadataField

from lowresource_ner.data.sentence_reader import SentenceReader
from lowresource_ner.distillation.soft_labels_field import SoftLabelsField
from lowresource_ner.distillation.teacher import Teacher
from lowresource_ner.distillation.teacher_board import TeacherBoard
from lowresource_ner.distillation.teacher_weights import TeacherWeights

_BLOCK = 2048
"""Sentences that teachers are asked for in one call."""


@DatasetReader.register("teacher_labelled")
class TeacherLabelledReader(DatasetReader):
    """
    Reads unlabelled sentences with another reader and adds the field `teacher_probabilities`, the teachers' distributions over
    the words' labels. Tags that the text may have are dropped: which words count, and for what, the text alone decides.

    Registered as a `DatasetReader` with name "teacher_labelled".

    # Parameters

    reader : `DatasetReader`
        `raw_text`, or `conll_ner`, whose tags are not used.
    teachers : `Dict[str, Teacher]`
        By name.
    label_maps, weights, store
        See `TeacherBoard`.
    tag_scheme : `str`, optional (default = `"IOB2"`)
        The student's.
    label_namespace : `str`, optional (default = `"labels"`)

    # Raises

    `ConfigurationError`
        Where the reader is none of this package's, and as `TeacherBoard`.
    """

    def __init__(
        self,
        reader: DatasetReader,
        teachers: Dict[str, Teacher],
        label_maps: Optional[Dict[str, Dict[str, str]]] = None,
        weights: Optional[TeacherWeights] = None,
        store: Optional[str] = None,
        tag_scheme: str = "IOB2",
        label_namespace: str = "labels",
        **kwargs: Any,
    ) -> None:
        super().__init__(manual_distributed_sharding=True, manual_multiprocess_sharding=True, **kwargs)
        if not isinstance(reader, SentenceReader):
            raise ConfigurationError(
                f"'reader' of teacher_labelled is a {type(reader).__name__}; it is one of this package, raw_text or conll_ner."
            )
        self._reader = reader
        self._board = TeacherBoard(teachers, tag_scheme, label_maps, weights, store)
        self._label_namespace = label_namespace
        self.token_indexers = reader.token_indexers

    def text_to_instance(self, *inputs: Any) -> Instance:
        """An instance without the teachers' word, as the reader makes it."""
        return self._reader.text_to_instance(*inputs)

    def apply_token_indexers(self, instance: Instance) -> None:
        self._reader.apply_token_indexers(instance)

    def _read(self, file_path: Any) -> Iterator[Instance]:
        for block in lazy_groups_of(self._reader._read(file_path), _BLOCK):
            answers = self._board.label([_words_of(instance) for instance in block])
            for instance, answer in zip(block, answers):
                if answer is not None:
                    instance.fields.pop("tags", None)
                    field = SoftLabelsField(answer, self._board.labels, self._label_namespace)
                    instance.add_field("teacher_probabilities", field)
                    yield instance
        self._board.flush()

    def _set_worker_info(self, info: Optional[WorkerInfo]) -> None:
        super()._set_worker_info(info)
        self._reader._set_worker_info(info)

    def _set_distributed_info(self, info: Optional[DistributedInfo]) -> None:
        super()._set_distributed_info(info)
        self._reader._set_distributed_info(info)


def _words_of(instance: Instance) -> List[str]:
    metadata = instance["metadata"]
    assert isinstance(metadata, MetadataField)
    return metadata.metadata["words"]
