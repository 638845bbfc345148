"""Batch norm, which trains on the batch of all processes where there are several."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segkit.base.ranks import ALONE, Ranks


class BatchNorm2d(nn.BatchNorm2d):
    """torch's, but for the processes that it shares a batch with while it trains; each has as much of it.

    Not `nn.SyncBatchNorm`, which takes no tensor on a CPU and is none for who looks for an `nn.BatchNorm2d`.
    """

    ranks: Ranks = ALONE

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same."""
        if not (self.training and self.ranks.are_many):
            return super().forward(x)
        y, mean, variance, count = _Normalise.apply(x, self.weight, self.bias, self.eps, self.ranks)
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / max(count - 1, 1)), self.momentum)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
        return y


class _Normalise(torch.autograd.Function):
    """Batch norm by the statistics over all processes (https://arxiv.org/abs/1502.03167, with its gradient)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float, ranks: Ranks) -> tuple[Any, ...]:
        variance, mean = torch.var_mean(x.float(), (0, 2, 3), correction=0)
        # Deviations from a mean near the right one: the squares of the values themselves would cancel each other.
        means = ranks.total(mean / ranks.size)
        variances = ranks.total((variance + (mean - means).square()) / ranks.size)
        y = F.batch_norm(x, means, variances, weight, bias, eps=eps)
        ctx.save_for_backward(x, weight, means, (variances + eps).rsqrt())
        ctx.ranks, ctx.count = ranks, ranks.size * x.numel() // x.shape[1]
        ctx.mark_non_differentiable(means, variances)
        return y, means, variances, ctx.count

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        x, weight, mean, scale = ctx.saved_tensors
        mean, scale = (each.view(1, -1, 1, 1) for each in (mean, scale))
        gradient, normal = gradient.float(), (x.float() - mean) * scale
        own = torch.stack([gradient.sum((0, 2, 3)), (gradient * normal).sum((0, 2, 3))])
        # Of weight and bias this process's share, as of all other weights.
        for_bias, for_weight = own
        shift, slope = (ctx.ranks.total(own.clone()) / ctx.count).view(2, 1, -1, 1, 1)
        back = (gradient - shift - normal * slope) * (scale * weight.view(1, -1, 1, 1))
        return back.to(x.dtype), for_weight, for_bias, None, None
