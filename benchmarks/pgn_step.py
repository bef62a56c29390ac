"""
One update of the four modules of training_configs/cross_domain/pgn.jsonnet: its time, split into parts, beside the same update
with AllenNLP's CRF, with dense gradients of the embeddings, and with parameters generated module by module; all in one process,
in turn. Then sentences a second of prediction, beside AllenNLP's own way. Peak memory is that of a process of its own for each.

    NER_DATA=... VECTORS=glove.6B.50d.txt.gz VECTORS_DIM=50 OMP_NUM_THREADS=2 \\
        python benchmarks/pgn_step.py --source conll2003 --target bionlp13pc

Figures are medians over `--repeats` of the mean of `--steps` updates. With DEVICE=0 the same runs on a GPU.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import torch
from allennlp.commands.train import TrainModel
from allennlp.common import Params
from allennlp.common.util import import_module_and_submodules, prepare_environment
from allennlp.data import Instance

from lowresource_ner.data.conll.format import ConllFormat
from lowresource_ner.data.conll.parser import read_conll
from lowresource_ner.modules.tag_heads import CrfHead, TagHead
from lowresource_ner.predictors.batch_tagger import BatchTagger
from lowresource_ner.training import ModuleUpdates

REPOSITORY = Path(__file__).resolve().parent.parent
CONFIG = REPOSITORY / "training_configs/cross_domain/pgn.jsonnet"
DENSE = {
    "model.text_field_embedder.token_embedders.words.sparse": False,
    "model.heads.lm.sparse": False,
    "trainer.optimizer": {"type": "sgd", "lr": 0.015, "weight_decay": 1e-8},
}
OURS = "ours"
ARMS: Dict[str, Dict[str, Any]] = {
    OURS: {},
    "AllenNLP's CRF": {f"model.heads.{head}": {"tagger": {"type": "allennlp_crf"}} for head in ("source", "target")},
    "dense gradients": DENSE,
    "generated module by module": {},
}


@TagHead.register("allennlp_crf")
class AllennlpCrfHead(CrfHead):
    """The same CRF with AllenNLP's loss, a loop over words under autograd."""

    def total_loss(self, logits: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return -self.crf(logits, tags, mask)  # type: ignore[arg-type]


class Arm:
    """A training that is carried on step by step."""

    def __init__(self, name: str, folder: str) -> None:
        settings = {
            "trainer.num_epochs": 1,
            "trainer.callbacks": [{"type": "module_updates", "loss_weights": {"ner_target": 2}}],
        }
        params = Params.from_file(CONFIG, json.dumps({**settings, **ARMS[name]}))
        prepare_environment(params)
        self.loop = TrainModel.from_params(params=params, serialization_dir=folder, local_rank=0)
        self.trainer: Any = self.loop.trainer
        self.model: Any = self.loop.model
        self.updates = next(each for each in self.trainer._callbacks if isinstance(each, ModuleUpdates))
        self.updates.on_start(self.trainer)
        if name == "generated module by module":
            self.model.training_step = lambda batches: contextlib.nullcontext({})
            self.updates._record_norms = lambda *args: None  # type: ignore[method-assign]
        self.trainer.data_loader.set_target_device(self.trainer.cuda_device)
        self._batches = self._endless()
        self.seconds: Dict[str, float] = defaultdict(float)
        self.words = 0

    def _endless(self) -> Iterator[Dict[str, Any]]:
        while True:
            yield from self.trainer.data_loader

    def step(self) -> None:
        """What the trainer does, and no more: zero_grad, four times forward and backward, the optimizer's step."""
        self.model.train()
        self.trainer.optimizer.zero_grad()
        for _ in self.trainer.data_loader.modules:
            batch = self._timed("data", next, self._batches)
            self.words += int(batch["tokens"]["words"]["tokens"].count_nonzero())
            output = self.model(**batch)
            self._timed("backward", self.updates.on_backward, self.trainer, output, False)
        self._timed("optimizer", self.trainer.optimizer.step)

    def split(self) -> None:
        """From now on, the parts are timed one by one."""
        model, updates = self.model, self.updates
        for part, owner, name in (
            ("embedding", model, "_embedder"),
            ("LSTM", model, "_encoder"),
            ("LM", model._heads, "lm"),
            ("CRF", model._heads, "source"),
            ("CRF", model._heads, "target"),
        ):
            module = getattr(owner, name)
            module.forward = self._wrapped(part, module.forward)
        model.lstm_parameters.generate = self._wrapped("generator", model.lstm_parameters.generate)
        updates._finish_update = self._wrapped("generator, backward", updates._finish_update)  # type: ignore[method-assign]

    def _wrapped(self, part: str, function: Callable) -> Callable:
        return lambda *args, **kwargs: self._timed(part, function, *args, **kwargs)

    def _timed(self, part: str, function: Callable, *args: Any, **kwargs: Any) -> Any:
        self._wait()
        start = time.perf_counter()
        result = function(*args, **kwargs)
        self._wait()
        self.seconds[part] += time.perf_counter() - start
        return result

    def _wait(self) -> None:
        if self.trainer.cuda_device.type == "cuda":
            torch.cuda.synchronize()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", default="en", help="a folder below NER_DATA")
    parser.add_argument("--target", default="bio", help="a folder below NER_DATA")
    parser.add_argument("--archive", help="predict with this model instead of the one just trained for some steps")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--memory-of", choices=sorted(ARMS), help=argparse.SUPPRESS)
    args = parser.parse_args()
    os.environ.update(SOURCE=args.source, TARGET=args.target)
    os.environ.setdefault("SEED", "13")
    os.environ.setdefault("DEVICE", "-1")
    import_module_and_submodules("lowresource_ner")
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))
    with tempfile.TemporaryDirectory() as folder:
        if args.memory_of:
            report_memory(args.memory_of, folder, args.steps)
            return
        arms = {name: Arm(name, str(Path(folder) / str(number))) for number, name in enumerate(ARMS)}
        report_steps(arms, args.steps, args.repeats)
        report_parts(arms[OURS], args.steps)
        report_prediction(arms[OURS].loop, args, folder)
    for name in ARMS:
        subprocess.run([sys.executable, *sys.argv, "--memory-of", name], check=True, stderr=subprocess.DEVNULL)


def report_steps(arms: Dict[str, Arm], steps: int, repeats: int) -> None:
    for arm in arms.values():
        for _ in range(10):
            arm.step()
        arm.words = 0
    times: Dict[str, List[float]] = defaultdict(list)
    for _ in range(repeats):
        for name, arm in arms.items():
            start = time.perf_counter()
            for _ in range(steps):
                arm.step()
            times[name].append((time.perf_counter() - start) / steps)
    ours = statistics.median(times[OURS])
    words = arms[OURS].words / (steps * repeats)
    print(f"{torch.get_num_threads()} threads; {words:.0f} words in the four batches of an update")
    for name, seconds in times.items():
        median = statistics.median(seconds)
        lowest, highest = min(seconds) * 1000, max(seconds) * 1000
        print(
            f"{name:28} {median * 1000:7.1f} ms an update ({lowest:.1f} to {highest:.1f}), {median / ours:5.2f} of ours"
        )


def report_parts(arm: Arm, steps: int) -> None:
    arm.split()
    arm.step()
    arm.seconds.clear()
    start = time.perf_counter()
    for _ in range(steps):
        arm.step()
    total = time.perf_counter() - start
    seconds = dict(arm.seconds)
    # Parts of others: the data loader opens an update, and the last backward pass closes it.
    seconds["data"] -= seconds["generator"]
    seconds["backward"] -= seconds["generator, backward"]
    seconds["rest"] = total - sum(seconds.values())
    print("parts: " + ", ".join(f"{part} {value / steps * 1000:.1f} ms" for part, value in seconds.items()))


def report_prediction(loop: TrainModel, args: argparse.Namespace, folder: str) -> None:
    model: Any = loop.model
    reader: Any = loop.trainer._validation_data_loader.reader
    if args.archive:
        from allennlp.models import load_archive

        archive = load_archive(args.archive)
        model, reader = archive.model, archive.validation_dataset_reader
    model.eval()
    path = Path(os.environ["NER_DATA"]) / args.target / "test.conll"
    sentences = [list(sentence.tokens) for sentence in read_conll(str(path), ConllFormat(tag_column=None))]
    tagger = BatchTagger(model, reader.token_indexers, 4096)
    instances: List[Instance] = [reader.text_to_instance(words) for words in sentences]
    for instance in instances:
        reader.apply_token_indexers(instance)
    times: Dict[str, List[float]] = defaultdict(list)
    for _ in range(args.repeats):
        for name, predict in (
            ("ours", lambda: tagger.tag(sentences)),
            ("instances in batches of 64", lambda: forward_on_instances(model, instances)),
        ):
            start = time.perf_counter()
            predict()
            times[name].append(len(sentences) / (time.perf_counter() - start))
    print(
        f"prediction of {len(sentences)} sentences, {sum(map(len, sentences))} words, tags and entities with confidences:"
    )
    for name, rates in times.items():
        print(f"{name:28} {statistics.median(rates):7.0f} sentences/s ({min(rates):.0f} to {max(rates):.0f})")


def forward_on_instances(model: Any, instances: List[Instance]) -> None:
    for start in range(0, len(instances), 64):
        model.forward_on_instances(instances[start : start + 64])


def report_memory(name: str, folder: str, steps: int) -> None:
    arm = Arm(name, folder)
    built = peak_megabytes()
    for _ in range(steps):
        arm.step()
    print(f"{name:28} {peak_megabytes():7.0f} MB at the most, {built:.0f} MB before the first update", flush=True)


def peak_megabytes() -> float:
    """The most memory that this process has held. (What `getrusage` says begins with the memory of the parent process.)"""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


if __name__ == "__main__":
    main()
