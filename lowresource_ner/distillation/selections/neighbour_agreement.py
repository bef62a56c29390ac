"""Counts the nearest neighbours of each word that have the same class, with intermediate results on disk."""

from pathlib import Path
from typing import Any, Iterable, Iterator, Sequence, Tuple

import numpy
import torch
from allennlp.common import Tqdm
from allennlp.common.checks import ConfigurationError
from filelock import FileLock

from lowresource_ner.common.whole_files import written_whole
from lowresource_ner.distillation.corpus import Corpus, sentence_blocks
from lowresource_ner.distillation.selections.nearest_neighbours import QUERIES, nearest_neighbours
from lowresource_ner.distillation.word_encoder import WordEncoder

_VECTORS, _COUNTS, _LOCK = "vectors.bin", "counts.bin", "lock"
_VECTOR_TYPE = numpy.dtype("<f2")
_COUNT_TYPE = numpy.dtype("<i4")
_NOT_COUNTED = -1


def neighbour_agreement(
    folder: Path, sentences: Corpus, classes: numpy.ndarray, encoder: WordEncoder, num_neighbours: int
) -> numpy.ndarray:
    """
    Counts, for each word of a text, how many of its nearest neighbours by cosine similarity have the same class. The word itself
    is excluded from its neighbours.

    Vectors and counts are stored in files in a folder, which must be used only for this text, encoder and number of neighbours.
    An interrupted computation is resumed. If another process is already computing the counts, this function waits for it. The
    vectors are removed at the end.

    # Parameters

    folder : `Path`
        Created if it does not exist. Vectors take 2 bytes of disk space per word and dimension.
    sentences : `Callable[[], Iterable[Sequence[str]]]`
        Returns the words of all sentences. Each call must return the same sentences.
    classes : `numpy.ndarray`
        (num_words,) integers: the classes of the words of all sentences.
    encoder : `WordEncoder`
    num_neighbours : `int`
        At most num_words - 1.

    # Returns

    `numpy.ndarray`
        (num_words,) int32, from 0 to `num_neighbours`.

    # Raises

    `ConfigurationError`
        If a file cannot be written, a vector is not finite, or the text has changed since the computation started.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / _LOCK):
            counts = _opened_counts(folder / _COUNTS, len(classes))
            if (counts == _NOT_COUNTED).any():
                _write_vectors(folder / _VECTORS, sentences, encoder, len(classes))
                _count(counts, folder / _VECTORS, classes, encoder, num_neighbours)
            (folder / _VECTORS).unlink(missing_ok=True)
            return numpy.array(counts)
    except OSError as error:
        raise ConfigurationError(
            f"The nearest neighbours of words cannot be kept in {folder}: {error.strerror or error}. Free disk space or check "
            "the permissions, then run the same command again to resume."
        ) from error


def _opened_counts(path: Path, num_words: int) -> Any:
    """Opens a memory map of the counts, (num_words,), with `_NOT_COUNTED` for words that are not counted yet."""
    if not path.exists() or path.stat().st_size != num_words * _COUNT_TYPE.itemsize:
        with written_whole(path) as new:
            new.write_bytes(numpy.full(num_words, _NOT_COUNTED, _COUNT_TYPE).tobytes())
    return numpy.memmap(path, _COUNT_TYPE, "r+")


def _write_vectors(path: Path, sentences: Corpus, encoder: WordEncoder, num_words: int) -> None:
    """Appends the missing vectors to the file, normalised to unit length, in half precision."""
    row_bytes = encoder.dim * _VECTOR_TYPE.itemsize
    with path.open("ab") as file, Tqdm.tqdm(desc="word vectors", unit=" words", total=num_words) as progress:
        remaining, num_done = _after(sentences(), file.tell() // row_bytes)
        file.truncate(num_done * row_bytes)  # drop a partly written sentence
        progress.update(num_done)
        for block in sentence_blocks(lambda: remaining):
            vectors = numpy.concatenate(encoder.encode(block))
            if not numpy.isfinite(vectors).all():
                raise ConfigurationError(
                    f"Encoder {encoder.model_name} gives vectors that are not finite: its training has diverged, or its weights "
                    "are damaged."
                )
            unit = torch.nn.functional.normalize(torch.from_numpy(vectors), dim=1).numpy()
            file.write(unit.astype(_VECTOR_TYPE).tobytes())
            progress.update(len(vectors))
    if path.stat().st_size != num_words * row_bytes:
        raise ConfigurationError("The text has changed since this run started to read it. Start again.")


def _after(sentences: Iterable[Sequence[str]], num_words: int) -> Tuple[Iterator[Sequence[str]], int]:
    """Skips the sentences within the first `num_words` words. Returns the remaining ones and the number of skipped words."""
    remaining = iter(sentences)
    skipped = 0
    for words in remaining:
        if skipped + len(words) > num_words:
            return _preceded(words, remaining), skipped
        skipped += len(words)
    return remaining, skipped


def _preceded(first: Sequence[str], others: Iterator[Sequence[str]]) -> Iterator[Sequence[str]]:
    yield first
    yield from others


def _count(counts: Any, path: Path, classes: numpy.ndarray, encoder: WordEncoder, num_neighbours: int) -> None:
    vectors = numpy.memmap(path, _VECTOR_TYPE, "r", shape=(len(classes), encoder.dim))
    with Tqdm.tqdm(desc="nearest neighbours", unit=" words", total=len(classes)) as progress:
        for start in range(0, len(classes), QUERIES):
            stop = min(start + QUERIES, len(classes))
            if (counts[start:stop] == _NOT_COUNTED).any():
                neighbours = nearest_neighbours(vectors, start, stop, num_neighbours, encoder.device).numpy()
                counts[start:stop] = (classes[neighbours] == classes[start:stop, None]).sum(axis=1)
            progress.update(stop - start)
    counts.flush()
