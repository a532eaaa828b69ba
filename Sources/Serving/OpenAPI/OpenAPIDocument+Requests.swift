// Schemas of what clients send.
extension OpenAPIDocument {
  var requestSchemas: String {
    """
    "Token":{"type":"integer","minimum":0,"maximum":\(largestToken)},\
    "Tokens":{"type":"array","minItems":1,"items":{"$ref":"#/components/schemas/Token"}},\
    "Input":{"oneOf":[{"type":"string","minLength":1},\
    {"type":"array","minItems":1,"maxItems":\(limits.prompts),"items":{"type":"string","minLength":1}},\
    {"$ref":"#/components/schemas/Tokens"},\
    {"type":"array","minItems":1,"maxItems":\(limits.prompts),"items":{"$ref":"#/components/schemas/Tokens"}}]},\
    "CompletionRequest":{"type":"object","required":["prompt"],"properties":{\
    "prompt":{"$ref":"#/components/schemas/Input"},\
    "max_tokens":\(integer(0)),"logprobs":\(integer(0, 20)),"echo":\(bool),"add_special_tokens":\(bool),\
    \(samplingProperties)}},\
    "ChatRequest":{"type":"object","required":["messages"],"properties":{\(messages),\
    "max_tokens":\(integer(1)),"max_completion_tokens":\(integer(1)),"logprobs":\(bool),\
    "top_logprobs":\(integer(0, 20)),"add_generation_prompt":\(bool),\
    "response_format":{"type":["object","null"],"required":["type"],"properties":{"type":{"const":"text"}}},\
    "tools":{"type":["array","null"],"items":{"type":"object"}},\
    "tool_choice":{"enum":["none","auto",null]},\(samplingProperties)}},\
    \(messageSchemas),\
    "EmbeddingsRequest":{"type":"object","required":["input"],"properties":{"model":\(modelSchema),\
    "input":{"$ref":"#/components/schemas/Input"},"encoding_format":{"enum":["float","base64",null]},\
    "user":\(string)}},\
    "TokenizeRequest":{"type":"object","properties":{"model":\(modelSchema),"add_special_tokens":\(bool)},\
    "anyOf":[{"required":["prompt"],"properties":{"prompt":{"type":"string"}}},\
    {"required":["messages"],"properties":{\(messages),"add_generation_prompt":\(bool)}}]},\
    "DetokenizeRequest":{"type":"object","required":["tokens"],"properties":{"model":\(modelSchema),\
    "tokens":{"type":"array","items":{"$ref":"#/components/schemas/Token"}}}}
    """
  }

  private var bool: String { #"{"type":["boolean","null"]}"# }
  private var string: String { #"{"type":["string","null"]}"# }

  private func integer(_ least: Int, _ most: Int = .max) -> String {
    #"{"type":["integer","null"],"minimum":\#(least),"maximum":\#(most)}"#
  }

  private func number(_ bounds: String) -> String { #"{"type":["number","null"],\#(bounds)}"# }

  private var messages: String {
    """
    "messages":{"type":"array","minItems":1,"maxItems":\(limits.messages),\
    "items":{"$ref":"#/components/schemas/Message"}}
    """
  }

  private var messageSchemas: String {
    """
    "Content":{"oneOf":[{"type":"string"},{"type":"array","items":{"type":"object","required":["type","text"],\
    "properties":{"type":{"const":"text"},"text":{"type":"string"}}}}]},\
    "Message":{"oneOf":[{"type":"object","required":["role","content"],"properties":{\
    "role":{"enum":["system","developer","user","assistant","tool"]},\
    "content":{"$ref":"#/components/schemas/Content"},\(messageProperties),\
    "tool_calls":{"type":["array","null"],"items":{"type":"object"}}}},\
    {"type":"object","required":["role","tool_calls"],"properties":{"role":{"const":"assistant"},\
    "content":{"type":"null"},\(messageProperties),\
    "tool_calls":{"type":"array","minItems":1,"items":{"type":"object"}}}}]}
    """
  }

  private var messageProperties: String {
    #""name":\#(string),"tool_call_id":\#(string),"reasoning_content":\#(string)"#
  }

  private var samplingProperties: String {
    """
    "model":\(modelSchema),\
    "temperature":\(number(#""minimum":0,"maximum":100"#)),\
    "top_p":\(number(#""exclusiveMinimum":0,"maximum":1"#)),"top_k":\(integer(-1)),\
    "min_p":\(number(#""minimum":0,"maximum":1"#)),\
    "repetition_penalty":\(number(#""exclusiveMinimum":0,"maximum":100"#)),\
    "presence_penalty":\(number(#""minimum":-2,"maximum":2"#)),\
    "frequency_penalty":\(number(#""minimum":-2,"maximum":2"#)),\
    "logit_bias":{"type":["object","null"],"propertyNames":{"pattern":"\(idPattern)"},\
    "additionalProperties":{"type":"number","minimum":-100,"maximum":100}},\
    "seed":\(integer(.min)),"n":\(integer(1, limits.choices)),\
    "stop":{"oneOf":[{"type":["string","null"],"maxLength":\(limits.stopCharacters)},\
    {"type":"array","maxItems":\(limits.stops),"items":{"type":"string","maxLength":\(limits.stopCharacters)}}]},\
    "ignore_eos":\(bool),"skip_special_tokens":\(bool),"stream":\(bool),\
    "stream_options":{"type":["object","null"],"properties":{"include_usage":\(bool)}},"user":\(string)
    """
  }
}
