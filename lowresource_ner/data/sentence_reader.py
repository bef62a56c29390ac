"""What the readers of labelled and of raw text share: words in, instances out."""

from itertools import compress
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence

from allennlp.common.util import lazy_groups_of
from allennlp.data import DatasetReader, Field, Instance, Token, TokenIndexer
from allennlp.data.fields import MetadataField, TextField
from allennlp.data.token_indexers import SingleIdTokenIndexer

from lowresource_ner.data.sampling import Sample
from lowresource_ner.data.subwords import encode_words
from lowresource_ner.data.tag_schemes import get_scheme
from lowresource_ner.data.tags_field import TagsField

_BLOCK = 256
"""Sentences whose sub-words are computed in one call of the tokenizer."""


class Sentence(NamedTuple):
    """Words, their tags if they have any, and the file and line where they stand."""

    words: Sequence[str]
    tags: Optional[Sequence[str]] = None
    place: str = "(given text)"


class SentenceReader(DatasetReader):
    """
    A reader that makes an instance of each sentence. Subclasses say in `_sentences` and `_count` what a corpus holds.

    # Parameters

    token_indexers : `Optional[Dict[str, TokenIndexer]]`, optional (default = `{"tokens": SingleIdTokenIndexer()}`)
    label_namespace : `str`, optional (default = `"labels"`)
    tag_scheme : `str`, optional (default = `"IOB2"`)
        The scheme of the instances' tags.
    sample : `Optional[int]`
        Keep only so many sentences of a corpus; see `Sample`. A reader that samples does so whatever it reads: give the
        validation data a reader of its own.
    sample_share : `Optional[float]`
        Keep only such a share of them.
    sample_seed : `int`, optional (default = `13`)
    """

    def __init__(
        self,
        token_indexers: Optional[Dict[str, TokenIndexer]] = None,
        label_namespace: str = "labels",
        tag_scheme: str = "IOB2",
        sample: Optional[int] = None,
        sample_share: Optional[float] = None,
        sample_seed: int = 13,
        **kwargs: Any,
    ) -> None:
        super().__init__(manual_distributed_sharding=True, manual_multiprocess_sharding=True, **kwargs)
        self.token_indexers = token_indexers or {"tokens": SingleIdTokenIndexer()}
        self.label_namespace = label_namespace
        self._sample = Sample(sample, sample_share, sample_seed)
        self.tag_scheme = get_scheme(tag_scheme).name

    def text_to_instance(
        self, words: Sequence[str], tags: Optional[Sequence[str]] = None, place: str = "(given text)"
    ) -> Instance:
        """
        An instance with the fields `tokens` and `metadata` ("words", "place"), and `tags` where there are any.

        # Parameters

        words : `Sequence[str]`
        tags : `Optional[Sequence[str]]`
            In the scheme that the model works in.
        place : `str`
            File and line, for messages.
        """
        return self._instance([Token(word) for word in words], tags, place)

    def apply_token_indexers(self, instance: Instance) -> None:
        text = instance["tokens"]
        assert isinstance(text, TextField)
        text.token_indexers = self.token_indexers

    def _read(self, file_path: Any) -> Iterator[Instance]:
        sentences: Iterable[Sentence] = self._sentences(file_path)
        if not self._sample.is_everything:
            sentences = compress(sentences, self._sample.kept(self._count(file_path), str(file_path)))
        for block in lazy_groups_of(self.shard_iterable(sentences), _BLOCK):
            # The fast tokenizer's threads do not survive the fork that makes a loader's workers; there the indexer goes sentence
            # by sentence.
            indexers = self.token_indexers if self.get_worker_info() is None else {}
            encoded = encode_words([sentence.words for sentence in block], indexers)
            for words, sentence in zip(encoded, block):
                yield self._instance(words, sentence.tags, sentence.place)

    def _instance(self, words: List[Token], tags: Optional[Sequence[str]], place: str) -> Instance:
        text = TextField(words)
        metadata = {"words": [token.ensure_text() for token in words], "place": place}
        fields: Dict[str, Field] = {"tokens": text, "metadata": MetadataField(metadata)}
        if tags is not None:
            fields["tags"] = TagsField(tags, text, self.label_namespace, self.tag_scheme, place)
        return Instance(fields)

    def _sentences(self, corpus: Any) -> Iterator[Sentence]:
        """The sentences of a corpus, lazily."""
        raise NotImplementedError

    def _count(self, corpus: Any) -> int:
        """How many sentences `_sentences` gives."""
        return sum(1 for _ in self._sentences(corpus))
