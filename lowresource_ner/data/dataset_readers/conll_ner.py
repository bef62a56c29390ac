"""The dataset reader for CoNLL files."""

import copy
import os
from dataclasses import fields, replace
from typing import Any, Dict, Iterator, List, Optional, Tuple

from allennlp.data import DatasetReader

from lowresource_ner.data.conll.format import ConllFormat
from lowresource_ner.data.conll.parser import ConllSentence, read_conll
from lowresource_ner.data.conll.survey import ConllSummary, survey_conll
from lowresource_ner.data.dataset_readers.corpus_paths import CorpusPath, corpus_files
from lowresource_ner.data.dataset_readers.sentence_reader import Sentence, SentenceReader
from lowresource_ner.tagging import TagScheme, get_file_scheme, get_scheme
from lowresource_ner.tagging.type_map import TypeMap


@DatasetReader.register("conll_ner")
class ConllNerReader(SentenceReader):
    """
    Reads sentences from files with one word a line and its tag in a column: CoNLL-2003, CoNLL-2002, WikiANN, BioNLP and the like.
    A path may be a list or a glob; files may be compressed (gz, bz2, xz).

    Before the reader yields the first sentence of a file, it reads the whole file once to check it and to detect its tag scheme,
    so that a wrong line stops a training before it begins. Memory stays flat however large the file is.

    Registered as a `DatasetReader` with name "conll_ner".

    # Parameters

    file_tag_scheme : `Optional[str]`, optional (default = `None`)
        The tag scheme of the files; `None` to detect it for each file. "IO" reads tags that are bare types, "BMES" those with M-
        in place of I-.
    repair : `bool`, optional (default = `False`)
        Read invalid tag sequences as conlleval does, instead of stopping with an error that names the line.
    label_map : `Optional[Dict[str, str]]`
        Entity types to rename (`{"organisation": "ORG"}`) or to drop (`{"MISC": "O"}`). The key "*" stands for every type that
        is not named. Types that are not allowed here must be renamed: `{"work of art": "work-of-art"}`; see `type_fault`.
    delimiter, token_column, tag_column, labelled, language_prefix, comment_prefix, encoding, header, sentence_end_mark
        The columns of the files; see `ConllFormat`.
    token_indexers, label_namespace, tag_scheme, sample, sample_share, sample_seed, lm_namespace, held_out_share, held_out, \
max_instances
        See `SentenceReader`.

    # Raises

    `ConllError`
        If a file cannot be read in this format, with the line and a remedy.
    `ConfigurationError`
        For an unknown option, and for a `label_map` to something that cannot be an entity type.
    """

    def __init__(
        self,
        *,
        file_tag_scheme: Optional[str] = None,
        repair: bool = False,
        label_map: Optional[Dict[str, str]] = None,
        **kwargs: Any,
    ) -> None:
        format_options = {field.name: kwargs.pop(field.name) for field in fields(ConllFormat) if field.name in kwargs}
        super().__init__(**kwargs)
        self._format = ConllFormat(**format_options)
        self._file_tag_scheme = None if file_tag_scheme is None else get_file_scheme(file_tag_scheme).name
        self._repair = repair
        self._type_map = TypeMap(label_map or {}, '"label_map"')
        self._surveys: Dict[Tuple[str, int, int], ConllSummary] = {}

    @property
    def labelled(self) -> bool:
        """Whether it reads tags. Callbacks check this before a training that must not see them."""
        return self._format.labelled

    def without_tags(self) -> "ConllNerReader":
        reader = copy.copy(self)
        reader._format = replace(self._format, labelled=False)
        reader._surveys = {}
        return reader

    def _sentences(self, corpus: CorpusPath) -> Iterator[Sentence]:
        files = corpus_files(corpus)
        surveys = [self._survey(path) for path in files]
        target = get_scheme(self.tag_scheme)
        for path, survey in zip(files, surveys):
            source = get_file_scheme(survey.scheme or self.tag_scheme)
            for sentence in read_conll(path, self._format):
                tags = self._convert(sentence, source, target)
                yield Sentence(sentence.tokens, tags, f"{path}:{sentence.lines[0]}", sentence.lines)

    def _count(self, corpus: CorpusPath) -> int:
        return sum(self._survey(path).sentences for path in corpus_files(corpus))

    def _survey(self, path: str) -> ConllSummary:
        status = os.stat(path)
        version = (path, status.st_mtime_ns, status.st_size)
        if version not in self._surveys:
            self._surveys[version] = survey_conll(
                path, self._format, self._file_tag_scheme, self._repair, self._type_map
            )
        return self._surveys[version]

    def _convert(self, sentence: ConllSentence, source: TagScheme, target: TagScheme) -> Optional[List[str]]:
        if sentence.tags is None:
            return None
        if source.name == target.name and not self._repair and not self._type_map.names:
            return list(sentence.tags)
        spans = source.spans(sentence.tags, repair=self._repair)
        renamed = [(span, self._type_map.renamed(span.type)) for span in spans]
        return target.tags([span._replace(type=new) for span, new in renamed if new is not None], len(sentence.tokens))
