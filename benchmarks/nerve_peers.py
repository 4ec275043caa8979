"""Other programs on the cables of nerve_problems: `prepare(cable, patients) -> run() -> spike times [patient][probe]`.

Everything that is built or compiled before the clock starts is done in `prepare`. A peer that is not installed raises ImportError; one that
was not given a problem raises `UnfitError`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from nerve_nmodl import nmodl
from nerve_problems import Cable

Spikes = list[list[np.ndarray]]
Run = Callable[[], Spikes]


class UnfitError(Exception):
    """The peer was not set up for this problem."""


def crossings(times: np.ndarray, voltage: np.ndarray, line: float) -> np.ndarray:
    """Times of upward crossings by linear interpolation."""
    k = np.flatnonzero((voltage[:-1] < line) & (voltage[1:] >= line))
    return times[k] + (line - voltage[k]) / (voltage[k + 1] - voltage[k]) * (times[k + 1] - times[k])


LOADED: set[str] = set()
"""Mechanisms that NEURON has."""
HH = {"conductance_na": "gnabar", "conductance_k": "gkbar"}


def _load(h: Any, suffix: str, text: str) -> None:
    """Compile a mechanism with nrnivmodl and load it, optimised for this processor, with reordered arithmetic."""
    folder = Path(tempfile.mkdtemp(prefix="nerve-nmodl-"))
    (folder / f"{suffix}.mod").write_text(text)
    tool = shutil.which(
        "nrnivmodl", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    )
    if tool is None:
        raise ImportError("nrnivmodl was not found")
    environment = os.environ | {"PATH": os.pathsep.join([str(Path(tool).parent), os.environ["PATH"]])}
    flags = ["-incflags", "-O3 -march=native -ffast-math"]
    subprocess.run([tool, *flags, "."], cwd=folder, check=True, capture_output=True, env=environment)
    h.nrn_load_dll(str(next(folder.rglob("libnrnmech.so"))))


def neuron(cable: Cable, patients: int, *, crank_nicolson: bool = False, tables: bool = False) -> Run:
    """NEURON with the membrane translated to NMODL and compiled by nrnivmodl; one thread; its default method is backward Euler.

    `tables`: gates by linear interpolation between tabulated values (its own `hh` can do the same). Compiled with
    -O3 -march=native -ffast-math instead of nrnivmodl's own -O2.
    """
    from neuron import h

    built_in = cable.name == "rallpack3"  # its own hh, which is quicker than a translated one
    suffix = "hh" if built_in else cable.name + ("_tables" if tables else "")
    if built_in:
        h.celsius = 6.3
        h.usetable_hh = int(tables)
    elif suffix not in LOADED:
        _load(h, suffix, nmodl(cable.membrane, cable.parameters, cable.varied, suffix, tables=tables))
        LOADED.add(suffix)
    h.load_file("stdrun.hoc")
    h.CVode().cache_efficient(1)
    context = h.ParallelContext()
    context.set_maxstep(10)
    context.nthread(1)
    people = cable.people(patients)
    kept: list[Any] = []
    records: Spikes = []
    pools = list(cable.membrane.pools)
    for n in range(patients):
        section = h.Section(name=f"axon{n}")
        section.L, section.diam, section.nseg = cable.length, cable.diameter, cable.compartments
        section.Ra, section.cm = cable.resistivity, cable.parameters["capacitance"]
        section.insert(suffix)
        if built_in:
            section.ena, section.ek = 50.0, -77.0
        for segment in section:
            mechanism = getattr(segment, suffix)
            for name, values in people.items():
                setattr(mechanism, HH[name] if built_in else name, values[n])
            if built_in:
                mechanism.gl, mechanism.el = cable.parameters["conductance_leak"], -65.0
            for k, pool in enumerate(pools):
                setattr(mechanism, f"c{k}s0i", cable.initial[pool])
        clamp = h.IClamp(section(0.5 / cable.compartments))
        clamp.delay, clamp.dur, clamp.amp = *cable.pulse, cable.current
        kept += [section, clamp]
        own = []
        for probe in cable.probes:
            detector = h.NetCon(section((probe + 0.5) / cable.compartments)._ref_v, None, sec=section)
            detector.threshold = cable.threshold
            times = h.Vector()
            detector.record(times)
            kept += [detector, times]
            own.append(times)
        records.append(own)

    def run() -> Spikes:
        h.dt, h.secondorder = cable.dt, 2 if crank_nicolson else 0
        h.finitialize(cable.initial["v"])
        context.psolve(cable.duration)
        return [[np.array(times) for times in own] for own in records] if kept else []

    return run


def arbor(cable: Cable, patients: int) -> Run:
    """Arbor with its own `hh`; its groups are as large as its threads allow, one thread."""
    import arbor as arb
    from arbor import units as u

    if cable.name != "rallpack3":
        raise UnfitError("only its built-in Hodgkin-Huxley mechanism was set up")
    people = cable.people(patients)

    class Recipe(arb.recipe):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            arb.recipe.__init__(self)
            self.properties = arb.neuron_cable_properties()
            self.properties.catalogue = arb.default_catalogue()
            self.properties.set_property(
                Vm=cable.initial["v"] * u.mV,
                cm=1e-2 * u.F / u.m2,
                rL=cable.resistivity * u.Ohm * u.cm,
                tempK=279.45 * u.Kelvin,
            )
            self.properties.set_ion("na", int_con=10 * u.mM, ext_con=140 * u.mM, rev_pot=50 * u.mV)
            self.properties.set_ion("k", int_con=54.4 * u.mM, ext_con=2.5 * u.mM, rev_pot=-77 * u.mV)

        def num_cells(self) -> int:
            return patients

        def cell_kind(self, gid: int) -> Any:
            return arb.cell_kind.cable

        def global_properties(self, kind: Any) -> Any:
            return self.properties

        def probes(self, n: int) -> Any:
            return [
                arb.cable_probe_membrane_voltage(
                    f"(location 0 {(probe + 0.5) / cable.compartments})", f"v{k}"
                )
                for k, probe in enumerate(cable.probes)
            ]

        def cell_description(self, n: int) -> Any:
            tree = arb.segment_tree()
            half = cable.diameter / 2
            tree.append(arb.mnpos, arb.mpoint(0, 0, 0, half), arb.mpoint(cable.length, 0, 0, half), tag=1)
            decor = arb.decor()
            values = {
                "gnabar": people["conductance_na"][n], "gkbar": people["conductance_k"][n],
                "gl": cable.parameters["conductance_leak"], "el": -65.0,
            }  # fmt: skip
            decor.paint("(all)", arb.density("hh", **values))
            decor.place(
                f"(location 0 {0.5 / cable.compartments})",
                arb.i_clamp(0 * u.ms, cable.duration * u.ms, cable.current * u.nA),
            )
            return arb.cable_cell(
                tree, decor, arb.label_dict(), arb.cv_policy_fixed_per_branch(cable.compartments)
            )

    recipe, context = Recipe(), arb.context(threads=1)
    hint = arb.partition_hint()
    hint.cpu_group_size = patients
    simulation = arb.simulation(
        recipe, context, arb.partition_load_balance(recipe, context, {arb.cell_kind.cable: hint})
    )
    every = arb.regular_schedule(cable.dt * u.ms)
    handles = [
        [simulation.sample((n, f"v{k}"), every) for k in range(len(cable.probes))] for n in range(patients)
    ]

    def run() -> Spikes:
        simulation.reset()  # or a repeated run would begin, and end, where the last one ended
        simulation.run(cable.duration * u.ms, cable.dt * u.ms)
        curves = [[simulation.samples(handle)[0][0] for handle in own] for own in handles]
        return [[crossings(c[:, 0], c[:, 1], cable.threshold) for c in own] for own in curves]

    return run


def jaxley(cable: Cable, patients: int) -> Run:
    """Jaxley with the membrane's own functions run on its arrays, vmap over patients, double precision, backward Euler."""
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    import jaxley as jx
    from jaxley.channels import Channel

    from analgesia.engine.system import Namespace

    membrane = cable.membrane
    fixed = {name: value for name, value in cable.parameters.items() if name not in cable.varied}

    class Own(Channel):  # type: ignore[misc]
        def __init__(self) -> None:
            self.current_is_in_mA_per_cm2 = True
            super().__init__("own")
            self.channel_params = {f"own_{name}": cable.parameters[name] for name in cable.varied}
            self.channel_states = {
                f"own_{name}": cable.initial.get(name, 0.5)
                for name in (*membrane.gate_names, *membrane.pools)
            }
            self.current_name = "i_own"

        def _spaces(self, states: Any, params: Any) -> tuple[Any, Any]:
            names = (*membrane.gate_names, *membrane.pools)
            y = Namespace({name: states[f"own_{name}"] for name in names}, "state")
            return y, Namespace(fixed | {name: params[f"own_{name}"] for name in cable.varied}, "parameter")

        def update_states(self, states: Any, dt: Any, v: Any, params: Any) -> Any:
            y, p = self._spaces(states, params)
            new = {}
            for name, (target, rate) in membrane.gates(v, y, p).items():
                new[f"own_{name}"] = target + (y[name] - target) * jnp.exp(-rate * dt)
            if membrane.pool_rates is not None:
                for name, rate in membrane.pool_rates(v, y, p).items():
                    new[f"own_{name}"] = y[name] + dt * rate
            return new

        def compute_current(self, states: Any, v: Any, params: Any) -> Any:
            return membrane.current(v, *self._spaces(states, params))

        def init_state(self, states: Any, v: Any, params: Any, delta_t: Any) -> Any:
            y, p = self._spaces(states, params)
            return {f"own_{name}": target for name, (target, _) in membrane.gates(v, y, p).items()}

    cell = jx.Cell(jx.Branch(jx.Compartment(), ncomp=cable.compartments), parents=[-1])
    cell.set("length", cable.length / cable.compartments)
    cell.set("radius", cable.diameter / 2)
    cell.set("axial_resistivity", cable.resistivity)
    cell.set("capacitance", cable.parameters["capacitance"])
    cell.insert(Own())
    cell.set("v", cable.initial["v"])
    cell.init_states(delta_t=cable.dt)
    times = np.arange(round(cable.duration / cable.dt)) * cable.dt
    wave = cable.current * ((times >= cable.pulse[0]) & (times < sum(cable.pulse)))
    cell[0, 0].stimulate(jnp.asarray(wave), verbose=False)
    for probe in cable.probes:
        cell[0, probe].record("v", verbose=False)
    people = cable.people(patients)

    def one(values: Any) -> Any:
        state = None
        for k, name in enumerate(cable.varied):
            state = cell.data_set(f"own_{name}", values[k], state)
        return jx.integrate(cell, param_state=state, delta_t=cable.dt)

    batch = jax.jit(jax.vmap(one))
    given = jnp.asarray(np.stack([people[name] for name in cable.varied], axis=1))
    batch(given).block_until_ready()

    def run() -> Spikes:
        voltage = np.asarray(batch(given).block_until_ready())
        clock = np.arange(voltage.shape[2]) * cable.dt
        return [[crossings(clock, v, cable.threshold) for v in person] for person in voltage]

    return run


def brian2(cable: Cable, patients: int) -> Run:
    """Brian2 with its Cython code, one SpatialNeuron per patient, exponential Euler."""
    if cable.name != "rallpack3":
        raise UnfitError("only the Hodgkin-Huxley equations were written for it")
    import brian2 as b2

    b2.prefs.codegen.target = "cython"
    people = cable.people(patients)
    equations = """
    Im = gl*(El-v) + gNa*m**3*h*(ENa-v) + gK*n**4*(EK-v) : amp/meter**2
    I : amp (point current)
    dm/dt = alpham*(1-m) - betam*m : 1
    dn/dt = alphan*(1-n) - betan*n : 1
    dh/dt = alphah*(1-h) - betah*h : 1
    alpham = (0.1/mV)*10*mV/exprel(-(v+40*mV)/(10*mV))/ms : Hz
    betam = 4*exp(-(v+65*mV)/(18*mV))/ms : Hz
    alphah = 0.07*exp(-(v+65*mV)/(20*mV))/ms : Hz
    betah = 1/(exp(-(v+35*mV)/(10*mV))+1)/ms : Hz
    alphan = (0.01/mV)*10*mV/exprel(-(v+55*mV)/(10*mV))/ms : Hz
    betan = 0.125*exp(-(v+65*mV)/(80*mV))/ms : Hz
    gNa : siemens/meter**2
    gK : siemens/meter**2
    """
    cylinder = b2.Cylinder(diameter=cable.diameter * b2.um, length=cable.length * b2.um, n=cable.compartments)
    names = {
        "gl": cable.parameters["conductance_leak"] * b2.siemens / b2.cm**2, "El": -65 * b2.mV, "ENa": 50 * b2.mV, "EK": -77 * b2.mV
    }  # fmt: skip
    cell = b2.SpatialNeuron(
        morphology=cylinder, model=equations, Cm=1 * b2.uF / b2.cm**2, Ri=cable.resistivity * b2.ohm * b2.cm,
        method="exponential_euler", namespace=names, dt=cable.dt * b2.ms,
    )  # fmt: skip
    monitor = b2.StateMonitor(cell, "v", record=list(cable.probes))
    network = b2.Network(cell, monitor)

    def start(n: int) -> None:
        cell.v = cable.initial["v"] * b2.mV
        v = cable.initial["v"]
        from analgesia.engine.system import Namespace

        for name, (target, _) in cable.membrane.gates(
            v, Namespace({}, "state"), Namespace({}, "parameter")
        ).items():
            setattr(cell, name, float(target))
        cell.I = 0 * b2.nA
        cell.I[0] = cable.current * b2.nA
        cell.gNa = people["conductance_na"][n] * b2.siemens / b2.cm**2
        cell.gK = people["conductance_k"][n] * b2.siemens / b2.cm**2

    start(0)
    network.store()

    def run() -> Spikes:
        found = []
        for n in range(patients):
            network.restore()
            start(n)
            network.run(cable.duration * b2.ms)
            clock = np.asarray(monitor.t / b2.ms)
            found.append([crossings(clock, np.asarray(v / b2.mV), cable.threshold) for v in monitor.v])
        return found

    return run


PEERS = {
    "neuron": neuron,
    "neuron, tables": lambda cable, patients: neuron(cable, patients, tables=True),
    "arbor": arbor,
    "jaxley": jaxley,
    "neuron, Crank-Nicolson": lambda cable, patients: neuron(cable, patients, crank_nicolson=True),
    "brian2": brian2,
}
