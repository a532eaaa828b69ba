"""Trains a small decoder on the bytes of a text and writes its loss at every step as JSON lines.

    python learning_curve.py --text input.txt --steps 300 --output pytorch.jsonl

Another program retraces the run exactly from three things, all of them optional here:
  weights  --initial reads a safetensors file (or a folder with model.safetensors) in Needletail's names,
           --save-initial writes this run's own beginning for the other program to read;
  order    --order reads {"offsets": [[start of row 0, row 1, ...] of step 1, ...]}, --save-order writes it;
           without it, rows start where SplitMix64 says: the k-th number of the stream from state `seed`,
           k = step * batch + row counted from 0, modulo (training tokens - tokens a row);
  rate     step s of S counted from 1, peak p, least m, warm-up w:
           s <= w: p * s / w    constant: p    cosine: m + (p - m) * (1 + cos(pi * (s - w) / (S - w))) / 2

A row starting at o has ids text[o ..< o + T] and targets text[o + 1 ..< o + T + 1]. The last tenth of the
text is held out; its loss is the mean over whole rows that start at 0, T, 2T, ... of that part.
"""

import argparse
import json
import math
import os
import time
from pathlib import Path

MASK = 2**64 - 1


def splitmix64(seed, k):
    """The k-th number (from 0) of SplitMix64's stream from state `seed`."""
    z = (seed + (k + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--text", required=True, help="the tokens, one after the other, no header")
    add("--type", choices=["u8", "u16", "i32"], default="u8",
        help="of a token: u8 reads bytes of text, u16 and i32 read Megatron's .bin")  # fmt: skip
    add("--shape", default="bytes-4x128", help="a file in shapes/ by name, or a path")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="changes the shape")
    add("--initial", metavar="PATH", help="the weights to begin with")
    add("--order", metavar="FILE", help="the starts of all rows")
    add("--save-initial", metavar="FOLDER", help="writes model.safetensors and config.json, then trains")
    add("--save-order", metavar="FILE")
    add("--save-final", metavar="FOLDER")
    add("--output", required=True, metavar="FILE.jsonl")
    add("--steps", type=int, default=300)
    add("--batch", type=int, default=16)
    add("--tokens", type=int, default=128)
    add("--seed", type=int, default=1)
    add("--learning-rate", type=float, default=1e-3)
    add("--minimum-learning-rate", type=float, default=1e-4)
    add("--warmup", type=int, default=20, help="steps")
    add("--schedule", choices=["constant", "cosine"], default="cosine")
    add("--betas", type=float, nargs=2, default=[0.9, 0.95])
    add("--epsilon", type=float, default=1e-8)
    add("--weight-decay", type=float, default=0.1)
    add("--clip", type=float, default=1.0)
    add("--held-out", type=float, default=0.1, help="the part of the text at its end")
    add("--evaluate-every", type=int, default=50, help="steps; also before the first and after the last")
    add("--evaluation-rows", type=int, default=200, help="at most")
    add("--threads", type=int, default=os.cpu_count())
    add("--compile", action="store_true")
    return parser.parse_args()


def learning_rate(options, step):
    peak, least, warmup = options.learning_rate, options.minimum_learning_rate, options.warmup
    if step <= warmup:
        return peak * step / warmup
    if options.schedule == "constant":
        return peak
    progress = (step - warmup) / (options.steps - warmup)
    return least + (peak - least) * (1 + math.cos(math.pi * progress)) / 2


def row_starts(options, count):
    """The starts of the rows of every step, in a text of `count` training tokens."""
    if options.order:
        order = json.loads(Path(options.order).read_text())["offsets"]
        if len(order) < options.steps:
            raise SystemExit(f"{options.order}: has {len(order)} steps, --steps asks for {options.steps}")
        return order[: options.steps]
    limit = count - options.tokens
    return [
        [splitmix64(options.seed, step * options.batch + row) % limit for row in range(options.batch)]
        for step in range(options.steps)
    ]


def save(model, folder):
    from safetensors.torch import save_file

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.detach().contiguous().clone() for name, value in model.weights().items()}
    save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(model.config, indent=2) + "\n")


def main():
    options = arguments()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    import numpy
    import torch
    from decoder import Decoder, adamw, read_config
    from safetensors.torch import load_file

    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    tokens = numpy.fromfile(options.text, dtype={"u8": "u1", "u16": "<u2", "i32": "<i4"}[options.type])
    tokens = torch.from_numpy(tokens.astype(numpy.int64))
    count = len(tokens) - int(len(tokens) * options.held_out)
    training, held_out = tokens[:count], tokens[count:]

    model = Decoder(read_config(options.shape, options.set))
    if tokens.max() >= model.config["vocabulary"]:
        raise SystemExit(f"token {tokens.max()} is not in a vocabulary of {model.config['vocabulary']}")
    if options.initial:
        path = Path(options.initial)
        model.load(load_file(path / "model.safetensors" if path.is_dir() else path))
    if options.save_initial:
        save(model, options.save_initial)
    order = row_starts(options, count)
    if options.save_order:
        Path(options.save_order).write_text(json.dumps({"offsets": order}) + "\n")

    window = torch.arange(options.tokens + 1)
    loss_of = torch.compile(model) if options.compile else model
    optimizer = adamw(model, options.learning_rate, tuple(options.betas), options.epsilon, options.weight_decay)

    def loss_at(part, starts):
        rows = part[torch.tensor(starts)[:, None] + window]
        return loss_of(rows[:, :-1].contiguous(), rows[:, 1:].contiguous())

    @torch.no_grad()
    def evaluate():
        starts = list(range(0, len(held_out) - options.tokens, options.tokens))[: options.evaluation_rows]
        groups = [starts[i : i + options.batch] for i in range(0, len(starts), options.batch)]
        return sum(loss_at(held_out, group).item() * len(group) for group in groups) / len(starts)

    with open(options.output, "w") as output:
        def write(**line):
            output.write(json.dumps(line) + "\n")
            output.flush()

        write(step=0, held_out_loss=evaluate())
        for step, starts in enumerate(order, 1):
            begin = time.perf_counter()
            rate = learning_rate(options, step)
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad(set_to_none=True)
            loss = loss_at(training, starts)
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), options.clip).item()
            optimizer.step()
            write(step=step, loss=loss.item(), gradient_norm=norm, learning_rate=rate,
                  tokens=step * len(starts) * options.tokens, seconds=time.perf_counter() - begin)  # fmt: skip
            if step % options.evaluate_every == 0 or step == options.steps:
                write(step=step, held_out_loss=(held := evaluate()))
                print(f"step {step}: loss {loss.item():.4f}, held out {held:.4f}", flush=True)
    if options.save_final:
        save(model, options.save_final)


if __name__ == "__main__":
    main()
