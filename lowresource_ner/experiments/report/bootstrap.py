"""
The paired bootstrap test over sentences for the significance of differences in F1 (Berg-Kirkpatrick, Burkett and Klein 2012,
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
    Returns the p-values of the systems' differences from the reference, in a one-sided test in the direction of the observed
    difference. With δ the difference of mean F1 over seeds, and δ* the same on resampled sentences, p is the share of resamples
    with δ* > 2δ (figure 1 of the paper). It is 1 if δ is 0.

    # Parameters

    counts : `Mapping[str, numpy.ndarray]`
        The numbers of correct, predicted and gold entities by system, (num_seeds, num_sentences, 3). All systems have the same
        seeds and sentences.
    reference : `str`
        The system that the others are compared with.
    resamples : `Iterable[numpy.ndarray]`
        Blocks of resamples, (block_size, num_sentences) each; see `resampled`.

    # Returns

    `Dict[str, float]`
        The p-values by system, without the reference.
    """
    others = [system for system in counts if system != reference]
    observed = numpy.ones((1, counts[reference].shape[1]))
    f1 = {system: _mean_f1(observed, counts[system])[0] for system in counts}
    differences = {system: f1[system] - f1[reference] for system in others}
    exceeding = dict.fromkeys(others, 0)
    total = 0
    for weights in resamples:
        total += len(weights)
        reference_f1 = _mean_f1(weights, counts[reference])
        for system, difference in differences.items():
            resampled_difference = _mean_f1(weights, counts[system]) - reference_f1
            # Positive in the direction of the observed difference. The tolerance keeps rounding from breaking ties.
            excess = numpy.sign(difference) * (resampled_difference - 2 * difference)
            exceeding[system] += int((excess > _EQUAL).sum())
    return {
        system: exceeding[system] / total if abs(difference) > _EQUAL else 1.0
        for system, difference in differences.items()
    }


def resampled(num_sentences: int, num_resamples: int = NUM_RESAMPLES, seed: int = SEED) -> Iterator[numpy.ndarray]:
    """Yields blocks of resamples, (block_size, num_sentences): how often each sentence is drawn with replacement."""
    random = numpy.random.default_rng(seed)
    for begin in range(0, num_resamples, _AT_ONCE):
        size = min(_AT_ONCE, num_resamples - begin)
        draws = random.integers(num_sentences, size=(size, num_sentences))
        places = draws + num_sentences * numpy.arange(size)[:, None]
        yield numpy.bincount(places.ravel(), minlength=size * num_sentences).reshape(size, num_sentences)


def _mean_f1(weights: numpy.ndarray, counts: numpy.ndarray) -> numpy.ndarray:
    """Returns F1 on each resample, averaged over seeds, (num_resamples,)."""
    # The sums are of integers, so they do not depend on the order of summation.
    return numpy.mean([f1_of(weights.astype(float) @ seed_counts) for seed_counts in counts], axis=0)
