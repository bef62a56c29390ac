"""Averages tensors over the workers in distributed training."""

from typing import List, Sequence

import torch
import torch.distributed as dist


def average_tensors(tensors: Sequence[torch.Tensor]) -> None:
    """Replaces each tensor by its mean over all workers, in one exchange. Shapes must be the same on all workers."""
    if not tensors:
        return
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for tensor, mean in zip(tensors, flat.split([tensor.numel() for tensor in tensors])):
        tensor.copy_(mean.view_as(tensor))


def average_gradients(weights: Sequence[torch.Tensor]) -> None:
    """Replaces each gradient by its mean over all workers. Only the used rows of sparse gradients are exchanged."""
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    average_tensors([gradient for gradient in gradients if not gradient.is_sparse])
    for weight in weights:
        if weight.grad is not None and weight.grad.is_sparse:
            weight.grad = _average_sparse(weight.grad)


def _average_sparse(gradient: torch.Tensor) -> torch.Tensor:
    """Averages sparse gradients of whole rows, by concatenating the rows of all workers."""
    gradient = gradient.coalesce()
    rows, values = gradient.indices()[0], gradient.values()  # (num_rows,), (num_rows, dim)
    most = torch.tensor(len(rows), device=rows.device)
    dist.all_reduce(most, dist.ReduceOp.MAX)
    missing = int(most) - len(rows)
    # Workers with fewer rows add rows of zeros.
    rows = torch.nn.functional.pad(rows, (0, missing))
    values = torch.nn.functional.pad(values, (0, 0, 0, missing))
    all_rows = _gather(rows)
    all_values = _gather(values)
    mean = torch.cat(all_values) / dist.get_world_size()
    return torch.sparse_coo_tensor(torch.cat(all_rows).unsqueeze(0), mean, gradient.shape).coalesce()


def _gather(tensor: torch.Tensor) -> List[torch.Tensor]:
    gathered = [torch.empty_like(tensor) for _ in range(dist.get_world_size())]
    dist.all_gather(gathered, tensor.contiguous())
    return gathered
