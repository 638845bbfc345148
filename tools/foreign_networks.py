"""Networks of other makers as files, with fresh weights, for their speed and size beside segkit's.

    python -m tools.foreign_networks OUT smp|ultralytics|torchvision ...
    segkit benchmark --runtime best.safetensors model.onnx speed:OUT/smp_deeplabv3_mobilenet_v2.onnx \\
        speed:OUT/yolo26n-sem.onnx speed:OUT/torchvision_deeplabv3_mobilenet_v3_large.pth --mean 0 --std 255

smp           segmentation_models_pytorch's DeepLabV3 with MobileNetV2 at output stride 16 (MIT), as ONNX of 512x512:
              its sides are multiples of 16, and it gives logits of every pixel
ultralytics   YOLO26n-sem (AGPL-3.0, in an environment of its own: it is none of segkit's), as its own exporter writes
              it for 512x512: it gives labels
torchvision   DeepLabv3 with MobileNetV3-Large (BSD-3-Clause), as its state dict
"""

import argparse
import shutil
from pathlib import Path

import torch

from segkit.base.labels import VOC_CLASSES
from segkit.weights.vision_ops import declare_missing_operators

SIDE = 512


def smp(out: Path) -> Path:
    """Logits of every pixel, with the 21 classes of VOC."""
    import segmentation_models_pytorch

    network = segmentation_models_pytorch.DeepLabV3(
        "mobilenet_v2", encoder_weights=None, encoder_output_stride=16, classes=len(VOC_CLASSES)
    ).eval()
    path = out / "smp_deeplabv3_mobilenet_v2.onnx"
    torch.onnx.export(network, (torch.zeros(1, 3, SIDE, SIDE),), path, dynamo=True, external_data=False, verbose=False)
    return path


def ultralytics(out: Path) -> Path:
    """Labels, with its own 19 classes."""
    from ultralytics import YOLO

    made = YOLO("yolo26n-sem.yaml").export(format="onnx", imgsz=SIDE, simplify=False, device="cpu")
    return Path(shutil.move(made, out / "yolo26n-sem.onnx"))


def torchvision(out: Path) -> Path:
    """What `recognise_network` knows by its names."""
    from torchvision.models.segmentation import deeplabv3_mobilenet_v3_large

    network = deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=len(VOC_CLASSES))
    path = out / "torchvision_deeplabv3_mobilenet_v3_large.pth"
    torch.save(network.state_dict(), path)
    return path


def main() -> None:
    """Write what is asked for."""
    makers = {each.__name__: each for each in (smp, ultralytics, torchvision)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("makers", nargs="+", choices=makers)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    declare_missing_operators()
    for name in given.makers:
        print(makers[name](given.out))


if __name__ == "__main__":
    main()
