"""
Trains the config of a JSON file on two processes, unbroken, and killed after so many batches and recovered:

    python two_workers.py CONFIG FOLDER KILL_AT_BATCH

AllenNLP starts the processes of a distributed training anew, which costs each the time of all imports; here they are forked.
"""

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import kill_at_batch  # noqa: F401
import torch.multiprocessing as multiprocessing
from allennlp.commands import train
from allennlp.common import Params
from torch.multiprocessing.spawn import ProcessExitedException

import lowresource_ner  # noqa: F401


def fork(function: Any, args: Any, nprocs: int) -> None:
    multiprocessing.start_processes(function, args, nprocs, start_method="fork")


def main(config: Path, folder: Path, batch: str) -> None:
    train.mp = SimpleNamespace(spawn=fork)

    def run(name: str, is_recovered: bool = False) -> None:
        train.train_model(Params(json.loads(config.read_text())), str(folder / name), recover=is_recovered)

    run("unbroken")
    os.environ["KILL_AT_BATCH"] = batch
    try:
        run("killed")
    except ProcessExitedException as error:
        print(error)
    del os.environ["KILL_AT_BATCH"]
    assert not (folder / "killed" / "model.tar.gz").exists()
    run("killed", is_recovered=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
