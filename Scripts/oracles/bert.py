"""Needletail's encoder as Hugging Face's MegatronBert: configuration and parameter names.

Beside a decoder's names (huggingface.py) an encoder has

    embedding.segments.weight [2,h]
    transform.{weight,bias}, transform.norm.{weight,bias}, output.bias [V]        masked tokens
    pooler.{weight,bias}, order.{weight [2,h],bias}                               sentence order
    pooler.{weight,bias}, classifier.{weight [classes,h],bias}                    classes
"""

import re

import transformers.models.megatron_bert.modeling_megatron_bert as megatron
from transformers import MegatronBertConfig

LAYER = {
    "attention.ln": "attention.norm", "attention.self.query": "attention.q", "attention.self.key": "attention.k",
    "attention.self.value": "attention.v", "attention.output.dense": "attention.output", "ln": "mlp.norm",
    "intermediate.dense": "mlp.up", "output.dense": "mlp.down",
}  # fmt: skip
REST = {
    "bert.embeddings.word_embeddings": "embedding.tokens", "bert.embeddings.position_embeddings": "embedding.positions",
    "bert.embeddings.token_type_embeddings": "embedding.segments", "bert.encoder.ln": "norm",
    "cls.predictions.transform.dense": "transform", "cls.predictions.transform.LayerNorm": "transform.norm",
    "bert.pooler.dense": "pooler", "cls.seq_relationship": "order", "classifier": "classifier",
}  # fmt: skip


def our_name(name):
    """Needletail's name of a Hugging Face parameter; None for a second name of a tied one."""
    if name == "cls.predictions.bias":
        return "output.bias"
    if name.startswith("cls.predictions.decoder"):
        return None
    stem, kind = name.rsplit(".", 1)
    layer = re.fullmatch(r"bert\.encoder\.layer\.(\d+)\.(.*)", stem)
    if layer:
        return f"layers.{layer[1]}.{LAYER[layer[2]]}.{kind}"
    return f"{REST[stem]}.{kind}"


def build(config):
    """The model that a configuration of kind encoder describes, weights random.

    Without a padding id: torch leaves that row of the table without its gradient.
    """
    assert config["kind"] == "encoder" and config["norm"] == "layer_norm" and config["positions"] == "learned"
    theirs = MegatronBertConfig(
        vocab_size=config["vocabulary"], hidden_size=config["width"], num_hidden_layers=config["layers"],
        num_attention_heads=config["heads"], intermediate_size=config["feed_forward_width"],
        hidden_act={"gelu_erf": "gelu", "gelu": "gelu_new", "squared_relu": "relu2"}[config["activation"]],
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, max_position_embeddings=config["context"],
        layer_norm_eps=config["norm_epsilon"], pad_token_id=None, num_labels=max(1, config["classes"]), attn_implementation="eager",
    )  # fmt: skip
    if config["choices"] > 1:
        return megatron.MegatronBertForMultipleChoice(theirs).eval()
    if config["classes"]:
        return megatron.MegatronBertForSequenceClassification(theirs).eval()
    if config["sentence_order"]:
        return megatron.MegatronBertForPreTraining(theirs).eval()
    return megatron.MegatronBertForMaskedLM(theirs).eval()


def named(model):
    """Parameters of `model` under Needletail's names."""
    pairs = ((our_name(name), parameter) for name, parameter in model.named_parameters())
    return {name: parameter for name, parameter in pairs if name}
