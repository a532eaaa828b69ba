"""Writes Tests/GenerationTests/Fixtures/sampling.json: which tokens transformers would draw from, and how likely.

    /tmp/oracle/bin/python Scripts/oracles/sampling.py

Each case is a row of logits, a text, and options under the names of Needletail's SamplingOptions; `probabilities` holds
[id, p] of the tokens that are left after transformers' processors, in Needletail's order. transformers has no presence
or frequency penalty: those are OpenAI's formula, over the tokens written. `logProbabilities` are the log-softmax of the
logits as they were, in float64; `likeliest` the ids in the order of likelihood.

Cases in which a token lies so near a limit that rounding might decide are drawn again.
"""

import json
import random
from pathlib import Path

import torch
from transformers.generation.logits_process import (
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    SequenceBiasLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

MARGIN = 1e-4


def penalized(scores, case):
    text = case["prompt"] + case["written"]
    if "repetitionPenalty" in case and text:
        scores = RepetitionPenaltyLogitsProcessor(case["repetitionPenalty"])(torch.tensor([text]), scores)
    for token in set(case["written"]):
        scores[0, token] -= case.get("frequencyPenalty", 0) * case["written"].count(token)
        scores[0, token] -= case.get("presencePenalty", 0)
    if "logitBias" in case:
        bias = {(token,): value for token, value in case["logitBias"]}
        scores = SequenceBiasLogitsProcessor(bias)(torch.tensor([text]), scores)
    return scores


def is_near_a_limit(case, scores):
    """Whether a token lies near what top-p or min-p let pass, by the probabilities these see."""
    p = scores.double().softmax(-1).sort(descending=True).values[0]
    if "topP" in case:
        before = p.cumsum(0) - p
        if (before - case["topP"]).abs().min() < MARGIN:
            return True
        p = p[before < case["topP"]]
    return "minP" in case and bool((p / p[0] - case["minP"]).abs().min() < MARGIN)


def survivors(case):
    ids = torch.tensor([case["prompt"] + case["written"]])
    scores = penalized(torch.tensor([case["logits"]]), case)
    if "temperature" in case:
        scores = TemperatureLogitsWarper(case["temperature"])(ids, scores)
    if "topK" in case:
        scores = TopKLogitsWarper(case["topK"])(ids, scores)
    if is_near_a_limit(case, scores):
        return None
    if "topP" in case:
        scores = TopPLogitsWarper(case["topP"])(ids, scores)
    if "minP" in case:
        scores = MinPLogitsWarper(case["minP"])(ids, scores)
    # In float32, as transformers draws: what is banned by a bias has no probability at all.
    p = scores.softmax(-1)[0].tolist()
    exact = scores.double().softmax(-1)[0].tolist()
    return [[token, round(exact[token], 9)] for token, value in enumerate(p) if value > 0]


OPTIONS = {
    "temperature": lambda r, v: r.choice([0.3, 0.7, 1.3, 2.0]),
    "topK": lambda r, v: r.choice([1, 2, 3, 5, 8, v, 3 * v]),
    "topP": lambda r, v: r.choice([0.2, 0.5, 0.8, 0.9, 0.95]),
    "minP": lambda r, v: r.choice([0.02, 0.1, 0.3, 0.9]),
    "repetitionPenalty": lambda r, v: r.choice([0.8, 1.1, 1.5, 3.0]),
    "presencePenalty": lambda r, v: r.choice([-1.5, 0.4, 2.0]),
    "frequencyPenalty": lambda r, v: r.choice([-0.5, 0.3, 1.7]),
    "logitBias": lambda r, v: [[t, r.choice([-100.0, -2.5, 1.25, 6.0])] for t in sorted(r.sample(range(v), min(v, 3)))],
}


def drawn(r, names):
    while True:
        size = r.choice([1, 2, 7, 16, 23])
        # Distinct ones: which of equals stay is no claim of this file.
        logits = [x / 1000 for x in r.sample(range(-6000, 6000), size)]
        texts = [[r.randrange(size) for _ in range(r.randrange(6))] for _ in range(2)]
        case = {"logits": logits, "prompt": texts[0], "written": texts[1]}
        case |= {name: OPTIONS[name](r, size) for name in names}
        case["probabilities"] = survivors(case)
        if case["probabilities"] is not None:
            break
    scores = torch.tensor(logits, dtype=torch.float32).double()
    case["logProbabilities"] = [round(x, 9) for x in scores.log_softmax(-1).tolist()]
    case["likeliest"] = scores.sort(descending=True).indices.tolist()
    return case


def main():
    r = random.Random(20261124)
    groups = [[]] + [[name] for name in OPTIONS for _ in range(3)]
    groups += [["topK", "topP"], ["topP", "minP"], ["topK", "minP"], ["temperature", "topP"], ["temperature", "minP"]] * 2
    groups += [r.sample(sorted(OPTIONS), r.randrange(3, 8)) for _ in range(20)] + [list(OPTIONS)] * 5
    cases = [drawn(r, names) for names in groups]
    # As likely as the k-th: all of them stay.
    tied = {"logits": [1.0, 2.5, 2.5, -1.0, 2.5, 3.0, 0.5], "prompt": [], "written": [], "topK": 2}
    cases.append(tied | {"probabilities": survivors(tied)})
    # Ids of the prompt that the model cannot write.
    padded = {"logits": [0.5, 1.5, -0.5], "prompt": [2, 7, 0, 3], "written": [], "repetitionPenalty": 1.7}
    cases.append(padded | {"probabilities": survivors(padded)})
    path = Path(__file__).parent / "../../Tests/GenerationTests/Fixtures/sampling.json"
    lines = ",\n".join(json.dumps(case) for case in cases)
    path.write_text(f"[\n{lines}\n]\n")
    print(f"{len(cases)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
