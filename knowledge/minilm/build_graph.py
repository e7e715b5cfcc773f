"""Build the weightless ONNX graph of sentence-transformers/all-MiniLM-L6-v2.

Run `python -m knowledge.minilm.build_graph` after a change here; it rewrites `all-MiniLM-L6-v2.onnx`. The
graph holds no weights: each initialiser points at the bytes of its tensor inside the published
`model.safetensors`. `onnx` is a development dependency, and this script alone imports it.

The architecture is BERT's (Devlin et al. 2019) with 6 layers, 12 heads and 384 dimensions, followed by the
mean over the attention mask and L2 normalisation, as the model's own `modules.json` prescribes.
"""

import argparse
import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from knowledge.minilm.files import GRAPH_PATH, WEIGHTS_NAME, model_file

LAYERS = 6
HEADS = 12
DIMENSIONS = 384
LAYER_NORM_EPSILON = 1e-12
FLOAT_BYTES = 4
# Standard operators only. The fused ones of com.microsoft (MultiHeadAttention, SkipLayerNormalization) gave
# the same vectors with onnxruntime 1.31, but 107 texts of 128 tokens a second against 126, and bind the file
# to one vendor.
OPSET = 23
IR_VERSION = 11


@dataclass(frozen=True, slots=True)
class SafeTensors:
    """The header of a safetensors file: where the bytes of each float32 tensor lie."""

    data_start: int
    entries: dict[str, dict[str, list[int]]]

    @classmethod
    def read(cls, path: Path) -> "SafeTensors":
        """Read the header, and nothing of the 90 MB behind it."""
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            return cls(data_start=8 + length, entries=json.loads(file.read(length)))

    def external(self, name: str, *, shape: Sequence[int] | None = None) -> TensorProto:
        """Declare a tensor whose bytes stay in the file; a smaller `shape` takes its first rows."""
        entry = self.entries[name]
        dims = list(shape or entry["shape"])
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=dims)
        tensor.data_location = TensorProto.EXTERNAL
        offset, length = self.data_start + entry["data_offsets"][0], FLOAT_BYTES * math.prod(dims)
        place = {"location": WEIGHTS_NAME, "offset": offset, "length": length}
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
        return tensor


@dataclass(slots=True)
class Graph:
    """A graph under construction; each method appends nodes and returns the name of their output."""

    weights: SafeTensors
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initializers: dict[str, TensorProto] = field(default_factory=dict)

    def weight(self, name: str, *, shape: Sequence[int] | None = None) -> str:
        """Refer to a tensor of the weights file."""
        self.initializers[name] = self.weights.external(name, shape=shape)
        return name

    def constant(self, name: str, values: Sequence[int]) -> str:
        """Refer to a small vector of integers kept in the graph itself."""
        self.initializers[name] = helper.make_tensor(name, TensorProto.INT64, [len(values)], values)
        return name

    def add(self, operator: str, inputs: Sequence[str], output: str, **attributes: int | float) -> str:
        """Append one node with one output."""
        node = helper.make_node(operator, inputs, [output], name=output)
        node.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        self.nodes.append(node)
        return output

    def linear(self, x: str, layer: str) -> str:
        """Compute x · Wᵀ + b; Gemm takes the weight as stored, MatMul would need a transposed copy."""
        inputs = [x, self.weight(f"{layer}.weight"), self.weight(f"{layer}.bias")]
        return self.add("Gemm", inputs, f"{layer}.out", transB=1)

    def normalise(self, x: str, layer: str) -> str:
        """Layer normalisation over the last axis."""
        inputs = [x, self.weight(f"{layer}.weight"), self.weight(f"{layer}.bias")]
        return self.add("LayerNormalization", inputs, f"{layer}.out", axis=-1, epsilon=LAYER_NORM_EPSILON)

    def residual(self, x: str, y: str, layer: str) -> str:
        """Layer normalisation of x + y."""
        return self.normalise(self.add("Add", [x, y], f"{layer}.sum"), layer)


def embeddings(graph: Graph) -> str:
    """Word + position + type embeddings, normalised: (batch · length, 384)."""
    length = graph.add("Shape", ["input_ids"], "length", start=1)
    positions = graph.add(
        "Slice",
        [graph.weight("embeddings.position_embeddings.weight"), graph.constant("zero", [0]), length],
        "positions",
    )
    words = graph.add("Gather", [graph.weight("embeddings.word_embeddings.weight"), "input_ids"], "words")
    # One text per input, so every token is of type 0: the first row of the two.
    kind = graph.weight("embeddings.token_type_embeddings.weight", shape=[DIMENSIONS])
    placed = graph.add("Add", [words, graph.add("Add", [positions, kind], "places")], "embedded")
    flat = graph.add("Reshape", [placed, graph.constant("flat", [-1, DIMENSIONS])], "embedded.flat")
    return graph.normalise(flat, "embeddings.LayerNorm")


def attention(graph: Graph, x: str, layer: str) -> str:
    """Multi-head self-attention with its output projection: (batch · length, 384)."""
    heads = [
        graph.add("Reshape", [graph.linear(x, f"{layer}.self.{part}"), "rows"], f"{layer}.{part}")
        for part in ("query", "key", "value")
    ]
    mixed = graph.add("Attention", [*heads, "visible"], f"{layer}.mixed", q_num_heads=HEADS, kv_num_heads=HEADS)
    flat = graph.add("Reshape", [mixed, "flat"], f"{layer}.flat")
    return graph.linear(flat, f"{layer}.output.dense")


def encoder_layer(graph: Graph, x: str, layer: str) -> str:
    """One transformer layer, normalised after each residual: (batch · length, 384)."""
    attended = graph.residual(x, attention(graph, x, f"{layer}.attention"), f"{layer}.attention.output.LayerNorm")
    wide = graph.add("Gelu", [graph.linear(attended, f"{layer}.intermediate.dense")], f"{layer}.gelu")
    return graph.residual(attended, graph.linear(wide, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")


def attention_mask(graph: Graph) -> None:
    """Derive from the mask what attention may see, (batch, 1, length, length), and the rows' shape."""
    shape = graph.add("Shape", ["input_ids"], "shape")
    graph.add("Concat", [shape, graph.constant("width", [DIMENSIONS])], "rows", axis=0)
    seen = graph.add("Cast", ["attention_mask"], "seen", to=TensorProto.BOOL)
    row = graph.add("Unsqueeze", [seen, graph.constant("axes", [1, 2])], "seen.row")
    # The operator would broadcast a row for all queries, but onnxruntime asks for the full square.
    square = graph.add("Concat", [graph.constant("one", [1, 1]), "length", "length"], "square", axis=0)
    graph.add("Expand", [row, square], "visible")


def pooling(graph: Graph, x: str) -> str:
    """Mean over the tokens of each text, of length 1: (batch, 384).

    The sum over the mask stands for the mean: normalisation removes the factor between them.
    """
    rows = graph.add("Reshape", [x, "rows"], "hidden")
    mask = graph.add("Cast", ["attention_mask"], "mask.float", to=TensorProto.FLOAT)
    weights = graph.add("Unsqueeze", [mask, graph.constant("axis", [1])], "mask.row")
    total = graph.add("MatMul", [weights, rows], "total")
    summed = graph.add("Squeeze", [total, "axis"], "summed")
    return graph.add("LpNormalization", [summed], "embedding", axis=-1, p=2)


def build(weights: Path) -> bytes:
    """Serialise the graph for the safetensors file at `weights`; the same file gives the same bytes."""
    graph = Graph(SafeTensors.read(weights))
    x = embeddings(graph)
    attention_mask(graph)
    for number in range(LAYERS):
        x = encoder_layer(graph, x, f"encoder.layer.{number}")
    pooling(graph, x)
    ids, mask = (
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"])
        for name in ("input_ids", "attention_mask")
    )
    out = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", DIMENSIONS])
    proto = helper.make_graph(
        graph.nodes, "all-MiniLM-L6-v2", [ids, mask], [out], initializer=list(graph.initializers.values())
    )
    model = helper.make_model(
        proto,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="daybook",
    )
    return bytes(model.SerializeToString(deterministic=True))


def main(argv: Sequence[str] | None = None) -> None:
    """Write the graph to the path given, by default over the committed file."""
    parser = argparse.ArgumentParser(description="Build the weightless ONNX graph of all-MiniLM-L6-v2.")
    parser.add_argument("path", nargs="?", type=Path, default=GRAPH_PATH)
    target = parser.parse_args(argv).path
    target.write_bytes(build(model_file(WEIGHTS_NAME)))


if __name__ == "__main__":
    main()
