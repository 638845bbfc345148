"""Writes the files that TensorFlow writes, byte by byte and with none of segkit's reader but the checksum."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from segkit.weights.tensorflow.crc32c import masked_crc32c

CODES = {
    torch.float32: 1,
    torch.float64: 2,
    torch.int32: 3,
    torch.uint8: 4,
    torch.int64: 9,
    torch.bool: 10,
    torch.bfloat16: 14,
    torch.float16: 19,
}
STRING = 7
MAGIC = bytes.fromhex("57fb808b247547db")


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: int | bytes | str) -> bytes:
    """A field of a message: a number as a varint, everything else with its length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def fixed32(number: int, value: int) -> bytes:
    return varint(number << 3 | 5) + struct.pack("<I", value)


def shape(sides: Sequence[int]) -> bytes:
    return b"".join(field(2, field(1, side) if side else b"") for side in sides)


def content(tensor: torch.Tensor) -> bytes:
    return tensor.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""


def block(entries: Sequence[tuple[bytes, bytes]], compression: int = 0) -> bytes:
    """A block of a table with its trailer; each key is told by what differs from the one before it."""
    out, last = b"", b""
    for key, value in entries:
        shared = 0
        while shared < min(len(key), len(last)) and key[shared] == last[shared]:
            shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    out += struct.pack("<II", 0, 1) + bytes([compression])
    return out + struct.pack("<I", masked_crc32c(out))


def table(entries: Sequence[tuple[bytes, bytes]], *, in_a_block: int = 16, compression: int = 0) -> bytes:
    out, index = b"", []
    for start in range(0, len(entries), in_a_block):
        part = entries[start : start + in_a_block]
        made = block(part, compression)
        index.append((part[-1][0], varint(len(out)) + varint(len(made) - 5)))
        out += made
    handles = b""
    for made in (block([]), block(index)):
        handles += varint(len(out)) + varint(len(made) - 5)
        out += made
    return out + handles.ljust(40, b"\0") + MAGIC


def header(shards: int = 1, endianness: int = 0) -> bytes:
    return field(1, shards) + (field(2, endianness) if endianness else b"") + field(3, field(1, 1))


def entry(
    tensor: torch.Tensor, *, shard: int, offset: int, checksum: int | None = None, size: int | None = None
) -> bytes:
    data = content(tensor)
    return (
        field(1, CODES[tensor.dtype])
        + field(2, shape(tensor.shape))
        + (field(3, shard) if shard else b"")
        + (field(4, offset) if offset else b"")
        + field(5, len(data) if size is None else size)
        + fixed32(6, masked_crc32c(data) if checksum is None else checksum)
    )


def write_bundle(prefix: Path, variables: Mapping[str, torch.Tensor], *, shards: int = 1) -> Path:
    """A checkpoint, of which every other variable goes to the next shard, and the path of its index."""
    prefix.parent.mkdir(parents=True, exist_ok=True)
    data = [b""] * shards
    entries = [(b"", header(shards))]
    for number, name in enumerate(sorted(variables, key=str.encode)):
        shard = number % shards
        entries.append((name.encode(), entry(variables[name], shard=shard, offset=len(data[shard]))))
        data[shard] += content(variables[name])
    for shard, values in enumerate(data):
        prefix.with_name(f"{prefix.name}.data-{shard:05}-of-{shards:05}").write_bytes(values)
    index = prefix.with_name(prefix.name + ".index")
    index.write_bytes(table(entries))
    return index


def tensor_message(tensor: torch.Tensor) -> bytes:
    return field(1, CODES[tensor.dtype]) + field(2, shape(tensor.shape)) + field(4, content(tensor))


def node(name: str, operation: str, inputs: Sequence[str] = (), value: bytes | None = None) -> bytes:
    """A node of a graph; `value` is the TensorProto of a constant."""
    out = field(1, name) + field(2, operation) + b"".join(field(3, each) for each in inputs)
    if value is not None:
        out += field(5, field(1, "dtype") + field(2, field(6, 1)))
        out += field(5, field(1, "value") + field(2, field(8, value)))
    return field(1, out)


FORMS = ("frozen", "renamed", "folded", "multiplied")


def graph(variables: Mapping[str, torch.Tensor], form: str = "frozen", *, head_eps: float = 1e-5) -> bytes:
    """A frozen graph with these variables.

    "frozen" is as TensorFlow freezes it, "renamed" has lost the reads and the names of the batch norms' constants,
    "folded" has the batch norms in weights and offsets, "multiplied" has what they do to a channel as a multiplication
    and an addition.
    """
    out = [node("input", "Placeholder"), node("concat/axis", "Const", value=tensor_message(torch.tensor(3)))]
    for weights in (name for name in variables if name.endswith("weights")):
        layer, _, kind = weights.rpartition("/")
        operation = "Conv2D" if kind == "weights" else "DepthwiseConv2dNative"
        tensor, norm = variables[weights], f"{layer}/BatchNorm"
        behind = []
        if f"{layer}/biases" in variables:
            behind = [("BiasAdd", [f"{layer}/biases"], [variables[f"{layer}/biases"]])]
        elif form in ("frozen", "renamed"):
            parts = [f"{norm}/{part}" for part in ("gamma", "beta", "moving_mean", "moving_variance")]
            names = parts if form == "frozen" else [f"{layer}/const_{number}" for number in range(4)]
            behind = [("FusedBatchNormV3", names, [variables[part] for part in parts])]
        else:
            eps = 1e-3 if "MobilenetV" in layer else head_eps
            scale = variables[f"{norm}/gamma"] / (variables[f"{norm}/moving_variance"] + eps).sqrt()
            offset = variables[f"{norm}/beta"] - variables[f"{norm}/moving_mean"] * scale
            if form == "folded":
                tensor = tensor * (scale[:, None] if kind == "depthwise_weights" else scale)
                behind = [("BiasAdd", [f"{layer}/{operation}_bn_offset"], [offset])]
            else:
                behind = [
                    ("Mul", [f"{norm}/batchnorm/mul"], [scale]),
                    ("AddV2", [f"{norm}/batchnorm/sub"], [offset]),
                ]
        name = weights + "/read/_3__cf__3" if form == "renamed" else weights
        out += _constant(name, tensor, reads=form == "frozen")
        out.append(node(f"{layer}/{operation}", operation, ["input", name + ("/read" if form == "frozen" else "")]))
        last = f"{layer}/{operation}"
        if kind == "depthwise_weights":
            out.append(node(f"{last}/BatchToSpaceND", "BatchToSpaceND", [last, "concat/axis"]))
            last += "/BatchToSpaceND"
        for number, (does, names, values) in enumerate(behind):
            for constant, value in zip(names, values, strict=True):
                out += _constant(constant, value, reads=form == "frozen")
            reads = [each + ("/read" if form == "frozen" else "") for each in names]
            out.append(node(f"{layer}/behind_{number}", does, [last, *reads]))
            last = f"{layer}/behind_{number}"
        out.append(node(f"{layer}/Relu6", "Relu6", [last]))
    return b"".join(out) + field(4, field(1, 27))


def _constant(name: str, tensor: torch.Tensor, *, reads: bool) -> list[bytes]:
    made = [node(name, "Const", value=tensor_message(tensor))]
    return [*made, node(f"{name}/read", "Identity", [name])] if reads else made
