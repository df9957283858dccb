"""Model files as a stranger would send them: any metadata, and checksums that fit."""

import json
import struct

import xxhash


class Forged:
    """A model file taken apart: the texts of its metadata as values, its tensors as they stand."""

    def __init__(self, data):
        length, = struct.unpack("<Q", data[:8])
        self.header = json.loads(data[8:8 + length])
        self.numbers = data[8 + length:]
        texts = self.header.pop("__metadata__")
        self.values = {key: json.loads(text) if text.startswith("{") else text for key, text in texts.items()}

    def _hash(self, belongs):
        parts = [self.numbers[slice(*tensor["data_offsets"])] for name, tensor in self.header.items() if belongs(name)]
        return xxhash.xxh3_128(b"".join(parts)).hexdigest()

    def set_tensors(self, tensors):
        """These arrays of NumPy in the place of its tensors, in this order."""
        kinds = {"float32": "F32", "float64": "F64"}
        self.header, self.numbers = {}, b""
        for name, array in tensors.items():
            end = len(self.numbers) + array.nbytes
            self.header[name] = {"dtype": kinds[str(array.dtype)], "shape": list(array.shape),
                                 "data_offsets": [len(self.numbers), end]}
            self.numbers += array.tobytes()

    def bytes(self):
        """Both checksums are computed anew."""
        texts = {key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                 for key, value in self.values.items()}
        texts["parameters_hash"] = self._hash(lambda name: not name.startswith(("training.", "conformity.")))
        if "conformity" in texts:
            texts["conformity_hash"] = self._hash(lambda name: name.startswith("conformity."))
        texts["checksum"] = "0" * 32
        text = json.dumps({"__metadata__": texts, **self.header}, ensure_ascii=False, separators=(",", ":"))
        header = text.encode("utf-8", "surrogatepass")
        header += b" " * (-len(header) % 8)
        sum_of_all = xxhash.xxh3_128(header).hexdigest().encode()
        header = header.replace(b'"checksum":"' + b"0" * 32, b'"checksum":"' + sum_of_all, 1)
        return struct.pack("<Q", len(header)) + header + self.numbers


def tensors_in(forged):
    """Their names, in file order."""
    return sorted(forged.header, key=lambda name: forged.header[name]["data_offsets"])


def with_value(data, path, value):
    """The file with the value at `path`, keys and indices, replaced; the last one may be new."""
    forged = Forged(data)
    place = forged.values
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return forged.bytes()
