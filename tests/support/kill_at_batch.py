"""A callback for tests: a machine that fails in the middle of a training."""

import os
import signal
from typing import Any

from allennlp.training.callbacks import TrainerCallback


@TrainerCallback.register("kill_at_batch")
class KillAtBatch(TrainerCallback):
    """Kills its own process (SIGKILL) after as many training batches as the variable KILL_AT_BATCH says, if it is set."""

    def __init__(self, serialization_dir: str) -> None:
        super().__init__(serialization_dir)
        self._batches = 0

    def on_batch(self, *args: Any, is_training: bool = True, **kwargs: Any) -> None:
        self._batches += is_training
        if str(self._batches) == os.environ.get("KILL_AT_BATCH"):
            os.kill(os.getpid(), signal.SIGKILL)
