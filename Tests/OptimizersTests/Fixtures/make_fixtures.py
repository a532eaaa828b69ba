"""Makes torch_updates.json and torch_schedules.json with PyTorch: python3 make_fixtures.py

Parameters and gradients are small multiples of 1/64, so both sides have the very same f32 inputs."""
import json, math, pathlib, torch

COUNT, DECAYED, STEPS = 101, 61, 10
here = pathlib.Path(__file__).parent


def value(i): return ((i * 53) % 199 - 99) / 64
def gradient(i, step): return ((i * 37 + step * 101) % 211 - 105) / 64


def run(make, learning_rate):
    p = [torch.nn.Parameter(torch.tensor([value(i) for i in r], dtype=torch.float32))
         for r in (range(DECAYED), range(DECAYED, COUNT))]
    optimizer = make(p)
    result = {}
    for step in range(1, STEPS + 1):
        for g in optimizer.param_groups: g["lr"] = learning_rate(step)
        p[0].grad = torch.tensor([gradient(i, step) for i in range(DECAYED)], dtype=torch.float32)
        p[1].grad = torch.tensor([gradient(i, step) for i in range(DECAYED, COUNT)], dtype=torch.float32)
        norm = torch.nn.utils.clip_grad_norm_(p, 5.0)
        optimizer.step()
        if step in (1, STEPS):
            result[f"step{step}"] = torch.cat([x.detach() for x in p]).tolist()
            result[f"norm{step}"] = norm.item()
    return result


def groups(p, decay): return [{"params": [p[0]], "weight_decay": decay}, {"params": [p[1]], "weight_decay": 0.0}]


rate = lambda step: 0.01 * step / STEPS
updates = {
    "adamw": run(lambda p: torch.optim.AdamW(groups(p, 0.1), lr=1.0, betas=(0.9, 0.95), eps=1e-8), rate),
    "sgd": run(lambda p: torch.optim.SGD(groups(p, 0.1), lr=1.0, momentum=0.9), rate),
    "nesterov": run(lambda p: torch.optim.SGD(groups(p, 0.1), lr=1.0, momentum=0.9, nesterov=True), rate),
}
(here / "torch_updates.json").write_text(json.dumps(updates))


def schedule(decay, warmup=10, steps=50, peak=3e-4):
    """Linear warm-up from 0 over `warmup` scheduler steps, then `decay`; entry t is update number t."""
    p = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([p], lr=peak)
    lr = torch.optim.lr_scheduler
    warm = lr.LinearLR(optimizer, start_factor=1e-12, end_factor=1.0, total_iters=warmup)
    s = lr.SequentialLR(optimizer, [warm, decay(lr, optimizer, steps - warmup)], milestones=[warmup])
    rates = []
    for _ in range(steps + 1):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step(); s.step()
    return rates[1:]


from transformers import get_inverse_sqrt_schedule, get_wsd_schedule


def transformers_schedule(make, steps=50, peak=3e-4):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=peak)
    s = make(optimizer)
    rates = []
    for _ in range(steps + 1):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step(); s.step()
    return rates[1:]


schedules = {
    "cosine": schedule(lambda lr, o, n: lr.CosineAnnealingLR(o, T_max=n, eta_min=3e-5)),
    "linear": schedule(lambda lr, o, n: lr.LinearLR(o, start_factor=1.0, end_factor=0.1, total_iters=n)),
    "constant": schedule(lambda lr, o, n: lr.ConstantLR(o, factor=1.0, total_iters=n)),
    "inverse_square_root": transformers_schedule(lambda o: get_inverse_sqrt_schedule(o, num_warmup_steps=10)),
    "wsd": transformers_schedule(lambda o: get_wsd_schedule(
        o, num_warmup_steps=10, num_stable_steps=25, num_decay_steps=15, min_lr_ratio=0.1,
        decay_type="cosine")),
}
(here / "torch_schedules.json").write_text(json.dumps(schedules))
