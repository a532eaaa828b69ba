"""Where a training step's time goes, in PyTorch and in Needletail: the same categories side by side, as Markdown.

    python profile_step.py --shape gpt2-124m gpt2-6x384 --threads 1 2 --needletail ../../.build/release/needletail
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CATEGORIES = [
    "products forward", "products dx", "products dW", "attention", "norms", "activation", "loss",
    "optimizer and clipping", "rest",
]  # fmt: skip


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", nargs="+", default=["gpt2-124m", "gpt2-6x384"], help="files in shapes/ by name")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--batch", type=int, default=4, help="rows a step")
    parser.add_argument("--tokens", type=int, default=256, help="tokens a row")
    parser.add_argument("--steps", type=int, default=3, help="profiled steps of a round, after two that warm up")
    parser.add_argument("--rounds", type=int, default=3, help="the two programs in turns; medians are shown")
    parser.add_argument("--needletail", help="the program; without it PyTorch alone is profiled")
    parser.add_argument("--top", type=int, default=12, help="operations of each program to list")
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


# MARK: PyTorch


def pytorch_category(event, tokens):
    """By the operation, or the nearest one above it that has a category."""
    backward, at = False, event
    while at is not None:
        backward |= "Backward" in at.name or at.name.startswith("autograd::engine")
        at = at.cpu_parent
    at = event
    while at is not None:
        name = at.name
        if name in ("aten::mm", "aten::addmm"):
            if not backward:
                return "products forward"
            # dW = dyᵀ·x sums over the tokens.
            return "products dW" if at.input_shapes[0][1] == tokens else "products dx"
        for words, category in [
            (("clip", "optimizer"), "optimizer and clipping"),
            (("attention",), "attention"),
            (("layer_norm", "rms_norm"), "norms"),
            (("gelu", "relu", "silu"), "activation"),
            (("cross_entropy", "log_softmax", "nll_loss"), "loss"),
        ]:
            if any(word in name for word in words):
                return category
        at = at.cpu_parent
    return "rest"


def profile_pytorch(options):
    """Seconds a step of each category and operation; runs in a process of its own, for OpenMP's sake."""
    from train_step import keep_memory

    os.environ["OMP_NUM_THREADS"] = str(options.threads[0])
    keep_memory()
    import torch
    from decoder import Decoder, adamw, read_config
    from torch.profiler import ProfilerActivity, profile, record_function

    torch.set_num_threads(options.threads[0])
    torch.manual_seed(1)
    config = read_config(options.shape[0])
    model = Decoder(config)
    optimizer = adamw(model)
    parameters = list(model.parameters())
    rows = torch.randint(config["vocabulary"], (2 + options.steps, options.batch, options.tokens + 1))

    def step(row):
        optimizer.zero_grad(set_to_none=True)
        loss = model(row[:, :-1].contiguous(), row[:, 1:].contiguous())
        loss.backward()
        with record_function("clip"):
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        with record_function("optimizer"):
            optimizer.step()
        loss.item()

    for row in rows[:2]:
        step(row)
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as profiler:
        start = time.perf_counter()
        for row in rows[2:]:
            step(row)
        seconds = (time.perf_counter() - start) / options.steps
    categories, operations = dict.fromkeys(CATEGORIES, 0.0), {}
    for event in profiler.events():
        category = pytorch_category(event, options.batch * options.tokens)
        spent = event.self_cpu_time_total * 1e-6 / options.steps
        categories[category] += spent
        name = f"{event.name} ({category})" if category.startswith("products") else event.name
        operations[name] = operations.get(name, 0.0) + spent
    # What no event covers: Python between the operations.
    categories["rest"] += seconds - sum(categories.values())
    return {"seconds": seconds, "categories": categories, "operations": operations}


def in_own_process(options, shape, threads):
    command = [sys.executable, __file__, "--peer", "--shape", shape, "--threads", str(threads)]
    for name in ("batch", "tokens", "steps"):
        command += [f"--{name}", str(getattr(options, name))]
    # stderr carries Kineto's notices.
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


# MARK: Needletail


def needletail_category(name):
    for words, category in [
        ((" forward",), "products forward"), ((" dx",), "products dx"), ((" dW",), "products dW"),
        (("attention", "rotary"), "attention"), (("norm",), "norms"), (("activation", "swiglu"), "activation"),
        (("cross-entropy",), "loss"), (("adamw", "sgd", "sum of squares"), "optimizer and clipping"),
    ]:  # fmt: skip
        if any(word in name for word in words):
            return category
    return "rest"


def profile_needletail(options, shape, threads):
    config = json.loads((Path(__file__).resolve().parent / "shapes" / f"{shape}.json").read_text())
    with tempfile.NamedTemporaryFile("w", suffix=".json") as recipe:
        json.dump({"model": config}, recipe)
        recipe.flush()
        command = [options.needletail, "benchmark", recipe.name, "--profile", "--json"]
        command += ["--threads", str(threads), "--steps", str(options.steps)]
        for key, value in [("global_batch", options.batch), ("microbatch", options.batch),
                           ("sequence_length", options.tokens)]:  # fmt: skip
            command += ["--set", f"training.{key}={value}"]
        result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    seconds = statistics.mean(result["step_seconds"])
    categories = dict.fromkeys(CATEGORIES, 0.0)
    operations = {line["operation"]: line["seconds"] for line in result["profile"]}
    for name, spent in operations.items():
        categories[needletail_category(name)] += spent
    categories["rest"] += seconds - sum(categories.values())
    return {"seconds": seconds, "categories": categories, "operations": operations}


# MARK: Report


def median(profiles):
    """Of each figure over the rounds; of operations those of the round in the middle."""
    middle = sorted(profiles, key=lambda profile: profile["seconds"])[len(profiles) // 2]
    categories = {c: statistics.median(p["categories"][c] for p in profiles) for c in CATEGORIES}
    return {**middle, "seconds": statistics.median(p["seconds"] for p in profiles), "categories": categories}


def cell(seconds, whole):
    return f"{seconds * 1e3:,.1f} | {seconds / whole * 100:.1f} %"


def report(title, profiles, top):
    print(f"\n## {title}\n")
    print("ms a step and share of it |" + "".join(f" {name} | |" for name in profiles)
          + (" PyTorch ÷ Needletail |" if len(profiles) == 2 else ""))  # fmt: skip
    print("---|" + "---:|" * (2 * len(profiles) + (len(profiles) == 2)))
    for category in [*CATEGORIES, "whole step"]:
        cells = [p["seconds"] if category == "whole step" else p["categories"][category] for p in profiles.values()]
        line = f"{category} | " + " | ".join(cell(c, p["seconds"]) for c, p in zip(cells, profiles.values()))
        ratio = f" | {cells[1] / cells[0]:.2f}" if len(cells) == 2 and cells[0] > 0 else ""
        print(line + ratio + " |")
    for name, profile in profiles.items():
        print(f"\n{name}'s longest operations (ms a step):")
        longest = sorted(profile["operations"].items(), key=lambda item: -item[1])[:top]
        print("; ".join(f"`{operation}` {seconds * 1e3:,.1f}" for operation, seconds in longest) + ".")


def main():
    options = arguments()
    if options.peer:
        print(json.dumps(profile_pytorch(options)))
        return
    for shape in options.shape:
        for threads in options.threads:
            rounds = {"Needletail": [], "PyTorch": []} if options.needletail else {"PyTorch": []}
            for _ in range(options.rounds):
                if options.needletail:
                    rounds["Needletail"].append(profile_needletail(options, shape, threads))
                rounds["PyTorch"].append(in_own_process(options, shape, threads))
            title = f"{shape}, {threads} thread{'s' if threads > 1 else ''}"
            report(title, {name: median(profiles) for name, profiles in rounds.items()}, options.top)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
