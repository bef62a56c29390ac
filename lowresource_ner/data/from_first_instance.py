"""A vocabulary that is counted from the first instance only."""

from itertools import islice
from typing import Any, Iterable

from allennlp.data import Instance, Vocabulary


@Vocabulary.register("from_first_instance", constructor="from_first_instance")
class FirstInstanceVocabulary(Vocabulary):
    """
    AllenNLP's vocabulary, counted from the first instance only. It suits a student, as each of its instances has all labels of
    the teachers, and the sub-words are the encoder's own. AllenNLP's `from_instances` would read a lazily loaded text once more,
    and label all of it before the first step.

    Registered as a `Vocabulary` with name "from_first_instance".
    """

    @classmethod
    def from_first_instance(cls, instances: Iterable[Instance], **kwargs: Any) -> "FirstInstanceVocabulary":
        """
        Counts the first of the instances.

        # Parameters

        instances : `Iterable[Instance]`
            Given by AllenNLP.
        kwargs
            See AllenNLP's `from_instances`.
        """
        return cls.from_instances(islice(instances, 1), **kwargs)  # type: ignore[return-value]
