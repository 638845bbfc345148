"""The gradient of a batch whose parts several processes have computed."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from segkit.base.ranks import Ranks


def sum_over(ranks: Ranks, loss: float, parameters: Iterable[nn.Parameter]) -> float:
    """Have the gradients of all processes, and what each adds to the loss, be their sums; that of the losses.

    The sums are to the bit the same in all, and so is what each makes of them: whether the step is taken, and the
    weights after it. One message, when all is computed: it is small beside a step (docs/scale.md), needs no knowledge
    of the order in which a network learns, and cannot hang on a weight that had no part in one process's loss.
    """
    if not ranks.are_many:
        return loss
    learning = [parameter for parameter in parameters if parameter.requires_grad]
    known = [float(parameter.grad is not None) for parameter in learning]
    gradients = [torch.zeros_like(each) if each.grad is None else each.grad for each in learning]
    head = torch.tensor([loss, *known], device=learning[0].device)
    total = ranks.total(torch.cat([head, *(gradient.flatten() for gradient in gradients)]))
    head, *summed = total.split([len(head), *(gradient.numel() for gradient in gradients)])
    for parameter, has_gradient, gradient in zip(learning, head[1:].tolist(), summed, strict=True):
        if has_gradient:
            _give(parameter, gradient)
    return head[0].item()


def _give(parameter: nn.Parameter, gradient: Tensor) -> None:
    if parameter.grad is None:
        parameter.grad = torch.empty_like(parameter)
    parameter.grad.copy_(gradient.view(parameter.shape))
