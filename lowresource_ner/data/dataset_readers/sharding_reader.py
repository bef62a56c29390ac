"""The base class of all dataset readers of this package."""

from typing import Any, Optional, Sequence

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import DatasetReader
from allennlp.data.dataset_readers.dataset_reader import DistributedInfo, WorkerInfo


class ShardingReader(DatasetReader):
    """
    A dataset reader that reads only its own share of a corpus if there are several processes or data loader workers. It passes
    their numbers on to its inner readers, if any.

    Subclasses pass options that they do not declare to this constructor (`**kwargs`), so that each option is declared once.

    # Parameters

    max_instances : `Optional[int]`, optional (default = `None`)
        The number of instances to read.
    serialization_dir : `Optional[str]`
        Given by AllenNLP: the folder of the run or of the archive.

    # Raises

    `ConfigurationError`
        For an unknown option.
    """

    inner_readers: Sequence[DatasetReader] = ()
    inner_options = ""
    """A sentence that says where a config has the options of the inner readers; `{option}` stands for one of them."""

    def __init__(
        self, max_instances: Optional[int] = None, serialization_dir: Optional[str] = None, **unknown: Any
    ) -> None:
        if unknown:
            names = sorted(unknown)
            raise ConfigurationError(
                f"{type(self).__name__} has no {', '.join(names)}. {self.inner_options.format(option=names[0])}".rstrip()
            )
        super().__init__(max_instances, True, True, serialization_dir)

    def _set_worker_info(self, info: Optional[WorkerInfo]) -> None:
        super()._set_worker_info(info)
        if info is not None:
            torch.set_num_threads(1)  # OpenMP's threads do not survive the fork that made this worker
        for reader in self.inner_readers:
            reader._set_worker_info(info)

    def _set_distributed_info(self, info: Optional[DistributedInfo]) -> None:
        super()._set_distributed_info(info)
        for reader in self.inner_readers:
            reader._set_distributed_info(info)
