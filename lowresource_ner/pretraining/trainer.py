"""
transformers' Trainer for masked language models: batches of about the same number of sub-words, an output layer at masked
positions only, held-out losses, and checkpoints from which a training can be resumed exactly.
"""

import math
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional

import numpy as np
import torch
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from lowresource_ner.pretraining.batches import MaskingCollator, Texts, TokenBatches
from lowresource_ner.pretraining.checkpoints import complete, remove_old
from lowresource_ner.pretraining.encoder_folder import writing_errors_explained
from lowresource_ner.pretraining.options import REMEDY

Batch = Dict[str, torch.Tensor]

_NUMPY_STATE = [np._core.multiarray._reconstruct, np.ndarray, np.dtype, type(np.dtype(np.uint32))]  # type: ignore[attr-defined]


class Loss(NamedTuple):
    """A loss of a batch: the mean over a number of sub-words, both scalar tensors. If the number is 0, so is the mean."""

    mean: torch.Tensor
    num_sub_words: torch.Tensor


class MaskedLanguageModelTrainer(Trainer):
    """
    Trains a masked language model (Devlin et al. 2019, arXiv:1810.04805).

    # Parameters

    model : `PreTrainedModel`
    settings : `TrainingArguments`
    collator : `MaskingCollator`
    texts : `Texts`
    batches : `TokenBatches`
        All batches of the training.
    held_out : `Dict[str, List[Batch]]`
        The masked batches of each corpus, made once, so that every evaluation predicts the same words.
    patience : `Optional[int]`
        The training stops after this many evaluations without a lower loss.
    """

    loss_weights: Mapping[str, float] = {"loss": 1.0}
    """The weight of each of `losses`."""

    control: TrainerControl

    def __init__(
        self,
        model: PreTrainedModel,
        settings: TrainingArguments,
        *,
        collator: MaskingCollator,
        texts: Texts,
        batches: TokenBatches,
        held_out: Dict[str, List[Batch]],
        patience: Optional[int] = None,
    ) -> None:
        super().__init__(
            model,
            settings,
            data_collator=collator,
            train_dataset=texts,
            eval_dataset=Texts([]),
            tokenizer=collator.tokenizer,
            callbacks=[Patience(patience)] if patience else [],
        )
        self._batches = batches
        self._held_out = held_out

    def get_train_dataloader(self) -> DataLoader:
        loader = DataLoader(
            self.train_dataset,
            batch_sampler=self._batches,
            collate_fn=self.data_collator,
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.device.type == "cuda",
        )
        return self.accelerator.prepare(loader)

    def losses(self, model: Any, inputs: Batch) -> Dict[str, Loss]:
        """The losses of a batch, by name. The only one is the cross-entropy of the masked sub-words."""
        return {"loss": self.masked_loss(*self.outputs_at_masked(model, inputs))}

    def outputs_at_masked(self, model: Any, inputs: Batch, **options: Any) -> Any:
        """The model's outputs, with logits at masked positions only, and the number of these positions."""
        labels = inputs["labels"]
        masked = labels != -100
        with only_these_positions(self.accelerator.unwrap_model(model), masked):
            # Shape of the labels: (1, num_masked), as of the hidden states that the output layer sees
            outputs = model(**{**inputs, "labels": labels[masked][None]}, **options)
        return outputs, masked.sum()

    def masked_loss(self, outputs: Any, num_masked: torch.Tensor) -> Loss:
        # Without masked positions the mean is NaN. The sum of the logits is then 0, and has a gradient.
        return Loss(outputs.loss if num_masked else outputs.logits.sum(), num_masked)

    def compute_loss(self, model: Any, inputs: Batch, return_outputs: bool = False) -> Any:
        assert not return_outputs
        return self._weighted({name: loss.mean for name, loss in self.losses(model, inputs).items()})

    def evaluate(self, *args: Any, **kwargs: Any) -> Dict[str, float]:
        metrics = self.held_out_losses()
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def held_out_losses(self) -> Dict[str, float]:
        """
        Each loss of each corpus as `eval_{corpus}_{name}`, its mean over corpora as `eval_{name}`, and the weighted sum of these
        means as `eval_loss`.
        """
        self.model.eval()
        by_corpus = {name: self._mean_losses(batches) for name, batches in self._held_out.items()}
        result = {
            f"eval_{corpus}_{name}": loss for corpus, losses in by_corpus.items() for name, loss in losses.items()
        }
        means = {}
        for name in self.loss_weights:
            known = [losses[name] for losses in by_corpus.values() if not math.isnan(losses[name])]
            if known:
                means[name] = sum(known) / len(known)
        result.update({f"eval_{name}": mean for name, mean in means.items()})
        return {**result, "eval_loss": self._weighted(means)} if means else result

    def _mean_losses(self, batches: List[Batch]) -> Dict[str, float]:
        sums = dict.fromkeys(self.loss_weights, 0.0)
        counts = dict.fromkeys(self.loss_weights, 0)
        for batch in batches:
            with torch.no_grad(), self.compute_loss_context_manager():
                losses = self.losses(self.model, self._prepare_inputs(batch))
            for name, loss in losses.items():
                sums[name] += float(loss.mean) * int(loss.num_sub_words)
                counts[name] += int(loss.num_sub_words)
        return {name: sums[name] / counts[name] if counts[name] else math.nan for name in sums}

    def _weighted(self, losses: Mapping[str, Any]) -> Any:
        return sum(self.loss_weights[name] * loss for name, loss in losses.items())

    def _maybe_log_save_evaluate(self, *args: Any, **kwargs: Any) -> None:
        # A checkpoint does not contain the losses since the last line of the log, so a line is written before each checkpoint.
        self.control.should_log |= self.control.should_save
        super()._maybe_log_save_evaluate(*args, **kwargs)

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        folder = Path(self.args.output_dir)
        checkpoint = folder / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
        with writing_errors_explained(checkpoint, REMEDY):
            super()._save_checkpoint(*args, **kwargs)
            complete(checkpoint)
        remove_old(folder)

    def _load_best_model(self) -> None:
        # The folder may have been moved since.
        best = Path(self.state.best_model_checkpoint).name
        self.state.best_model_checkpoint = str(Path(self.args.output_dir) / best)
        super()._load_best_model()

    def _load_rng_state(self, checkpoint: Optional[str]) -> None:
        # The file holds numpy's state too, which torch loads only if its classes are named as safe.
        with torch.serialization.safe_globals(_NUMPY_STATE):
            super()._load_rng_state(checkpoint)


class Patience(TrainerCallback):
    """
    Stops after some number of evaluations without a lower loss. They are counted in the log, which is part of every checkpoint;
    transformers' own callback starts again from 0 when a training is resumed.
    """

    def __init__(self, patience: int) -> None:
        self._patience = patience

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        losses = [entry["eval_loss"] for entry in state.log_history if "eval_loss" in entry]
        best = min(range(len(losses)), key=losses.__getitem__)
        if len(losses) - 1 - best >= self._patience:
            control.should_training_stop = True
            control.should_save = False  # from a checkpoint, transformers would train at least one step more


@contextmanager
def only_these_positions(model: PreTrainedModel, positions: torch.Tensor) -> Iterator[None]:
    """
    Restricts the output layer of a masked language model to some positions. The loss is the same, and for a small encoder with a
    large vocabulary this saves most of the work.

    # Parameters

    positions : `torch.Tensor`
        Shape: (batch_size, max_length), boolean. The output layer then sees hidden states of shape (1, num_positions, dim).
    """

    def select(module: torch.nn.Module, arguments: Any, output: Any) -> Any:
        output["last_hidden_state"] = output["last_hidden_state"][positions][None]
        return output

    hook = model.base_model.register_forward_hook(select)
    try:
        yield
    finally:
        hook.remove()


def held_out_batches(
    texts: Texts, collator: MaskingCollator, batch_tokens: int, seed: int
) -> List[Dict[str, torch.Tensor]]:
    """Batches of all texts, masked once."""
    lengths = [text.length for text in texts.texts]
    size = len(lengths)
    plan = TokenBatches(lengths, [0] * size, batch_tokens=batch_tokens, num_batches=size, seed=seed)
    return [collator([texts[draw] for draw in batch]) for batch in plan.one_pass(0)]
