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
        # On CPUs 15 times as quick as var_mean.
        mean, variance = torch.batch_norm_update_stats(x.float(), None, None, 0.0)
        # Each in a place of its own, so that one message is enough where a mean and then a variance would take two.
        each = mean.new_zeros(ranks.size, 2, len(mean))
        each[ranks.rank] = torch.stack([mean, variance])
        means, variances = ranks.total(each).unbind(1)
        # Deviations from the right mean: the squares of the values themselves would cancel each other.
        mean = means.mean(0)
        variance = (variances + (means - mean).square()).mean(0)
        y = F.batch_norm(x, mean, variance, weight, bias, eps=eps)
        ctx.save_for_backward(x, weight, mean, (variance + eps).rsqrt())
        ctx.ranks, ctx.count = ranks, ranks.size * x.numel() // x.shape[1]
        ctx.mark_non_differentiable(mean, variance)
        return y, mean, variance, ctx.count

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        x, weight, mean, scale = ctx.saved_tensors
        dtype, x, gradient = x.dtype, x.float(), gradient.float()
        # Of weight and bias this process's share, as of all other weights.
        _, for_weight, for_bias = torch.ops.aten.native_batch_norm_backward(
            gradient, x, weight, None, None, mean, scale, True, 0.0, [False, True, True]
        )
        shift, slope = ctx.ranks.total(torch.stack([for_bias, for_weight])) / ctx.count
        shift, slope, mean, scale = (each.view(1, -1, 1, 1) for each in (shift, slope, mean, scale))
        back = torch.addcmul(gradient - shift, x - mean, -slope * scale).mul_(scale * weight.view(1, -1, 1, 1))
        return back.to(dtype), for_weight, for_bias, None, None
