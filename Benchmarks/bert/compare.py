"""Times training steps of BERT: Needletail beside transformers' MegatronBertForPreTraining, in turns on this machine.

    /tmp/oracle/bin/python Benchmarks/bert/compare.py --rounds 3 --threads 1 2

Both compute masked tokens and sentence order in f32 with AdamW and clipping, on random tokens without padding. The peer
maps every token to the vocabulary, as Megatron-LM does; Needletail those that are masked. `--peer-picks` lets the peer
do the same, with its own layers.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHAPES = {
    "small": dict(layers=4, width=256, heads=4, vocabulary=8192, context=128, batch=32),
    "base": dict(layers=12, width=768, heads=12, vocabulary=30592, context=512, batch=2),
}


def peer(shape, threads, steps, picks):
    """Runs in a process of its own; prints seconds a step."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import torch
    from transformers import MegatronBertConfig, MegatronBertForPreTraining

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    s = SHAPES[shape]
    model = MegatronBertForPreTraining(MegatronBertConfig(
        vocab_size=s["vocabulary"], hidden_size=s["width"], num_hidden_layers=s["layers"],
        num_attention_heads=s["heads"], intermediate_size=4 * s["width"], max_position_embeddings=s["context"],
        hidden_act="gelu_new", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, layer_norm_eps=1e-5))  # fmt: skip
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=True)
    batch, length = s["batch"], s["context"]
    seconds = []
    for step in range(steps + 2):
        ids = torch.randint(s["vocabulary"], (batch, length))
        targets = torch.full((batch, length), -100)
        targets[:, ::7] = torch.randint(s["vocabulary"], (batch, len(range(0, length, 7))))
        labels = torch.randint(2, (batch,))
        segments = (torch.arange(length) >= length // 2).long().expand(batch, length)
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        if picks:
            hidden = model.bert(input_ids=ids, token_type_ids=segments)
            picked = targets.flatten() >= 0
            logits = model.cls.predictions(hidden.last_hidden_state.flatten(0, 1)[picked])
            order = model.cls.seq_relationship(hidden.pooler_output)
            loss = torch.nn.functional.cross_entropy(logits, targets.flatten()[picked])
            loss = loss + torch.nn.functional.cross_entropy(order, labels)
        else:
            loss = model(input_ids=ids, token_type_ids=segments, labels=targets, next_sentence_label=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step >= 2:
            seconds.append(time.perf_counter() - start)
    print(json.dumps(batch * length / statistics.median(seconds)))


def run_peer(shape, threads, steps, picks):
    command = [sys.executable, __file__, "--as-peer", shape, "--threads", str(threads), "--steps", str(steps)]
    return float(subprocess.check_output(command + (["--peer-picks"] if picks else []), text=True).splitlines()[-1])


def run_ours(binary, shape, threads, steps):
    s = SHAPES[shape]
    settings = dict(layers=s["layers"], width=s["width"], heads=s["heads"], vocabulary=s["vocabulary"],
                    context=s["context"], dropout=0)  # fmt: skip
    overrides = [f"model.{key}={value}" for key, value in settings.items()]
    overrides += [f"training.global_batch={s['batch']}", f"training.microbatch={s['batch']}"]
    command = [binary, "benchmark", str(ROOT / "Recipes/bert-small.yaml"), "--json", "--threads", str(threads),
               "--steps", str(steps), *[part for o in overrides for part in ("--set", o)]]  # fmt: skip
    return json.loads(subprocess.check_output(command, text=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES))
    parser.add_argument("--needletail", default=str(ROOT / ".build/release/needletail"))
    parser.add_argument("--as-peer", help=argparse.SUPPRESS)
    parser.add_argument("--peer-picks", action="store_true", help="the peer's head sees masked tokens alone, too")
    options = parser.parse_args()
    if options.as_peer:
        return peer(options.as_peer, options.threads[0], options.steps, options.peer_picks)
    print("| BERT, f32, AdamW | threads | Needletail, tokens/s | of peak | transformers | picking | ratio to the better |")
    print("|---|---|---|---|---|---|---|")
    for shape in options.shapes:
        for threads in options.threads:
            ours, plain, picking = [], [], []
            for _ in range(options.rounds):
                ours.append(run_ours(options.needletail, shape, threads, options.steps))
                plain.append(run_peer(shape, threads, options.steps, False))
                picking.append(run_peer(shape, threads, options.steps, True))
            mine = statistics.median(o["tokens_per_second"] for o in ours)
            used = statistics.median(o["model_gflops_per_second"] / o["fma_peak_gflops_per_second"] for o in ours)
            theirs, picks = statistics.median(plain), statistics.median(picking)
            print(f"| {shape} | {threads} | {mine:.0f} | {100 * used:.1f} % | {theirs:.0f} | {picks:.0f} "
                  f"| {mine / max(theirs, picks):.2f} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
