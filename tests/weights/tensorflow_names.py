"""Our own networks written out under TensorFlow's names."""

import torch

NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
SLIM = {"mobilenet_v1": "MobilenetV1", "mobilenet_v2": "MobilenetV2", "resnet101": "resnet_v1_101"}
LOGITS = {
    "mobilenet_v1": "MobilenetV1/Logits/Conv2d_1c_1x1",
    "mobilenet_v2": "MobilenetV2/Logits/Conv2d_1c_1x1",
    "resnet101": "resnet_v1_101/logits",
}
RESNET_LAYERS = {"reduce": "conv1", "spatial": "conv2", "expand": "conv3", "shortcut": "shortcut"}
TENSORFLOW = {"padding": "tensorflow", "eps": 1e-3}


def scope_of(layer: str, backbone: str) -> str:
    """The variable scope of one of our layers."""
    parts = layer.split(".")
    slim = SLIM[backbone]
    if layer == "backbone.stem":
        return f"{slim}/Conv2d_0" if slim == "MobilenetV1" else f"{slim}/Conv"
    if layer == "last":
        return f"{slim}/Conv_1"
    if parts[:2] == ["head", "branches"]:
        return f"aspp{parts[2]}"
    if parts[0] == "head":
        return {"image_pooling": "image_pooling", "projection": "concat_projection"}[parts[1]]
    number = int(parts[2])
    if slim == "resnet_v1_101" and parts[1] == "stem":
        return f"{slim}/conv1_{number + 1}"
    if slim == "resnet_v1_101":
        return f"{slim}/block{number + 1}/unit_{int(parts[3]) + 1}/bottleneck_v1/{RESNET_LAYERS[parts[4]]}"
    if slim == "MobilenetV1":
        return f"{slim}/Conv2d_{number + 1}_{parts[3]}"
    return f"{slim}/expanded_conv{f'_{number}' if number else ''}/{parts[3]}"


def as_tensorflow(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The network's tensors under TensorFlow's names and in its layouts."""
    backbone = network.architecture["backbone"]
    variables = {}
    for name, tensor in network.state_dict().items():
        layer, kind, last = name.rsplit(".", 2) if name.count(".") > 1 else ("", *name.split("."))
        if kind == "classifier":
            scope = "logits/semantic" if network.classifier.weight.ndim == 4 else LOGITS[backbone]
            if last == "weight":
                tensor = tensor.reshape(*tensor.shape[:2], 1, 1).permute(2, 3, 1, 0)
            variables[f"{scope}/{'weights' if last == 'weight' else 'biases'}"] = tensor
        elif kind == "conv" and layer.endswith(".depthwise"):
            variables[f"{scope_of(layer, backbone)}/depthwise_weights"] = tensor.permute(2, 3, 0, 1)
        elif kind == "conv":
            variables[f"{scope_of(layer, backbone)}/weights"] = tensor.permute(2, 3, 1, 0)
        elif last in NORM:
            variables[f"{scope_of(layer, backbone)}/BatchNorm/{NORM[last]}"] = tensor
    return variables
