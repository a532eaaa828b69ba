"""Reads a file that Needletail wrote with the safetensors package: python3 check_safetensors.py FILE"""
import sys, torch
from safetensors import safe_open

with safe_open(sys.argv[1], framework="pt") as f:
    print("metadata", f.metadata())
    for name in f.keys():
        t = f.get_tensor(name)
        print(repr(name), t.dtype, list(t.shape), t.flatten()[:4].tolist())
