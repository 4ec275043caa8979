"""What must hold of every solve: grids, chunks, threads and neighbours change no bit; bad input is refused; the cache trusts nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from analgesia.engine import (
    Doses,
    Kind,
    System,
    absolute,
    cache,
    draws,
    exp,
    solve,
    stream,
    symbols,
    units,
    where,
)
from analgesia.engine.actions import ActionTable
from analgesia.engine.program import derivatives, record
from analgesia.errors import ModelError, UnitError


def oral(t, y, p):
    concentration = y.central / p.volume
    return {"depot": -p.absorption * y.depot, "central": p.absorption * y.depot - p.clearance * concentration}


ORAL = System(
    "oral",
    {"depot": "mg", "central": "mg"},
    {"absorption": "1/h", "clearance": "L/h", "volume": "L"},
    oral,
    {"concentration": "mg/L"},
    lambda t, y, p: {"concentration": y.central / p.volume},
)
COUNT = 37
PEOPLE = {
    "absorption": 1.5,
    "clearance": np.linspace(1.0, 9.0, COUNT),
    "volume": np.linspace(10.0, 60.0, COUNT),
}
DOSES = Doses.from_columns(
    patient=np.arange(COUNT), time=0.5, amount=100.0, compartment="depot", addl=2, ii=8.0
)
TIMES = np.linspace(0.0, 24.0, 25)


def test_no_bit_depends_on_grid_chunk_or_threads() -> None:
    whole = solve(ORAL, PEOPLE, times=TIMES, doses=DOSES, threads=1)
    for chunk, threads in ((1, 2), (5, 1), (16, 3)):
        again = solve(ORAL, PEOPLE, times=TIMES, doses=DOSES, chunk=chunk, threads=threads)
        assert np.array_equal(again.states, whole.states) and np.array_equal(again.steps, whole.steps)
    coarse = solve(ORAL, PEOPLE, times=TIMES[[0, 3, 7, 24]], doses=DOSES)
    assert np.array_equal(coarse.states, whole.states[:, [0, 3, 7, 24]])
    fine = solve(ORAL, PEOPLE, times=np.linspace(0.0, 24.0, 24 * 7 + 1), doses=DOSES)
    assert np.array_equal(fine.states[:, ::7], whole.states)
    pieces = list(stream(ORAL, PEOPLE, times=TIMES, doses=DOSES, chunk=10))
    assert [p.first for p in pieces] == [0, 10, 20, 30]
    assert np.array_equal(np.concatenate([p.outputs for p in pieces]), whole.outputs)


def test_own_times_of_each_patient_padded_with_nan() -> None:
    rows = np.array([[0.0, 3.0, 7.0, np.nan], [1.0, np.nan, 2.0, 24.0]])
    people = {k: np.broadcast_to(v, COUNT)[:2] for k, v in PEOPLE.items()}
    doses = Doses.from_columns(patient=[0, 1], time=0.5, amount=100.0, compartment="depot")
    got = solve(ORAL, people, times=rows, doses=doses)
    for i, shared in enumerate((np.array([0.0, 3.0, 7.0]), np.array([1.0, 2.0, 24.0]))):
        want = solve(
            ORAL,
            people,
            times=shared,
            doses=Doses.from_columns(patient=[i], time=0.5, amount=100.0, compartment="depot"),
        )
        assert np.array_equal(got.states[i][np.isfinite(rows[i])], want.states[i])
        assert np.isnan(got.states[i][np.isnan(rows[i])]).all()


@settings(max_examples=15, deadline=None)
@given(order=some.permutations(list(range(9))), amount=some.floats(1.0, 1e4), factor=some.floats(0.1, 10.0))
def test_patients_permute_and_linear_kinetics_superpose(
    order: list[int], amount: float, factor: float
) -> None:
    people = {k: np.broadcast_to(v, COUNT)[:9] for k, v in PEOPLE.items()}

    def run(people: dict, amount: float) -> np.ndarray:
        doses = Doses.from_columns(patient=np.arange(9), time=1.0, amount=amount, compartment="depot")
        return solve(ORAL, people, times=TIMES, doses=doses, rtol=1e-8, atol=1e-8 * amount).outputs

    base = run(people, amount)
    assert np.array_equal(run({k: v[order] for k, v in people.items()}, amount), base[order])
    assert np.allclose(run(people, amount * factor), base * factor, rtol=1e-5, atol=1e-7 * amount * factor)


def test_outputs_at_a_dose_show_before_or_after() -> None:
    doses = Doses.from_columns(patient=0, time=[0.0, 24.0], amount=100.0, compartment="depot")
    one = {"absorption": 1.0, "clearance": 1.0, "volume": 10.0}
    before = solve(ORAL, one, times=TIMES, doses=doses, patients=1).state("depot")[0]
    after = solve(ORAL, one, times=TIMES, doses=doses, patients=1, after=True).state("depot")[0]
    assert before[0] == 0.0 and after[0] == 100.0 and after[-1] > 99.9 and before[-1] < 1e-3
    assert np.array_equal(before[1:-1], after[1:-1])


def test_keep_selects_and_the_rest_is_refused_by_name() -> None:
    few = solve(ORAL, PEOPLE, times=TIMES, doses=DOSES, keep=["concentration"])
    assert few.states.shape[-1] == 0 and np.array_equal(
        few.output("concentration"), solve(ORAL, PEOPLE, times=TIMES, doses=DOSES).outputs[:, :, 0]
    )
    with pytest.raises(ModelError, match="add it to `keep`"):
        few.state("central")


def test_progress_counts_all_patients() -> None:
    seen: list[tuple[int, int]] = []
    solve(
        ORAL,
        PEOPLE,
        times=TIMES,
        chunk=10,
        progress=lambda done, total, rate, left: seen.append((done, total)),
    )
    assert seen == [(10, COUNT), (20, COUNT), (30, COUNT), (COUNT, COUNT)]


ADD_TO_STATE_9 = ActionTable.build(COUNT, *(np.array([x]) for x in (0, 1.0, int(Kind.ADD), 9, 1.0)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parameters": PEOPLE | {"volume": np.where(np.arange(COUNT) == 3, np.nan, 1.0)}}, "`volume` is not finite for patient 3"),
        ({"parameters": {"absorption": 1.0, "clearance": 1.0}}, "parameter missing: volume"),
        ({"parameters": PEOPLE | {"clearence": 1.0}}, "did you mean clearance"),
        ({"parameters": PEOPLE | {"volume": np.ones(5)}}, "`volume` for 5"),
        ({"parameters": PEOPLE | {"volume": "big"}}, "not a number"),
        ({"patients": 0, "parameters": dict.fromkeys(PEOPLE, 1.0)}, "no patients"),
        ({"parameters": {k: np.zeros(0) for k in PEOPLE}}, "no patients"),
        ({"times": [0.0, 2.0, 1.0]}, "go backwards"),
        ({"times": []}, "at least one time"),
        ({"times": [0.0, np.nan]}, "not finite"),
        ({"times": [0.0, np.inf]}, "not finite"),
        ({"rtol": 0.0}, "must be positive"),
        ({"rtol": -1e-6}, "must be positive"),
        ({"atol": {"depot": -1.0}}, "must be positive"),
        ({"atol": {"depott": 1.0}}, "did you mean depot"),
        ({"initial": {"depot": np.nan}}, "not finite"),
        ({"until": 3.0}, "before the last output"),
        ({"threads": 0}, "at least one"),
        ({"max_steps": 0}, "must be positive"),
        ({"keep": ["central", "conc"]}, "no output `conc`"),
        ({"actions": ADD_TO_STATE_9}, "target 9"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_one_sentence(change: dict, message: str) -> None:
    arguments = {"parameters": PEOPLE, "times": TIMES} | change
    parameters = arguments.pop("parameters")
    with pytest.raises(ModelError, match=message):
        solve(ORAL, parameters, **arguments)


def test_what_cannot_be_recorded_is_refused_with_its_line() -> None:
    import math

    def branch(t, y, p):
        if y.depot > 0:
            return {}
        return {"depot": 0.0, "central": 0.0}

    for function, message in (
        (branch, r"test_engine.py:\d+: `if`.*use where"),
        (lambda t, y, p: {"depot": np.sin(y.depot), "central": 0.0}, "numpy.sin is not an operation"),
        (
            lambda t, y, p: {"depot": math.sin(y.depot), "central": 0.0},
            r"test_engine.py:\d+: a symbol used where a plain number",
        ),
        (lambda t, y, p: {"depot": y.depot % 2, "central": 0.0}, "on a symbol"),
        (lambda t, y, p: {"depot": y.dept, "central": 0.0}, "did you mean depot"),
        (lambda t, y, p: {"depot": 0.0}, "missing for central"),
    ):
        with pytest.raises(ModelError, match=message):
            record(System("bad", dict(ORAL.states), dict(ORAL.parameters), function))


def test_units_catch_dimension_and_scale_and_name_the_line() -> None:
    units.check(ORAL)
    for change, message in (
        ({"time_unit": "min"}, "derivative of `depot`"),
        ({"parameters": {**ORAL.parameters, "volume": "mL"}}, r"`sub` of|derivative of `central`"),
        ({"outputs": {"concentration": "ug/L"}}, r"test_engine.py:\d+.*output `concentration` should be in"),
    ):
        fields = {"name": "wrong", "states": ORAL.states, "parameters": ORAL.parameters, "derivatives": oral, "outputs": ORAL.outputs,
                  "observe": ORAL.observe} | change  # fmt: skip
        with pytest.raises(UnitError, match=message):
            units.check(System(**fields))


def test_sparsity_is_exact_and_derivatives_agree_with_differences() -> None:
    program = record(ORAL)
    rows = derivatives(program.graph, program.rates, program.states)
    assert [sorted(program.states.index(n) for n in row) for row in rows] == [[0], [0, 1]]


def test_equations_run_on_floats_and_arrays_alike() -> None:
    def function(x):
        return (
            where(x > 1.0, exp(-x), symbols.power(absolute(x), 1.5))
            + symbols.logistic(x)
            - symbols.minimum(x, 0.5)
        )

    x = np.array([-2.0, 0.3, 4.0])
    assert np.allclose(function(x), [function(float(v)) for v in x], rtol=1e-14)


def test_draws_do_not_reshuffle() -> None:
    whole = draws.normal(7, "clearance", 100)
    assert np.array_equal(draws.normal(7, "clearance", 10, first=33), whole[33:43])
    assert not np.array_equal(draws.normal(7, "volume", 100), whole)
    assert not np.array_equal(draws.normal(8, "clearance", 100), whole)
    many = draws.uniform(1, "u", 200_000)
    assert abs(many.mean() - 0.5) < 3e-3 and many.min() > 0.0 and many.max() < 1.0
    assert abs(draws.normal(1, "u", 200_000).std() - 1.0) < 5e-3


def test_cache_trusts_only_whole_files_under_their_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANALGESIA_CACHE", str(tmp_path))
    cache.write("one", b"code of one")
    assert cache.read("one") == b"code of one" and cache.read("two") is None
    file = tmp_path / "one.o"
    content = file.read_bytes()
    (tmp_path / "two.o").write_bytes(content)
    assert cache.read("two") is None  # another name
    file.write_bytes(content[:-1] + b"X")
    assert cache.read("one") is None  # damaged
    file.write_bytes(content[:20])
    assert cache.read("one") is None  # cut off
    file.write_bytes(content)
    if os.name == "posix":
        file.chmod(0o666)
        assert cache.read("one") is None  # anybody could have written it
    assert not list(tmp_path.glob("*.part"))


def test_cache_keeps_to_its_room_and_leaves_what_is_not_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANALGESIA_CACHE", str(tmp_path))
    monkeypatch.setattr(cache, "ROOM", 1000)
    own = tmp_path / "thesis.txt"
    own.write_bytes(bytes(5000))
    forgotten = tmp_path / "left by a process that was killed.part"
    forgotten.write_bytes(bytes(500))
    os.utime(forgotten, (0, 0))
    for age, name in enumerate(("one", "two", "three")):
        cache.write(name, bytes(300))
        os.utime(tmp_path / f"{name}.o", (1000 + age, 1000 + age))
    assert [cache.read(name) is None for name in ("one", "two", "three")] == [True, False, False]
    assert own.exists() and not forgotten.exists()


def test_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANALGESIA_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)

    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    assert cache.stored("one", lambda: b"made") == b"made"


def test_a_damaged_cache_is_replaced_and_a_fresh_process_uses_it(tmp_path: Path) -> None:
    script = (
        "import sys; from analgesia.engine import System, solve, machine\n"
        "calls = []; build = machine.compile_module\n"
        "machine.compile_module = lambda *a: calls.append(1) or build(*a)\n"
        "s = System('s', {'y': '1'}, {}, lambda t, y, p: {'y': -y.y}, initial={'y': 1.0})\n"
        "print(solve(s, {}, times=[0.0, 1.0]).states[0, 1, 0], len(calls))\n"
    )

    def run() -> list[str]:
        environment = os.environ | {"ANALGESIA_CACHE": str(tmp_path)}
        return subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        ).stdout.split()

    first, second = run(), run()
    assert (first[1], second[1]) == ("1", "0") and first[0] == second[0]
    for file in tmp_path.glob("*.o"):
        file.write_bytes(file.read_bytes()[:-50])
    third = run()
    assert third == [first[0], "1"]


def test_nothing_given_stays_nothing_in_few_steps() -> None:
    still = solve(ORAL, PEOPLE, times=TIMES)
    assert (still.states == 0.0).all() and still.steps.max() < 30


@some.composite
def expressions(draw: some.DrawFn, depth: int = 4) -> str:
    """Source of a random equation in a, b, c."""
    if depth == 0 or draw(some.integers(0, 5)) == 0:
        return draw(some.sampled_from(["a", "b", "c", "0.5", "2.0", "3.0"]))
    inner = expressions(depth=depth - 1)
    kind = draw(
        some.sampled_from(
            [
                "+",
                "-",
                "*",
                "/",
                "min",
                "max",
                "where",
                "exp",
                "log",
                "sqrt",
                "tanh",
                "logistic",
                "pow",
                "abs",
            ]
        )
    )
    x, y = draw(inner), draw(inner)
    match kind:
        case "min" | "max":
            return f"{kind}imum({x}, {y})"
        case "where":
            return f"where(({x} < {y}) | ({y} > 1.0), {draw(inner)}, {x})"
        case "exp" | "tanh" | "logistic":
            return f"{kind}({x})"
        case "log" | "sqrt":
            return f"{kind}(absolute({x}) + 0.1)"
        case "pow":
            return (
                f"power(absolute({x}) + 0.1, {draw(some.sampled_from(['2.0', '-1.0', '0.5', '1.5', 'b']))})"
            )
        case "abs":
            return f"absolute({x})"
    return f"({x} {kind} {y})"


@settings(max_examples=12, deadline=None)
@given(sources=some.lists(expressions(), min_size=12, max_size=12))
def test_vector_code_computes_what_the_equation_says(sources: list[str]) -> None:
    functions = dict(symbols.FUNCTIONS)
    names = {f"o{i}": "1" for i in range(len(sources))}

    def observe(t, y, p):
        local = {"a": p.a, "b": p.b, "c": p.c}
        return {name: eval(source, functions | local) for name, source in zip(names, sources, strict=True)}  # noqa: S307

    system = System(
        "random", {"y": "1"}, dict.fromkeys("abc", "1"), lambda t, y, p: {"y": 0.0}, names, observe
    )
    values = np.random.default_rng(1).uniform(-2.0, 3.0, (3, 19))
    parameters = dict(zip("abc", values, strict=True))
    got = solve(system, parameters, times=[0.0]).outputs[:, 0]
    with np.errstate(all="ignore"):
        want = np.stack(
            [np.broadcast_to(v, 19) for v in system.observations(0.0, {"y": 0.0}, parameters).values()],
            axis=1,
        )
    usable = np.isfinite(want) & (np.abs(want) < 1e12)
    close = np.isclose(got, want, rtol=1e-9, atol=1e-9) | ~usable
    assert close.mean() > 0.99, (
        sources
    )  # a comparison of two equal numbers may fall either way after rounding
