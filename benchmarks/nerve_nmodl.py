"""A membrane as NMODL, so that NEURON runs the very same equations: every node of the recorded membrane becomes one line.

Constants that do not differ between patients are folded into numbers. Gates are advanced by NEURON's cnexp, pools by its Euler step.
"""

from __future__ import annotations

from collections.abc import Mapping

from analgesia.engine.cable.membrane import Membrane, record

LONGEST = 120
"""Characters up to which a value used once is written where it is used."""
SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
COMPARE = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


def nmodl(membrane: Membrane, parameters: Mapping[str, float], varied: tuple[str, ...], suffix: str) -> str:
    """Text of a density mechanism with one nonspecific current `i`."""
    r = record(membrane)
    graph = r.graph
    names: dict[int, str] = {r.voltage: "v"}
    gates = [f"g{k}s" for k in range(len(r.gates))]
    pools = [f"c{k}s" for k in range(len(r.pools))]
    names |= dict(zip(r.gates, gates, strict=True)) | dict(zip(r.pools, pools, strict=True))
    fixed = {}
    for node, name in zip(r.parameters, membrane.parameters, strict=True):
        if name in varied:
            names[node] = name
        else:
            fixed[node] = parameters[name]
    roots = [*r.targets, *r.rates, r.current, *r.offset, *r.gain]
    folded: dict[int, float] = dict(fixed)
    for node in graph.reachable(roots):
        args = graph.args[node]
        if graph.ops[node] == "const":
            folded[node] = float(graph.values[node])
        elif args and all(a in folded for a in args) and node not in names:
            folded[node] = float(graph.evaluate([node], folded)[0])

    def lines(wanted: list[int]) -> tuple[list[str], list[str]]:
        text, local = [], []
        nodes = graph.reachable(wanted)
        uses: dict[int, int] = {}
        for node in nodes:
            for a in graph.args[node]:
                uses[a] = uses.get(a, 0) + 1
        inline: dict[int, str] = {}
        for node in nodes:
            if node in names or node in folded:
                continue
            line = _line(graph, node, names | inline, folded)
            head = f"  n{node} = "
            once = uses.get(node, 0) == 1 and node not in wanted
            if once and line.startswith(head) and len(line) < LONGEST:
                inline[node] = f"({line[len(head) :]})"
                continue
            local.append(f"n{node}")
            text.append(line)
        every.extend(local)
        return text, local

    def say(node: int) -> str:
        return names.get(node) or (f"({folded[node]!r})" if node in folded else f"n{node}")

    every: list[str] = []
    rate_text, _ = lines([*r.targets, *r.rates])
    pool_text, _ = lines([*r.offset, *r.gain])
    current_text, _ = lines([r.current])
    moves = [f"  {g}' = (x{g} - {g})*r{g}" for g in gates] + [f"  {c}' = d{c}" for c in pools]
    set_gates = [
        f"  x{g} = {say(t)}\n  r{g} = {say(s)}" for g, t, s in zip(gates, r.targets, r.rates, strict=True)
    ]
    set_pools = [f"  d{c} = {say(o)} + {say(k)}*v" for c, o, k in zip(pools, r.offset, r.gain, strict=True)]
    assigned = [f"x{g} r{g}" for g in gates] + [f"d{c}" for c in pools]
    start = [f"  {g} = x{g}" for g in gates]
    ranges = ", ".join([*varied, *(f"{c}0i" for c in pools)])
    return "\n".join(
        [
            f"NEURON {{ SUFFIX {suffix}\n NONSPECIFIC_CURRENT i\n RANGE {ranges} }}",
            "UNITSOFF",
            *_declared(sorted(set(every))),
            "PARAMETER {", *[f"  {name} = {parameters[name]!r}" for name in varied], *[f"  {c}0i = 1" for c in pools], "}",
            "ASSIGNED { v i", *[f"  {a}" for a in assigned], "}",
            "STATE { " + " ".join([*gates, *pools]) + " }",
            "INITIAL {", *[f"  {c} = {c}0i" for c in pools], "  gating(v)", *start, "}",
            "BREAKPOINT {", "  SOLVE states METHOD cnexp", *current_text, f"  i = {say(r.current)}", "}",
            "DERIVATIVE states {", "  gating(v)", *(["  flows(v)"] if pools else []), *moves, "}",
            "PROCEDURE gating(v) {", *rate_text, *set_gates, "}",
            *(["PROCEDURE flows(v) {", *pool_text, *set_pools, "}"] if pools else []),
        ]
    )  # fmt: skip


def _line(graph, node, names, folded) -> str:  # type: ignore[no-untyped-def]
    op, args = graph.ops[node], graph.args[node]

    def say(a: int) -> str:
        return names.get(a) or (f"({folded[a]!r})" if a in folded else f"n{a}")

    if op in SIGNS:
        return f"  n{node} = {say(args[0])} {SIGNS[op]} {say(args[1])}"
    if op == "neg":
        return f"  n{node} = -{say(args[0])}"
    if op in ("exp", "log", "sqrt"):
        return f"  n{node} = {op}({say(args[0])})"
    if op == "abs":
        return f"  n{node} = fabs({say(args[0])})"
    if op == "pow":
        return f"  n{node} = pow({say(args[0])}, {say(args[1])})"
    if op in COMPARE:
        a, b = map(say, args)
        return f"  if ({a} {COMPARE[op]} {b}) {{ n{node} = 1 }} else {{ n{node} = 0 }}"
    if op in ("min", "max"):
        a, b = map(say, args)
        sign = "<" if op == "min" else ">"
        return f"  if ({a} {sign} {b}) {{ n{node} = {a} }} else {{ n{node} = {b} }}"
    if op == "where":
        c, a, b = map(say, args)
        return f"  if ({c} > 0.5) {{ n{node} = {a} }} else {{ n{node} = {b} }}"
    raise ValueError(f"no NMODL for {op}")


def _declared(names: list[str]) -> list[str]:
    """LOCAL lines of the file (nocmodl takes only one in a block, and none that is long)."""
    return [f"LOCAL {', '.join(names[k : k + 40])}" for k in range(0, len(names), 40)]
