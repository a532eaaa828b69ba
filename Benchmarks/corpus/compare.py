"""`needletail corpus build` beside Megatron's way (megatron.py), on the same threads; the bytes compared:

  python Benchmarks/corpus/compare.py DATA [--rounds N] [--text FOLDER]

Needs the built product, tokenizers and numpy. DATA is the folder of the project's real data; the text is
made by Benchmarks/tokenizers/text.py: 101 MB of JSON lines in FOLDER, which is kept. GPT-2's tokenizer.
Rounds of the two sides alternate; medians, of the whole command here and without Python's imports there.
"""
import argparse, filecmp, gzip, os, resource, statistics, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "Benchmarks/tokenizers"))
import text


def timed(command):
    """Seconds, the largest process's peak in MiB, and what the command printed."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed")
    return time.perf_counter() - start, usage.ru_maxrss / 1024, output


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--text", default="/tmp/needletail-text")
    options = parser.parse_args()
    source = text.make(options.data, options.text)[1]
    tokenizer = os.path.join(options.text, "tokenizer.json")
    with open(tokenizer, "wb") as file:
        file.write(gzip.open(options.data + "/tokenizers/gpt2_openai/hf/gpt2.tokenizer.json.gz").read())
    megabytes = os.path.getsize(source) / 1e6
    print(f"{megabytes:.0f} MB of JSON lines, GPT-2; median of {options.rounds}")
    print(f"{'threads':>8}{'needletail':>12}{'megatron':>12}{'ratio':>8}{'MiB':>8}{'MiB':>8}  MB/s, peak of one process")
    ours, theirs = options.text + "/ours", options.text + "/theirs"
    same = True
    for threads in [1, 2]:
        build = [ROOT + "/.build/release/needletail", "corpus", "build", "--input", source, "--tokenizer", tokenizer,
                 "--output", ours]
        # The product takes the processors it may run on.
        build = ["taskset", "-c", ",".join(map(str, range(threads)))] + build
        peer = [sys.executable, HERE + "/megatron.py", source, tokenizer, theirs, str(threads)]
        seconds, peaks = [[], []], [0, 0]
        for _ in range(options.rounds):
            spent, peaks[0], _ = timed(build)
            seconds[0].append(spent)
            _, peaks[1], output = timed(peer)
            seconds[1].append(float(output))
        rate = [megabytes / statistics.median(side) for side in seconds]
        same &= all(filecmp.cmp(ours + end, theirs + end, shallow=False) for end in [".bin", ".idx"])
        print(f"{threads:8}{rate[0]:12.1f}{rate[1]:12.1f}{rate[0] / rate[1]:8.1f}{peaks[0]:8.0f}{peaks[1]:8.0f}"
              f"  {'bytes equal' if same else 'BYTES DIFFER'}", flush=True)
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
