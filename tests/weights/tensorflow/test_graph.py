"""Frozen graphs, written by the tests' own writer."""

import random
import struct

import pytest
import torch

from segkit.weights.tensorflow import wire
from segkit.weights.tensorflow.graph import read_graph
from tests.weights.tensorflow import writers
from tests.weights.tensorflow.writers import field, node, tensor_message

NORM = ("gamma", "beta", "moving_mean", "moving_variance")
VARIABLES = {
    "MobilenetV2/Conv/weights": torch.randn(3, 3, 3, 4),
    **{f"MobilenetV2/Conv/BatchNorm/{part}": torch.rand(4) for part in NORM},
    "MobilenetV2/expanded_conv/depthwise/depthwise_weights": torch.randn(3, 3, 4, 1),
    **{f"MobilenetV2/expanded_conv/depthwise/BatchNorm/{part}": torch.rand(4) for part in NORM},
    "concat_projection/weights": torch.randn(1, 1, 4, 5),
    **{f"concat_projection/BatchNorm/{part}": torch.rand(5) for part in NORM},
    "logits/semantic/weights": torch.randn(1, 1, 5, 2),
    "logits/semantic/biases": torch.randn(2),
}


@pytest.fixture
def graph(tmp_path):
    """A function that reads a graph of these bytes."""

    def graph(*parts: bytes):
        path = tmp_path / "frozen_inference_graph.pb"
        path.write_bytes(b"".join(parts))
        return read_graph(path)

    return graph


@pytest.mark.parametrize("form", ["frozen", "renamed"])
def test_variables_have_the_names_that_they_had(graph, form):
    found = graph(writers.graph(VARIABLES, form))
    assert found.keys() == VARIABLES.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in VARIABLES.items())


@pytest.mark.parametrize("form", ["folded", "multiplied"])
def test_a_norm_in_the_weights_leaves_weights_and_biases(graph, form):
    found = graph(writers.graph(VARIABLES, form))
    layers = {"MobilenetV2/Conv": 1e-3, "MobilenetV2/expanded_conv/depthwise": 1e-3, "concat_projection": 1e-5}
    assert found.keys() == {name for name in VARIABLES if "BatchNorm" not in name} | {f"{n}/biases" for n in layers}
    for layer, eps in layers.items():
        gamma, beta, mean, variance = (VARIABLES[f"{layer}/BatchNorm/{part}"] for part in NORM)
        scale = gamma / (variance + eps).sqrt()
        kind = "depthwise_weights" if layer.endswith("depthwise") else "weights"
        along = scale[:, None] if layer.endswith("depthwise") else scale
        torch.testing.assert_close(found[f"{layer}/{kind}"], VARIABLES[f"{layer}/{kind}"] * along)
        torch.testing.assert_close(found[f"{layer}/biases"], beta - mean * scale)


def test_a_norm_that_is_no_single_node_is_told_by_names(graph):
    names = [name for name in VARIABLES if name.startswith("MobilenetV2/Conv/")]
    nodes = [node(name, "Const", value=tensor_message(VARIABLES[name])) for name in names]
    nodes += [node(f"{name}/read", "Identity", [name]) for name in names]
    nodes += [node("MobilenetV2/Conv/Conv2D", "Conv2D", ["input", f"{names[0]}/read"])]
    nodes += [node("scale", "Rsqrt", [f"{names[-1]}/read"]), node("m", "Mul", ["MobilenetV2/Conv/Conv2D", "scale"])]
    found = graph(*nodes)
    assert found.keys() == set(names)


WEIGHTS = "a/weights"
CONVOLUTION = node("a/Conv2D", "Conv2D", ["input", WEIGHTS])


def constant(message: bytes) -> bytes:
    return node(WEIGHTS, "Const", value=message)


@pytest.mark.parametrize(
    ("message", "values"),
    [
        (field(5, struct.pack("<3f", 1, 2, 3)), [1, 2, 3]),
        (b"".join(writers.fixed32(5, struct.unpack("<I", struct.pack("<f", n))[0]) for n in (1, 2, 3)), [1, 2, 3]),
        (field(5, struct.pack("<2f", 1, 2)), [1, 2, 2]),
        (field(5, struct.pack("<f", 5)), [5, 5, 5]),
        (b"", [0, 0, 0]),
    ],
)
def test_values_that_are_listed(graph, message, values):
    found = graph(constant(field(1, 1) + field(2, writers.shape([3])) + message), CONVOLUTION)
    assert found[WEIGHTS].tolist() == values


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_short_numbers_are_listed_as_whole_ones(graph, dtype):
    tensor = torch.tensor([1.5, -2.0, 0.25], dtype=dtype)
    bits = b"".join(writers.varint(n & 0xFFFF) for n in tensor.view(torch.int16).tolist())
    found = graph(
        constant(field(1, writers.CODES[dtype]) + field(2, writers.shape([3])) + field(13, bits)), CONVOLUTION
    )
    assert torch.equal(found[WEIGHTS], tensor)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([node("x", "Placeholder")], "holds no variables as constants"),
        ([constant(tensor_message(torch.ones(1, 1, 1, 1)))] * 2, "two nodes 'a/weights'"),
        ([constant(field(1, 1) + field(2, writers.shape([2**30, 2**30]))), CONVOLUTION], "more values than it holds"),
        ([constant(field(1, 1) + field(2, writers.shape([2**63, 4]))), CONVOLUTION], "unknown side"),
        ([constant(field(1, 1) + field(2, writers.shape([3])) + field(4, b"12345678")), CONVOLUTION], "has 8 bytes"),
        ([node("x" * 3000, "Const")], "too long a name"),
        ([field(1, field(1, b"\xff\xfe") + field(2, "Const"))], "utf-8"),
        ([b"\x0b"], "wire type 3"),
        ([bytes(100)], "the number 0"),
        ([b"\x18\x00" * 2001], "more than 2000 fields"),
        ([], "is not empty"),
        ([b"\x0a\xff\xff\xff\xff\x0f"], "bytes are told where"),
        ([b"\xff" * 20], "no end"),
    ],
)
def test_what_is_broken_is_told(graph, parts, reason, monkeypatch):
    monkeypatch.setattr(wire, "_MOST_FIELDS", 2000)
    with pytest.raises(ValueError, match=reason):
        graph(*parts)


def test_nodes_in_a_circle_end(graph):
    circle = [node("a", "Identity", ["b"]), node("b", "Identity", ["a"]), node("c/Conv2D", "Conv2D", ["c/Conv2D", "a"])]
    with pytest.raises(ValueError, match="holds no variables"):
        graph(*circle)


def test_anything_else_is_a_reason_too(graph):
    """Bytes changed and cut away at random: a reason, or a graph, but no other error."""
    whole, chance = writers.graph(VARIABLES, "folded"), random.Random(0)
    refused = 0
    for _ in range(150):
        changed = bytearray(whole[: chance.randrange(len(whole))] if chance.random() < 0.3 else whole)
        for _ in range(chance.randrange(1, 6)):
            if changed:
                changed[chance.randrange(len(changed))] = chance.randrange(256)
        try:
            graph(bytes(changed))
        except (ValueError, RuntimeError):
            refused += 1
    assert refused > 30
