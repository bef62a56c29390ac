"""Calibrates a tagger's probabilities after training."""

import logging
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import torch
import torch.distributed as dist
from allennlp.common.checks import ConfigurationError
from allennlp.common.util import is_distributed
from allennlp.data import TensorDict
from allennlp.nn.util import move_to_device
from allennlp.training.callbacks import TrainerCallback
from allennlp.training.gradient_descent_trainer import GradientDescentTrainer

from lowresource_ner.models.tagger import Tagger
from lowresource_ner.training.checkpointing.save_whole import save_whole

logger = logging.getLogger(__name__)

Batch = Tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Logits, tags and mask."""


@TrainerCallback.register("temperature_scaling")
class TemperatureScaling(TrainerCallback):
    """
    After training, finds the temperature T > 0 for which logits / T maximise the likelihood of the development set's tags (Guo
    et al. 2017, arXiv:1706.04599), and stores it in the archive. It changes probabilities, but not the predicted tags. In
    distributed training, the primary worker does this with the development data of all workers.

    Registered as a `TrainerCallback` with name "temperature_scaling".

    # Raises

    `ConfigurationError`
        Before training, if there is no validation data, or the model is not a `Tagger`.
    """

    def on_start(self, trainer: GradientDescentTrainer, is_primary: bool = True, **kwargs: Any) -> None:
        super().on_start(trainer, is_primary)
        if trainer._validation_data_loader is None:
            raise ConfigurationError("temperature_scaling needs labelled validation data: give 'validation_data_path'.")
        if not isinstance(trainer.model, Tagger):
            raise ConfigurationError(
                f"temperature_scaling cannot calibrate a {type(trainer.model).__name__}, which is not a Tagger. Leave the "
                "callback out of the trainer's 'callbacks'."
            )

    def on_end(
        self,
        trainer: GradientDescentTrainer,
        metrics: Optional[Dict[str, Any]] = None,
        epoch: Optional[int] = None,
        is_primary: bool = True,
        **kwargs: Any,
    ) -> None:
        if metrics is None:
            return  # training was interrupted
        shares = _on_first_worker(list(trainer._validation_data_loader or ()))
        if not is_primary:
            return
        model = trainer.model
        assert isinstance(model, Tagger)
        batches = [_labelled(model, batch) for share in shares for batch in share]
        temperature = _best_temperature(model, batches)
        with torch.no_grad():
            before, after = (_mean_loss(model, batches, value) for value in (torch.ones(()), temperature))
        model.temperature.fill_(float(temperature))
        metrics["temperature"] = float(temperature)
        logger.info(
            "Temperature %.3f: loss per word on the development set %.4f, before %.4f",
            float(temperature),
            float(after),
            float(before),
        )
        if trainer._serialization_dir:
            _store_temperature(Path(trainer._serialization_dir) / "best.th", temperature)


def _on_first_worker(batches: List[TensorDict]) -> List[List[TensorDict]]:
    """Returns the batches of all workers on the first, the only one whose model has the best epoch's weights; else nothing."""
    if not is_distributed():
        return [batches]
    batches = move_to_device(batches, torch.device("cpu"))
    shares: List[Any] = [None] * dist.get_world_size()
    is_first = dist.get_rank() == 0
    dist.gather_object(batches, shares if is_first else None)
    return shares if is_first else []


def _labelled(model: Tagger, batch: TensorDict) -> Batch:
    """Returns the logits, tags and mask of a batch, without sentences that another worker has as well."""
    if "tags" not in batch:
        raise ConfigurationError("temperature_scaling needs labelled validation data, and its reader gives no tags.")
    batch = move_to_device(batch, next(model.parameters()).device)
    tags: Any = batch["tags"]
    metadata: Any = batch.get("metadata", [{}] * len(tags))
    rows = [row for row, sentence in enumerate(metadata) if not sentence.get("is_repeated")]
    model.eval()
    with torch.no_grad():
        output = model(tokens=batch["tokens"])  # without tags, so that the model's metrics are not updated
    return output["logits"][rows], tags[rows], output["mask"][rows]


def _mean_loss(model: Tagger, batches: List[Batch], temperature: torch.Tensor) -> torch.Tensor:
    losses = [
        model.calibration_loss(logits, tags, mask, temperature.to(logits.device))
        for logits, tags, mask in batches
        if len(tags)
    ]
    return torch.stack(losses).sum() / sum(mask.sum() for _, _, mask in batches)


def _best_temperature(model: Tagger, batches: List[Batch]) -> torch.Tensor:
    log_temperature = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.LBFGS([log_temperature], max_iter=50, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = _mean_loss(model, batches, log_temperature.exp())
        # Only for the temperature: the loss also depends on a CRF's transitions, which must not change.
        (log_temperature.grad,) = torch.autograd.grad(loss, log_temperature)
        return loss.detach()

    optimizer.step(closure)
    # If the development set is tagged without an error, the best temperature would be 0.
    return log_temperature.detach().exp().clamp(min=0.05, max=20.0)


def _store_temperature(path: Path, temperature: torch.Tensor) -> None:
    state = torch.load(path, map_location="cpu", weights_only=True)
    state["temperature"] = temperature.clone()
    # The file may be a hard link to a checkpoint, so it is replaced, not changed in place.
    save_whole(state, path)
