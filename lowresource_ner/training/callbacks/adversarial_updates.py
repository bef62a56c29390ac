"""Trains a tagger against a language discriminator."""

from typing import Any, Dict, List, Optional, Tuple

import torch
from allennlp.common import Lazy
from allennlp.common.checks import ConfigurationError
from allennlp.training.callbacks import TrainerCallback
from allennlp.training.gradient_descent_trainer import GradientDescentTrainer
from allennlp.training.learning_rate_schedulers import LearningRateScheduler
from allennlp.training.optimizers import Optimizer

from lowresource_ner.data.batching.module_loader import ModuleLoader
from lowresource_ner.models.adversarial_tagger import AdversarialTagger


@TrainerCallback.register("adversarial_updates")
class AdversarialUpdates(TrainerCallback):
    """
    Makes the three updates of AdvPicker (Chen et al. 2021, arXiv:2106.02300, and its released code) in each step, on a batch of
    labelled sentences of the source language and a batch of unlabelled sentences of the target language:

    1. encoder and tagger, with the NER loss of the source batch, by the trainer's own optimizer and schedule;
    2. the discriminator, with its loss on the updated encoder's vectors of both batches;
    3. the encoder, with the loss of deceiving the updated discriminator.

    The second and third updates share a pass through the encoder, which the second does not change. The released code draws
    separate batches for each update.

    Requires the model `adversarial_tagger`, the reader `multitask`, data loader and scheduler `one_batch_per_module`, and
    `num_gradient_accumulation_steps` 2. The "loss" that the trainer reports is half the NER loss, because it is the mean over the
    step's batches; all losses are among the model's metrics. Optimizers and schedules are saved in checkpoints.

    Registered as a `TrainerCallback` with name "adversarial_updates".

    # Parameters

    discriminator_optimizer : `Lazy[Optimizer]`
        For the discriminator. In the released code: AdamW, 5e-3.
    generator_optimizer : `Lazy[Optimizer]`
        For the encoder's parameters that are not frozen. In the released code: AdamW, 6e-7.
    learning_rate_scheduler : `Optional[Lazy[LearningRateScheduler]]`
        For each of these optimizers. In the released code: linear warm-up over 5 %, then linear decay.
    source_module : `str`, optional (default = `"ner_source"`)
    target_module : `str`, optional (default = `"text_target"`)

    # Raises

    `ConfigurationError`
        Before training, if model, data or trainer do not fit: other modules, a target that is read with its labels, an encoder
        that is entirely frozen, the trainer's `use_amp`, or several processes.
    """

    def __init__(
        self,
        serialization_dir: str,
        discriminator_optimizer: Lazy[Optimizer],
        generator_optimizer: Lazy[Optimizer],
        learning_rate_scheduler: Optional[Lazy[LearningRateScheduler]] = None,
        source_module: str = "ner_source",
        target_module: str = "text_target",
    ) -> None:
        super().__init__(serialization_dir)
        self._configured = {"discriminator": discriminator_optimizer, "generator": generator_optimizer}
        self._configured_schedule = learning_rate_scheduler
        self._source = source_module
        self._target = target_module
        self._optimizers: Dict[str, torch.optim.Optimizer] = {}
        self._schedules: Dict[str, LearningRateScheduler] = {}
        self._restored: Optional[Dict[str, Any]] = None

    def on_start(self, trainer: GradientDescentTrainer, is_primary: bool = True, **kwargs: Any) -> None:
        super().on_start(trainer, is_primary)
        model = self._check(trainer)
        trained = {
            "discriminator": _named(model, model.discriminator),
            "generator": [(name, weight) for name, weight in _named(model, model.encoder) if weight.requires_grad],
        }
        if not trained["generator"]:
            raise ConfigurationError(
                "The encoder is entirely frozen, so it cannot learn to deceive the discriminator. Give a smaller "
                "'num_frozen_layers'."
            )
        for name, parameters in trained.items():
            optimizer = self._configured[name].construct(model_parameters=parameters)
            self._optimizers[name] = optimizer
            if self._configured_schedule is not None:
                self._schedules[name] = self._configured_schedule.construct(
                    optimizer=optimizer,
                    num_epochs=trainer._num_epochs,
                    num_steps_per_epoch=len(trainer.data_loader) // trainer._num_gradient_accumulation_steps,
                )
        if self._restored is not None:
            for kind, parts in self._parts():
                for name, part in parts.items():
                    part.load_state_dict(self._restored[kind][name])

    def on_backward(
        self, trainer: GradientDescentTrainer, batch_outputs: Dict[str, Any], backward_called: bool, **kwargs: Any
    ) -> bool:
        if backward_called:
            raise ConfigurationError(
                "adversarial_updates and another callback both call backward. Leave the other one out."
            )
        if batch_outputs["module"] == self._source:
            batch_outputs["loss"].backward()
        return True

    def on_batch(
        self,
        trainer: GradientDescentTrainer,
        batch_inputs: List[Dict[str, Any]],
        *args: Any,
        is_training: bool = True,
        **kwargs: Any,
    ) -> None:
        """Makes the second and the third update, after the trainer's own optimizer has made the first."""
        if not is_training:
            return
        for schedule in self._schedules.values():
            schedule.step_batch(trainer._total_batches_completed)
        model = trainer.model
        assert isinstance(model, AdversarialTagger)
        batches = {batch["module_name"][0]: batch for batch in batch_inputs}
        source, target = (model.encode(batches[name]["tokens"]) for name in (self._source, self._target))

        model.discriminator.requires_grad_(True)
        self._step("discriminator", model.discriminator_loss(source, target))
        model.discriminator.requires_grad_(False)
        self._step("generator", model.generator_loss(source, target))

    def on_epoch(self, *args: Any, **kwargs: Any) -> None:
        for schedule in self._schedules.values():
            schedule.step()

    def state_dict(self) -> Dict[str, Any]:
        return {kind: {name: part.state_dict() for name, part in parts.items()} for kind, parts in self._parts()}

    def load_state_dict(self, state_dict: Dict[str, Any]) -> None:
        self._restored = state_dict

    def _step(self, name: str, loss: torch.Tensor) -> None:
        optimizer = self._optimizers[name]
        optimizer.zero_grad()  # clears the gradients of the NER loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    def _parts(self) -> List[Tuple[str, Dict[str, Any]]]:
        return [("optimizers", dict(self._optimizers)), ("schedules", dict(self._schedules))]

    def _check(self, trainer: GradientDescentTrainer) -> AdversarialTagger:
        model = trainer.model
        if not isinstance(model, AdversarialTagger):
            raise ConfigurationError(
                f"adversarial_updates trains an adversarial_tagger, not {type(model).__name__}. Set 'model.type'."
            )
        loader = trainer.data_loader
        modules = list(loader.modules) if isinstance(loader, ModuleLoader) else []
        if not isinstance(loader, ModuleLoader) or sorted(modules) != sorted([self._source, self._target]):
            raise ConfigurationError(
                f"adversarial_updates needs the data loader and the scheduler 'one_batch_per_module' with the modules "
                f"'{self._source}' and '{self._target}' ('source_module', 'target_module'); the data has "
                f"{', '.join(modules) or 'none'}."
            )
        if trainer._num_gradient_accumulation_steps != 2:
            raise ConfigurationError(
                f"The trainer's 'num_gradient_accumulation_steps' is {trainer._num_gradient_accumulation_steps}, but a step has "
                "two batches, one of the source and one of the target. Set it to 2."
            )
        if getattr(loader.readers[self._target].inner, "labelled", False):
            raise ConfigurationError(
                f"The reader of '{self._target}' would read the target's labels. Give it 'labelled': false, or take raw_text."
            )
        if trainer._scaler is not None:
            raise ConfigurationError(
                "adversarial_updates does not work with the trainer's 'use_amp'. Leave it out; 'bfloat16' of subword_transformer "
                "is as fast and needs no scaling."
            )
        if trainer._distributed:
            raise ConfigurationError("adversarial_updates works on one device. Leave 'distributed' out.")
        return model


def _named(model: torch.nn.Module, part: torch.nn.Module) -> List[Tuple[str, torch.nn.Parameter]]:
    """Returns the parameters of a part of the model with their names in the model."""
    of_part = {id(weight) for weight in part.parameters()}
    return [(name, weight) for name, weight in model.named_parameters() if id(weight) in of_part]
