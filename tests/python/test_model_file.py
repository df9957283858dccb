"""A model file is plain safetensors: other tools open it, read what it says of itself, and write what we read."""

import json

import numpy as np
import pytest
import safetensors
from program import PLAIN, events, handgrad, read_weights, table_of, train
from safetensors import numpy as tensor_file

ROWS, INPUTS, HIDDEN, TARGETS = 40, 3, [7, 5], "y,price in €"
NETWORK = ["--hidden", ",".join(map(str, HIDDEN))]


@pytest.fixture(params=["f32", "f64"])
def trained(request, tmp_path):
    rng = np.random.default_rng(5)
    targets = {name: rng.normal(size=ROWS) for name in TARGETS.split(",")}
    columns = table_of(rng.normal(size=(ROWS, INPUTS)), targets)
    return train(tmp_path, columns, TARGETS, None, *NETWORK, "--epochs", 3, "--dtype", request.param)


def test_safetensors_opens_it_and_finds_the_parameters_in_their_own_shapes(trained):
    with safetensors.safe_open(trained.model, framework="np") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}
    sizes = [INPUTS, *HIDDEN, 2]
    expected = {}
    for layer in range(1, len(sizes)):
        expected[f"linear{layer}.weight"] = [sizes[layer], sizes[layer - 1]]
        expected[f"linear{layer}.bias"] = [sizes[layer]]
    assert shapes == expected


def test_metadata_are_texts_that_name_columns_and_conventions(trained):
    with safetensors.safe_open(trained.model, framework="np") as file:
        metadata = file.metadata()
    assert all(isinstance(text, str) for text in metadata.values())
    documents = [json.loads(text) for text in metadata.values() if text.startswith("{")]
    assert documents
    everything = json.dumps(documents, ensure_ascii=False)
    for word in ["x1", "x3", "price in €", "squared_error", "relu", "identity", "handgrad"]:
        assert f'"{word}"' in everything, word


def test_header_is_aligned_and_the_tensors_fill_the_rest(trained):
    data = trained.model.read_bytes()
    header_bytes = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + header_bytes])
    assert header_bytes % 8 == 0
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    assert max(ends) == len(data) - 8 - header_bytes


def test_weights_written_by_safetensors_come_back_bit_for_bit(trained, tmp_path):
    tensor_file.save_file(trained.weights, tmp_path / "bare.safetensors")
    dtype = "f64" if trained.weights["linear1.bias"].dtype == np.float64 else "f32"
    again = events("train", tmp_path / "t.csv", "--target", TARGETS, *NETWORK, "--epochs", 0, *PLAIN, "--dtype", dtype,
                   "--init-from", tmp_path / "bare.safetensors", "-o", tmp_path / "again.safetensors")[-1]
    assert again["parameters_hash"] == trained.done["parameters_hash"]
    for name, weight in read_weights(tmp_path / "again.safetensors").items():
        np.testing.assert_array_equal(weight, trained.weights[name])


def test_inspect_reads_what_was_written(trained):
    printed = handgrad("inspect", trained.model)
    assert trained.done["parameters_hash"] in printed
    assert "price in €" in printed
