"""Makes python.safetensors with the safetensors package: python3 make_fixtures.py"""
import pathlib, torch
from safetensors.torch import save_file

n = torch.arange(12, dtype=torch.float64)
save_file(
    {
        "f64": (n / 8 - 1).reshape(3, 4),
        "f32": (n / 8 - 1).to(torch.float32).reshape(3, 4),
        "bf16": (n / 8 - 1).to(torch.bfloat16).reshape(3, 4),
        "f16": (n / 8 - 1).to(torch.float16).reshape(3, 4),
        "i64": torch.tensor([-(2**40), 2**40]),
        "i32": torch.tensor([-7, 7], dtype=torch.int32),
        "u8": torch.tensor([0, 200], dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "scalar": torch.tensor(1.5),
        "empty": torch.zeros(0, 5),
        'odd "name"\\ \n é 🪶': torch.tensor([4.0]),
    },
    str(pathlib.Path(__file__).parent / "python.safetensors"),
    metadata={"format": "pt", "note": 'a "quoted" word\n'},
)
