"""The one file that wires a dose to pain: it knows every scale, and no scale knows another.

    arm -> doses -> unbound concentration at each site -> receptor occupancy and stimulus -> nodes of the dorsal horn
        -> drive of the projection neurons -> pain rating

Two clocks meet here. Kinetics run in hours and are solved once per arm; the cord runs in milliseconds and is solved directly at
the drug states of `times`. Every person runs through every arm and through placebo with the same luck, so a difference
between arms is the drug's and nothing else's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from analgesia import patients, perception, pharmacokinetics, receptors, spinal
from analgesia.engine import Solution, Status, solve
from analgesia.errors import ModelError
from analgesia.evidence import Footing, Library, Tally, tally
from analgesia.evidence.provenance import note
from analgesia.patients import People
from analgesia.quantities import parse_positive
from analgesia.results import Result, Variable
from analgesia.signals import CONCENTRATION, DRIVE, OCCUPANCY, PAIN, PLASMA, SITES, STIMULUS

Array = NDArray[np.float64]
Scalar = TypeVar("Scalar", bound=np.generic)
Progress = Callable[[int, int], None]

DEFAULT_TIMES = 13
"""Times reported when none are named: every two hours of a day."""


@dataclass(frozen=True)
class Arm:
    """One regimen: what is taken, how much, by which route, how often. `name` labels it in results."""

    name: str
    kind: str
    item: str
    dose: str
    route: str = "oral"
    every: str | None = None
    doses: int = 1

    def renamed(self, name: str) -> Arm:
        """The same regimen under another label."""
        return replace(self, name=name)


PLACEBO = Arm("placebo", "placebo", "", "0 mg")


@dataclass(frozen=True)
class Lanes:
    """People times draws of ignorance, flattened: lane l is person `people.index[l]` under draw `replicate[l]`."""

    people: People
    replicate: NDArray[np.int64] | None
    shape: tuple[int, int]

    @classmethod
    def of(cls, people: People, replicates: int) -> Lanes:
        """One draw means central values (no ignorance drawn); more mean that each person runs under each draw."""
        size = len(people.index)
        if replicates == 1:
            return cls(people, None, (1, size))
        tiled = people.select(np.tile(np.arange(size), replicates))
        return cls(tiled, np.repeat(np.arange(replicates), size), (replicates, size))

    def under_ignorance(self, library: Library, seed: int) -> Lanes:
        """The same lanes, each person in the world of their draw."""
        return replace(self, people=patients.under_ignorance(self.people, library, seed, self.replicate))

    @property
    def count(self) -> int:
        """Number of lanes."""
        return self.shape[0] * self.shape[1]

    def fold(self, values: NDArray[Scalar]) -> NDArray[Scalar]:
        """From lanes to (replicate, patient)."""
        return values.reshape(*self.shape, *values.shape[1:])


def simulate(
    people: People,
    arms: Sequence[Arm],
    *,
    library: Library,
    duration: str = "24 h",
    times: Sequence[float] | Array | None = None,
    seed: int = 0,
    replicates: int = 1,
    nodes_off: Collection[str] = (),
    cord: bool = True,
    footing: Footing | None = None,
    progress: Progress | None = None,
) -> Result:
    """Run `people` through every arm and through placebo.

    `times`: hours at which everything is reported (default: 13 points, equally spaced over `duration`, the last one included).
    `replicates`: draws of ignorance; with 1 every number has its central value. `nodes_off`: nodes of the cord
    (`spinal.NODES`) or receptors whose every node is switched off. `cord=False` stops at the receptors.
    `footing` is told what each part rests on: ("people",), ("kinetics", arm), ("receptors", arm, receptor), ("sensation",).

    The result has the axes arm, replicate, patient, time, analyte, site, receptor and the variables `concentration` (nM
    unbound), `plasma` (ng/mL total), `occupancy`, `stimulus`, `drive` (1/s), `pain` (NRS), `pain_change` (NRS against the same
    person on placebo) and `status` ("ok", or what failed).

    Raises `ModelError` for two arms of one name, an unknown node or times that do not ascend; `EvidenceError` for an unknown drug.
    """
    grid = _grid(duration, times)
    everyone = _with_placebo(arms)
    off = _switched_off(nodes_off, library)
    if replicates < 1:
        raise ModelError(f"replicates = {replicates}: at least one draw is needed")
    lanes = Lanes.of(people, replicates).under_ignorance(library, seed)
    footing = Footing() if footing is None else footing
    with tally() as used:
        with footing.part("people"):
            note(*people.numbers)
        exposed, bound = [], []
        for arm in everyone:
            with footing.part("kinetics", arm.name):
                exposed.append(expose(arm, lanes, grid, library, seed))
            bound.append(bind(exposed[-1], lanes, grid, library, seed))
            for receptor, rested in bound[-1].used.items():
                footing.add(rested, "receptors", arm.name, receptor)
        variables = _chemistry(exposed, bound, lanes, grid, library)
        status = np.stack([lanes.fold(exposure.status) for exposure in exposed])
        if cord:
            with footing.part("sensation"):
                note(*people.felt_numbers)
                drives = []
                for done, binding in enumerate(bound, start=1):
                    nodes = modulation(binding, library, off)
                    drives.append(
                        spinal.drive(lanes.people, nodes, library, seed=seed, replicate=lanes.replicate)
                    )
                    if progress is not None:
                        progress(done * lanes.count, len(everyone) * lanes.count)
                variables |= _sensation(drives, lanes, grid, library, seed)
            felt = np.stack([lanes.fold(drive.status) for drive in drives])
            status = np.where(status == "ok", felt, status)
    variables["status"] = Variable(status, ("arm", "replicate", "patient"), "", "what became of the run")
    return Result.build(
        variables,
        {
            "arm": [arm.name for arm in everyone],
            "replicate": np.arange(replicates),
            "patient": people.index,
            "time": grid,
            "analyte": _analytes(exposed),
            "site": list(SITES),
            "receptor": _coupled(library),
        },
        numbers=used.counts,
        sources=sorted(used.sources),
        library=library.hash,
        seed=seed,
        arms=[str(arm) for arm in everyone],
        off=sorted(off),
    )


@dataclass(frozen=True)
class Exposure:
    """What kinetics say of one arm: per analyte, unbound nM [lane, time, site] and total ng/mL [lane, time]; status per lane."""

    unbound: Mapping[str, Array]
    total: Mapping[str, Array]
    status: NDArray[np.str_]

    @property
    def analytes(self) -> list[str]:
        """Names of the analytes followed; none for placebo."""
        return list(self.unbound)


@dataclass(frozen=True)
class Binding:
    """Per receptor, occupancy and stimulus as [lane, time, site], and the numbers used for them."""

    occupancy: Mapping[str, Array]
    stimulus: Mapping[str, Array]
    used: Mapping[str, Tally]


def expose(arm: Arm, lanes: Lanes, times: Array, library: Library, seed: int) -> Exposure:
    """Solve the kinetics of one arm for every lane."""
    if arm.kind == "placebo":
        return Exposure({}, {}, np.full(lanes.count, "ok", dtype="U64"))
    given = pharmacokinetics.administration(
        arm.kind, arm.item, arm.dose, arm.route, arm.every, arm.doses, library
    )
    system = pharmacokinetics.system(given.drugs)
    parameters = pharmacokinetics.parameters_for(
        lanes.people, given.drugs, seed, lanes.replicate, library=library
    )
    solution = solve(
        system,
        parameters,
        times=times,
        doses=given.doses_for(lanes.people, seed, lanes.replicate, library=library),
        patients=lanes.count,
        atol=pharmacokinetics.absolute_tolerances(given.drugs),
    )

    def amount(output: str) -> Array:
        """An output that cannot be negative; what rounding leaves below 0 is 0, nan stays."""
        return np.maximum(solution.output(output), 0.0)

    return Exposure(
        {
            drug.name: np.stack([amount(f"{drug.name}.{site}") for site in SITES], axis=-1)
            for drug in given.drugs
        },
        {drug.name: amount(f"{drug.name}.total") for drug in given.drugs},
        _words(solution),
    )


def bind(exposure: Exposure, lanes: Lanes, times: Array, library: Library, seed: int) -> Binding:
    """Occupancy and stimulus of every receptor that leads somewhere, at every site; exactly 0 where no ligand is present."""
    occupancy, stimulus = {}, {}
    used: dict[str, Tally] = {}
    for receptor in _coupled(library):
        with tally() as used[receptor]:
            constants = receptors.constants_for(receptor, exposure.analytes, library, seed, lanes.replicate)
        if not constants.ligands:
            occupancy[receptor] = stimulus[receptor] = np.zeros((lanes.count, len(times), len(SITES)))
            continue
        widened = constants.widened(3)
        occupancy[receptor] = widened.occupancy(exposure.unbound)
        stimulus[receptor] = widened.stimulus(exposure.unbound)
    return Binding(occupancy, stimulus, used)


def modulation(binding: Binding, library: Library, off: Collection[str] = ()) -> dict[str, Array]:
    """What the receptors do at each node of the cord, [lane, time]: strength times the signal at the coupling's site.

    A node in `off` is absent, which the cord reads as exactly 0.
    """
    nodes: dict[str, Array] = {}
    for receptor in _coupled(library):
        for node, coupling in library.receptors[receptor].couplings.items():
            if node in off:
                continue
            signals = binding.stimulus if coupling.signal == "stimulus" else binding.occupancy
            reached = coupling.strength.to("1") * signals[receptor][:, :, SITES.index(coupling.site)]
            nodes[node] = nodes[node] + reached if node in nodes else reached
    return nodes


def _coupled(library: Library) -> list[str]:
    """Receptors with at least one node."""
    return [name for name, receptor in library.receptors.items() if receptor.couplings]


def _chemistry(
    exposed: Sequence[Exposure], bound: Sequence[Binding], lanes: Lanes, times: Array, library: Library
) -> dict[str, Variable]:
    """Concentrations and receptors of every arm; what an arm does not contain is 0."""
    analytes = _analytes(exposed)
    none = {
        "unbound": np.zeros((lanes.count, len(times), len(SITES))),
        "total": np.zeros((lanes.count, len(times))),
    }

    def gathered(pick: Callable[[Exposure, str], Array], axis: int) -> Array:
        return np.stack(
            [lanes.fold(np.stack([pick(e, name) for name in analytes], axis=axis)) for e in exposed]
        )

    def received(pick: Callable[[Binding, str], Array]) -> Array:
        names = _coupled(library)
        return np.stack([lanes.fold(np.stack([pick(b, name) for name in names], axis=2)) for b in bound])

    outer = ("arm", "replicate")
    variables = {
        "occupancy": Variable.of(OCCUPANCY, received(lambda b, name: b.occupancy[name]), *outer),
        "stimulus": Variable.of(STIMULUS, received(lambda b, name: b.stimulus[name]), *outer),
    }
    if analytes:
        unbound = gathered(lambda e, name: e.unbound.get(name, none["unbound"]), 2)
        total = gathered(lambda e, name: e.total.get(name, none["total"]), 2)
        variables |= {
            "concentration": Variable.of(CONCENTRATION, unbound, *outer),
            "plasma": Variable.of(PLASMA, total, *outer),
        }
    return variables


def _sensation(
    drives: Sequence[spinal.Drive], lanes: Lanes, times: Array, library: Library, seed: int
) -> dict[str, Variable]:
    """Drive and pain of every arm, and the change of pain against the same person's placebo arm, which is the last."""
    projection = np.stack([lanes.fold(drive.projection) for drive in drives])
    rated = np.stack(
        [
            lanes.fold(
                perception.pain(
                    drive, lanes.people, library, times=times, seed=seed, replicate=lanes.replicate
                )
            )
            for drive in drives
        ]
    )
    outer = ("arm", "replicate")
    return {
        "drive": Variable.of(DRIVE, projection, *outer),
        "pain": Variable.of(PAIN, rated, *outer),
        "pain_change": Variable(
            rated - rated[-1], (*outer, *PAIN.axes), PAIN.unit, "change of pain against placebo"
        ),
    }


def _analytes(exposed: Sequence[Exposure]) -> list[str]:
    return sorted({name for exposure in exposed for name in exposure.analytes})


def _words(solution: Solution) -> NDArray[np.str_]:
    """Status of every lane in words."""
    words = [
        "ok" if status == Status.OK else f"{Status(status).name.lower()} in {where} at {when:.4g} h"
        for status, where, when in zip(
            solution.status, solution.failure_state, solution.failure_time, strict=True
        )
    ]
    return np.array(words, dtype="U96")


def _grid(duration: str, times: Sequence[float] | Array | None) -> Array:
    if times is None:
        return np.linspace(0.0, parse_positive(duration, "h", "duration"), DEFAULT_TIMES)
    grid = np.asarray(times, dtype=float)
    if grid.ndim != 1 or grid.size == 0 or not np.all(np.isfinite(grid)):
        raise ModelError("times: give a list of hours, such as [0, 1, 2]")
    if grid[0] < 0.0 or np.any(np.diff(grid) <= 0.0):
        raise ModelError("times: hours must start at 0 or later and ascend")
    return grid


def _with_placebo(arms: Sequence[Arm]) -> list[Arm]:
    """The arms and placebo, which comes last, once."""
    active = [arm for arm in arms if arm.kind != "placebo"]
    for arm in arms:
        if arm.kind not in ("product", "drug", "placebo"):
            raise ModelError(f"arm {arm.name!r}: {arm.kind!r} is neither product, drug nor placebo")
    names = [arm.name for arm in active] + [PLACEBO.name]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ModelError(
            f"two arms are called {', '.join(map(repr, doubled))}; give each its own name, as in arm.renamed(...)"
        )
    return [*active, PLACEBO]


def _switched_off(nodes_off: Collection[str], library: Library) -> frozenset[str]:
    """Nodes named, and every node of the receptors named."""
    off: set[str] = set()
    for name in nodes_off:
        if name in spinal.NODES:
            off.add(name)
        elif name in library.receptors:
            off |= set(library.receptors[name].couplings)
        else:
            raise ModelError(
                f"nodes_off: {name!r} is neither a node ({', '.join(spinal.NODES)}) nor a receptor ({', '.join(_coupled(library))})"
            )
    return frozenset(off)
