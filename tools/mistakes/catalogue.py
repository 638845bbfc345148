"""The mistakes: which measurement shows each, what it is held against, and by which mean."""

from typing import Literal, NamedTuple

from segkit.evaluation.inference import MF_SCALES
from tools.mistakes.passes import scale_name

Averaging = Literal["set", "picture", "batch"]
"""What a mIoU is of: of the confusion matrix of the set, or the mean over those of its pictures, or of its batches."""

REFERENCES: dict[str, str] = {
    "baseline": "segkit's protocol, OS 16",
    "os8": "segkit's protocol, OS 8",
    "even_canvas": "the canvas of 512x512, TensorFlow's padding",
    "resized": "pictures and labels resized to 513x513",
    "mf": "MF, OS 16",
}
"""What mistakes are held against."""


class Mistake(NamedTuple):
    """`measurement` against `reference`, both by their names in passes.GROUPS."""

    title: str
    measurement: str
    reference: str = "baseline"
    averaging: Averaging = "set"


MISTAKES: dict[str, Mistake] = {
    "dilated_os16": Mistake("the whole stage dilated, OS 16", "dilated_os16"),
    "dilated_os8": Mistake("whole stages dilated, OS 8", "dilated_os8", "os8"),
    "even_canvas": Mistake("a canvas of 512x512", "even_canvas"),
    "symmetric_padding": Mistake("symmetric padding at 512x512, not TF's", "symmetric_padding", "even_canvas"),
    "align_corners": Mistake("align_corners=False for the logits", "align_corners"),
    "softmax_first": Mistake("softmax before upsampling", "softmax_first"),
    "eps": Mistake("batch-norm eps 1e-5 in the backbone", "eps"),
    "bf16": Mistake("bfloat16 (autocast)", "bf16"),
    "imagenet": Mistake("ImageNet's mean and deviation", "imagenet"),
    "bgr": Mistake("BGR", "bgr"),
    "jpeg": Mistake("JPEG quality 50", "jpeg"),
    "resized": Mistake("resized to 513x513 and scored there", "resized"),
    "bilinear_labels": Mistake("labels resized bilinearly to 513x513", "bilinear_labels", "resized"),
    "letterbox": Mistake("letterboxed to 513x513 and scored there", "letterbox"),
    "centre_crop": Mistake("centre-cropped to 513x513 and scored there", "centre_crop"),
    "per_picture": Mistake("mIoU averaged over pictures", "baseline", averaging="picture"),
    "per_batch": Mistake("mIoU averaged over batches of 16", "baseline", averaging="batch"),
    "ignore_as_background": Mistake("255 counted as background", "ignore_as_background"),
    "border": Mistake("border pixels counted as the nearest class", "border"),
    "mf_logits": Mistake("MF: logits averaged", "mf_logits", "mf"),
    "flip": Mistake("MF: the mirror image alone", "flip", "mf"),
    **{
        scale_name(scale): Mistake(
            f"MF: scale {scale:g} alone", "baseline" if scale == 1 else scale_name(scale), reference="mf"
        )
        for scale in MF_SCALES
    },
}
