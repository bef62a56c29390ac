"""The four-module update loop."""

import contextlib
import logging
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from allennlp.common.checks import ConfigurationError
from allennlp.training.callbacks import TrainerCallback
from allennlp.training.gradient_descent_trainer import GradientDescentTrainer

from lowresource_ner.modules.lstm_parameters import LstmParameters
from lowresource_ner.training.averaging import average_gradients, average_tensors

logger = logging.getLogger(__name__)

WeightPoints = Union[float, List[Tuple[int, float]]]


@TrainerCallback.register("module_updates")
class ModuleUpdates(TrainerCallback):
    """
    Makes one update of a batch of each module (Jia, Liang and Zhang 2019, algorithm 1): each batch's loss, times the weight of
    its module, is back-propagated, and the gradients add up to that of Σ weight · loss. AllenNLP by itself would take the
    mean.

    The parameters of all modules' LSTMs are generated once a step, and their gradients carried back once (`LstmParameters`).
    Under distributed training the workers' gradients are averaged once a step, those of the generated parameters in place of
    those of the generator. Sparse gradients are made dense where the optimizer or gradient clipping needs that.

    Needs the scheduler `one_batch_per_module`, and `num_gradient_accumulation_steps` equal to the number of its modules.

    Registered as a `TrainerCallback` with name "module_updates".

    # Parameters

    loss_weights : `Optional[Dict[str, Union[float, List[Tuple[int, float]]]]]`
        By module; 1 where it is not named. Either a number, or points `[[epoch, weight], ...]`, epochs counted from 0: linear in
        between, and constant before the first and after the last.

    # Raises

    `ConfigurationError`
        Before training: for a weight of 0 or below, points that do not ascend, a module that the model or the data does not
        have, a module of an unlabelled domain that would be trained on labels, or a trainer that does not fit.
    """

    def __init__(self, serialization_dir: str, loss_weights: Optional[Dict[str, WeightPoints]] = None) -> None:
        super().__init__(serialization_dir)
        self._points = {name: _points(name, given) for name, given in (loss_weights or {}).items()}
        self._weights: Dict[str, float] = {}
        self._modules: List[str] = []
        self._done: List[str] = []
        self._unsynchronised = contextlib.ExitStack()

    def on_start(self, trainer: GradientDescentTrainer, is_primary: bool = True, **kwargs: Any) -> None:
        super().on_start(trainer, is_primary)
        self._modules = list(getattr(getattr(trainer.data_loader, "scheduler", None), "modules", []))
        self._check(trainer)
        model: Any = trainer.model
        pairs = [model.module(name) for name in self._modules]
        for parameters in _lstm_parameters(trainer):
            parameters.collect(pairs)
        if trainer._distributed:
            self._unsynchronised.enter_context(trainer._pytorch_model.no_sync())

    def on_backward(
        self, trainer: GradientDescentTrainer, batch_outputs: Dict[str, Any], backward_called: bool, **kwargs: Any
    ) -> bool:
        if backward_called:
            raise ConfigurationError("module_updates and another callback both call backward. Leave the other one out.")
        expected = self._modules[len(self._done)]
        if batch_outputs["module"] != expected:
            raise RuntimeError(f"A batch of module '{batch_outputs['module']}' came where '{expected}' has its turn.")
        if not self._done:
            epoch = trainer._epochs_completed
            self._weights = {name: _weight(self._points.get(name), epoch) for name in self._modules}
        loss = batch_outputs["loss"] * self._weights[expected]
        (loss if trainer._scaler is None else trainer._scaler.scale(loss)).backward()
        self._done.append(expected)
        if len(self._done) == len(self._modules):
            self._finish_step(trainer)
            self._done = []
        return True

    def on_batch(self, *args: Any, is_training: bool = True, **kwargs: Any) -> None:
        if is_training and self._done:
            raise RuntimeError(f"A step ended after {len(self._done)} of its {len(self._modules)} modules.")

    def on_end(self, trainer: GradientDescentTrainer, *args: Any, **kwargs: Any) -> None:
        self._unsynchronised.close()
        for parameters in _lstm_parameters(trainer):
            parameters.collect([])

    def _finish_step(self, trainer: GradientDescentTrainer) -> None:
        generators = _lstm_parameters(trainer)
        generated = [gradient for each in generators for gradient in each.step_gradients().values()]
        if trainer._distributed:
            average_tensors(generated)
        self._record_norms(trainer, generators)
        for generator in generators:
            generator.finish_step()
        behind_generated = {id(weight) for generator in generators for weight in generator.parameters()}
        others = [weight for weight in trainer.model.parameters() if id(weight) not in behind_generated]
        if trainer._distributed:
            average_gradients(others)
        if not _takes_sparse_gradients(trainer):
            for weight in others:
                if weight.grad is not None and weight.grad.is_sparse:
                    weight.grad = weight.grad.to_dense()

    def _record_norms(self, trainer: GradientDescentTrainer, generators: Sequence[LstmParameters]) -> None:
        scale = 1.0 if trainer._scaler is None else float(trainer._scaler.get_scale())
        model: Any = trainer.model
        for generator in generators:
            gradients = generator.step_gradients()
            for name in self._modules:
                model.gradient_norms[name](float(gradients[model.module(name)].norm()) / scale)

    def _check(self, trainer: GradientDescentTrainer) -> None:
        if not self._modules:
            raise ConfigurationError(
                "module_updates needs the data loader and the scheduler 'one_batch_per_module', which name the modules."
            )
        model: Any = trainer.model
        if not hasattr(model, "module_configs"):
            raise ConfigurationError(
                f"module_updates trains a model of several modules, such as pgn_bilstm_crossdomain, not {type(model).__name__}."
            )
        for name in self._modules:
            model.module(name)
        for name in self._points:
            if name not in self._modules:
                raise ConfigurationError(
                    f"'loss_weights' name the module '{name}', which is not trained; trained are {', '.join(self._modules)}."
                )
        if trainer._num_gradient_accumulation_steps != len(self._modules):
            raise ConfigurationError(
                f"The trainer's 'num_gradient_accumulation_steps' is {trainer._num_gradient_accumulation_steps}, and a step has "
                f"{len(self._modules)} modules ({', '.join(self._modules)}). Set it to {len(self._modules)}."
            )
        if trainer._ddp_wrapped_model is not None and trainer._ddp_wrapped_model.is_sharded:
            raise ConfigurationError("module_updates works with 'ddp_accelerator': {'type': 'torch'}, not with shards.")
        self._check_labels(trainer)

    def _check_labels(self, trainer: GradientDescentTrainer) -> None:
        model: Any = trainer.model
        readers = getattr(trainer.data_loader, "readers", {})
        for name in self._modules:
            reader = getattr(readers.get(name), "inner", None)
            reads_labels = model.learns_tags(name) or getattr(reader, "labelled", False)
            if reads_labels and model.module(name).domain in model.unlabelled_domains:
                raise ConfigurationError(
                    f"Domain '{model.module(name).domain}' is one of the model's 'unlabelled_domains', and module '{name}' would "
                    "read its labels. Give a language model's reader 'labelled': false, do not train a tagger there, or take the "
                    "domain from the list."
                )


def _lstm_parameters(trainer: GradientDescentTrainer) -> List[LstmParameters]:
    return [each for each in trainer.model.modules() if isinstance(each, LstmParameters)]


def _takes_sparse_gradients(trainer: GradientDescentTrainer) -> bool:
    clips = trainer._grad_norm is not False or bool(trainer._grad_clipping)
    return getattr(trainer.optimizer, "takes_sparse_gradients", False) and not clips


def _points(name: str, given: WeightPoints) -> List[Tuple[int, float]]:
    points = [(0, float(given))] if isinstance(given, (int, float)) else [(int(epoch), float(w)) for epoch, w in given]
    epochs = [epoch for epoch, _ in points]
    if not points or epochs != sorted(set(epochs)) or min(weight for _, weight in points) <= 0:
        raise ConfigurationError(
            f"The loss weight of '{name}' is {given}; it is a number above 0, or points [[epoch, weight], ...] of ascending "
            "epochs and weights above 0. To do without a module, take it out of the data and of the scheduler."
        )
    return points


def _weight(points: Optional[Sequence[Tuple[int, float]]], epoch: int) -> float:
    """The weight in an epoch: 1 without points."""
    if points is None:
        return 1.0
    if epoch <= points[0][0]:
        return points[0][1]
    for (start, first), (end, last) in zip(points, points[1:]):
        if epoch <= end:
            return first + (last - first) * (epoch - start) / (end - start)
    return points[-1][1]
