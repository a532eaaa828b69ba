"""Makes the golden encoders of this folder from Hugging Face's MegatronBert; README.md says what is in them.

    /tmp/oracle/bin/python Tests/ModelsTests/Fixtures/make_bert_goldens.py

As in make_goldens.py, every number is computed in float64 and rounded to float32 once.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Scripts" / "oracles"))
import bert  # noqa: E402
import huggingface as hf  # noqa: E402

SEQUENCES, IGNORED = 4, -100


def config(**changes):
    return dict(
        kind="encoder", layers=2, width=32, heads=4, feed_forward_width=96, vocabulary=83, context=40,
        positions="learned", norm="layer_norm", norm_epsilon=1e-5, activation="gelu_erf", bias=True,
        tied_embeddings=True, sentence_order=True, classes=0, choices=1,
    ) | changes  # fmt: skip


# name: (configuration, tokens in a row, which of them are not padding)
CASES = {
    "bert": (config(), 21, [21, 9, 17, 1]),
    # Longer than any block of attention, another epsilon and activation, no sentence order.
    "bert_masked": (config(layers=1, width=24, heads=3, context=160, norm_epsilon=1e-12, activation="gelu",
                           sentence_order=False), 130, [130, 97, 64, 5]),
    "bert_classes": (config(layers=1, classes=3), 13, [13, 2, 8, 13]),
    # Four sequences are two questions of two choices each.
    "bert_choices": (config(layers=1, classes=1, choices=2), 13, [4, 13, 11, 6]),
}  # fmt: skip


def batch(config, tokens, visible, generator):
    ids = torch.randint(config["vocabulary"], (SEQUENCES, tokens), generator=generator)
    seen = torch.arange(tokens)[None] < torch.tensor(visible)[:, None]
    segments = (torch.arange(tokens)[None] >= torch.tensor(visible)[:, None] // 2).long()
    targets = torch.randint(config["vocabulary"], ids.shape, generator=generator)
    targets[(torch.rand(ids.shape, generator=generator) > 0.2) | ~seen] = IGNORED
    targets[0, 3] = 5
    scores = config["classes"] * config["choices"] if config["classes"] else 2
    labels = torch.randint(scores, (SEQUENCES // config["choices"],), generator=generator)
    return ids, segments, seen, targets, labels


def run(config, weights, data, dtype):
    ids, segments, seen, targets, labels = data
    model = bert.build(config)
    with torch.no_grad():
        for name, parameter in bert.named(model).items():
            parameter.copy_(weights[name])
    model = model.to(dtype)
    inputs = dict(input_ids=ids, token_type_ids=segments, attention_mask=seen.long())
    if config["choices"] > 1:
        inputs = {k: v.view(-1, config["choices"], v.shape[-1]) for k, v in inputs.items()}
    cross_entropy = torch.nn.functional.cross_entropy
    if config["classes"]:
        scores = model(**inputs).logits
        result, loss = {"output.scores": scores}, cross_entropy(scores, labels)
        result["output.label_loss"] = loss
    else:
        output = model(**inputs)
        logits = output.prediction_logits if config["sentence_order"] else output.logits
        loss = cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
        # Padding has logits too, which nobody reads.
        result = {"output.logits": logits * seen[..., None], "output.token_loss": loss}
        if config["sentence_order"]:
            order = cross_entropy(output.seq_relationship_logits, labels)
            result["output.label_loss"] = order
            loss = loss + order
            # The sum is the loss that the model itself gives.
            own = model(**inputs, labels=targets, next_sentence_label=labels).loss
            assert abs(own - loss) < 1e-6, (own, loss)
    loss.backward()
    result |= {f"gradient.{name}": p.grad for name, p in bert.named(model).items() if p.grad is not None}
    return {name: value.detach().float().contiguous() for name, value in result.items()}


def make(name, config, tokens, visible, seed):
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for key, parameter in bert.named(bert.build(config)).items():
        noise = torch.randn(parameter.shape, generator=generator)
        if key.startswith("embedding"):
            weights[key] = 0.4 * noise
        elif "norm" in key and key.endswith("weight"):
            weights[key] = 0.2 * noise + 1
        elif key.endswith("bias"):
            weights[key] = 0.1 * noise
        else:
            weights[key] = 0.7 * noise / parameter.shape[-1] ** 0.5
    data = batch(config, tokens, visible, generator)
    with hf.exact():
        truth = run(config, weights, data, torch.float64)
    ids, segments, _, targets, labels = data
    targets[targets == IGNORED] = -1
    integers = {"ids": ids, "segments": segments, "visible": torch.tensor(visible), "targets": targets, "labels": labels}
    tensors = weights | truth | {f"input.{key}": value.to(torch.int32) for key, value in integers.items()}
    path = HERE / f"{name}.safetensors"
    save_file(tensors, path, metadata={"made_by": f"make_bert_goldens.py, torch {torch.__version__}"})
    path.chmod(0o644)
    (HERE / f"{name}.json").write_text(json.dumps(config, indent=2) + "\n")
    losses = {key: round(value.item(), 6) for key, value in truth.items() if key.endswith("loss")}
    print(f"{name}: {path.stat().st_size / 1000:.0f} kB, {losses}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for seed, (name, (settings, tokens, visible)) in enumerate(CASES.items()):
        make(name, settings, tokens, visible, seed)
