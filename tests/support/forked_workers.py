"""
Has the workers of a distributed training forked, by `--include-package support.forked_workers`.

AllenNLP starts them as processes that import everything anew.
"""

from types import SimpleNamespace
from typing import Any

import torch.multiprocessing
from allennlp.commands import train


def _fork(function: Any, args: Any, nprocs: int) -> None:
    torch.multiprocessing.start_processes(function, args, nprocs, start_method="fork")


train.mp = SimpleNamespace(spawn=_fork)
