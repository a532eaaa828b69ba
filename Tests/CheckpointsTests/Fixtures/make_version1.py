"""Makes version1/, a checkpoint as Needletail 0.1 wrote it, from the description of the format alone."""
import json, pathlib, struct, zlib

folder = pathlib.Path(__file__).parent / "version1"
folder.mkdir(exist_ok=True)
tensors = {  # name: shape, rows of each slice
    "w": ([6, 2], [(0, 4), (4, 6)]),
    "b": ([3], [(0, 3)]),
    "e": ([2, 2, 2], [(0, 1), (1, 2)]),
}


def listed(path):
    data = path.read_bytes()
    return {"name": path.name, "bytes": len(data), "crc32": f"{zlib.crc32(data):08x}"}


shards = [{}, {}]
entries = []
for number, (name, (shape, cuts)) in enumerate(tensors.items()):
    width = 1
    for size in shape[1:]:
        width *= size
    slices = []
    for shard, (begin, end) in enumerate(cuts):
        values = [1000.0 * number + i for i in range(begin * width, end * width)]
        shards[shard][name] = ([end - begin] + shape[1:], struct.pack(f"<{len(values)}f", *values))
        slices.append({"begin": begin, "end": end, "shard": f"shard-0000{shard + 1}.safetensors"})
    entries.append({"name": name, "shape": shape, "slices": slices, "type": "F32"})
files = []
for number, shard in enumerate(shards):
    header, data = {"__metadata__": {"format": "pt", "step": "100"}}, b""
    for name, (shape, values) in shard.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path = folder / f"shard-0000{number + 1}.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    files.append(listed(path))
(folder / "position.json").write_text('{"step":100}')
body = json.dumps(
    {
        "format": "needletail-checkpoint", "shards": files, "state": [listed(folder / "position.json")], "step": 100,
        "tensors": entries, "version": 1,
    },
    indent=2, sort_keys=True,
)
(folder / "manifest.json").write_text(
    f'{{"crc32":"{zlib.crc32(body.encode()):08x}","manifest":\n{body}\n}}\n')
