"""Times training steps in PyTorch on the CPU, the peer of Needletail's own benchmark; one JSON line.

    python train_step.py --shape gpt2-124m --batch 4 --tokens 256 --threads 2 --compile
"""

import argparse
import ctypes
import json
import os
import resource
import statistics
import time


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", default="gpt2-124m", help="a file in shapes/ by name, or a path")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="changes the shape")
    parser.add_argument("--batch", type=int, default=4, help="rows a step")
    parser.add_argument("--tokens", type=int, default=256, help="tokens a row")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--steps", type=int, default=10, help="timed steps")
    parser.add_argument("--warmup", type=int, default=3, help="steps before the clock starts")
    parser.add_argument("--compile", action="store_true", help="torch.compile the loss (needs g++, Python.h)")
    parser.add_argument("--optimizer", choices=["fused", "foreach"], default="fused")
    parser.add_argument("--malloc", choices=["keep", "default"], default="keep",
                        help="keep: glibc returns no memory to the system, so large buffers are not "
                             "mapped and cleared anew each step")  # fmt: skip
    parser.add_argument("--profile", action="store_true", help="print where one more step spends its time")
    return parser.parse_args()


def keep_memory():
    """M_MMAP_MAX = 0 and M_TRIM_THRESHOLD = max: freed blocks stay in the heap for the next step."""
    libc = ctypes.CDLL(None)
    return libc.mallopt(-4, 0) == 1 and libc.mallopt(-1, 2**31 - 1) == 1


def cpu_seconds():
    """Processor seconds spent so far by the whole machine and by this process (Linux)."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, interrupts, soft, *_ = map(int, file.readline().split()[1:])
    own = time.process_time()
    return (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK"), own


def main():
    options = arguments()
    # OpenMP reads these once, when PyTorch is loaded.
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    if options.malloc == "keep" and not keep_memory():
        raise SystemExit("mallopt refused; run with --malloc default")
    import torch
    from decoder import Decoder, adamw, read_config

    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    config = read_config(options.shape, options.set)
    if options.tokens > config["context"]:
        raise SystemExit(f"--tokens {options.tokens} is more than the context of {config['context']}")
    model = Decoder(config)
    optimizer = adamw(model, kind=options.optimizer)
    loss_of = torch.compile(model) if options.compile else model
    parameters = list(model.parameters())

    def step(row):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(row[:, :-1].contiguous(), row[:, 1:].contiguous())
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        return loss.item(), norm.item()

    count = options.warmup + options.steps
    rows = torch.randint(config["vocabulary"], (count, options.batch, options.tokens + 1))
    seconds, losses = [], []
    for index, row in enumerate(rows):
        if index == options.warmup:
            machine, own = cpu_seconds()
        start = time.perf_counter()
        losses.append(step(row)[0])
        seconds.append(time.perf_counter() - start)
    machine, own = (now - then for now, then in zip(cpu_seconds(), (machine, own)))
    warmup, seconds = seconds[: options.warmup], seconds[options.warmup :]
    median = statistics.median(seconds)
    tokens = options.batch * options.tokens
    flops = model.flops_per_token(options.tokens) * tokens
    if options.profile:
        from torch.profiler import ProfilerActivity, profile

        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            step(rows[0])
        print(profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=25))
    print(json.dumps({
        "program": "pytorch", "shape": options.shape, "changes": options.set,
        "batch": options.batch, "tokens": options.tokens, "threads": options.threads,
        "compile": options.compile, "optimizer": options.optimizer, "malloc": options.malloc,
        "tokens_per_second": tokens / median, "median_step_seconds": median, "fastest_step_seconds": min(seconds),
        "step_seconds": seconds, "warmup_seconds": warmup,
        "other_busy_cores": max(0.0, machine - own) / sum(seconds),
        "parameters": model.parameter_count(),
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "model_gflops_per_second": flops / median / 1e9,
        "model_flops_convention": "6 * matrix weights * tokens + 12 * layers * heads * head_width * s * tokens: "
                                  "full s^2 attention, no recomputation, embedding look-ups not counted",
        "first_loss": losses[0], "last_loss": losses[-1], "torch": torch.__version__,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
