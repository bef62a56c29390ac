"""Embeds words with pretrained vectors, which are trained further for the words of the training data."""

import logging
import lzma
import math
import zlib
from typing import Any, Dict, List, Optional, Set, Tuple

import numpy
import torch
from allennlp.common import Tqdm
from allennlp.common.checks import ConfigurationError
from allennlp.data import Vocabulary
from allennlp.modules import TokenEmbedder
from allennlp.modules.token_embedders.embedding import EmbeddingsTextFile

from lowresource_ner.modules.token_axes import TokenAxes

logger = logging.getLogger(__name__)


@TokenEmbedder.register("word_vectors")
class WordVectors(TokenEmbedder):
    """
    Embeds the ids of the `normalised_words` indexer.

    Words of the training data have trainable vectors. These are initialised with the file's vector of the word as written, else
    of the word in lower case, else from U(-√(3/d), √(3/d)) (Jia et al. 2019, P19-1236, released code). The file's other words
    keep its vectors, in a buffer, so that words not seen in training are known as well. The padding vector is zero.

    Registered as a `TokenEmbedder` with name "word_vectors".

    # Parameters

    vocab : `Vocabulary`
    embedding_dim : `int`
    pretrained_file : `Optional[str]`
        Vectors in the text format of GloVe or word2vec (with its header line), compressed or not. AllenNLP ignores it when it
        loads an archive.
    namespace : `str`, optional (default = `"words"`)
    vectors_namespace : `Optional[str]`, optional (default = `None`)
        As in the indexer.
    trainable : `bool`, optional (default = `True`)
    sparse : `bool`, optional (default = `True`)
        Whether the gradient is sparse: it then holds only the rows of the batch. The callback `module_updates` makes it dense if
        the optimizer requires it; without this callback, use an optimizer that takes sparse gradients (`lazy_sgd`), or False.

    # Raises

    `ConfigurationError`
        If the file cannot be read, its vectors are not of size `embedding_dim`, it has no word of the training data, or
        `vectors_namespace` has words that it lacks.
    """

    contextual = False
    """A word's vector depends only on the word."""

    vectors: torch.Tensor

    def __init__(
        self,
        vocab: Vocabulary,
        embedding_dim: int,
        pretrained_file: Optional[str] = None,
        namespace: str = "words",
        vectors_namespace: Optional[str] = None,
        trainable: bool = True,
        sparse: bool = True,
    ) -> None:
        super().__init__()
        self.namespace = namespace
        self._dim = embedding_dim
        self._sparse = sparse
        num_words = vocab.get_vocab_size(namespace)
        num_vectors = vocab.get_vocab_size(vectors_namespace) if vectors_namespace is not None else 0
        bound = math.sqrt(3 / embedding_dim)
        self.weight = torch.nn.Parameter(
            torch.empty(num_words, embedding_dim).uniform_(-bound, bound), requires_grad=trainable
        )
        self.weight.data[0] = 0
        # (num_vectors, embedding_dim)
        self.register_buffer("vectors", torch.zeros(num_vectors, embedding_dim))
        if pretrained_file is not None:
            self._initialise(vocab, pretrained_file, namespace, vectors_namespace)

    def get_output_dim(self) -> int:
        return self._dim

    def token_axes(self) -> Dict[str, TokenAxes]:
        return {"weight": TokenAxes(self.namespace)}

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """
        # Parameters

        tokens : `torch.Tensor`
            (batch_size, num_words)

        # Returns

        (batch_size, num_words, embedding_dim)
        """
        if not len(self.vectors):
            return self._trained(tokens)
        num_trained = len(self.weight)
        is_trained = tokens < num_trained
        # Words that are not trained are replaced by padding, so that they have no row in the gradient.
        trained = self._trained(torch.where(is_trained, tokens, 0))
        fixed = torch.nn.functional.embedding(torch.where(is_trained, 0, tokens - num_trained), self.vectors)
        return torch.where(is_trained.unsqueeze(-1), trained, fixed)

    def _trained(self, tokens: torch.Tensor) -> torch.Tensor:
        sparse = self._sparse and self.training
        return torch.nn.functional.embedding(tokens, self.weight, padding_idx=0, sparse=sparse)

    def extend_vocab(self, extended_vocab: Vocabulary, *args: Any, **kwargs: Any) -> None:
        """Called by AllenNLP when it loads an archive. New words (`--extend-vocab`) would shift the ids of the file's words."""
        if extended_vocab.get_vocab_size(self.namespace) != len(self.weight):
            raise ConfigurationError(
                "word_vectors cannot be extended, and need not be: words that the vector file knows have their vectors without "
                "--extend-vocab. Leave it out."
            )

    def _initialise(self, vocab: Vocabulary, path: str, namespace: str, vectors_namespace: Optional[str]) -> None:
        words = vocab.get_token_to_index_vocabulary(namespace)
        others = vocab.get_token_to_index_vocabulary(vectors_namespace) if vectors_namespace is not None else {}
        wanted = {form for word in words for form in (word, word.lower())}
        wanted.update(others)
        try:
            known, parts = _read_vectors(path, wanted, self._dim)
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
            raise ConfigurationError(
                f"{path} cannot be read as word vectors in UTF-8: {error}. Check the path, fetch the file anew, or convert it."
            ) from error
        special = {vocab._padding_token, vocab._oov_token}
        strangers = [word for word in others if word not in known and word not in special | parts]
        if strangers:
            raise ConfigurationError(
                f"Namespace '{vectors_namespace}' has {len(strangers)} words that {path} does not know, such as "
                f"'{strangers[0]}'. Give the vocabulary 'pretrained_files': {{'{vectors_namespace}': the same file}} and "
                "'only_include_pretrained_words': true."
            )
        found = _copy(words, known, self.weight.data)
        if not found - special:
            raise ConfigurationError(
                f"{path} knows none of the {len(words)} words of the training data. Is it of their language?"
            )
        _copy(others, known, self.vectors)
        logger.info("%s has vectors for %d of the %d training words.", path, len(found), len(words))


def _copy(words: Dict[str, int], known: Dict[str, numpy.ndarray], rows: torch.Tensor) -> Set[str]:
    """Copies the vectors of `words` into their rows, and returns the words that have one."""
    found = set()
    for word, index in words.items():
        vector = known.get(word, known.get(word.lower()))
        if vector is not None and index > 0:
            rows[index] = torch.from_numpy(vector)
            found.add(word)
    return found


def _read_vectors(path: str, wanted: Set[str], dim: int) -> Tuple[Dict[str, numpy.ndarray], Set[str]]:
    """
    Returns the vectors of the `wanted` words, the first one of duplicates; and the first parts of words that contain spaces, as
    in some published files, since AllenNLP's vocabulary takes these parts for words.
    """
    known: Dict[str, numpy.ndarray] = {}
    parts: Set[str] = set()
    with EmbeddingsTextFile(path) as lines:
        for number, line in enumerate(Tqdm.tqdm(lines, desc="word vectors"), 1):
            line = line.rstrip()
            fields = line.rsplit(" ", dim)  # from the end, for words with spaces
            if len(fields) != dim + 1 or (number == 1 and line.count(" ") != dim):
                if not line:
                    continue
                raise ConfigurationError(
                    f"{path}: vector {number} has {line.count(' ')} numbers, and 'embedding_dim' is {dim}. Give the size of the "
                    "file's vectors."
                )
            word = fields[0]
            if " " in word:
                parts.add(word.split(" ", 1)[0])
            if word in wanted and word not in known:
                known[word] = _numbers(path, number, fields)
    return known, parts


def _numbers(path: str, number: int, fields: List[str]) -> numpy.ndarray:
    try:
        return numpy.array(fields[1:], dtype=numpy.float32)
    except ValueError as error:
        raise ConfigurationError(f"{path}: vector {number} ('{fields[0]}') is not made of numbers: {error}.") from error
