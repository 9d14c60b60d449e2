#!/usr/bin/env python3
"""Finds the co_await expressions that g++ 12.1 and 12.2 miscompile (docs/gcc12.md).

    check_gcc12_shapes.py [FILE or FOLDER ...]     default: this project's sources, README.md and docs/
    check_gcc12_shapes.py --self-test

C++ sources are read whole, Markdown files in their ```cpp blocks. A finding is printed as
FILE:LINE:COLUMN and makes the exit code 1. A comment `// gcc12: ok (reason)` on the line of a finding, or on
the line above, allows it; in Markdown, `<!-- gcc12: ok (reason) -->` above a block allows the whole block.

The sources are tokenized and bracketed, not parsed: types are unknown, so every by-value capture counts as
an owning one. The bodies of macros are not looked into.
"""

import os
import re
import sys

CPP_SUFFIXES = (".hpp", ".cpp", ".ipp", ".h", ".cc", ".cxx", ".hxx")
DEFAULT_ROOTS = ("include", "lib", "examples", "tests", "bench", "README.md", "docs")
ASSERTIONS = re.compile(
    r"^(assert|(STATIC_)?(CHECK|REQUIRE)(_FALSE|_NOFAIL|_THAT|_NOTHROW|_THROWS\w*)?|(ASSERT|EXPECT)_\w+)$")
SUPPRESSION = re.compile(r"gcc12:\s*ok\b\s*(\(\s*[^)\s][^)]*\))?")
DIRECTIVE = re.compile(r"(?:[^\n\\/]|\\\r?\n|\\|/(?!/|\*)|/\*.*?(?:\*/|\Z))*", re.DOTALL)
TOKEN = re.compile(
    r"""
    (?P<space>\s+|\\\r?\n)
  | (?P<comment>//(?:[^\n\\]|\\.|\\\n)*|/\*.*?(?:\*/|\Z))
  | (?P<raw>(?:u8|[uUL])?R"(?P<delim>[^()\\\s]{0,16})\(.*?(?:\)(?P=delim)"|\Z))
  | (?P<string>(?:u8|[uUL])?"(?:[^"\\\n]|\\.)*(?:"|(?=\n)|\Z))
  | (?P<number>\.?[0-9](?:'[0-9a-zA-Z_]|[eEpP][+-]|[0-9a-zA-Z_.])*)
  | (?P<char>(?:u8|[uUL])?'(?:[^'\\\n]|\\.)+')
  | (?P<name>[A-Za-z_$][A-Za-z0-9_$]*)
  | (?P<op>::|->\*?|\.\.\.|<=>|<<=|\+\+|--|&&|\|\||[-+*/%&|^!=<]=|<<|.)
    """,
    re.VERBOSE | re.DOTALL)

OPEN = {"(": ")", "[": "]", "{": "}"}
CLOSE = {")": "(", "]": "[", "}": "{"}
CONTROL = {"if", "while", "for", "switch", "catch", "constexpr"}
DECLARATORS = {"struct", "class", "union", "enum", "namespace", "concept"}
BLOCK_AFTER = {"else", "do", "try", "const", "noexcept", "override", "final", "mutable", "volatile", "consteval"}
EXPRESSION_KEYWORDS = {"return", "co_return", "co_await", "co_yield", "throw", "case", "and", "or", "not"}


class Token:
    __slots__ = ("text", "kind", "line", "column", "mate", "role")

    def __init__(self, text, kind, line, column):
        self.text, self.kind, self.line, self.column = text, kind, line, column
        self.mate = None  # index of the other bracket of the pair
        self.role = None  # of "{": block, body (of a lambda), init; of "[": lambda


def tokenize(text, first_line=1):
    """The tokens without white space, comments and directives, and {line: reason or None} of the suppressions."""
    tokens, allowed = [], {}
    position, line, line_start, fresh_line = 0, first_line, 0, True
    while position < len(text):
        if fresh_line and text[position] == "#":  # a directive: over to the end of its last line
            end = DIRECTIVE.match(text, position).end()
            line += text.count("\n", position, end)
            if "\n" in text[position:end]:
                line_start = text.rfind("\n", position, end) + 1
            position, fresh_line = max(end, position + 1), False
            continue
        match = TOKEN.match(text, position)
        kind, value = match.lastgroup, match.group()
        if match.group("raw") is not None:
            kind = "string"
        if kind == "comment":
            found = SUPPRESSION.search(value)
            if found:
                allowed[line + value.count("\n", 0, found.start())] = found.group(1)
        elif kind == "space":
            fresh_line = fresh_line or "\n" in value
        else:
            tokens.append(Token(value, kind, line, position - line_start + 1))
            fresh_line = False
        newlines = value.count("\n")
        if newlines:
            line += newlines
            line_start = position + value.rfind("\n") + 1
        position = match.end()
    return tokens, allowed


def match_brackets(tokens):
    stack = []
    for index, token in enumerate(tokens):
        if token.kind != "op":
            continue
        if token.text in OPEN:
            stack.append(index)
        elif token.text in CLOSE:
            while stack and tokens[stack[-1]].text != CLOSE[token.text]:
                stack.pop()  # unbalanced (a branch of #if): give up on the inner one
            if stack:
                token.mate = stack.pop()
                tokens[token.mate].mate = index


def text_at(tokens, index):
    return tokens[index].text if 0 <= index < len(tokens) else ""


def is_lambda_introducer(tokens, index):
    before = tokens[index - 1] if index else None
    if text_at(tokens, index + 1) == "[" or (before and before.text == "["):
        return False  # an attribute
    if before is None:
        return True
    if before.kind == "name":
        return before.text in EXPRESSION_KEYWORDS or before.text in ("else", "do")
    if before.kind in ("number", "string", "char") or before.text in (")", "]", ">"):
        return False
    if before.text in ("&", "&&") and text_at(tokens, index - 2) == "auto":
        return False  # structured binding
    if before.text == "}" and before.mate is not None and tokens[before.mate].role == "init":
        return False
    return True


def header_of(tokens, brace):
    """What the tokens before a "{" say that it opens, when they read like a type or a declaration; None for a value."""
    index, angles = brace - 1, 0
    while index >= 0:
        token = tokens[index]
        if token.text in (";", "{", "}", "=", "?", "<<") or token.text in EXPRESSION_KEYWORDS:
            return None
        if token.text in DECLARATORS or token.text == "extern":
            return "block"
        if token.text in ("->", "requires"):
            return "body"
        if token.text == ">":
            angles += 1
        elif token.text == "<":
            angles -= 1
        elif token.text == "," and angles <= 0:
            if not derives(tokens, index):
                return None
        elif token.text in (")", "]"):
            if token.mate is None:
                return None
            callee = text_at(tokens, token.mate - 1)
            if token.text == ")" and angles <= 0 and callee not in ("decltype", "noexcept", "alignas"):
                return None  # of a call or a declaration
            index = token.mate
        elif token.text in OPEN:
            return None
        index -= 1
    return None


def derives(tokens, comma):
    """True if the comma stands in the base clause of a class."""
    for index in range(comma - 1, -1, -1):
        text = tokens[index].text
        if text in ("class", "struct"):
            return True
        if text in OPEN or text in CLOSE or text == ";":
            return False
    return False


def classify(tokens):
    for index, token in enumerate(tokens):
        if token.kind != "op":
            continue
        if token.text == "[" and is_lambda_introducer(tokens, index):
            token.role = "lambda"
        elif token.text == "{":
            token.role = role_of_brace(tokens, index)


def role_of_brace(tokens, index):
    if index == 0:
        return "block"
    before = tokens[index - 1]
    if before.text in (";", "}"):
        return "block"
    if before.text == "{":  # a block in a block, a list in a list
        return "init" if before.role == "init" else "block"
    if before.text in BLOCK_AFTER:
        return "block"
    if before.text == "]":
        return "body" if before.mate is not None and tokens[before.mate].role == "lambda" else "init"
    if before.text == ")":
        opener = before.mate
        if opener is not None and text_at(tokens, opener - 1) == "decltype":
            return "body" if header_of(tokens, index) == "body" else "init"
        return "body"
    if before.text == ":":
        return "block"
    if before.kind == "name" and before.text in EXPRESSION_KEYWORDS:
        return "init"
    if before.kind in ("name", "string") or before.text in (">", "*", "&", "&&", "..."):
        return header_of(tokens, index) or "init"
    return "init"


def is_boundary_paren(tokens, index):
    """True for the "(" of `if (`, `for (` and their like: its content is a full expression of its own."""
    return text_at(tokens, index - 1) in CONTROL


def full_expression(tokens, start):
    """(left, right, enclosing): the bounds of the full expression around `start` and the brackets open there."""
    enclosing, left = [], start - 1
    while left >= 0:
        token = tokens[left]
        if token.text in (";", "else", "do"):
            break
        if token.text in CLOSE:
            if token.text == "}" and (token.mate is None or tokens[token.mate].role == "block"):
                break
            if token.mate is None:
                break
            if token.text == "}" and tokens[token.mate].role == "body" and ends_a_function(tokens, token.mate):
                break
            if token.text == ")" and is_boundary_paren(tokens, token.mate):
                break
            left = token.mate - 1
            continue
        if token.text in OPEN:
            if token.text == "{" and token.role != "init":
                break
            if token.text == "(" and is_boundary_paren(tokens, left):
                break
            enclosing.append(left)
        left -= 1
    right = start + 1
    while right < len(tokens):
        token = tokens[right]
        if token.text == ";":
            break
        if token.text in OPEN:
            if token.mate is None:
                break
            right = token.mate + 1
            continue
        if token.text in CLOSE and token.mate is not None and token.mate <= left:
            break
        right += 1
    return left + 1, right, enclosing


def ends_a_function(tokens, brace):
    """A "body" brace belongs to a lambda if a lambda introducer leads it; otherwise to a function or a statement."""
    index = brace - 1
    while index >= 0:
        token = tokens[index]
        if token.text == "]" and token.mate is not None and tokens[token.mate].role == "lambda":
            return False
        if token.text in CLOSE and token.mate is not None:
            if token.text == "}":
                return True
            index = token.mate - 1
            continue
        if token.text in OPEN or token.text == ";":
            return True
        index -= 1
    return True


def captures(tokens, bracket):
    """The captures of a lambda, as lists of tokens."""
    parts, current, index = [], [], bracket + 1
    while index < tokens[bracket].mate:
        token = tokens[index]
        if token.text == ",":
            parts.append(current)
            current = []
        else:
            current.append(token)
            if token.text in OPEN and token.mate is not None:
                current.extend(tokens[index + 1:token.mate + 1])
                index = token.mate
        index += 1
    return [part for part in parts + [current] if part]


def owning_capture(part):
    if part[0].text in ("&", "this"):
        return None
    if part[0].text == "*":
        return "*this"
    return "".join(token.text for token in part[:2]) if len(part) > 1 and part[1].text == "=" else part[0].text


def check(tokens):
    """[(token, message)] for every bad shape."""
    found = {}

    def report(index, message):
        found.setdefault(index, message)

    for start, token in enumerate(tokens):
        if token.kind != "name":
            continue
        if token.text == "co_return" and text_at(tokens, start + 1) == "{" and text_at(tokens, start + 2) != "}":
            report(start, "co_return of a braced list: name the type, which needs a constructor")
        if token.text not in ("co_await", "co_yield") or text_at(tokens, start - 1) == "operator":
            continue
        left, right, enclosing = full_expression(tokens, start)
        check_surroundings(tokens, start, left, enclosing, report)
        check_operands(tokens, left, right, report)
    return [(tokens[index], message) for index, message in sorted(found.items())]


def check_surroundings(tokens, start, left, enclosing, report):
    for bracket in enclosing:
        if tokens[bracket].text == "{":
            report(start, "co_await inside braces: bind its result to a variable first")
        elif tokens[bracket].text == "(" and ASSERTIONS.match(text_at(tokens, bracket - 1)):
            name = text_at(tokens, bracket - 1)
            report(start, f"co_await inside {name}(...): bind its result to a variable first")
    # To the left of the co_await, level by level: a "?" means that it stands in a branch of a conditional, an "&&" or
    # "||" that it may be evaluated whatever stands before.
    operand = True  # until an "=" or ":": left of it a variable is declared or assigned to ("auto&& x = ...")
    index = start - 1
    while index >= left:
        token = tokens[index]
        if token.text in CLOSE and token.mate is not None:
            index = token.mate - 1
            continue
        if token.text == "?":
            report(start, "co_await in a branch of ?: (use if)")
            return
        if operand and token.text in ("&&", "||", "and", "or") and text_at(tokens, index + 1) not in (">", ")", ","):
            report(start, f"co_await to the right of {token.text}: often evaluated in any case (use if)")
            return
        if token.text in ("=", ":"):
            operand = False
        elif token.text in OPEN:
            operand = True
        if token.text == ",":  # the rest of this level is another argument: on to the enclosing bracket
            while index >= left and tokens[index].text not in OPEN:
                index = (tokens[index].mate if tokens[index].text in CLOSE and tokens[index].mate is not None
                         else index) - 1
            continue
        index -= 1


def check_operands(tokens, left, right, report):
    index = left
    while index < right:
        token = tokens[index]
        if token.text == "[" and token.role == "lambda" and token.mate is not None:
            for part in captures(tokens, index):
                name = owning_capture(part)
                if name:
                    report(index, f"temporary lambda with a by-value capture ({name}) in a co_await expression: "
                                  "name it first, or pass the values as arguments")
                    break
            index = token.mate + 1
            continue
        if token.text == "{" and token.mate is not None:
            if token.role != "init":
                index = token.mate + 1  # a lambda's body is a function of its own
                continue
            inner = tokens[index + 1]
            if inner.text == "." and tokens[index + 2].kind == "name":
                report(index, "aggregate with designated initializers in a co_await expression: name it first")
            elif text_at(tokens, index - 1) in ("(", ","):
                report(index, "braced list as an argument in a co_await expression: name it first")
        index += 1


def blocks_of_markdown(text):
    """(first line, code) of every ```cpp block that is not marked as allowed."""
    lines, index = text.split("\n"), 0
    while index < len(lines):
        fence = re.match(r"^\s*(`{3,}|~{3,})\s*(\S*)", lines[index])
        if not fence:
            index += 1
            continue
        end = index + 1
        while end < len(lines) and not re.match(r"^\s*" + fence.group(1) + r"[`~]*\s*$", lines[end]):
            end += 1
        above = index - 1
        while above >= 0 and not lines[above].strip():
            above -= 1
        marked = SUPPRESSION.search(lines[above]) if above >= 0 else None
        if fence.group(2).lower() in ("cpp", "c++", "cxx") and not (marked and marked.group(1)):
            yield index + 2, "\n".join(lines[index + 1:end])
        index = end + 1


def check_text(text, markdown=False):
    """[(line, column, message)]"""
    findings = []
    for first_line, code in blocks_of_markdown(text) if markdown else [(1, text)]:
        tokens, allowed = tokenize(code, first_line)
        match_brackets(tokens)
        classify(tokens)
        for token, message in check(tokens):
            reasons = [allowed[line] for line in (token.line, token.line - 1) if line in allowed]
            if not reasons:
                findings.append((token.line, token.column, message))
            elif not any(reasons):
                findings.append((token.line, token.column, "`gcc12: ok` needs a reason in parentheses"))
    return findings


def files_under(path):
    if os.path.isfile(path):
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in ("build", "out"))
        for name in sorted(names):
            if name.endswith(CPP_SUFFIXES) or name.endswith(".md"):
                yield os.path.join(folder, name)


BAD = {
    "value capture": ("co_await offload([p] { return *p; });", 1),
    "init capture": ("auto n = co_await offload([s = std::string(\"x\")] { return s; });", 1),
    "move capture": ("co_await f(1, [u = std::move(u)]() mutable { return u; });", 1),
    "copy default": ("co_return co_await f([=] { return x; });", 1),
    "copy of this": ("co_await f([*this] { return x; });", 1),
    "mixed captures": ("co_await f([&a, b] { return b; });", 1),
    "wrapped": ("co_await f(box([p] {}));", 1),
    "in a conditional's operand": ("co_await f(c ? g([p] {}) : h());", 1),
    "a lambda that is called": ("co_await [p]() -> task<int> { co_return *p; }();", 1),
    "over several lines": ("co_await when_all(\n    f(1),\n    g([p] {\n        return p;\n    }));", 3),
    "braced list": ("co_await f({1, 2, 3});", 1),
    "braced list, second argument": ("co_await f(a, {1, 2});", 1),
    "designated, as argument": ("co_await f({.name = \"x\"});", 1),
    "designated, typed": ("co_await f(options{.name = \"x\"});", 1),
    "designated, nested": ("co_await f(options{\n    .headers = {\"a\", \"b\"},\n});", 1),
    "await in braces": ("page p{co_await f(), 3};", 1),
    "await in designated braces": ("auto p = page{.body = co_await f()};", 1),
    "await in a vector": ("std::vector<int> v{co_await f(), co_await g()};", 1),
    "in CHECK": ("CHECK(co_await f() == 3);", 1),
    "in REQUIRE_THROWS_AS": ("REQUIRE_THROWS_AS(co_await f(), std::runtime_error);", 1),
    "in assert": ("assert(1 + (co_await f()) == 3);", 1),
    "in EXPECT_EQ": ("EXPECT_EQ(co_await f(), 3);", 1),
    "first branch": ("auto x = c ? co_await f() : std::string();", 1),
    "second branch": ("auto x = c ? std::string() : g(1, co_await f());", 1),
    "loop, right of &&": ("while (a && co_await f()) { g(); }", 1),
    "loop, right of ||, nested": ("while (!(a(1, 2) || b(3, co_await f()))) { g(); }", 1),
    "loop, and": ("while (a and co_await f()) { g(); }", 1),
    "loop, declaration": ("while (auto x = a && co_await f()) { g(); }", 1),
    "loop, assignment": ("while (a && (x = co_await f())) { g(); }", 1),
    "end of do": ("do {\n    g();\n} while (a && co_await f());", 3),
    "for, condition": ("for (int i = 0; i < 3 && co_await f(); ++i) { g(); }", 1),
    "for, step": ("for (; a; b = c(1) || co_await f()) { g(); }", 1),
    "argument": ("g(1, a && co_await f());", 1),
    "not the last operand": ("if (a && co_await f() && b) { g(); }", 1),
    "co_return": ("co_return a && co_await f();", 1),
    "comparison": ("bool b = (a && co_await f()) == c;", 1),
    "in an if, right of &&": ("if (a && co_await f()) { g(); }", 1),
    "switch": ("switch (int(a && co_await f())) { default: g(); }", 1),
    "co_return braces": ("co_return {a, b};", 1),
    "in an if": ("if (co_await f([p] { return true; })) { g(); }", 1),
    "in a range-for": ("for (auto& x : co_await f([p] {})) { g(); }", 1),
    "after an if": ("if (a)\n    co_await f([p] {});", 2),
    "in a lambda's body": ("run([]() -> task<> { co_await f([p] {}); });", 1),
    "in a body with a template return type": ("auto g = [&](int a) -> std::pair<int, x*> { co_await f([a] {}); };", 1),
    "in a member function": ("struct s { task<> g() const { co_await f({1}); } };", 1),
    "behind an arrow": ("co_await f(p->q, options{.a = 1});", 1),
    "behind an arrow and a call": ("co_await f(p->q(), options<int, g>{.a = 1});", 1),
    "yield": ("co_yield f([p] {});", 1),
    "after a digit separator": ("int x = 1'000; co_await f([p] {}); char c = '\\'';", 1),
    "after a raw string": ("auto s = R\"x(\n)\" ; \" )x\"; co_await f([p] {});", 2),
    "after a directive": ("#define A(x) \\\n    x \" \\\n    y\nco_await f([p] {});", 4),
    "without a reason": ("co_await f([n] {}); // gcc12: ok", 1),
}

GOOD = {
    "reference captures": "co_await f([&] { return x; }); co_await f([&a, &b = c, this] { return a; });",
    "no captures": "co_await f([] { return 1; }, 3);",
    "named first": "auto g = [p] { return *p; }; co_await offload(std::move(g));",
    "task named first": "auto t = f([p] {}); co_await std::move(t);",
    "arguments": "co_await offload(parse, std::move(body), 3);",
    "builder": "co_await web.send(request(\"https://a\").header(\"a\", \"b\").timeout(2s));",
    "typed braces": "co_await f(point{1, 2});",
    "nothing awaited": "group.spawn([p] { return *p; }); f({1, 2}); auto x = page{.a = 1};",
    "condition of a conditional": "auto x = co_await f() ? 1 : 2;",
    "conditional in another argument": "co_await f(c ? 1 : 2, g()); auto y = h(c ? 1 : 2, co_await f());",
    "await alone in a check's lambda": "CHECK(run([]() -> task<int> { co_return co_await f(); }) == 3);",
    "check without await": "auto x = co_await f(); CHECK(x == 3);",
    "value returned empty": "co_return {};",
    "body is a function of its own": "co_await f([&]() -> task<> { g([p] {}); h({1}); co_return; });",
    "braces of the block": "{ co_await f(); } if (a) { co_await f(); } else { co_await g(); } do { co_await f(); } while (b);",
    "try": "try { co_await f(); } catch (const error& e) { co_await g(); }",
    "function with a template return type": "tandem::task<std::vector<int>> f(int a) noexcept { co_await g(); }",
    "trailing return": "auto f(int a) -> tandem::task<int> { co_return co_await g(a); }",
    "trailing return with a function type": "auto f() -> coro<void(), void, t<x>, A> { co_await g<void(e), x...>(tag{}, 1); }",
    "several bases": "struct x : private a, public b<int, c> { task<> f() { co_await g(); } };",
    "requires": "template <class T> task<> f(T t) requires small<T> { co_await g(t); }",
    "class": "class x final : public y<int> { task<> f() override { co_await g(); } };",
    "constructor": "struct a { a() : b{1}, c{f([p] {})} { g(); } task<> h() { co_await k(); } };",
    "switch": "switch (x) { case 1: co_await f(); break; default: { co_await g(); } }",
    "structured binding": "auto [a, b] = co_await f(); auto& [c, d] = co_await g();",
    "subscript": "co_await f(v[i], w[g(j)]); x = (co_await f())[y];",
    "attribute": "[[maybe_unused]] auto x = co_await f();",
    "operator co_await": "auto operator co_await() { return awaiter{1, {2}}; }",
    "strings and comments": "// co_await f([p] {});\n/* co_await f({1}) */ auto s = \"co_await f({1})\" R\"(co_await f([p]{}))\";",
    "directive": "#define X co_await f({1})\nint x;",
    "suppressed": "co_await f([n] { return n; }); // gcc12: ok (n is an int)",
    "suppressed above": "// gcc12: ok (n is an int)\nco_await f([n] { return n; });",
    "loop": "for (int i = 0; i < 3; ++i) { co_await f(i); } while (co_await g()) { h({1}); }",
    "left of &&": "while (co_await f() && a) { g(); } for (; co_await f() || b;) { g(); } bool b = co_await f() && a;",
    "&& elsewhere": "while (a && b) { if (c && d) { co_await f(); } c = a || e; co_await g(a && b); }",
    "rvalue references": "for (auto&& x : co_await f()) { g(); } auto&& x = co_await f(); h(g<a&&>(co_await f()));",
    "&& in another argument": "while (f(a && b, co_await g())) { h(); }",
    "&& before a lambda": "bool b = a && run([]() -> task<> { co_await f(); });",
    "if with init": "if (auto x = co_await f(); x) { h({1}); }",
    "next statement": "h({1}); co_await f(); h([p] {});",
    "previous lambda": "auto g = [p]() -> int { return 1; }; co_await f();",
}


def self_test():
    failures = []
    for name, (code, line) in BAD.items():
        wrapped = [finding[0] for finding in check_text(code)]
        inside = [finding[0] for finding in check_text("task<> f(int a) {\n" + code + "\n}")]
        if not wrapped or wrapped[0] != line or not inside or inside[0] != line + 1:
            failures.append(f"bad sample '{name}': expected {line}, found {wrapped}, in a function {inside}")
    for name, code in GOOD.items():
        for text in (code, "task<> f(int a) {\n" + code + "\n}"):
            for line, column, message in check_text(text):
                failures.append(f"good sample '{name}': {line}:{column}: {message}")
    page = "text\n```cpp\nco_await f({1});\n```\n<!-- gcc12: ok (shown as bad) -->\n```cpp\nco_await f({1});\n```\n" \
           "```sh\nco_await f({1});\n```\n"
    if [finding[0] for finding in check_text(page, markdown=True)] != [3]:
        failures.append(f"Markdown: found {check_text(page, markdown=True)}")
    for failure in failures:
        print(failure)
    print(f"self-test: {len(BAD)} bad and {len(GOOD)} good samples, {len(failures)} failures")
    return 1 if failures else 0


def main(arguments):
    if arguments and arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    if arguments and arguments[0] == "--self-test":
        return self_test()
    if not arguments:
        root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        arguments = [path for path in (os.path.join(root, name) for name in DEFAULT_ROOTS) if os.path.exists(path)]
    files, count = 0, 0
    for argument in arguments:
        if not os.path.exists(argument):
            print(f"{argument}: no such file or folder", file=sys.stderr)
            return 2
        for path in files_under(argument):
            files += 1
            with open(path, encoding="utf-8", errors="replace") as file:
                findings = check_text(file.read(), path.endswith(".md"))
            for line, column, message in findings:
                count += 1
                print(f"{os.path.relpath(path)}:{line}:{column}: {message}")
    print(f"gcc 12 shapes: {files} files, {count} findings", file=sys.stderr)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
