"""How long a 10 GB dataset takes to open: a sparse .bin of 5 · 10⁹ tokens of 16 bits, and a real index of
5 million documents (1,000 tokens each on average), made in FOLDER and removed again:

  python Benchmarks/corpus/open.py [FOLDER]

Times whole commands, medians of 10: `--help` does nothing and stands for what starting costs. Cold: the
kernel's cache of the files is dropped first. Training also draws up Megatron's order of samples, which reads
the whole index and shuffles documents and samples. Needs the built product and numpy.
"""
import os, shutil, statistics, subprocess, sys, tempfile, time
import numpy

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NEEDLETAIL = ROOT + "/.build/release/needletail"
DOCUMENTS, TOKENS = 5_000_000, 5_000_000_000


def make(prefix):
    random = numpy.random.default_rng(1)
    lengths = numpy.maximum(random.lognormal(6.5, 0.9, DOCUMENTS), 2)
    lengths = numpy.maximum(lengths * (TOKENS / lengths.sum()), 1).astype(numpy.int32)
    pointers = numpy.zeros(DOCUMENTS, dtype=numpy.int64)
    numpy.cumsum(lengths[:-1].astype(numpy.int64) * 2, out=pointers[1:])
    with open(prefix + ".idx", "wb") as file:
        file.write(b"MMIDIDX\x00\x00" + numpy.uint64(1).tobytes() + bytes([8]))
        file.write(numpy.array([DOCUMENTS, DOCUMENTS + 1], dtype=numpy.uint64).tobytes())
        file.write(lengths.tobytes() + pointers.tobytes())
        file.write(numpy.arange(DOCUMENTS + 1, dtype=numpy.int64).tobytes())
        os.fsync(file.fileno())
    with open(prefix + ".bin", "wb") as file:
        file.truncate(int(pointers[-1]) + 2 * int(lengths[-1]))


def drop(prefix):
    for end in [".idx", ".bin"]:
        file = os.open(prefix + end, os.O_RDONLY)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)


def milliseconds(command, before=lambda: None, rounds=10):
    times = []
    for _ in range(rounds):
        before()
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def main():
    folder = tempfile.mkdtemp(dir=sys.argv[1] if sys.argv[1:] else None)
    try:
        prefix = folder + "/sparse"
        make(prefix)
        inspect = [NEEDLETAIL, "corpus", "inspect", prefix]
        train = [NEEDLETAIL, "train", ROOT + "/Recipes/tiny.yaml", "--set", "data.prefix=" + prefix, "--set",
                 "model.vocabulary=256", "--set", "checkpoint.directory=" + folder + "/run", "--set",
                 "model.context=2048", "--set", "training.steps=1", "--set", "training.evaluation_interval=0"]
        print(subprocess.run(inspect, check=True, capture_output=True, text=True).stdout)
        rows = [("needletail --help", [NEEDLETAIL, "--help"], lambda: None, 10),
                ("corpus inspect, warm", inspect, lambda: None, 10),
                ("corpus inspect, cold", inspect, lambda: drop(prefix), 10),
                ("train, a run of one step", train, lambda: shutil.rmtree(folder + "/run", True), 3)]
        for name, command, before, rounds in rows:
            print(f"{name:26}{milliseconds(command, before, rounds):9.1f} ms", flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
