"""Makes one update from a batch of each module."""

import contextlib
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.training.callbacks import TrainerCallback
from allennlp.training.gradient_descent_trainer import GradientDescentTrainer

from lowresource_ner.data.batching.module_loader import ModuleLoader
from lowresource_ner.models.cross_domain_tagger import CrossDomainTagger
from lowresource_ner.modules.encoder_parameters import TaskAndDomain
from lowresource_ner.training.averaging import average_gradients, average_tensors

LossWeight = Union[float, List[Tuple[int, float]]]
Batches = Sequence[Mapping[str, Any]]


@TrainerCallback.register("module_updates")
class ModuleUpdates(TrainerCallback):
    """
    Makes one update from a batch of each module (Jia, Liang and Zhang 2019, P19-1236, algorithm 1), with the gradient of
    Σ weight · loss over the modules. (AllenNLP alone would take the mean of the losses.)

    The data loader opens an update with all its batches; the callback closes it after the last backward pass. In each update,
    the parameters of all modules' encoders are generated together and their gradients propagated together
    (`EncoderParameters.step`). In distributed training, gradients are averaged once per update, those of the generated
    parameters instead of the generator's. Sparse gradients are made dense if the optimizer or gradient clipping requires it.

    Requires the scheduler `one_batch_per_module`, and `num_gradient_accumulation_steps` equal to the number of its modules.

    Registered as a `TrainerCallback` with name "module_updates".

    # Parameters

    loss_weights : `Optional[Dict[str, Union[float, List[Tuple[int, float]]]]]`
        By module (default = 1). Either a number, or points `[[epoch, weight], ...]` with epochs counted from 0: interpolated
        linearly, and constant before the first and after the last.

    # Raises

    `ConfigurationError`
        Before training, if a weight is not above 0, epochs of points do not ascend, the model or the data lacks a module, a
        module of an unlabelled domain would be trained on labels, or the trainer does not fit.
    """

    def __init__(self, serialization_dir: str, loss_weights: Optional[Dict[str, LossWeight]] = None) -> None:
        super().__init__(serialization_dir)
        self._weight_points = {name: _weight_points(name, given) for name, given in (loss_weights or {}).items()}
        # Of the open update: the loss weights by module, the modules whose batches are still pending, θ by task and domain.
        self._weights: Dict[str, float] = {}
        self._pending: List[str] = []
        self._thetas: Dict[TaskAndDomain, torch.Tensor] = {}
        self._update = contextlib.ExitStack()
        self._unsynchronised = contextlib.ExitStack()

    def on_start(self, trainer: GradientDescentTrainer, is_primary: bool = True, **kwargs: Any) -> None:
        super().on_start(trainer, is_primary)
        model, loader = trainer.model, trainer.data_loader
        if not isinstance(loader, ModuleLoader):
            raise ConfigurationError(
                "module_updates needs the data loader and the scheduler 'one_batch_per_module', which name the modules."
            )
        if not isinstance(model, CrossDomainTagger):
            raise ConfigurationError(
                "module_updates trains a model of several modules, pgn_bilstm_crossdomain or pgn_transformer, not "
                f"{type(model).__name__}."
            )
        self._check_trainer(trainer, loader.modules)
        _check_labels(model, loader)
        self._model = model
        loader.before_update = self.begin_update
        if trainer._distributed:
            self._unsynchronised.enter_context(trainer._pytorch_model.no_sync())

    def begin_update(self, batches: Batches) -> None:
        """Opens an update with all its batches, before the first forward pass."""
        self._update.close()  # still open if a recovering trainer has skipped its batches
        self._thetas = self._update.enter_context(self._model.training_step(batches))
        self._pending = [batch["module_name"][0] for batch in batches]
        assert self.trainer is not None
        epoch = self.trainer._epochs_completed
        self._weights = {name: _weight_in(epoch, self._weight_points.get(name)) for name in self._pending}

    def on_backward(
        self, trainer: GradientDescentTrainer, batch_outputs: Dict[str, Any], backward_called: bool, **kwargs: Any
    ) -> bool:
        if backward_called:
            raise ConfigurationError("module_updates and another callback both call backward. Leave the other one out.")
        name = batch_outputs["module"]
        if name != self._pending[0]:
            raise RuntimeError(f"Expected a batch of module '{self._pending[0]}', got one of '{name}'.")
        loss = batch_outputs["loss"] * self._weights[name]
        (loss if trainer._scaler is None else trainer._scaler.scale(loss)).backward()
        del self._pending[0]
        if not self._pending:
            self._finish_update(trainer)
        return True

    def on_batch(self, *args: Any, is_training: bool = True, **kwargs: Any) -> None:
        if is_training and self._pending:
            done = len(self._weights) - len(self._pending)
            raise RuntimeError(f"An update ended after {done} of its {len(self._weights)} modules.")

    def on_end(self, trainer: GradientDescentTrainer, *args: Any, **kwargs: Any) -> None:
        if isinstance(trainer.data_loader, ModuleLoader):
            trainer.data_loader.before_update = None
        self._update.close()
        self._unsynchronised.close()

    def _finish_update(self, trainer: GradientDescentTrainer) -> None:
        if trainer._distributed:
            average_tensors([theta.grad for theta in self._thetas.values() if theta.grad is not None])
        self._record_norms(trainer)
        self._update.close()
        generator = set(self._model.encoder_parameters.parameters())
        others = [weight for weight in self._model.parameters() if weight not in generator]
        if trainer._distributed:
            average_gradients(others)
        if not _takes_sparse_gradients(trainer):
            for weight in others:
                if weight.grad is not None and weight.grad.is_sparse:
                    weight.grad = weight.grad.to_dense()

    def _record_norms(self, trainer: GradientDescentTrainer) -> None:
        scale = 1.0 if trainer._scaler is None else float(trainer._scaler.get_scale())
        for name in self._weights:
            branch = self._model.branch(name)
            gradient = self._thetas[branch.pair].grad
            assert gradient is not None
            branch.gradient_norm(gradient.norm() / scale, 1)

    def _check_trainer(self, trainer: GradientDescentTrainer, modules: Sequence[str]) -> None:
        for name in self._weight_points:
            if name not in modules:
                raise ConfigurationError(
                    f"'loss_weights' names the module '{name}', which is not trained; the trained ones are {', '.join(modules)}."
                )
        if trainer._num_gradient_accumulation_steps != len(modules):
            raise ConfigurationError(
                f"The trainer's 'num_gradient_accumulation_steps' is {trainer._num_gradient_accumulation_steps}, but a step has "
                f"{len(modules)} modules ({', '.join(modules)}). Set it to {len(modules)}."
            )
        if trainer._ddp_wrapped_model is not None and trainer._ddp_wrapped_model.is_sharded:
            raise ConfigurationError("module_updates works with 'ddp_accelerator': {'type': 'torch'}, not with shards.")


def _check_labels(model: CrossDomainTagger, loader: ModuleLoader) -> None:
    for name in loader.modules:
        branch = model.branch(name)
        reader = loader.readers[name].inner
        if getattr(reader, "gives_soft_labels", False):
            continue
        reads_labels = branch.needs_labels or getattr(reader, "labelled", False)
        if reads_labels and branch.pair.domain in model.unlabelled_domains:
            raise ConfigurationError(
                f"Domain '{branch.pair.domain}' is one of the model's 'unlabelled_domains', and module '{name}' would "
                "read its labels. Give a language model's reader 'labelled': false, do not train a tagger there except with the "
                "reader 'teacher_labelled', or remove the domain from the list."
            )


def _takes_sparse_gradients(trainer: GradientDescentTrainer) -> bool:
    clips = trainer._grad_norm is not False or bool(trainer._grad_clipping)
    return getattr(trainer.optimizer, "takes_sparse_gradients", False) and not clips


def _weight_points(name: str, given: LossWeight) -> List[Tuple[int, float]]:
    points = [(0, float(given))] if isinstance(given, (int, float)) else [(int(epoch), float(w)) for epoch, w in given]
    epochs = [epoch for epoch, _ in points]
    if not points or epochs != sorted(set(epochs)) or min(weight for _, weight in points) <= 0:
        raise ConfigurationError(
            f"The loss weight of '{name}' is {given}; it is a number above 0, or points [[epoch, weight], ...] of ascending "
            "epochs and weights above 0. To leave out a module, remove it from the data and the scheduler."
        )
    return points


def _weight_in(epoch: int, points: Optional[Sequence[Tuple[int, float]]]) -> float:
    """Returns the weight in an epoch: 1 without points, else interpolated linearly."""
    if points is None:
        return 1.0
    if epoch <= points[0][0]:
        return points[0][1]
    for (start, first), (end, last) in zip(points, points[1:]):
        if epoch <= end:
            return first + (last - first) * (epoch - start) / (end - start)
    return points[-1][1]
