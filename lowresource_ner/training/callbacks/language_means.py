"""Where the embeddings of languages begin."""

from typing import Any, Dict

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import Instance
from allennlp.nn.util import dist_reduce_sum
from allennlp.training.callbacks import TrainerCallback
from allennlp.training.gradient_descent_trainer import GradientDescentTrainer


@TrainerCallback.register("language_means")
class LanguageMeans(TrainerCallback):
    """
    Before training, gives the model the mean vector of each language's training sentences: there the languages' embeddings begin
    (Wu et al. 2020, section 3.3). A model that has means already, from the checkpoint that a training goes on from, keeps what it
    has.

    The model must have a list `languages`, a property `has_means` and a method `set_means(means)`; the instances have the fields
    `vector` and `language`. Nothing random is drawn.

    Registered as a `TrainerCallback` with name "language_means".

    # Raises

    `ConfigurationError`
        Before training, where the model has no use for means, or a language has no sentence in the training data.
    """

    def on_start(self, trainer: GradientDescentTrainer, is_primary: bool = True, **kwargs: Any) -> None:
        super().on_start(trainer, is_primary)
        model: Any = trainer.model
        if not hasattr(model, "set_means"):
            raise ConfigurationError(
                f"language_means was given to a {type(model).__name__}, which has no 'set_means'. Leave the callback out of the "
                "trainer's 'callbacks'; 'language_similarity' is what it is for."
            )
        if not model.has_means:
            model.set_means(_means(trainer, model.languages))


def _means(trainer: GradientDescentTrainer, languages: Any) -> Dict[str, torch.Tensor]:
    totals: Dict[str, torch.Tensor] = {}
    numbers = dict.fromkeys(languages, 0)
    for instance in trainer.data_loader.iter_instances():
        metadata: Any = instance.fields.get("metadata", {})
        if metadata.get("is_repeated"):
            continue  # another worker has it as well
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
            f"The training data has no sentence in {', '.join(missing)}, which the vocabulary has from elsewhere (the validation "
            "data, perhaps). Train and validate on the same languages."
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
