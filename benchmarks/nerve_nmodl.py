"""A membrane as NMODL, so that NEURON runs the very same equations: every node of the recorded membrane becomes one line.

Written to run as fast as NEURON can: constants that do not differ between patients are folded into numbers, variables are local to their
procedure, gates take the closed form that cnexp would generate, and the slope of the current is given (CONDUCTANCE) instead of found by a
second evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping

from analgesia.engine.cable.membrane import Membrane, record

LONGEST = 120
"""Characters up to which a value used once is written where it is used."""
SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
COMPARE = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


def nmodl(
    membrane: Membrane,
    parameters: Mapping[str, float],
    varied: tuple[str, ...],
    suffix: str,
    *,
    tables: bool = False,
) -> str:
    """Text of a density mechanism with one nonspecific current `i`; `tables`: its gates from NEURON's TABLE, 0.1 mV apart."""
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
    roots = [*r.targets, *r.rates, r.current, r.slope, *r.offset, *r.gain]
    folded: dict[int, float] = dict(fixed)
    for node in graph.reachable(roots):
        args = graph.args[node]
        if graph.ops[node] == "const":
            folded[node] = float(graph.values[node])
        elif args and all(a in folded for a in args) and node not in names:
            folded[node] = float(graph.evaluate([node], folded)[0])

    def lines(wanted: list[int]) -> list[str]:
        text: list[str] = []
        local: list[str] = []
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
        return ([f"  LOCAL {', '.join(local)}"] if local else []) + text

    def say(node: int) -> str:
        return names.get(node) or (f"({folded[node]!r})" if node in folded else f"n{node}")

    pool_text = lines([*r.offset, *r.gain])
    current_text = lines([r.current, r.slope])
    shares = [f"f{g}" for g in gates]
    aims = [f"x{g}" for g in gates]
    each_gate = [
        line
        for g, t, s in zip(gates, r.targets, r.rates, strict=True)
        for line in (
            f"PROCEDURE rates{g}(v) {{",
            *lines([t, s]),
            f"  x{g} = {say(t)}\n  f{g} = 1 - exp(-dt*{say(s)})",
            "}",
        )
    ]
    set_pools = [
        f"  {c} = {c} + dt*({say(o)} + {say(k)}*v)" for c, o, k in zip(pools, r.offset, r.gain, strict=True)
    ]
    start = [f"  {g} = x{g}" for g in gates]
    ranges = ", ".join([*varied, *(f"{c}0i" for c in pools)])
    table = [f"  TABLE {', '.join([*aims, *shares])} DEPEND dt FROM -120 TO 80 WITH 2001"] if tables else []
    return "\n".join(
        [
            f"NEURON {{ SUFFIX {suffix}\n NONSPECIFIC_CURRENT i\n RANGE {ranges} }}",
            "UNITSOFF",
            "PARAMETER {", *[f"  {name} = {parameters[name]!r}" for name in varied], *[f"  {c}0i = 1" for c in pools], "}",
            "ASSIGNED { v i gtotal dt", *[f"  {a}" for a in (*aims, *shares)], "}",
            "STATE { " + " ".join([*gates, *pools]) + " }",
            "INITIAL {", *[f"  {c} = {c}0i" for c in pools], "  gating(v)", *start, "}",
            "BREAKPOINT {", *current_text[:1], "  SOLVE states", "  CONDUCTANCE gtotal", *current_text[1:], f"  gtotal = {say(r.slope)}",
            f"  i = {say(r.current)}", "}",
            "PROCEDURE states() {", *(["  flows(v)"] if pools else []), "  gating(v)",
            *[f"  {g} = {g} + f{g}*(x{g} - {g})" for g in gates], "}",
            "PROCEDURE gating(v) {", *table, *[f"  rates{g}(v)" for g in gates], "}",
            *each_gate,
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
