"""Makes the texts of the benchmarks from the real data of the project: text.py DATA OUTPUT

  multilingual.txt   30 MB, a line a document: 75 languages of NTREX-128 (the first 1000 lines of each), the
                     Universal Declaration of Human Rights in all its languages, Wikipedia (enwik8), books
                     in English, Spanish and Japanese, presidents' speeches and Chinese conversations
  english.jsonl      101 MB: C4 pages, Wikipedia articles (enwik8 by page, WikiText-2 by paragraph) and
                     speeches, 9 MB of different documents repeated in the same order
"""
import glob, gzip, json, os, re, sys


def read(path, encoding="utf-8"):
    raw = open(path, "rb").read()
    return (gzip.decompress(raw) if path.endswith(".gz") else raw).decode(encoding)


def multilingual(data):
    """Lines without white space at their ends, so that no trainer can read a line end differently."""
    def texts():
        for path in sorted(glob.glob(data + "/language/ntrex128/newstest*.gz")):
            yield "\n".join(read(path).split("\n")[:1000])
        for path in sorted(glob.glob(data + "/language/udhr/*.txt")):
            if not path.endswith("SOURCE.txt"):
                yield read(path)
        yield read(data + "/text/enwik8/enwik8.first3600000")
        for name in ["1342_Pride-and-Prejudice.txt.gz", "alice29.txt", "botchan.txt", "lcet10.txt",
                     "ja_wagahaiwa_nekodearu.txt.gz"]:
            yield read(data + "/text/gutenberg/" + name)
        yield read(data + "/text/gutenberg/2000.latin1_Don-Quijote.txt.gz", "latin1")
        yield from speeches(data)
        for talk in json.loads(read(data + "/alignment/demo/dpo_zh_demo.json.gz")):
            yield "\n".join(turn["value"] for turn in talk["conversations"] + [talk["chosen"], talk["rejected"]])
    for text in texts():
        for line in re.split(r"[\r\n]+", text):
            line = line.replace("\0", "").strip()
            if line:
                yield line


def speeches(data):
    for path in sorted(glob.glob(data + "/text/speeches_and_plays/*/[12]*.txt")):
        yield open(path, encoding="utf-8", errors="replace").read()


def english(data):
    for line in read(data + "/text/c4_sample/c4_demo.jsonl.gz").splitlines():
        yield json.loads(line)["text"]
    for page in read(data + "/text/enwik8/enwik8.first3600000").split("<page>")[1:]:
        yield page
    for paragraph in read(data + "/text/wikitext2/valid.txt").split("\n \n"):
        yield paragraph
    yield from speeches(data)


def write(path, lines, least=0):
    lines = [line.encode() + b"\n" for line in lines]
    size = sum(map(len, lines))
    with open(path + ".partial", "wb") as file:
        for _ in range(max(1, -(-least // size))):
            file.writelines(lines)
    os.rename(path + ".partial", path)


def make(data, output):
    """Paths of the two texts, which are made where they are missing."""
    os.makedirs(output, exist_ok=True)
    paths = [os.path.join(output, name) for name in ["multilingual.txt", "english.jsonl"]]
    if not os.path.exists(paths[0]):
        write(paths[0], multilingual(data))
    if not os.path.exists(paths[1]):
        write(paths[1], (json.dumps({"text": text}, ensure_ascii=False) for text in english(data)), 100_000_000)
    return paths


if __name__ == "__main__":
    for path in make(*sys.argv[1:3]):
        print(path, os.path.getsize(path))
