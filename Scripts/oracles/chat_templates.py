"""Renders chat templates with Jinja2 as transformers sets it up, and writes down what comes out.

    python Scripts/oracles/chat_templates.py [--check]

Writes Tests/TemplatesTests/Fixtures/chat.json (every template of Fixtures/templates and every template that
Needletail brings, over the conversations below) and cases.json (one small template a case). With --check it writes
nothing and exits 1 where the files differ. Needs transformers; its own environment is used, date and all.

A case has `text`, or `error`: the message of raise_exception, or null where Jinja or Python refused in other words,
with the line where it knows one.
"""

import argparse
import datetime
import json
import pathlib
import re
import sys
import textwrap
import traceback

import jinja2
from transformers.utils.chat_template_utils import _compile_jinja_template

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = REPOSITORY / "Tests/TemplatesTests/Fixtures"
BUILT_IN = REPOSITORY / "Sources/Templates/Chat/ChatTemplate+BuiltIn.swift"
DATE = datetime.datetime(2024, 7, 26, 9, 5, 3)
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


def line_of(error):
    if isinstance(error, jinja2.TemplateSyntaxError):
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return lines[-1] if lines else None


def result(source, values):
    """What transformers gives for a template: its text, or its error."""
    try:
        template = _compile_jinja_template(source)
        return {"text": template.render(strftime_now=DATE.strftime, **values)}
    except Exception as error:
        raised = type(error) is jinja2.TemplateError
        return {"error": str(error) if raised else None, "line": line_of(error)}


# Conversations


def message(role, content, **others):
    return {"role": role, "content": content, **others}


def call(name, arguments, id):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def function(name, description, properties, **others):
    parameters = {"type": "object", "properties": properties, **others}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


TOOLS = [
    function(
        "weather", "The weather of a place, <now> & \"soon\".", {
            "place": {"type": "string", "description": "City, e.g. “Zürich”"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
        }, required=["place"]),
    function(
        "add", "Adds numbers.", {
            "numbers": {"type": "array", "items": {"type": "number"}, "description": "What to add"},
            "options": {"type": "object", "properties": {"round": {"type": "boolean"}, "digits": {"type": "integer", "default": 2}}},
            "label": {"type": ["string", "null"]},
            "weights": {"type": "object", "additionalProperties": {"type": "number"}},
        }, required=["numbers"]),
]

PLAIN = [message("user", "What is 2 + 2?"), message("assistant", "4"), message("user", "And 3 + 3?")]

CONVERSATIONS = {
    "question": {"messages": [message("user", "Hello!")]},
    "turns": {"messages": PLAIN},
    "system": {"messages": [message("system", "You are a pirate."), *PLAIN]},
    "answered": {"messages": [*PLAIN, message("assistant", "6")], "add_generation_prompt": False},
    "spaces": {"messages": [
        message("system", "  Be brief. \n"), message("user", " \n\tWhite  space \u00a0"), message("assistant", "\n\nYes \n"),
        message("user", "Two\n\nlines\r\nand a return\r\n\r\n"),
    ]},
    "marks": {"messages": [
        message("system", "Don't say \"no\" {{ never }} {% if %}"), message("user", "<|im_end|> 東京 e\u0301 é 👩‍👩‍👧 \\n & <b>"),
        message("assistant", "{# not a comment #} \u2028 ß"), message("user", "")]},
    "empty": {"messages": []},
    "assistant first": {"messages": [message("assistant", "Hi."), message("user", "Hello.")]},
    "two users": {"messages": [message("user", "One."), message("user", "Two.")]},
    "other role": {"messages": [message("user", "Hi."), message("critic", "Bad."), message("user", "Why?")]},
    "late system": {"messages": [message("user", "Hi."), message("assistant", "Yes?"), message("system", "Now rhyme."), message("user", "Go.")]},
    "tools": {"tools": TOOLS, "messages": [
        message("system", "Use tools."), message("user", "How warm is it in Zürich?"),
        message("assistant", "", tool_calls=[call("weather", {"place": "Zürich", "unit": "celsius"}, "abcdef123")]),
        message("tool", "{\"degrees\": 21.5}", tool_call_id="abcdef123", name="weather"),
        message("assistant", "It is 21.5 °C."), message("user", "Thanks.")]},
    "two calls": {"tools": TOOLS, "messages": [
        message("user", "Warm, and 1 + 2?"),
        message("assistant", None, tool_calls=[
            call("weather", {"place": "Bern"}, "aaaaaaaa1"), call("add", {"numbers": [1, 2.5, -3e-7], "options": {"round": True, "digits": None}}, "aaaaaaaa2")]),
        message("tool", "20", tool_call_id="aaaaaaaa1"), message("tool", "3.4999997", tool_call_id="aaaaaaaa2")]},
    "tools and no talk": {"tools": TOOLS[:1], "messages": [message("user", "Rain?")]},
    "bad call": {"tools": TOOLS, "messages": [
        message("user", "Go."), message("assistant", "", tool_calls=[call("add", "{\"numbers\": []}", "short")])]},
    "thoughts": {"messages": [
        message("user", "Why?"), message("assistant", "<think>\nHm.\n</think>\n\nBecause."), message("user", "Really?"),
        message("assistant", "Yes.", reasoning_content="Is it so?")], "add_generation_prompt": False},
    "no thoughts": {"messages": [message("system", "Short. /no_think"), message("user", "Why?")], "enable_thinking": False},
    "parts": {"messages": [
        message("system", [{"type": "text", "text": "Look closely."}]),
        message("user", [{"type": "image"}, {"type": "text", "text": " What is this? "}, {"type": "image", "image": "a.png"}])], "add_vision_id": True},
    "documents": {"messages": [message("user", "Sum up.")], "controls": {"length": "long", "Originality": 0.5}, "documents": [
        {"title": "One", "text": "First line.\nSecond line.\n\nLast."}, {"title": "zwei", "text": "Ende"}]},
    "contexts": {"messages": [message("system", "Read."), message("user", "Sum up.")], "contexts": [" one ", "two\n"], "tools": TOOLS[:1]},
    "named": {"messages": [message("user", "Hi.", name="Ada"), message("assistant", "Hi, Ada.", refusal=None)]},
}

# Small templates. {name: values} are the same for all.

VALUES = {
    "zero": 0, "one": 1, "seven": 7, "minus": -7, "half": 0.5, "big": 9223372036854775807, "million": 1e6, "tiny": 1.5e-7, "huge": 1e22,
    "yes": True, "no": False, "nothing": None, "empty": "", "word": "straße", "text": " Hello, World! ", "accent": "e\u0301", "sharp": "it's",
    "quotes": "'\"\\\n\t\u0001\u200b\ue000\U0001f600é", "lines": "one\ntwo\r\nthree\n\n", "sigma": "ΟΔΟΣ ΣΑΣ",
    "list": [3, 1, 2], "names": ["bob", "Alice", "carol", "alice"], "nested": [[1, [2, []]], {"a": {"b": [None, True, 0.1]}}], "none": [],
    "map": {"b": 1, "a": [1, 2], "c": {"d": "e"}, "items": "own"}, "people": [
        {"name": "Ann", "age": 30, "tags": ["x"]}, {"name": "bob", "age": 25, "job": {"title": "cook"}}, {"name": "Cid", "age": 30}],
}

CASES = r"""
{{ word }}|{{ zero }}|{{ half }}|{{ million }}|{{ tiny }}|{{ huge }}|{{ yes }}|{{ nothing }}|{{ missing }}
{{ list }}{{ nested }}{{ map }}{{ people }}
{{ quotes }}{{ [quotes] }}{{ [sharp] }}{{ ['"', "'\""] }}
{{ [1.0, -0.0, 100.0, 1e15, 1e16, 123456789.125, 1e-4, 1e-5, 0.1 + 0.2, 1e300] }}
{{ 1 + 2 * 3 - 4 }} {{ (1 + 2) * 3 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 // -2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }}
{{ 7 / 2 }} {{ 6 / 2 }} {{ 2 ** 10 }} {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 1 + 0.5 }}
{{ yes + yes }} {{ 'ab' * 3 }} {{ 2 * 'ab' }} {{ [1] * 3 }} {{ 'a' * -1 }} {{ (1, 2) + (3,) }}
{{ 1 / 0 }}
{{ 1 % 0 }}
{{ 'a' + 1 }}
{{ [1] + (2,) }}
{{ missing + 1 }}
{{ missing.attribute }}
{{ map.missing.attribute }}
{{ nothing.attribute }}|{{ nothing['x'] }}|{{ one.real_thing }}
{{ map.items is callable }}{{ map.zz is callable }}
{{ map['items'] }}|{{ map.a }}|{{ map['a'] }}|{{ map.c.d }}|{{ map.get('zz') }}|{{ map.get('zz', 5) }}|{{ map.get('b', 5) }}
{{ people.0.name }}|{{ people[0].name }}|{{ people[-1]['name'] }}|{{ people[7] }}|{{ people['x'] }}
{{ 'abc'[0] }}{{ 'abc'[-1] }}{{ 'abc'[5] }}|{{ accent[0] }}|{{ accent | length }}|{{ word[4:] }}
{{ list[1:] }}{{ list[:-1] }}{{ list[::-1] }}{{ list[::2] }}{{ list[-2:] }}{{ list[5:] }}{{ list[2:0:-1] }}{{ 'hello'[1:4] }}{{ 'hello'[::-1] }}{{ 'hello'[:-10:-2] }}
{{ list[big:] }}{{ list[-9223372036854775807:] }}{{ list[::big] }}{{ list[none:2] }}
{{ list[::0] }}
{{ one[1:] }}
{{ missing[1:] }}
{{ {'a': 1, 'b': {'c': [1, 2]}} }}{{ {1: 'x', 1.0: 'y', true: 'z'} }}{{ {(1, 2): 3}[(1, 2)] }}{{ {} }}
{{ {[1]: 2} }}
{{ (1, 2) }}{{ (1,) }}{{ () }}{{ 1, 2 }}{{ ('a') }}
{{ 1 < 2 < 3 }}{{ 1 < 3 < 2 }}{{ 1 == 1.0 }}{{ true == 1 }}{{ 'a' < 'b' }}{{ 'Z' < 'a' }}{{ [1, 2] < [1, 3] }}{{ (1,) <= (1,) }}{{ 2 >= 3 }}{{ 'é' == accent }}
{{ 1 < 'a' }}
{{ {} < {} }}
{{ missing < 1 }}
{{ missing == other }}{{ missing == none }}{{ missing != 1 }}{{ none == [] }}{{ nothing == false }}
{{ 2 in list }}{{ 9 in list }}{{ 9 not in list }}{{ 'ell' in 'hello' }}{{ 'b' in map }}{{ 'x' in missing }}{{ '' in 'a' }}{{ 1 in (1, 2) }}{{ not 1 in list }}
{{ 1 in 'abc' }}
{{ 1 in 5 }}
{{ 'ab' in 'aaab' }}{{ 'aab' in 'aaab' }}{{ 'abab' in 'abaabab' }}{{ 'z' in 'aaab' }}
{{ 1 and 2 }}{{ 0 and 2 }}{{ 0 or 'x' }}{{ 1 or missing.x }}{{ not 0 }}{{ not '' and not [] }}{{ 1 or 0 and 0 }}
{{ 'a' if yes else 'b' }}{{ 'a' if no else 'b' }}{{ 'a' if no }}{{ 'a' if no else 'b' if no else 'c' }}
{{ 'a' ~ 1 ~ none ~ true ~ missing ~ 1.5 }}|{{ 1 ~ 2 * 3 }}
{{ 1 ~ 2 + 3 }}
{{ ('x' if no).y }}
{{ "double \"quoted\" \n \t \\ \x41 \u00e9 \U0001F600 \101 \q" }}{{ 'a' 'b' "c" }}
{{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 1_000 }} {{ 1.5e3 }} {{ 1e-2 }} {{ 1E+2 }} {{ 0 }} {{ 00 }}
{{ 012 }}
{{ 9223372036854775807 }} {{ -9223372036854775807 }}
{{ '}}' }}{{ '%}' }}{{ {'a': {'b': 1}} }}{{ {'a':{}}}}
{{ 'unterminated }}
{{ 1 + }}
{{ (1, 2 }}
{{ [1, 2) }}
{{ 1 }
{{ a b }}
{{ $ }}
{% unknown %}
{% if yes %}open
{% endif %}
{% for x in list %}{% endif %}
{% if yes %}{% endfor %}
{% set 1 = 2 %}
{% set true = 2 %}
{{ 'x' | nosuchfilter }}
{{ 'x' is nosuchtest }}
{{ nosuchfunction() }}
{{ one() }}
{{ list.append(4) }}
{{ list.append }}|{{ map.update }}|{{ word.__class__ }}
{{ word.__class__.__mro__ }}
{{ map.pop('a') }}
{# comment #}a{# multi
line #}b
{# open
a{#- strip -#} b {#+ keep +#} c
{{ yes is defined }}{{ missing is defined }}{{ missing is undefined }}{{ missing is not defined }}{{ map.zz is defined }}{{ nothing is none }}{{ none is none }}
{{ one is number }}{{ half is number }}{{ yes is number }}{{ 'a' is number }}{{ one is integer }}{{ yes is integer }}{{ half is float }}{{ yes is boolean }}{{ yes is true }}{{ no is false }}{{ one is true }}
{{ 'a' is string }}{{ list is string }}{{ map is mapping }}{{ list is mapping }}{{ list is iterable }}{{ 'a' is iterable }}{{ one is iterable }}{{ missing is iterable }}{{ list is sequence }}{{ map is sequence }}{{ one is sequence }}{{ (list|map('string')) is sequence }}{{ map.items() is sequence }}
{{ 3 is odd }}{{ 3 is even }}{{ 9 is divisibleby 3 }}{{ 9 is divisibleby(2) }}{{ 1 is eq 1 }}{{ 1 is ne 1 }}{{ 1 is lt 2 }}{{ 2 is ge 2 }}{{ 2 is in list }}{{ 'a' is equalto 'a' }}{{ nothing is sameas none }}{{ 'ABC' is upper }}{{ 'abc' is lower }}{{ range is callable }}
{{ 1 is not divisibleby 3 and 2 is even }}{{ yes is defined and no is not true }}{{ [] is sequence or x }}
{{ 'a' is odd }}
{{ text | trim }}|{{ text | upper }}|{{ text | lower }}|{{ 'xxaxx' | trim('x') }}|{{ word | upper }}|{{ sigma | lower }}|{{ none | trim }}|{{ missing | upper }}
{{ 'hello wORLD-foo (bar' | title }}|{{ 'hello wORLD' | capitalize }}|{{ "they're bill's".title() }}|{{ sigma.title() }}|{{ sigma.capitalize() }}|{{ 'ǆx' | capitalize }}|{{ ' a' | capitalize }}
{{ 'aaa' | replace('a', 'b') }}{{ 'aaa' | replace('a', 'b', 2) }}{{ 'abc' | replace('', '-') }}{{ 'abc' | replace('', '-', 2) }}{{ 123 | replace(2, 'x') }}{{ 'abab'.replace('ab', '') }}{{ 'aaa'.replace('a', 'bb', 1) }}
{{ missing | default('x') }}{{ missing | default }}{{ '' | default('x') }}{{ '' | default('x', true) }}{{ none | d('x') }}{{ nothing | d('x', boolean=true) }}{{ map.zz | default(map.b) }}
{{ list | length }}{{ map | length }}{{ 'é' | length }}{{ missing | length }}{{ 'abc' | count }}{{ (1, 2) | length }}
{{ 5 | length }}
{{ list | first }}{{ list | last }}{{ [] | first }}{{ 'abc' | first }}{{ 'abc' | last }}{{ map | first }}{{ map | last }}{{ missing | first }}
{{ list | map('string') | last }}
{{ list | join }}|{{ list | join(', ') }}|{{ 'abc' | join('-') }}|{{ people | join(', ', attribute='name') }}|{{ [1, none, 'x', missing] | join('/') }}
{{ list | sort }}{{ list | sort(reverse=true) }}{{ names | sort }}{{ names | sort(case_sensitive=true) }}{{ people | sort(attribute='age') | map(attribute='name') | join }}{{ people | sort(attribute='age,name', reverse=true) | map(attribute='name') | join }}
{{ [1, 'a'] | sort }}
{{ [1] | sort(reverse=missing) }}
{{ none | select | list }}{{ 0 | map('upper') | list }}{{ false | rejectattr('a') | list }}
{{ 5 | indent }}
{{ names | unique | list }}{{ names | unique(case_sensitive=true) | list }}{{ [1, true, 1.0, 2] | unique | list }}{{ people | unique(attribute='age') | map(attribute='name') | list }}
{{ list | reverse | list }}{{ 'abc' | reverse }}{{ list | reverse | first }}{{ list | map('string') | reverse }}
{{ list | list }}{{ 'abc' | list }}{{ map | list }}{{ missing | list }}{{ range(3) | list }}
{{ map.items() | list }}{{ map.keys() | list }}{{ map.values() | list }}{{ {'a': 1}.items() }}{{ {'a': 1}.keys() }}{{ {'a': 1}.values() }}
{{ {'a': 1} | items | list }}{{ missing | items | list }}
{{ 5 | items | list }}
{{ {'b': 1, 'A': 3, 'c': 2} | dictsort }}{{ {'b': 1, 'A': 3} | dictsort(true) }}{{ {'b': 1, 'A': 3} | dictsort(by='value') }}{{ {'b': 1, 'A': 3} | dictsort(reverse=true) }}
{{ people | map(attribute='tags.0') | list }}
{{ people | map(attribute='name') | list }}{{ people | map(attribute='job', default='-') | list }}{{ [nested] | map(attribute='0.1.0') | first }}{{ list | map('string') | list }}{{ ['a '] | map('trim') | list }}{{ names | map('replace', 'a', 'o') | list }}
{{ people | map(attribute='job') | list }}
{{ people | selectattr('job') | map(attribute='name') | list }}{{ people | rejectattr('job') | map(attribute='name') | list }}{{ people | selectattr('age', 'equalto', 30) | list | length }}{{ people | selectattr('age', '>', 26) | map(attribute='name') | join }}{{ people | rejectattr('name', 'in', ['Ann']) | map(attribute='name') | list }}{{ people | selectattr('job', 'defined') | list | length }}
{{ [0, 1, '', 'a', none] | select | list }}{{ [1, 2, 3] | select('odd') | list }}{{ [1, 2, 3] | reject('odd') | list }}{{ [1, 2, 3] | select('divisibleby', 3) | list }}
{% set once = list | map('string') %}{{ once | first }}{{ once | join }}{{ once | join }}{{ once is defined }}{{ not once }}
{{ '12' | int }}{{ 'x' | int }}{{ 'x' | int(7) }}{{ '1.9' | int }}{{ 3.99 | int }}{{ -3.99 | int }}{{ ' 5 ' | int }}{{ '1_000' | int }}{{ none | int }}{{ 'ff' | int(base=16) }}{{ '0x1f' | int(0, 16) }}{{ true | int }}{{ '1__0' | int }}
{{ '1.5' | float }}{{ 'x' | float }}{{ 3 | float }}{{ 'inf' | float }}{{ '1e3' | float }}{{ '.5' | float }}{{ '1.' | float }}{{ '-.5e1' | float }}{{ '0x1p3' | float }}{{ 'nan' | float }}
{{ -5 | abs }}{{ -5.5 | abs }}{{ 2.5 | round }}{{ 3.5 | round }}{{ 2.1 | round(method='ceil') }}{{ 2.9 | round(0, 'floor') }}{{ 2.5 | round | int }}
{{ list | sum }}{{ list | max }}{{ list | min }}{{ names | max }}{{ people | sum(attribute='age') }}{{ [] | max }}{{ [0.5, 1] | sum(start=2) }}{{ people | min(attribute='age') }}
{{ 5 | string ~ 5 }}{{ none | string }}{{ [1] | string }}{{ '<b>' | safe }}
{{ 'a\nb\n\nc' | indent }}|{{ 'a\nb' | indent(2, true) }}|{{ 'a\n\nb' | indent(width=1, blank=true) }}|{{ 'a\nb' | indent('> ') }}|{{ 'a\n' | indent }}|{{ '' | indent }}
{{ map | tojson }}|{{ nested | tojson }}|{{ quotes | tojson }}|{{ (1, 'a') | tojson }}|{{ '<&>\'"/' | tojson }}
{{ map | tojson(indent=2) }}{{ [] | tojson(indent=2) }}{{ {'a': {}, 'b': []} | tojson(indent=1) }}{{ [1, [2]] | tojson(indent=0) }}{{ [1] | tojson(indent='--') }}
{{ quotes | tojson(ensure_ascii=true) }}{{ map | tojson(sort_keys=true) }}{{ {10: 1, 9: 2} | tojson(sort_keys=true) }}{{ map | tojson(separators=(',', ':')) }}{{ [1.0, 1e22, 1e-7, none, true] | tojson }}{{ {1: 2, none: 3, true: 4, 1.5: 5} | tojson }}
{{ ['nan' | float, 'inf' | float] | tojson }}
{{ missing | tojson }}
{{ [missing] | tojson }}
{{ map.items() | tojson }}
{{ (1, 2, 3) | tojson(indent=none) }}
{{ {(1, 2): 3} | tojson }}
{{ text.strip() }}|{{ text.lstrip() }}|{{ text.rstrip() }}|{{ 'xyax'.strip('xy') }}|{{ '\n\na\n'.strip('\n') }}|{{ 'aab'.lstrip('a') }}|{{ 'baa'.rstrip('a') }}|{{ ' \u00a0\u2003a\x1f'.strip() }}|
{{ 'a b  c'.split() }}{{ ' a  b '.split() }}{{ 'a,b,,c'.split(',') }}{{ 'a,b,c'.split(',', 1) }}{{ 'a b c'.split(none, 1) }}{{ ' a b '.split(maxsplit=0) }}{{ 'a,b,c'.rsplit(',', 1) }}{{ 'a b c '.rsplit(none, 1) }}{{ ''.split() }}{{ ''.split(',') }}{{ 'aaaa'.split('aa') }}{{ 'aaa'.rsplit('aa') }}
{{ 'abc'.split('') }}
{{ lines.splitlines() }}{{ lines.splitlines(true) }}{{ 'a'.partition('-') }}{{ 'a-b-c'.partition('-') }}{{ 'a-b-c'.rpartition('-') }}{{ 'abc'.rpartition('-') }}
{{ 'abc'.startswith('ab') }}{{ 'abc'.endswith('bc') }}{{ 'abc'.startswith(('x', 'a')) }}{{ 'abc'.endswith(('x', 'y')) }}{{ 'abc'.startswith('') }}{{ 'abc'.removeprefix('a') }}{{ 'abc'.removesuffix('bc') }}{{ 'abc'.removesuffix('x') }}
{{ 'abc'.upper() }}{{ 'ABC'.lower() }}{{ 'hello world'.title() }}{{ 'hELLO'.capitalize() }}{{ ', '.join(['a', 'b']) }}{{ ''.join(['x']) }}{{ '-'.join('abc') }}
{{ ','.join([1]) }}
{{ 'hello'.find('l') }}{{ 'hello'.rfind('l') }}{{ 'hello'.find('z') }}{{ 'éa'.find('a') }}{{ 'hello'.count('l') }}{{ 'aaaa'.count('aa') }}{{ 'abc'.count('') }}{{ 'hello'.index('e') }}{{ 'abc'.find('') }}{{ 'abc'.rfind('') }}
{{ 'hello'.index('z') }}
{{ '12'.isdigit() }}{{ '1a'.isdigit() }}{{ 'ab'.isalpha() }}{{ 'a1'.isalnum() }}{{ ' '.isspace() }}{{ ''.isspace() }}{{ 'AB1'.isupper() }}{{ 'ab1'.islower() }}{{ '1'.islower() }}{{ '²'.isdigit() }}
{{ 'abc'.nosuch() }}
{{ 'abc'.strip(1) }}
{{ 'abc'.upper(1) }}
{{ [1, 2, 1].count(1) }}{{ [1, 2].index(2) }}{{ {'a': 1}.copy() }}{{ (1, 2).index(2) }}
{{ range(3) }}{{ range(1, 7, 2) }}{{ range(3) | list }}{{ range(5, 0, -2) | list }}{{ range(0) | list }}{{ range(3)[1] }}{{ 2 in range(3) }}{{ range(9)[1:7:2] }}{{ range(1, 20, 3)[::-2] }}
{{ range(100001) }}
{{ range(1, 2, 0) }}
{{ dict(a=1, b='x') }}{{ dict({'a': 1}, b=2) }}{{ dict([('k', 'v')]) }}{{ dict() }}
{{ dict(missing) }}
{{ {1: 2, 'a': 3} | tojson(sort_keys=true) }}
{% set ns = namespace(a=1) %}{% set ns.b = 2 %}{{ ns.a + ns.b }}{{ ns.c }}{{ ns }}{{ ns.c is defined }}{% for i in list %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}{{ ns['a'] }}
{% set ns = namespace({'x': 1}, y=2) %}{{ ns.x }}{{ ns.y }}
{% set ns = namespace() %}{% set ns._x = 1 %}
{% set map.b = 1 %}
{% set undefined_one.b = 1 %}
{% set x = 1 %}{% for i in list %}{{ x }}{% set x = i %}{{ x }}{% endfor %}{{ x }}
{% if yes %}{% set inside = 1 %}{% endif %}{{ inside }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (c, d) = [3, 4] %}{{ c }}{{ d }}{% set t = 1, 2 %}{{ t }}
{% set a, b = 1, 2, 3 %}
{% set x %}block {{ one }}{% endset %}[{{ x }}]{% set y | upper | replace('B', 'c') %} b {% endset %}[{{ y }}]{{ y is string }}
{% for x in list %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('a', 'b') }};{% endfor %}
{% for x in [] %}x{% else %}none{% endfor %}{% for x in list if x > 5 %}x{% else %}none{% endfor %}{% for x in missing %}x{% else %}undefined{% endfor %}
{% for x in list if x != 1 %}{{ x }}{{ loop.index }}{{ loop.length }}{% endfor %}
{% for k, v in map.items() %}{{ k }}={{ v }};{% endfor %}{% for k in map %}{{ k }}{% endfor %}{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for a, b in list %}{% endfor %}
{% for x in 5 %}{% endfor %}
{% for x in none %}{% endfor %}
{% for x in nothing %}{% endfor %}
{% for x in 'abc' %}{{ x }}-{% endfor %}{% for x in 1, 2 %}{{ x }}{% endfor %}{% for x in list[::-1] %}{{ x }}{% endfor %}
{% for x in list %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}{% for x in list %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% else %}never{% endfor %}
{% for x in list %}{% break %}{% else %}first{% endfor %}{% for x in list %}{% continue %}{% else %}none ended{% endfor %}
{% for x in list %}{% if x == 1 %}{% break %}{% endif %}{% else %}no{% endfor %}
{% break %}
{% for x in list %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}
{% for x in list %}{% for y in list %}{{ loop.index }}{% endfor %}{{ loop.index }};{% endfor %}{{ loop is defined }}
{% for x in list %}{% set outer = loop %}{% for y in [1] %}{{ outer.index }}{% endfor %}{% endfor %}
{% macro m(a, b='x', c=a) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(1, c=3) }}{{ m(b=1, a=2) }}{{ m() }}{{ m(1) | length }}
{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{% endmacro %}{{ m(b=2) }}
{% macro f(n) %}{{ n if n < 2 else f(n - 1) | int + f(n - 2) | int }}{% endmacro %}{{ f(10) }}
{% macro m() %}{{ later }}{% set later = 9 %}{% endmacro %}{% set later = 5 %}{{ m() }}{{ later }}{{ m }}
{% for x in list %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}
{% generation %}a{% set g = 1 %}{{ g }}{% endgeneration %}{{ g is defined }}{% for x in list %}{% generation %}{{ loop.index }}{{ x }}{% endgeneration %}{% endfor %}
{% raw %}{{ not }} {% if %}{% endraw %}!{%- raw -%} {{ x }} {%- endraw -%} !
{% raw %}open
{{ raise_exception('Told you: ' ~ one) }}
{{ strftime_now('%Y-%m-%d %H:%M:%S %a %A %b %B %d %j %p %I %y %% %-d %-m %e %F %T %w') }}
"""
MULTILINE = [
    "line one\n{{ raise_exception('on line two') }}\n", "one\n\n{{ one }}\n{{ missing.x }}\n", "one\n{% if yes %}\n{{ 1 / 0 }}\n{% endif %}\n",
    "a\n{% for x in list %}\n{{ x }}\n{% endfor %}\nb\n", "  {% if yes %}\n    x\n  {% endif %}\ny\n", "{%+ if yes +%}\nx{%+ endif %}\n",
    "    {{ one }}\n    {# comment #}\n    {#- comment -#}\n  x\n", "{% if yes %}\t\ntab{% endif %}\n", "a\n   {%- set x = 1 %}   \nb\n",
    "{{ one }}\n\n", "{{ one }}", "{{ one }}\n", " {% set x = 1 %} {% set y = 2 %}\nz", "{% set x = [\n  1,\n  2\n] %}{{ x\n}}", "a\r\nb\rc\n{% if yes %}\r\nd{% endif %}\r\n",
    "{% if yes -%}\n\n  a\n\n{%- endif %}\n\nb", "{# c #}\na", "a {# c #}\nb", "a\n  {# c #}  \nb", "{% raw %}\n  {{ x }}\n  {% endraw %}\nb", "x\n  {%- raw %} a {% endraw -%}\n  b",
    "\u00a0{% if yes %}a{% endif %}", "a\n\u2003{% if yes %}b{% endif %}", "{{ 'a\nb' }}", "{{ 'a\\\nb' }}", "{% for x in list %}\n  {%+ if x == 1 %}\n  one\n  {% else %}\n  {{ x }}\n  {%- endif %}\n{% endfor %}\n",
    "a{{ 1 }}\n{{ 2 -}}\n\n{{ 3 }}", "{%- set x = 1 -%}\n  {{ x }}", "{% macro m() %}\n  in\n{% endmacro %}\n[{{ m() }}]\n", "{% set x %}\n  a\n{% endset %}\n[{{ x }}]", "{# a\nb\n#}{{ nosuch.x }}",
    "\n\n{{ $ }}", "a\n{% set x = 'b\nc' %}{{ unknown.y }}", "{{-1}}{{- 1 }}{{+1}}", "", "\n", "\n\n", "{", "{{ '{' }}{ {", "}} %} #}", "{{ yes }}%}", "#}{#- x\n -#}\n\n\n y",
    "{% set ns = namespace(x='') %}\n{%- for i in range(3) %}\n    {%- set ns.x = ns.x ~ i %}\n{%- endfor %}\n{{ ns.x }}\n",
    "{% if no %}\na\n{% elif yes %}\nb\n{% else %}\nc\n{% endif %}\n", "{% if no %}a{% elif no %}b{% else %}c{% endif %}",
]


def built_in():
    text = BUILT_IN.read_text()
    found = re.findall(r'static let (\w+)Source = #"""\n(.*?)\n    """#', text, re.S)
    assert found, "no built-in templates found"
    return {"builtin:" + name: textwrap.dedent(source) for name, source in found}


def chat():
    templates = {path.stem: path.read_text() for path in sorted((FIXTURES / "templates").glob("*.jinja"))}
    cases = []
    for name, source in {**templates, **built_in()}.items():
        for conversation, values in CONVERSATIONS.items():
            given = {"tools": None, "documents": None, "add_generation_prompt": True, **TOKENS, **values}
            case = {"template": name, "conversation": conversation, **result(source, given)}
            # Jinja knows the line where a tag begins, Needletail that of the operation.
            case.pop("line", None)
            cases.append(case)
    return {"conversations": CONVERSATIONS, "cases": cases}


def small():
    sources = CASES.strip("\n").split("\n") + MULTILINE
    return {"values": VALUES, "cases": [{"source": source, **result(source, VALUES)} for source in sources]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true", help="compare with the files and write nothing")
    check = parser.parse_args().check
    differing = 0
    for name, content in {"chat.json": chat(), "cases.json": small()}.items():
        path = FIXTURES / name
        text = json.dumps(content, ensure_ascii=True, indent=0) + "\n"
        refused = sum("error" in case for case in content["cases"])
        print(f"{name}: {len(content['cases'])} cases, {refused} of them errors")
        if check:
            differing += not path.exists() or path.read_text() != text
        else:
            path.write_text(text)
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
