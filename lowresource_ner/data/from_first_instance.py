"""A vocabulary that does not read all of the data to find out what every sentence says."""

from itertools import islice
from typing import Any, Iterable

from allennlp.data import Instance, Vocabulary


@Vocabulary.register("from_first_instance", constructor="from_first_instance")
class FirstInstanceVocabulary(Vocabulary):
    """
    AllenNLP's vocabulary, counted over the first instance alone: for a student, each of whose sentences names all labels of its
    teachers, and whose sub-words are the encoder's own. AllenNLP's `from_instances` would read a text that is loaded lazily once
    more, and have all of it labelled before the first step.

    Registered as a `Vocabulary` with name "from_first_instance".
    """

    @classmethod
    def from_first_instance(cls, instances: Iterable[Instance], **kwargs: Any) -> "FirstInstanceVocabulary":
        """
        # Parameters

        instances : `Iterable[Instance]`
            Given by AllenNLP.
        kwargs
            As those of AllenNLP's `from_instances`.
        """
        return cls.from_instances(islice(instances, 1), **kwargs)  # type: ignore[return-value]
