"""What teachers ask of the tagger: probabilities without the rest."""

import pytest
import torch
from allennlp.models import load_archive

from lowresource_ner.predictors.batch_tagger import BatchTagger

SENTENCES = [["Anna", "lives", "in", "Paris", "."], [], ["Hello"], ["The", "kinase", "binds"]]


@pytest.mark.slow
@pytest.mark.parametrize("archive", ["teacher", "cross_domain_archive"])  # softmax; a CRF, whose marginals they are
def test_probabilities_are_those_of_the_tagged_sentences(request, archive: str) -> None:
    loaded = load_archive(request.getfixturevalue(archive))
    tagger = BatchTagger(loaded.model.eval(), loaded.validation_dataset_reader.token_indexers, batch_size=8)
    tagged = tagger.tag(SENTENCES)
    probabilities = tagger.probabilities(SENTENCES)
    assert [len(rows) for rows in probabilities] == [5, 0, 1, 3]
    for rows, sentence in zip(probabilities, tagged):
        torch.testing.assert_close(rows, sentence.probabilities)
