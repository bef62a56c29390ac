"""The dataset reader of CoNLL files."""

import copy
import os
from dataclasses import replace
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

from allennlp.common.checks import ConfigurationError
from allennlp.data import DatasetReader, TokenIndexer

from lowresource_ner.common.text_rules import suggested_type, type_fault
from lowresource_ner.data.conll.parser import (
    OTHER_TYPES,
    ConllFormat,
    ConllSentence,
    ConllSummary,
    read_conll,
    survey_conll,
)
from lowresource_ner.data.dataset_readers.corpus_paths import CorpusPath, corpus_files
from lowresource_ner.data.dataset_readers.sentence_reader import Sentence, SentenceReader
from lowresource_ner.tagging.tag_schemes import OUTSIDE, EntitySpan, TagScheme, get_file_scheme, get_scheme


@DatasetReader.register("conll_ner")
class ConllNerReader(SentenceReader):
    """
    Reads sentences from files with a word a line and its tag in a column: CoNLL-2003, CoNLL-2002, WikiANN, BioNLP and the
    like. A path may be a list or a glob; files may be packed (gz, bz2, xz).

    Before the first sentence of a file is given, the whole file is checked, and its tag scheme found out, in a pass of its
    own, so that a wrong line stops a training before it begins; memory stays flat however large the file.

    Registered as a `DatasetReader` with name "conll_ner".

    # Parameters

    labelled : `bool`, optional (default = `True`)
        False reads the words alone: the tag column is not looked at, may be wrong, and need not be there.
    tag_scheme : `str`, optional (default = `"IOB2"`)
        The scheme of the instances' tags (IOB1, IOB2, IOBES, BILOU): that of the model.
    file_tag_scheme : `Optional[str]`, optional (default = `None`)
        The scheme of the files; None to find it out for each. "IO" reads tags that are bare types, "BMES" those with M- in
        place of I-.
    repair : `bool`, optional (default = `False`)
        Read invalid tag sequences as conlleval does, instead of stopping with an error that names the line.
    label_map : `Optional[Dict[str, str]]`
        Entity types to rename (`{"organisation": "ORG"}`) or to drop (`{"MISC": "O"}`). The key "*" stands for every type that
        is not named. Types that cannot be ones here must be renamed: `{"work of art": "work-of-art"}`; see `type_fault`.
    delimiter, token_column, tag_column, language_prefix, comment_prefix, encoding, header, sentence_end_mark
        The columns of the files; see `ConllFormat`.
    token_indexers, label_namespace, sample, sample_share, sample_seed, lm_namespace, held_out_share, held_out
        See `SentenceReader`.

    # Raises

    `ConllError`
        For a file that is not what it should be, with its line and what to do.
    `ConfigurationError`
        For a `label_map` to what is no type.
    """

    def __init__(
        self,
        token_indexers: Optional[Dict[str, TokenIndexer]] = None,
        labelled: bool = True,
        tag_scheme: str = "IOB2",
        file_tag_scheme: Optional[str] = None,
        repair: bool = False,
        label_map: Optional[Dict[str, str]] = None,
        delimiter: str = "auto",
        token_column: int = 0,
        tag_column: int = -1,
        language_prefix: Union[bool, str] = "auto",
        comment_prefix: Optional[str] = "#",
        encoding: str = "utf-8",
        header: Union[bool, str] = "auto",
        sentence_end_mark: Optional[str] = None,
        label_namespace: str = "labels",
        sample: Optional[int] = None,
        sample_share: Optional[float] = None,
        sample_seed: int = 13,
        lm_namespace: Optional[str] = None,
        held_out_share: Optional[float] = None,
        held_out: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            token_indexers,
            label_namespace,
            tag_scheme,
            sample,
            sample_share,
            sample_seed,
            lm_namespace,
            held_out_share,
            held_out,
            **kwargs,
        )
        self.labelled = labelled
        self._file_tag_scheme = None if file_tag_scheme is None else get_file_scheme(file_tag_scheme).name
        self._repair = repair
        self._label_map = dict(label_map or {})
        _check_label_map(self._label_map)
        self._format = ConllFormat(
            delimiter=delimiter,
            token_column=token_column,
            tag_column=tag_column,
            labelled=labelled,
            language_prefix=language_prefix,
            comment_prefix=comment_prefix,
            encoding=encoding,
            header=header,
            sentence_end_mark=sentence_end_mark,
        )
        self._surveys: Dict[Tuple[str, int, int], ConllSummary] = {}

    def of_words_alone(self) -> "ConllNerReader":
        reader = copy.copy(self)
        reader.labelled = False
        reader._format = replace(self._format, labelled=False)
        reader._surveys = {}
        return reader

    def _sentences(self, corpus: CorpusPath) -> Iterator[Sentence]:
        files = corpus_files(corpus)
        surveys = [self._survey(path) for path in files]
        target = get_scheme(self.tag_scheme)
        for path, survey in zip(files, surveys):
            for sentence in read_conll(path, self._format):
                tags = self._convert(sentence, get_file_scheme(survey.scheme or self.tag_scheme), target)
                yield Sentence(sentence.tokens, tags, f"{path}:{sentence.lines[0]}", sentence.lines)

    def _count(self, corpus: CorpusPath) -> int:
        return sum(self._survey(path).sentences for path in corpus_files(corpus))

    def _survey(self, path: str) -> ConllSummary:
        status = os.stat(path)
        version = (path, status.st_mtime_ns, status.st_size)
        if version not in self._surveys:
            self._surveys[version] = survey_conll(
                path, self._format, self._file_tag_scheme, self._repair, self._label_map
            )
        return self._surveys[version]

    def _convert(self, sentence: ConllSentence, source: TagScheme, target: TagScheme) -> Optional[List[str]]:
        if sentence.tags is None:
            return None
        if source.name == target.name and not self._repair and not self._label_map:
            return list(sentence.tags)
        spans = [self._rename(span) for span in source.spans(sentence.tags, repair=self._repair)]
        return target.tags([span for span in spans if span.type != OUTSIDE], len(sentence.tokens))

    def _rename(self, span: EntitySpan) -> EntitySpan:
        return span._replace(type=self._label_map.get(span.type, self._label_map.get(OTHER_TYPES, span.type)))


def _check_label_map(label_map: Dict[str, str]) -> None:
    for old, new in label_map.items():
        fault = "is no string" if not isinstance(new, str) else None if new == OUTSIDE else type_fault(new)
        if fault is not None:
            remedy = f"Take '{suggested_type(new)}', for instance." if isinstance(new, str) else ""
            raise ConfigurationError(
                f"'label_map' turns type '{old}' into {new!r}, which {fault}; it maps types to types, or to \"O\" to drop them. "
                f"{remedy}"
            )
