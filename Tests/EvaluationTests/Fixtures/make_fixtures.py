"""Golden values for EvaluationTests: what Python, Megatron-LM's steps and lm-eval's own functions make of small texts.

    /tmp/lmeval/bin/python make_fixtures.py          (any Python with lm_eval 0.4.13)

Writes golden.json beside itself. The detokeniser and the rolling windows are lm-eval's installed code, run; Megatron's
windows and words are computed from its rule (tasks/zeroshot_gpt/datasets.py, core_v0.12.0), target by target.
"""

import importlib.util
import json
import math
import pathlib
import random
import re

import lm_eval
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

path = pathlib.Path(lm_eval.__file__).parent / "tasks/wikitext/preprocess_wikitext.py"
spec = importlib.util.spec_from_file_location("preprocess_wikitext", path)
wikitext = importlib.util.module_from_spec(spec)
spec.loader.exec_module(wikitext)

TEXTS = [
    "",
    " ",
    " = Robert Boulter = \n \n Robert Boulter is an English film , television and theatre actor . \n",
    "He had a guest @-@ starring role , with 1 @,@ 200 @.@ 5 seats : the rest ; so ! really ? yes . ",
    " \n = = Career = = \n \n = = = 2000 – 2005 = = = \n \n = = = = x = = = = \n",
    'the play " Herons " , ( written by Simon Stephens ) [ at the Royal ] { Court } .',
    "the boys ' club 's rules ' as they were ' and it 's",
    "in /' 9/ and /' 45/ and ' 99 , /' 0/' 1/",
    "an \" unclosed quote ( and bracket [ and brace { left open",
    "( nested ( brackets ) here ) and (   ) and \"  \" and '  '",
    "at 30 ° C , a ° b",
    "N and N , chapter N .",
    "  \t leading\u00a0no-break \u2003 em \u3000 wide \u001c separators \u0085 next\n\n",
    "( \u00a0 spaced \u2003 ) [\n lines \n] \" \u001f x \u001d \"",
    "a , , b . . c  ,  d",
    "= = == = = = = = ===",
    "\n \n \n  \n",
    "日本語 ' の ' 文 , です 。 é ' é '",
]
PIECES = [" ", "  ", "\n", " \n ", "(", ")", "[", "]", "{", "}", '"', "'", " 's", "s '", "= ", "=", " = ", ",", " , ",
          " . ", " : ", "@-@", " @,@ ", " @.@ ", "N", " N ", "°", " ° ", "word", "x", "/' 7/", "\u00a0", "é", "7"]  # fmt: skip


def pages(text):
    """EleutherAI/wikitext_document_level's articles."""
    result, lines = [], []
    for line in text.split("\n"):
        closed = line.replace("= = =", "===").replace("= =", "==").strip()
        if closed.startswith("= ") and closed.endswith(" ="):
            page = "\n".join(lines)
            if page.strip():
                result.append(page)
            lines = []
        lines.append(line)
    return result + ["\n".join(lines)]


def megatron(count, length, overlap):
    """For each window that scores anything: its first input, its inputs, how many targets it scores."""
    targets = count - 1
    windows = []
    for index in range(max(math.ceil(max(targets - overlap, 0) / overlap) + 1, 1)):
        start = index * overlap
        tokens = list(range(count))[start : start + length + 1]
        mask = ([1] * len(tokens) + [0] * (length + 1 - len(tokens)))[1:]
        if overlap != length and index != 0:
            mask[: length - overlap] = [0] * (length - overlap)
        if sum(mask):
            windows.append([start, len(tokens) - 1, sum(mask)])
    return windows


def rolling(count, length):
    """For each window: its first token (-1: the prefix), its inputs, how many tokens it scores."""
    windows = []
    for pair in get_rolling_token_windows(list(range(count)), prefix_token=-1, max_seq_len=length, context_len=1):
        context, continuation = make_disjoint_window(pair)
        windows.append([context[0], len(context) + len(continuation) - 1, len(continuation)])
    return windows


def main():
    draw = random.Random(1)
    texts = TEXTS + ["".join(draw.choices(PIECES, k=draw.randint(2, 24))) for _ in range(120)]
    article = " \n = One = \n \n Text . \n = = Part = = \n more \n = Two = \n = Three = \n \n \n =  = \n = = = end = = = \n"
    joined = [article, "no title", "", " = a = ", "\n\n = a = \nb\n = c = ", "x\n = a =b\n = = = = \n= y =\n"]
    golden = {
        "detokenized": [[text, wikitext.wikitext_detokenizer({"page": text})] for text in texts],
        "words": [[text, len(re.split(r"\s+", text))] for text in texts],
        "originals": [[text, len(text.strip().split(" "))] for text in texts],
        "pages": [[text, pages(text)] for text in joined],
        "sliding": [
            {"count": c, "length": l, "stride": s, "windows": megatron(c, l, s)}
            for c in (2, 3, 5, 8, 9, 10, 16, 17, 18, 31) for l in (1, 4, 8) for s in (1, 3, 4, 8) if s <= l
        ],
        "rolling": [
            {"count": c, "length": l, "windows": rolling(c, l)} for c in (0, 1, 3, 4, 5, 8, 9, 13) for l in (1, 4, 8)
        ],
    }  # fmt: skip
    output = pathlib.Path(__file__).with_name("golden.json")
    output.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(output, output.stat().st_size)


if __name__ == "__main__":
    main()
