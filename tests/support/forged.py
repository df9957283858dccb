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

    def bytes(self):
        """Both checksums are computed anew."""
        texts = {key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                 for key, value in self.values.items()}
        texts["parameters_hash"] = xxhash.xxh3_128(self.numbers).hexdigest()
        texts["checksum"] = "0" * 32
        text = json.dumps({"__metadata__": texts, **self.header}, ensure_ascii=False, separators=(",", ":"))
        header = text.encode("utf-8", "surrogatepass")
        header += b" " * (-len(header) % 8)
        sum_of_all = xxhash.xxh3_128(header).hexdigest().encode()
        header = header.replace(b'"checksum":"' + b"0" * 32, b'"checksum":"' + sum_of_all, 1)
        return struct.pack("<Q", len(header)) + header + self.numbers


def with_value(data, path, value):
    """The file with the value at `path`, keys and indices, replaced; the last one may be new."""
    forged = Forged(data)
    place = forged.values
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return forged.bytes()
