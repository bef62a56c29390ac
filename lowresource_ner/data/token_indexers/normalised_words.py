"""The token indexer for word vectors: every word of the vector file has an id, even if the training data lack it."""

import re
from typing import Any, Dict, List, Optional

from allennlp.common.checks import ConfigurationError
from allennlp.data import Token, TokenIndexer, Vocabulary
from allennlp.data.token_indexers.token_indexer import IndexedTokenList

_DIGIT = re.compile(r"\d")


def normalise_digits(word: str) -> str:
    """The word with 0 for every digit, as in the released code of Jia et al. (2019, ACL P19-1236)."""
    return _DIGIT.sub("0", word)


@TokenIndexer.register("normalised_words")
class NormalisedWordIndexer(TokenIndexer):
    """
    Indexes words, with 0 for every digit. A word is looked up as written, then in lower case, each time first among the training
    words and then among those of the vector file. A word that is found nowhere is unknown.

    The ids of the vector file's words follow those of the training words, as the embedder `word_vectors` expects. They are the
    words of `vectors_namespace`, which AllenNLP's vocabulary reads from the file:

    ```
    vocabulary: {
      pretrained_files: { vector_words: FILE },
      only_include_pretrained_words: true,
      min_pretrained_embeddings: { vector_words: -1 },    // all; 0 for those seen in training, n for the first n
    }
    ```

    Registered as a `TokenIndexer` with name "normalised_words".

    # Parameters

    namespace : `str`, optional (default = `"words"`)
        The namespace of the training words.
    vectors_namespace : `Optional[str]`, optional (default = `None`)
        The namespace of the vector file's words; `None` if there is no file, as for the words that a language model predicts.
    zero_digits : `bool`, optional (default = `True`)
        False to keep digits.
    """

    def __init__(
        self,
        namespace: str = "words",
        vectors_namespace: Optional[str] = None,
        zero_digits: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if namespace == vectors_namespace:
            raise ConfigurationError(
                f"'namespace' and 'vectors_namespace' of normalised_words are both '{namespace}'. Give them two names."
            )
        self.namespace = namespace
        self.vectors_namespace = vectors_namespace
        self._zero_digits = zero_digits

    def count_vocab_items(self, token: Token, counter: Dict[str, Dict[str, int]]) -> None:
        word = self._written(token)
        counter[self.namespace][word] += 1
        if self.vectors_namespace is not None:
            # Both forms are counted, and the vocabulary keeps those that are in the file.
            for form in dict.fromkeys((word, word.lower())):
                counter[self.vectors_namespace][form] += 1

    def tokens_to_indices(self, tokens: List[Token], vocabulary: Vocabulary) -> IndexedTokenList:
        words = vocabulary.get_token_to_index_vocabulary(self.namespace)
        vectors = (
            vocabulary.get_token_to_index_vocabulary(self.vectors_namespace)
            if self.vectors_namespace is not None
            else {}
        )
        unknown = vocabulary.get_token_index(vocabulary._oov_token, self.namespace)

        def index(word: str) -> int:
            for form in (word, word.lower()):
                if form in words:
                    return words[form]
                if form in vectors:
                    return len(words) + vectors[form]
            return unknown

        return {"tokens": [index(self._written(token)) for token in tokens]}

    def get_empty_token_list(self) -> IndexedTokenList:
        return {"tokens": []}

    def _written(self, token: Token) -> str:
        return normalise_digits(token.ensure_text()) if self._zero_digits else token.ensure_text()
