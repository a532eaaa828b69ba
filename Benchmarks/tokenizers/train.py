"""BPE training beside Hugging Face tokenizers and SentencePiece on 30 MB of multilingual text:

  python Benchmarks/tokenizers/train.py DATA [--rounds N] [--text FOLDER] [--vocabulary 8192 32768 65536]

Needs the built product, tokenizers and sentencepiece. The text is made by text.py in FOLDER, which is kept.
Each side is a process of its own, limited to the same processors, that reads the same file, a line a
document. Needletail's time is the whole command's; the Python ones' is of the training call alone. Hugging
Face's trainer has the same settings, so its merges must be the same (exit status 1 where they are not).
SentencePiece has its own rules (byte fallback, digits split, no normalisation): the same work, other pieces.
"""
import argparse, json, os, resource, statistics, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
NEEDLETAIL = os.path.dirname(os.path.dirname(HERE)) + "/.build/release/needletail"
sys.path.insert(0, HERE)
import text


def huggingface(source, size, output, threads):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=2, special_tokens=["<|endoftext|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    start = time.perf_counter()
    tokenizer.train([source], trainer)
    seconds = time.perf_counter() - start
    tokenizer.save(output)
    return seconds


def sentencepiece(source, size, output, threads):
    import sentencepiece
    start = time.perf_counter()
    sentencepiece.SentencePieceTrainer.train(
        input=source, model_prefix=output, model_type="bpe", vocab_size=size, num_threads=threads,
        byte_fallback=True, split_digits=True, normalization_rule_name="identity", max_sentence_length=1 << 16,
        remove_extra_whitespaces=False, allow_whitespace_only_pieces=True, minloglevel=2)
    return time.perf_counter() - start


def child(side, source, size, output, threads):
    start = time.perf_counter()
    if side == "needletail":
        command = [NEEDLETAIL, "tokenizer", "train", "--input", source, "--format", "lines", "--vocabulary", str(size),
                   "--output", output, "--threads", str(threads)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
    else:
        seconds = {"huggingface": huggingface, "sentencepiece": sentencepiece}[side](source, size, output, threads)
        print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def measure(side, source, size, output, threads):
    env = dict(os.environ, RAYON_NUM_THREADS=str(threads), TOKENIZERS_PARALLELISM="true" if threads > 1 else "false")
    command = ["taskset", "-c", ",".join(map(str, range(threads))), sys.executable, __file__, "child", side, source,
               str(size), output, str(threads)]
    printed = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout.split()
    return float(printed[-2]), float(printed[-1])


def merges(path):
    pairs = json.load(open(path))["model"]["merges"]
    return [tuple(pair.split(" ")) if isinstance(pair, str) else tuple(pair) for pair in pairs]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--text", default="/tmp/needletail-text")
    parser.add_argument("--vocabulary", type=int, nargs="+", default=[8192, 32768, 65536])
    options = parser.parse_args()
    source = text.make(options.data, options.text)[0]
    sides = {"needletail": "ours", "huggingface": "hf.json", "sentencepiece": "sp"}
    print(f"{os.path.getsize(source) / 1e6:.1f} MB of text; median seconds of {options.rounds}, peak MiB")
    print(f"{'vocabulary':>10}{'threads':>8}" + "".join(f"{side:>20}" for side in sides) + f"{'ratios':>14}  merges")
    same = True
    for size in options.vocabulary:
        for threads in [1, 2]:
            seconds, peaks = {side: [] for side in sides}, dict.fromkeys(sides, 0)
            for _ in range(options.rounds):
                for side, name in sides.items():
                    spent, peak = measure(side, source, size, os.path.join(options.text, name), threads)
                    seconds[side].append(spent)
                    peaks[side] = max(peaks[side], peak)
            median = {side: statistics.median(spent) for side, spent in seconds.items()}
            equal = merges(options.text + "/ours/tokenizer.json") == merges(options.text + "/hf.json")
            same &= equal
            cells = "".join(f"{median[side]:11.2f} s{peaks[side]:5.0f} M" for side in sides)
            ratios = [median[side] / median["needletail"] for side in list(sides)[1:]]
            print(f"{size:10}{threads:8}{cells}{ratios[0]:8.1f}{ratios[1]:6.1f}  {'equal' if equal else 'DIFFER'}",
                  flush=True)
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5], int(sys.argv[6]))
    else:
        main()
