"""The documents of `lm_eval_server.py`, its own two tasks, and a model that has read such documents."""

import torch
import transformers
from served import BEGINNING, END, PAD, train_tokenizer

CONTEXT, VOCABULARY = 192, 420
TASKS = {
    "sentences_local": """
task: sentences_local
dataset_path: json
dataset_kwargs: {data_files: {test: sentences.jsonl}}
output_type: loglikelihood
test_split: test
doc_to_text: "{{context}}"
doc_to_target: "{{target}}"
target_delimiter: ""
metric_list: [{metric: perplexity}, {metric: acc}]
metadata: {version: 1.0}
""",
    "choices_local": """
task: choices_local
dataset_path: json
dataset_kwargs: {data_files: {test: choices.jsonl}}
output_type: multiple_choice
test_split: test
doc_to_text: "{{question}}"
doc_to_choice: "{{choices}}"
doc_to_target: "{{answer}}"
metric_list: [{metric: acc}, {metric: acc_norm}]
metadata: {version: 1.0}
""",
}


class World:
    """Things, places and colours: sentences that can be learnt, and such that cannot."""

    def __init__(self, rng):
        self.rng = rng
        things = "swift tower garden stone café river lamp door señor bird 日本 boat cloud hill naïve cat".split()
        colours = "red green blue grey black golden".split()
        places = "north south harbour market roof 12th street".split()
        self.facts = {thing: (rng.choice(colours), rng.choice(places)) for thing in things}
        self.things, self.colours = things, colours

    def sentence(self):
        thing, (colour, place) = self.rng.choice(list(self.facts.items()))
        number = self.rng.randrange(1000)
        return self.rng.choice((
            f"The {thing} of the {place} is {colour}.", f"Nobody saw {number} {colour} boats, said the {thing}.",
            f"\"Is the {thing} {colour}?\" — it is, in the {place}.", f"The {place} has {number}; so has the {thing}."))

    def text(self, count):
        return " ".join(self.sentence() for _ in range(count))

    def documents(self):
        """By file name. The last words of lambada's are colours: those learnt, or any; without a full stop."""
        rng, files = self.rng, {"lambada": [], "sentences": [], "choices": [], "pages": []}
        for n in range(48):
            thing = rng.choice(self.things)
            colour, place = self.facts[thing]
            colour = rng.choice((colour, colour, rng.choice(self.colours)))
            before = f"{self.text(rng.randrange(1, 5))} The {thing} of the {place} is"
            files["lambada"].append({"text": f"{before} {colour}"})
            # A space at the end of a context moves to the target; one context in eight is empty.
            files["sentences"].append({
                "context": "" if n % 8 == 0 else before + rng.choice((" ", "")),
                "target": self.sentence() if n % 8 == 0 else rng.choice((f" {colour}", f" {colour}. {self.sentence()}", "—"))})
            others = rng.sample([c for c in self.colours if c != self.facts[thing][0]], 3)
            choices = rng.sample([self.facts[thing][0], *others], 4)
            choices[0] += ". " + self.sentence()
            files["choices"].append({
                "question": before, "choices": choices,
                "answer": next(i for i, c in enumerate(choices) if c.startswith(self.facts[thing][0]))})  # fmt: skip
            if n % 4 == 0:
                files["pages"].append({"page": f"{self.text(rng.randrange(1, 4))} It was 1 @,@ {n} ; ( yes )"})
        return files


def learn(world, folder, steps):
    """A Llama that has read the world's sentences for a while, as transformers saves it."""
    tokenizer = train_tokenizer((world.text(4) for _ in range(400)), VOCABULARY)
    torch.manual_seed(1)
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=96, intermediate_size=192, num_hidden_layers=2, num_attention_heads=6,
        num_key_value_heads=2, max_position_embeddings=CONTEXT, bos_token_id=BEGINNING, eos_token_id=END,
        pad_token_id=PAD, tie_word_embeddings=False))  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    for _ in range(steps):
        rows = [[BEGINNING, *tokenizer.encode(world.text(8))][:80] for _ in range(12)]
        rows = torch.tensor([row + [END] * (80 - len(row)) for row in rows])
        loss = model(rows, labels=rows).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return tokenizer, loss.item()
