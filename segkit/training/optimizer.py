"""SGD with the learning rates and the weight decay that each parameter is due."""

from torch import nn
from torch.optim import SGD

from segkit.models.deeplabv3 import DeepLabV3


def build_optimizer(
    model: DeepLabV3, *, lr: float, head_lr: float | None = None, momentum: float, weight_decay: float
) -> SGD:
    """SGD in groups; each has its `base_lr`, which the schedule scales.

    TF DeepLab's rules: no decay on batch norm, biases and depthwise weights; the bias of the logits learns twice as
    fast. The head and the logits learn at `head_lr` where that is given. What needs no gradient is left out.
    """
    head_lr = lr if head_lr is None else head_lr
    depthwise = {
        f"{name}.weight"
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Conv2d) and layer.groups > 1 and layer.groups == layer.in_channels
    }
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        rate = lr if name.startswith("backbone.") else head_lr
        if name == "classifier.bias":
            rate *= 2
        decayed = parameter.ndim > 1 and name not in depthwise
        groups.setdefault((rate, weight_decay if decayed else 0.0), []).append(parameter)
    return SGD(
        [
            {"params": parameters, "lr": rate, "base_lr": rate, "weight_decay": decay}
            for (rate, decay), parameters in groups.items()
        ],
        momentum=momentum,
    )
