extension ChatTemplate {
  /// Templates by name, for models that bring none.
  package enum BuiltIn: String, CaseIterable, Sendable {
    /// Nemotron-4's, as its model card has it.
    case nemotron
    /// OpenAI's ChatML, which Qwen and many others speak.
    case chatml
    /// Llama 2's, with the system message inside of the first question.
    case llama2
    /// Llama 3's.
    case llama3
    /// A line a message, for base models, which were taught none.
    case plain

    package var source: String {
      switch self {
      case .nemotron: Self.nemotronSource
      case .chatml: Self.chatmlSource
      case .llama2: Self.llama2Source
      case .llama3: Self.llama3Source
      case .plain: Self.plainSource
      }
    }

    /// What opens a text of these models, where they have such a token.
    package var bosToken: String? {
      switch self {
      case .llama2: "<s>"
      case .llama3: "<|begin_of_text|>"
      case .nemotron, .chatml, .plain: nil
      }
    }

    /// What the assistant's answers end with.
    package var eosToken: String? {
      switch self {
      case .llama2: "</s>"
      case .llama3: "<|eot_id|>"
      case .chatml: "<|im_end|>"
      case .nemotron: "<extra_id_1>"
      case .plain: nil
      }
    }
  }

  /// - Parameters:
  ///   - bosToken: in place of the template's own.
  ///   - eosToken: likewise.
  package init(
    _ builtIn: BuiltIn, bosToken: String? = nil, eosToken: String? = nil
  ) throws(TemplateFailure) {
    try self.init(
      source: builtIn.source, bosToken: bosToken ?? builtIn.bosToken, eosToken: eosToken ?? builtIn.eosToken)
  }
}

extension ChatTemplate.BuiltIn {
  /// The system's turn is there even where nothing is said in it.
  fileprivate static let nemotronSource = #"""
    {%- set first = messages[0] if messages else {} -%}
    {%- set system = first.content | trim if first.role == 'system' else '' -%}
    {{- '<extra_id_0>System\n' + (system + '\n' if system else '') + '\n' -}}
    {%- for message in messages -%}
    {%- if message.role == 'user' -%}
    {{- '<extra_id_1>User\n' + message.content | trim + '\n' -}}
    {%- elif message.role == 'assistant' -%}
    {{- '<extra_id_1>Assistant\n' + message.content | trim + '\n' -}}
    {%- elif message.role != 'system' or not loop.first -%}
    {{- raise_exception(
      'Nemotron takes user and assistant messages behind a first system message, got ' ~ message.role) -}}
    {%- endif -%}
    {%- endfor -%}
    {{- '<extra_id_1>Assistant\n' if add_generation_prompt else '' -}}
    """#

  fileprivate static let chatmlSource = #"""
    {%- for message in messages -%}
    {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' -}}
    {%- endfor -%}
    {{- '<|im_start|>assistant\n' if add_generation_prompt else '' -}}
    """#

  fileprivate static let llama2Source = #"""
    {%- set first = messages[0] if messages else {} -%}
    {%- set system = '<<SYS>>\n' + first.content + '\n<</SYS>>\n\n' if first.role == 'system' else '' -%}
    {%- set turns = messages[1:] if system else messages -%}
    {%- for message in turns -%}
    {%- if message.role != ('user' if loop.index0 is even else 'assistant') -%}
    {{- raise_exception(
      'Llama 2 takes user and assistant messages in turns behind a first system message, got ' ~ message.role) -}}
    {%- elif message.role == 'user' -%}
    {{- bos_token + '[INST] ' + ((system if loop.first else '') + message.content) | trim + ' [/INST]' -}}
    {%- else -%}
    {{- ' ' + message.content | trim + ' ' + eos_token -}}
    {%- endif -%}
    {%- endfor -%}
    """#

  fileprivate static let llama3Source = #"""
    {{- bos_token -}}
    {%- for message in messages -%}
    {{- '<|start_header_id|>' + message.role + '<|end_header_id|>\n\n' -}}
    {{- message.content | trim + '<|eot_id|>' -}}
    {%- endfor -%}
    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' if add_generation_prompt else '' -}}
    """#

  fileprivate static let plainSource = #"""
    {%- for message in messages -%}
    {{- message.role + ': ' + message.content + '\n' -}}
    {%- endfor -%}
    {{- 'assistant:' if add_generation_prompt else '' -}}
    """#
}
