"""
The paired bootstrap over sentences, by which a difference of F1 is told from chance (Berg-Kirkpatrick, Burkett and Klein 2012,
D12-1091).
"""

from typing import Dict, Iterable, Iterator, Mapping

import numpy

from lowresource_ner.experiments.report.sentence_counts import f1_of

NUM_RESAMPLES = 10_000
SEED = 13

_AT_ONCE = 200
_EQUAL = 1e-12


def p_values(
    counts: Mapping[str, numpy.ndarray], reference: str, resamples: Iterable[numpy.ndarray]
) -> Dict[str, float]:
    """
    How likely it is that a system differs from the reference as much as it does, or more, if both are equally good. The test is
    one-sided: it asks for the direction that was found. With δ the difference of mean F1 over seeds, and δ* the same on resampled
    sentences, it is the share of resamples with δ* > 2δ (figure 1 of the paper). It is 1 where δ is 0.

    # Parameters

    counts : `Mapping[str, numpy.ndarray]`
        By system, (num_seeds, num_sentences, 3): correct, predicted and gold entities. Sentences are the same for all.
    reference : `str`
        One of the systems.
    resamples : `Iterable[numpy.ndarray]`
        (num_resamples, num_sentences) each; see `resampled`.

    # Returns

    `Dict[str, float]`
        By system, without the reference.
    """
    others = [system for system in counts if system != reference]
    once = numpy.ones((1, counts[reference].shape[1]))
    found = {system: _mean_f1(once, counts[system])[0] for system in counts}
    differences = {system: found[system] - found[reference] for system in others}
    exceeding = dict.fromkeys(others, 0)
    total = 0
    for weights in resamples:
        total += len(weights)
        of_reference = _mean_f1(weights, counts[reference])
        for system, difference in differences.items():
            resampled_difference = _mean_f1(weights, counts[system]) - of_reference
            # Both have the sign of what was found; a tie is none by rounding.
            excess = numpy.sign(difference) * (resampled_difference - 2 * difference)
            exceeding[system] += int((excess > _EQUAL).sum())
    return {
        system: exceeding[system] / total if abs(difference) > _EQUAL else 1.0
        for system, difference in differences.items()
    }


def resampled(num_sentences: int, num_resamples: int = NUM_RESAMPLES, seed: int = SEED) -> Iterator[numpy.ndarray]:
    """Blocks (block_size, num_sentences) of how often each sentence is drawn, when as many are drawn with replacement."""
    random = numpy.random.default_rng(seed)
    for begin in range(0, num_resamples, _AT_ONCE):
        size = min(_AT_ONCE, num_resamples - begin)
        draws = random.integers(num_sentences, size=(size, num_sentences))
        places = draws + num_sentences * numpy.arange(size)[:, None]
        yield numpy.bincount(places.ravel(), minlength=size * num_sentences).reshape(size, num_sentences)


def _mean_f1(weights: numpy.ndarray, counts: numpy.ndarray) -> numpy.ndarray:
    """(num_resamples,): F1 on each resample, averaged over seeds. Sums of integers, so they are exact in any order."""
    return numpy.mean([f1_of(weights.astype(float) @ of_seed) for of_seed in counts], axis=0)
