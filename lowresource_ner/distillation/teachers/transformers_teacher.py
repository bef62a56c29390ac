"""A Hugging Face model for token classification as a teacher."""

import hashlib
import json
import re
from functools import cached_property
from pathlib import Path
from typing import List, Optional, Sequence

import numpy
import torch
from allennlp.common.checks import ConfigurationError, check_for_gpu
from allennlp.common.util import int_to_device
from allennlp.nn.util import move_to_device
from transformers import AutoModelForTokenClassification, PreTrainedModel

from lowresource_ner.archives.archive import is_archive
from lowresource_ner.common.preserved_random_state import preserved_random_state
from lowresource_ner.distillation.teachers.teacher import FileVersions, Teacher, check_versions, file_versions
from lowresource_ner.encoding.encoder_files import EncoderFiles, encoder_source
from lowresource_ner.encoding.loading import load_model
from lowresource_ner.encoding.subword_tokenizer import SubwordTokenizer, pad_subwords
from lowresource_ner.encoding.window_reader import WindowReader
from lowresource_ner.predictors.batch_tagger import batches_of_similar_length
from lowresource_ner.tagging import scheme_of_labels

_WEIGHTS = ("model*.safetensors*", "pytorch_model*.bin*")
_UNNAMED = re.compile(r"LABEL_\d+")
_VOLATILE = ("_name_or_path", "transformers_version")
"""Settings of a config that do not affect probabilities."""


@Teacher.register("transformers")
class TransformersTeacher(Teacher):
    """
    Labels text with any model for `AutoModelForTokenClassification` that has a fast tokenizer. The probabilities of a word are
    those of its first sub-word. Long sentences are read in windows; see `WindowReader`.

    Registered as a `Teacher` with name "transformers".

    # Parameters

    model_name : `str`
        A name on the Hugging Face hub, or a folder written by `save_pretrained`.
    labels : `Optional[List[str]]`, optional (default = those of the model's config)
        The model's tags, in the order of its outputs, if its config does not have names like `B-PER`.
    tag_scheme : `Optional[str]`, optional (default = detected from the labels)
        Required only for IOB1 if every type has both B- and I-, which would be detected as IOB2.
    max_length : `Optional[int]`, optional (default = the model's maximum, 512 for BERT)
        Sub-words per window, including special tokens.
    window_overlap : `Optional[int]`, optional (default = a quarter of a window)
        The least number of sub-words that neighbouring windows share.
    cuda_device : `int`, optional (default = `-1`)
        -1 for the CPU, or the index of a GPU.
    batch_size : `int`, optional (default = `4096`)
        Sub-words per batch, including padding.

    # Raises

    `ConfigurationError`
        If the model cannot be found or read, is not for token classification, or has labels that are not tags.
    """

    def __init__(
        self,
        model_name: str,
        labels: Optional[List[str]] = None,
        tag_scheme: Optional[str] = None,
        max_length: Optional[int] = None,
        window_overlap: Optional[int] = None,
        cuda_device: int = -1,
        batch_size: int = 4096,
    ) -> None:
        if is_archive(model_name):
            raise ConfigurationError(
                f"The teacher's 'model_name' is '{model_name}', which is an archive of this package. Use a teacher of type "
                "'archive' with 'archive_file'."
            )
        self.model_name = model_name
        self._given_labels = labels
        self._given_scheme = tag_scheme
        self._max_length = max_length
        self._window_overlap = window_overlap
        self._cuda_device = cuda_device
        self._batch_size = batch_size
        self._versions: Optional[FileVersions] = None

    @cached_property
    def labels(self) -> List[str]:
        names = self._files.config().id2label
        labels = [str(names[index]) for index in sorted(names)] if self._given_labels is None else self._given_labels
        if len(labels) != len(names):
            raise ConfigurationError(
                f"'labels' has {len(labels)} names ({', '.join(labels)}), but model '{self.model_name}' has {len(names)} "
                "outputs. Give one for each, in their order."
            )
        if all(map(_UNNAMED.fullmatch, labels)):
            raise ConfigurationError(
                f"The config of model '{self.model_name}' has no names for its {len(labels)} labels (LABEL_0, ...). If it is a "
                "model for token classification, give 'labels': [...], its tags in the order of its outputs; see its model card."
            )
        return labels

    @cached_property
    def tag_scheme(self) -> str:
        return scheme_of_labels(self.labels, self._given_scheme, f"model '{self.model_name}'").name

    @cached_property
    def fingerprint(self) -> str:
        config = {name: value for name, value in self._files.config().to_dict().items() if name not in _VOLATILE}
        tokenizer = json.loads(self._files.tokenizer().backend_tokenizer.to_str())
        tokenizer.update(truncation=None, padding=None)  # irrelevant here, and changed by earlier use of the tokenizer
        specials = self._files.tokenizer().special_tokens_map
        windows = [self._windows.size, self._windows.overlap]
        self._versions = file_versions(self._weights)
        parts = [config, tokenizer, specials, self.labels, self.tag_scheme, windows, self._weights_digest()]
        return hashlib.sha256(f"transformers 1\n{json.dumps(parts, sort_keys=True)}".encode()).hexdigest()

    def _label(self, sentences: Sequence[Sequence[str]]) -> List[Optional[numpy.ndarray]]:
        subwords = self._tokenizer.encode_batch(sentences)
        labelled: List[Optional[numpy.ndarray]] = [None] * len(sentences)
        lengths = [len(each.ids) + self._files.input_format.num_special_tokens for each in subwords]
        with torch.inference_mode():
            for batch in batches_of_similar_length(lengths, self._batch_size):
                words = pad_subwords([subwords[index] for index in batch], self._files.input_format.pad_id)
                mask = words.pop("mask")
                logits = self._windows.read(
                    self._run, **move_to_device(words, self._device), most_subwords=self._batch_size
                )
                probabilities = torch.softmax(logits.float(), dim=-1).cpu()  # (batch_size, num_words, num_labels)
                for index, rows, num_words in zip(batch, probabilities, mask.sum(dim=1).tolist()):
                    labelled[index] = rows[:num_words].numpy().copy()
        return labelled

    def _run(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self._model(input_ids=input_ids, attention_mask=attention_mask).logits

    @cached_property
    def _files(self) -> EncoderFiles:
        return EncoderFiles(self.model_name, as_trained=True)

    @cached_property
    def _tokenizer(self) -> SubwordTokenizer:
        return SubwordTokenizer(self._files.tokenizer())

    @cached_property
    def _windows(self) -> WindowReader:
        return WindowReader(self._files.input_format, self._max_length, self._window_overlap)

    @property
    def _device(self) -> torch.device:
        return int_to_device(self._cuda_device)

    @cached_property
    def _model(self) -> PreTrainedModel:
        check_for_gpu(self._cuda_device)
        source = encoder_source(self.model_name)
        with preserved_random_state():
            model, missing = load_model(AutoModelForTokenClassification, self.model_name, source, self._files.config())
        if self._versions is not None:
            check_versions(f"model '{self.model_name}'", self._versions, file_versions(self._weights))
        if missing:
            raise ConfigurationError(
                f"Model '{self.model_name}' has no weights named {', '.join(missing[:3])}: it is not a model for token "
                "classification, but an encoder that has to be trained first. Give a model that was trained for NER."
            )
        model = model.eval().to(self._device)
        self._files.check(model, self._max_length, len(self.labels))
        return model

    @property
    def _weights(self) -> List[Path]:
        """The files of the weights; empty for a model on the hub, whose commits do not change."""
        folder = Path(encoder_source(self.model_name))
        return sorted(path for pattern in _WEIGHTS for path in folder.glob(pattern) if path.is_file())

    def _weights_digest(self) -> str:
        folder = Path(encoder_source(self.model_name))
        if not folder.is_dir():
            # A commit on the hub identifies the contents of all files.
            return f"{self.model_name}@{self._files.config()._commit_hash}"
        digest = hashlib.sha256()
        for path in self._weights:
            with path.open("rb") as file:
                digest.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
        return digest.hexdigest()
