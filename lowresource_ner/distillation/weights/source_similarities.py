"""Measures the similarity of source languages to a text."""

from typing import Dict, List, NamedTuple

import numpy
from allennlp.common.checks import ConfigurationError

from lowresource_ner.distillation.corpus import Corpus, sentence_blocks
from lowresource_ner.distillation.weights.language_scorer import LanguageScorer, mean_weights
from lowresource_ner.modules.language_scores import MEASURES


class SourceSimilarities(NamedTuple):
    """
    The similarity of each source language to a text.

    # Parameters

    num_sentences : `int`
        The number of sentences in the text.
    tau : `Dict[str, float]`
        τ by measure; 0 if the measure does not distinguish the languages.
    weights : `Dict[str, Dict[str, float]]`
        By measure and language, the weight that `SimilarityWeights` gives a teacher of this language. For each measure, the
        weights sum to 1.
    """

    num_sentences: int
    tau: Dict[str, float]
    weights: Dict[str, Dict[str, float]]

    def ranking(self, measure: str) -> List[str]:
        """Returns the languages, sorted from the most to the least similar."""
        weights = self.weights[measure]
        return sorted(weights, key=lambda language: -weights[language])


def source_similarities(scorer: LanguageScorer, corpus: Corpus) -> SourceSimilarities:
    """
    Measures the similarity of source languages to a text by each measure (Wu et al. 2020, arXiv:2004.12440, section 3.3).

    # Parameters

    scorer : `LanguageScorer`
    corpus : `Callable[[], Iterable[Sequence[str]]]`
        Returns the sentences of the text.

    # Raises

    `ConfigurationError`
        If there are fewer than two languages, or no sentences.
    """
    if len(scorer.languages) < 2:
        raise ConfigurationError(
            f"Only one source language is known, {', '.join(scorer.languages)}; at least two are needed for a comparison."
        )
    blocks = [numpy.stack(scorer.scores(block, MEASURES)) for block in sentence_blocks(corpus)]
    if not blocks:
        raise ConfigurationError("There are no sentences in the text. Check its path.")
    scores = numpy.concatenate(blocks, axis=1)  # (num_measures, num_sentences, num_languages)
    results = {measure: mean_weights(each) for measure, each in zip(MEASURES, scores)}
    return SourceSimilarities(
        scores.shape[1],
        {measure: tau for measure, (tau, _) in results.items()},
        {measure: dict(zip(scorer.languages, weights.tolist())) for measure, (_, weights) in results.items()},
    )
