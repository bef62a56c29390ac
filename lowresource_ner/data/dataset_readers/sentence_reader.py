"""The base class of the readers of labelled and of raw text."""

from itertools import compress
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence

import torch.distributed as dist
from allennlp.common.checks import ConfigurationError
from allennlp.common.util import is_distributed
from allennlp.data import DatasetReader, Field, Instance, Token, TokenIndexer
from allennlp.data.fields import MetadataField, TextField
from allennlp.data.token_indexers import SingleIdTokenIndexer

from lowresource_ner.common.renamed import refuse_earlier_names
from lowresource_ner.data.batching.bounded_blocks import bounded_blocks, num_characters
from lowresource_ner.data.dataset_readers.sampling import HeldOut, Sample
from lowresource_ner.data.dataset_readers.sharding_reader import ShardingReader
from lowresource_ner.data.fields.tags_field import TagsField
from lowresource_ner.data.token_indexers.normalised_words import NormalisedWordIndexer
from lowresource_ner.data.token_indexers.subwords import encode_words
from lowresource_ner.tagging import get_scheme

# Sentences whose sub-words are computed in one call of the tokenizer; a block is complete at this many characters.
_BLOCK = 256
_BLOCK_CHARACTERS = 1 << 18

# The same for blocks that a model is run on.
_LARGE_BLOCK = 2048
_LARGE_BLOCK_CHARACTERS = 1 << 22


class Sentence(NamedTuple):
    """
    A sentence of a corpus.

    # Parameters

    words : `Sequence[str]`
    tags : `Optional[Sequence[str]]`
        One for each word; `None` if the sentence is read without tags.
    place : `str`
        The file and the line where the sentence begins, "path:line".
    lines : `Sequence[int]`
        The line of each word, in files of a word a line.
    is_repeated : `bool`
        Whether a process reads the sentence in addition to its share, so that all processes read the same number.
    """

    words: Sequence[str]
    tags: Optional[Sequence[str]] = None
    place: str = "(given text)"
    lines: Sequence[int] = ()
    is_repeated: bool = False


class SentenceReader(ShardingReader):
    """
    A dataset reader that makes an instance of each sentence. Subclasses define `_sentences`, which yields the sentences of a
    corpus, and `_count` if there is a faster way to count them.

    A model of several modules learns from the field `module_name` which of them an instance is for. In training the data loader
    `one_batch_per_module` adds it; to validate on one module, give the path with its name: `{"ner_source": "dev.conll"}`.

    Under distributed training each process reads a share of the sentences. Where they cannot be divided equally, some processes
    read one of the first sentences a second time; its metadata say "is_repeated", and the models do not score it.

    # Parameters

    token_indexers : `Optional[Dict[str, TokenIndexer]]`, optional (default = `{"tokens": SingleIdTokenIndexer()}`)
    label_namespace : `str`, optional (default = `"labels"`)
    tag_scheme : `str`, optional (default = `"IOB2"`)
        The scheme of the instances' tags (IOB1, IOB2, IOBES, BILOU): that of the model.
    sample : `Optional[int]`
        The number of sentences to keep of a corpus; see `Sample`. A reader samples every corpus that it reads: give the
        validation data a reader of its own.
    sample_share : `Optional[float]`
        The share of the sentences to keep, above 0 and up to 1.
    sample_seed : `int`, optional (default = `13`)
    lm_namespace : `Optional[str]`
        Add the field `lm_words`, the words as a language model predicts them, counted in this namespace.
    held_out_share : `Optional[float]`
        The share of the sentences to hold out, for validation on text that has no development set; see `HeldOut`. A reader with
        the same share and `held_out: true` reads them; one with `held_out: false` leaves them out.
    held_out : `bool`, optional (default = `False`)
    max_instances
        See `ShardingReader`.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        refuse_earlier_names(cls, {"of_words_alone": "'without_tags'"})

    def __init__(
        self,
        token_indexers: Optional[Dict[str, TokenIndexer]] = None,
        label_namespace: str = "labels",
        tag_scheme: str = "IOB2",
        sample: Optional[int] = None,
        sample_share: Optional[float] = None,
        sample_seed: int = 13,
        lm_namespace: Optional[str] = None,
        held_out_share: Optional[float] = None,
        held_out: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.token_indexers = token_indexers or {"tokens": SingleIdTokenIndexer()}
        self.label_namespace = label_namespace
        self._sample = Sample(sample, sample_share, sample_seed)
        self._held_out = HeldOut(held_out_share, held_out)
        self.tag_scheme = get_scheme(tag_scheme).name
        self._lm_indexers: Dict[str, TokenIndexer] = {}
        if lm_namespace is not None:
            self._lm_indexers["lm_words"] = NormalisedWordIndexer(lm_namespace)

    @property
    def reads_held_out(self) -> bool:
        """Whether the reader reads only the sentences that are held out."""
        return self._held_out.is_held_out

    def text_to_instance(
        self, words: Sequence[str], tags: Optional[Sequence[str]] = None, place: str = "(given text)"
    ) -> Instance:
        """
        An instance with the fields `tokens` and `metadata` ("words", "place", and "label_namespace" where there are tags), `tags`
        if there are any, and `lm_words` if the reader has an `lm_namespace`.

        # Parameters

        words : `Sequence[str]`
        tags : `Optional[Sequence[str]]`
            In the scheme that the model works in.
        place : `str`
            File and line, for error messages.
        """
        return self._instance([Token(word) for word in words], Sentence(words, tags, place))

    def without_tags(self) -> "SentenceReader":
        """A reader of the same text that ignores tags: those in a corpus are neither read nor checked, and may be wrong."""
        return self

    def sentences(self, corpus: Any) -> Iterator[Sentence]:
        """
        All sentences of a corpus, or of its sample if the reader samples, including those that are held out and those that other
        processes read.
        """
        if self._sample.is_everything:
            return self._sentences(corpus)
        return compress(self._sentences(corpus), self._sample.kept(self._count(corpus), str(corpus)))

    def instance_blocks(self, corpus: Any) -> Iterator[List[Instance]]:
        """Yields the instances of `read` without token indexers, in blocks that a model can be run on."""
        return bounded_blocks(self._read(corpus), _size, _LARGE_BLOCK, _LARGE_BLOCK_CHARACTERS)

    def apply_token_indexers(self, instance: Instance) -> None:
        text = instance["tokens"]
        assert isinstance(text, TextField)
        text.token_indexers = self.token_indexers
        if self._lm_indexers:
            lm_words = instance["lm_words"]
            assert isinstance(lm_words, TextField)
            lm_words.token_indexers = self._lm_indexers

    def _read(self, file_path: Any) -> Iterator[Instance]:
        if isinstance(file_path, Mapping):
            for module, path in file_path.items():
                for instance in self._read(path):
                    instance.add_field("module_name", MetadataField(module))
                    yield instance
            return
        sentences = (sentence for sentence in self.sentences(file_path) if self._held_out.includes(sentence.words))
        own = self.shard_iterable(_in_equal_shares(sentences) if is_distributed() else sentences)
        for block in bounded_blocks(own, lambda each: num_characters(each.words), _BLOCK, _BLOCK_CHARACTERS):
            # The fast tokenizer's threads do not survive the fork that makes a loader's workers; there the indexer tokenises
            # sentence by sentence.
            indexers = self.token_indexers if self.get_worker_info() is None else {}
            encoded = encode_words([sentence.words for sentence in block], indexers)
            for words, sentence in zip(encoded, block):
                yield self._instance(words, sentence)

    def _instance(self, words: List[Token], sentence: Sentence) -> Instance:
        text = TextField(words)
        metadata: Dict[str, Any] = {"words": [token.ensure_text() for token in words], "place": sentence.place}
        fields: Dict[str, Field] = {"tokens": text, "metadata": MetadataField(metadata)}
        if self._lm_indexers:
            fields["lm_words"] = TextField(words)
        if sentence.is_repeated:
            metadata["is_repeated"] = True
        if sentence.tags is not None:
            metadata["label_namespace"] = self.label_namespace
            fields["tags"] = TagsField(
                sentence.tags, text, self.label_namespace, self.tag_scheme, sentence.place, sentence.lines
            )
        return Instance(fields)

    def _sentences(self, corpus: Any) -> Iterator[Sentence]:
        """Yields the sentences of a corpus."""
        raise NotImplementedError

    def _count(self, corpus: Any) -> int:
        """The number of sentences that `_sentences` yields."""
        return sum(1 for _ in self._sentences(corpus))


def words_of(instance: Instance) -> List[str]:
    """The words of an instance that a reader of this package has made."""
    metadata = instance["metadata"]
    assert isinstance(metadata, MetadataField)
    return metadata.metadata["words"]


def reader_without_tags(reader: DatasetReader, owner: str) -> SentenceReader:
    """
    The inner reader of the reader `owner` (its registered name), set up to ignore tags.

    # Raises

    `ConfigurationError`
        If it is not a `SentenceReader`.
    """
    if not isinstance(reader, SentenceReader):
        raise ConfigurationError(
            f"'reader' of {owner} is a {type(reader).__name__}; it is one of this package, raw_text or conll_ner."
        )
    return reader.without_tags()


def _size(instance: Instance) -> int:
    return num_characters(words_of(instance))


def _in_equal_shares(sentences: Iterable[Sentence]) -> Iterator[Sentence]:
    """
    The sentences, followed by some of the first ones, marked as repeated, so that all processes read the same number: AllenNLP
    ends an epoch for all of them when the first one has no batch left.
    """
    num_processes = dist.get_world_size()
    first: List[Sentence] = []
    total = 0
    for sentence in sentences:
        total += 1
        if total <= num_processes:
            first.append(sentence)
        yield sentence
    for number in range(-total % num_processes):
        yield first[number % len(first)]._replace(is_repeated=True)
