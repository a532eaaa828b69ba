"""Holds `needletail tokenizer encode` to 10,570 questions whose word pieces and ids have been published.

    python Scripts/oracles/wordpiece_vectors.py VECTORS [needletail]

VECTORS holds bert-vocab.txt.gz, question_tokens.json.gz and tokenized_questions.json.gz (swift-transformers'
tests: the vocabulary of bert-base-uncased and SQuAD's questions). Needs nothing but Python.
"""
import gzip, json, os, subprocess, sys, tempfile

vectors = sys.argv[1]
needletail = sys.argv[2] if len(sys.argv) > 2 else ".build/release/needletail"


def read(name):
    with gzip.open(os.path.join(vectors, name), "rb") as file:
        return file.read()


questions = [entry["original"] for entry in json.loads(read("question_tokens.json.gz"))]
expected = json.loads(read("tokenized_questions.json.gz"))
assert len(questions) == len(expected) and not any("\n" in question for question in questions)
with tempfile.TemporaryDirectory() as folder:
    vocabulary = os.path.join(folder, "bert-vocab.txt")
    with open(vocabulary, "wb") as file:
        file.write(read("bert-vocab.txt.gz"))
    output = subprocess.run(
        [needletail, "tokenizer", "encode", "--tokenizer", vocabulary, "--lines"], check=True,
        input="".join(question + "\n" for question in questions).encode(), stdout=subprocess.PIPE).stdout
lines = output.decode().splitlines()
assert len(lines) == len(questions), f"got {len(lines)} lines of ids, expected {len(questions)}"
wrong = [number for number, line in enumerate(lines) if [int(id) for id in line.split()] != expected[number]]
for number in wrong[:10]:
    print(f"{questions[number]!r}: got {lines[number]}, expected {expected[number]}")
print(f"{len(lines) - len(wrong)} of {len(lines)} questions have the published ids, {sum(map(len, expected))} in all")
sys.exit(1 if wrong else 0)
