"""Frozen graphs: a GraphDef whose variables have become constants, with their batch norms or folded into the weights.

The messages are those of tensorflow/core/framework/{graph,node_def,attr_value}.proto.
"""

import mmap
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from segkit.weights.tensorflow.tensors import Constant, read_constant
from segkit.weights.tensorflow.wire import slices

_MOST_BYTES = 2**31
"""Of a message, by protocol buffers' own rule."""
_MOST_NODES, _MOST_INPUTS, _MOST_NAME_BYTES = 100_000, 1_000, 2_000
_MOST_REPEATED = 2**26
"""Bytes that the constants may take beyond the file's: one may tell a single value for many."""
_MOST_STEPS = 8

# Where freezing, folding and TensorFlow's optimiser put a convolution's weights: before it is the layer.
_WEIGHTS = re.compile(r"^(?P<layer>.+)/(weights|[^/]+_weights|[^/]+/merged_input|[^/]+/ReadVariableOp)$")
_READ = re.compile(r"/read(/_\d+)?(__cf__\d+)?$")
_NORM_PART = re.compile(r"/BatchNorm/(gamma|beta|moving_mean|moving_variance)$")
_CONVOLUTIONS = {"Conv2D": "weights", "DepthwiseConv2dNative": "depthwise_weights"}
_NORMS = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
_NORM_INPUTS = ("gamma", "beta", "moving_mean", "moving_variance")
_NORM_AND_MAP = 1 + len(_NORM_INPUTS)
_ADDITIONS = ("Add", "AddV2", "BiasAdd")
_SAME_CHANNELS = ("Identity", "BatchToSpaceND")
_SCALE = "scale"


class _Node(NamedTuple):
    name: str
    operation: str
    inputs: list[str]
    value: memoryview | None  # a TensorProto, of a constant


def read_graph(path: Path) -> dict[str, Tensor]:
    """The variables of a frozen graph, under the names that they had.

    The constants of a fused batch norm get the names of its variables, whatever they are called in the graph. Where a
    batch norm is folded into the convolution before it, what comes is LAYER/weights and LAYER/biases. Raises ValueError
    with the reason for a file that is broken, cut short or no frozen graph.
    """
    if not 0 < path.stat().st_size <= _MOST_BYTES:
        raise ValueError(f"a graph has no more than {_MOST_BYTES} bytes, and is not empty")
    with path.open("rb") as file:  # in the memory is what is taken from it
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    graph = _Graph(_nodes(data))
    constants, scales = graph.variables()
    if not constants:
        raise ValueError("it holds no variables as constants, as a frozen graph does")
    if sum(constant.size for constant in [*constants.values(), *scales.values()]) > len(data) + _MOST_REPEATED:
        raise ValueError("its constants tell of more values than it holds")
    tensors = {name: constant.tensor() for name, constant in constants.items()}
    for name, scale in scales.items():
        tensors[name] = _scaled(tensors[name], scale.tensor(), depthwise=name.endswith("/depthwise_weights"))
    return tensors


def _scaled(weights: Tensor, scale: Tensor, *, depthwise: bool) -> Tensor:
    """Weights (HWIO, or HWC1 where depthwise) times what stands behind the convolution for each output channel."""
    return weights * scale.reshape(weights.shape[-2:] if depthwise and scale.numel() > 1 else -1)


class _Graph:
    """The nodes by name, and which nodes take what a node gives."""

    def __init__(self, nodes: Iterator[_Node]) -> None:
        self.nodes: dict[str, _Node] = {}
        self.takers: defaultdict[str, list[_Node]] = defaultdict(list)
        for node in nodes:
            if node.name in self.nodes or len(self.nodes) >= _MOST_NODES:
                raise ValueError(f"it has two nodes {node.name!r}, or more than {_MOST_NODES} nodes")
            self.nodes[node.name] = node
            for name in node.inputs:
                self.takers[name].append(node)
        self._read: dict[str, Constant | None] = {}

    def variables(self) -> tuple[dict[str, Constant], dict[str, Constant]]:
        """The constants that were variables; and by the names of weights, what they have still to be multiplied by."""
        constants, scales = {}, {}
        for node in self.nodes.values():  # of batch norms that are no single node
            name = _READ.sub("", node.name)
            if _NORM_PART.search(name) and (constant := self._constant(node.name)):
                constants[name] = constant
        for node in self.nodes.values():
            found = self._weights(node)
            if found is None:
                continue
            layer, weights = found
            behind = self._behind(node)
            name = f"{layer}/{_CONVOLUTIONS[node.operation]}"
            if scale := behind.pop(_SCALE, None):
                scales[name] = scale
            constants |= {name: weights, **{f"{layer}/{part}": constant for part, constant in behind.items()}}
        return constants, scales

    def _weights(self, node: _Node) -> tuple[str, Constant] | None:
        """The layer of a convolution and its weights; None for another node."""
        if node.operation not in _CONVOLUTIONS or len(node.inputs) < 2:
            return None
        source, constant = self._source(node.inputs[1]), self._constant(node.inputs[1])
        match = _WEIGHTS.match(_READ.sub("", source.name)) if source else None
        return (match["layer"], constant) if match and constant else None

    def _behind(self, convolution: _Node) -> dict[str, Constant]:
        """What is done to the channels of a convolution before anything else: the parameters of a batch norm, or a
        multiplication and an addition that are left of one."""
        found: dict[str, Constant] = {}
        node = convolution
        for _ in range(_MOST_STEPS):
            takers = self.takers[node.name]
            if len(takers) != 1:
                break
            node = takers[0]
            if node.operation in _SAME_CHANNELS:
                continue
            constants = [constant for name in node.inputs[:_NORM_AND_MAP] if (constant := self._constant(name))]
            if node.operation in _NORMS and len(constants) == len(_NORM_INPUTS):
                return found | {f"BatchNorm/{n}": value for n, value in zip(_NORM_INPUTS, constants, strict=True)}
            if node.operation in _ADDITIONS and constants:
                return found | {"biases": constants[0]}
            if node.operation != "Mul" or not constants or found:
                break
            found[_SCALE] = constants[0]
        return found

    def _source(self, name: str) -> _Node | None:
        """The node that an input comes from, past those that only hand it on."""
        for _ in range(_MOST_STEPS):
            node = self.nodes.get(name)
            if node is None or node.operation != "Identity" or not node.inputs:
                return node
            name = node.inputs[0]
        return None

    def _constant(self, name: str) -> Constant | None:
        if name not in self._read:
            node = self._source(name)
            self._read[name] = None if node is None or node.value is None else read_constant(node.value)
        return self._read[name]


def _nodes(data: memoryview) -> Iterator[_Node]:
    """The nodes of a GraphDef."""
    for number, message in slices(data):
        if number == 1:
            yield _node(message)


def _node(message: memoryview) -> _Node:
    """A NodeDef, of whose attributes the value of a constant is kept; the first output of a node is the node."""
    texts: defaultdict[int, list[str]] = defaultdict(list)
    value = None
    for number, part in slices(message):
        if number in (1, 2, 3):
            if len(part) > _MOST_NAME_BYTES or len(texts[number]) >= _MOST_INPUTS:
                raise ValueError("a node has too long a name or too many inputs")
            texts[number].append(str(part, "utf-8").removesuffix(":0"))
        elif number == 5:
            attribute = dict(slices(part))
            if bytes(attribute.get(1, b"")) == b"value":
                value = dict(slices(attribute.get(2, memoryview(b"")))).get(8)
    name, operation = (texts[number][-1] if texts[number] else "" for number in (1, 2))
    return _Node(name, operation, texts[3], value if operation == "Const" else None)
