"""
Cuts the vocabulary of a WordPiece or unigram tokenizer down to the pieces that some texts need (Abdaoui, Pradel and Sigel 2020,
"Load What You Need: Smaller Versions of Multilingual BERT", https://aclanthology.org/2020.sustainlp-1.16).

A text whose pieces are all kept is split into the same pieces as before. WordPiece takes the longest piece that fits, which is
kept. Unigram takes the pieces with the greatest sum of scores, and the scores do not change. (An unknown character scores the
lowest score of all pieces less a constant, so the piece with the lowest score is always kept.) In other texts a removed piece is
split into smaller ones, down to single characters.
"""

import copy
import json
import re
from typing import Any, Dict, Iterable, List, Sequence, Set

import numpy as np
from allennlp.common.checks import ConfigurationError
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from lowresource_ner.pretraining.batches import expected_copies
from lowresource_ner.pretraining.texts import EncodedCorpora

# Options of a tokenizer that name files of the uncut vocabulary, or ids in it.
_OF_UNCUT_VOCABULARY = {"vocab_file", "tokenizer_file", "added_tokens_decoder"}
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")


class Vocabulary:
    """
    The vocabulary of a tokenizer.

    # Parameters

    tokenizer : `PreTrainedTokenizerFast`
        It is not changed.

    # Raises

    `ConfigurationError`
        If it is neither a WordPiece nor a unigram tokenizer.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer
        self._state = json.loads(tokenizer.backend_tokenizer.to_str())
        kind = self._state["model"]["type"]
        if kind not in ("WordPiece", "Unigram"):
            raise ConfigurationError(
                f"The tokenizer of encoder '{tokenizer.name_or_path}' is a {kind} tokenizer, whose vocabulary cannot "
                "be reduced: only WordPiece (BERT) and unigram (XLM-R) are supported. Leave --vocab-size out, or take another "
                "encoder."
            )
        self._model: Dict[str, Any] = self._state["model"]
        self._added: Set[int] = {token["id"] for token in self._state["added_tokens"]}

    def __len__(self) -> int:
        """The number of pieces, added tokens included."""
        return len(self._tokenizer)

    def choose(self, frequencies: np.ndarray, size: int, needed: Iterable[int] = ()) -> List[int]:
        """
        Chooses the pieces to keep: the necessary ones (special and other added tokens, byte fallbacks, and the single characters
        of all pieces that occur) and the most frequent ones.

        # Parameters

        frequencies : `numpy.ndarray`
            Shape: (num_pieces,). Pieces that do not occur are not kept. Of equally frequent pieces the first in the vocabulary
            are kept.
        size : `int`
            The most pieces to keep.
        needed : `Iterable[int]`
            Ids that are kept in any case.

        # Returns

        `List[int]`
            Ids in ascending order.

        # Raises

        `ConfigurationError`
            If the vocabulary has no more than `size` pieces, or more than `size` are necessary.
        """
        if size >= len(self):
            raise ConfigurationError(
                f"--vocab-size is {size:,}, and the vocabulary of '{self._tokenizer.name_or_path}' has {len(self):,} pieces. "
                "Take a smaller number, or leave it out."
            )
        kept = {*needed, *self._necessary(np.flatnonzero(frequencies).tolist())}
        if size < len(kept):
            raise ConfigurationError(
                f"--vocab-size is {size:,}, and {len(kept):,} pieces are necessary: special tokens and the characters of the "
                "texts. Take that many at least."
            )
        for piece in np.argsort(-frequencies, kind="stable").tolist():
            if len(kept) == size or not frequencies[piece]:
                break
            kept.add(piece)
        return sorted(kept)

    def cut(self, pieces: Sequence[int]) -> PreTrainedTokenizerFast:
        """
        A tokenizer with these pieces only, whose new ids are their indices in the sequence.

        # Parameters

        pieces : `Sequence[int]`
            In ascending order, as `choose` returns them.
        """
        place = {old: new for new, old in enumerate(pieces)}
        state = copy.deepcopy(self._state)
        _cut_model(state["model"], place)
        for token in state["added_tokens"]:
            token["id"] = place[token["id"]]
        if state["padding"]:
            state["padding"]["pad_id"] = place[state["padding"]["pad_id"]]
        if state["post_processor"]:
            _renumber(state["post_processor"], place)
        options = {
            name: value for name, value in self._tokenizer.init_kwargs.items() if name not in _OF_UNCUT_VOCABULARY
        }
        backend = Tokenizer.from_str(json.dumps(state))
        cut = type(self._tokenizer)(tokenizer_object=backend, **options)
        if cut.convert_ids_to_tokens(range(len(cut))) != self._tokenizer.convert_ids_to_tokens(pieces):
            raise ConfigurationError(
                f"The pieces of the tokenizer of '{self._tokenizer.name_or_path}' cannot be renumbered: its added tokens have "
                "fixed ids. Leave --vocab-size out, or take another encoder."
            )
        return cut

    def _necessary(self, occurring: List[int]) -> Set[int]:
        pieces = _pieces(self._model)
        characters = set().union(*(pieces[piece] for piece in occurring if piece not in self._added))
        single = {number for number, piece in pieces.items() if piece in characters}
        return self._added | single | self._necessary_of_kind(pieces)

    def _necessary_of_kind(self, pieces: Dict[int, str]) -> Set[int]:
        if self._model["type"] == "WordPiece":
            return {self._model["vocab"][self._model["unk_token"]]}
        scores = [score for _, score in self._model["vocab"]]
        bytes_ = {number for number, piece in pieces.items() if self._model["byte_fallback"] and _BYTE.fullmatch(piece)}
        return {self._model["unk_id"], int(np.argmin(scores)), *bytes_} - {None}


def frequencies(encoded: EncodedCorpora, num_pieces: int, smoothing: float) -> np.ndarray:
    """
    The average frequency of each piece in a pass over the texts, with the smoothed shares of the corpora.

    # Returns

    `numpy.ndarray`
        Shape: (num_pieces,)
    """
    copies = expected_copies(np.array(encoded.lengths()), np.array(encoded.numbers), smoothing)
    sides = [np.concatenate([text.first, text.second]) for text in encoded.texts]
    weights = np.repeat(copies, [len(side) for side in sides])
    return np.bincount(np.concatenate(sides), weights=weights, minlength=num_pieces)


def _pieces(model: Dict[str, Any]) -> Dict[int, str]:
    """The pieces by id, without the prefix that marks the inside of a word ("##")."""
    if model["type"] == "WordPiece":
        prefix = model["continuing_subword_prefix"]
        return {number: piece.removeprefix(prefix) or piece for piece, number in model["vocab"].items()}
    return {number: piece for number, (piece, _) in enumerate(model["vocab"])}


def _cut_model(model: Dict[str, Any], place: Dict[int, int]) -> None:
    if model["type"] == "WordPiece":
        model["vocab"] = {piece: place[number] for piece, number in model["vocab"].items() if number in place}
        return
    model["vocab"] = [entry for number, entry in enumerate(model["vocab"]) if number in place]
    model["unk_id"] = place.get(model["unk_id"])


def _renumber(post_processor: Dict[str, Any], place: Dict[int, int]) -> None:
    """Changes the ids of the special tokens around a text, in all kinds of post-processors."""
    for part in post_processor.get("processors", []):
        _renumber(part, place)
    for token in post_processor.get("special_tokens", {}).values():
        token["ids"] = [place[number] for number in token["ids"]]
    for name in ("cls", "sep"):
        if name in post_processor:
            token, number = post_processor[name]
            post_processor[name] = [token, place[number]]
