"""Subclasses of a user's that were written for an earlier version of this package."""

import pytest

from lowresource_ner.data.dataset_readers.sentence_reader import SentenceReader
from lowresource_ner.distillation.weights.teacher_weights import TeacherWeights
from lowresource_ner.models.heads import ModuleHead
from lowresource_ner.modules.tag_heads import TagHead


@pytest.mark.parametrize(
    "base, earlier, present",
    [
        (SentenceReader, "of_words_alone", "without_tags"),
        (TagHead, "best_tags", "TagDistribution"),
        (TagHead, "decides_per_word", "best_is_cheap"),
        (ModuleHead, "reads_ahead", "is_language_model"),
        (TeacherWeights, "are_of_a_corpus", "needs_corpus"),
        (TeacherWeights, "summary", "prepare"),
    ],
)
def test_a_definition_that_nothing_would_call_is_refused(base, earlier, present) -> None:
    """A reader's `of_words_alone`, for instance: the tags of the text would be read."""
    with pytest.raises(TypeError, match=f"Own defines '{earlier}', .* define .*{present}"):
        type("Own", (base,), {earlier: None})
    assert issubclass(type("Own", (base,), {"other": None}), base)
