"""Initialises the language embeddings of `language_similarity`."""

from typing import Any, Dict, Sequence

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import Instance
from allennlp.nn.util import dist_reduce_sum
from allennlp.training.callbacks import TrainerCallback
from allennlp.training.gradient_descent_trainer import GradientDescentTrainer

from lowresource_ner.models.language_similarity import LanguageSimilarity


@TrainerCallback.register("language_means")
class LanguageMeans(TrainerCallback):
    """
    Before training, sets the embedding of each language to the mean vector of its training sentences (Wu et al. 2020,
    arXiv:2004.12440, section 3.3), unless the means were loaded from a checkpoint.

    Requires the model `language_similarity` and instances with the fields `vector` and `language`.

    Registered as a `TrainerCallback` with name "language_means".

    # Raises

    `ConfigurationError`
        Before training, if the model is of another kind, or a language has no sentence in the training data.
    """

    def on_start(self, trainer: GradientDescentTrainer, is_primary: bool = True, **kwargs: Any) -> None:
        super().on_start(trainer, is_primary)
        model = trainer.model
        if not isinstance(model, LanguageSimilarity):
            raise ConfigurationError(
                f"language_means works only with the model 'language_similarity', not with a {type(model).__name__}. Leave the "
                "callback out of the trainer's 'callbacks'."
            )
        if not model.has_means:
            model.set_means(_means(trainer, model.languages))


def _means(trainer: GradientDescentTrainer, languages: Sequence[str]) -> Dict[str, torch.Tensor]:
    totals: Dict[str, torch.Tensor] = {}
    numbers = dict.fromkeys(languages, 0)
    for instance in trainer.data_loader.iter_instances():
        metadata: Any = instance.fields.get("metadata", {})
        if metadata.get("is_repeated"):
            continue  # counted by another worker
        language, vector = _language_and_vector(instance)
        if language not in totals:
            totals[language] = torch.zeros(len(vector), dtype=torch.float64)
        totals[language] += vector
        numbers[language] += 1
    # Under distributed training each worker has a share of the sentences.
    numbers = {language: dist_reduce_sum(number) for language, number in numbers.items()}
    missing = [language for language, number in numbers.items() if number == 0]
    if missing:
        raise ConfigurationError(
            f"The training data has no sentence in {', '.join(missing)}, which the vocabulary contains, perhaps from the "
            "validation data. Train and validate on the same languages."
        )
    dim = max(len(total) for total in totals.values())
    return {
        language: dist_reduce_sum(totals.get(language, torch.zeros(dim, dtype=torch.float64))) / number
        for language, number in numbers.items()
    }


def _language_and_vector(instance: Instance) -> Any:
    language: Any = instance["language"]
    vector: Any = instance["vector"]
    return language.label, torch.from_numpy(vector.array)
