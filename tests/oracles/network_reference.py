"""Fixed-step networks in plain NumPy, one step at a time: what the compiled kernel must agree with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from analgesia.engine.network import Network
from analgesia.engine.noise import lane_keys, standard_normal
from analgesia.engine.system import Namespace


def run_reference(
    network: Network,
    parameters: Mapping[str, Any],
    *,
    dt: float,
    duration: float,
    seed: int = 0,
    method: str = "rk4",
) -> tuple[np.ndarray, np.ndarray]:
    """(trace [lane, step, output], final [lane, state])."""
    lanes = max(np.size(v) for v in parameters.values())
    values = {k: np.broadcast_to(np.asarray(v, float), lanes) for k, v in parameters.items()}
    names, p = list(network.states), Namespace(values)
    start = [network.initial.get(n, 0.0) for n in names]
    y = np.stack([np.broadcast_to(values[s] if isinstance(s, str) else s, lanes) for s in start]).astype(
        float
    )
    keys = {n: lane_keys(seed, (network.name, "noise", n), np.arange(lanes, dtype=np.uint64)) for n in names}

    def space(y: np.ndarray) -> Namespace:
        return Namespace(dict(zip(names, y, strict=True)))

    def outputs(t: float, y: np.ndarray) -> dict[str, Any]:
        return dict(network.observe(t, space(y), p)) if network.observe else {}

    def slope(t: float, y: np.ndarray, late: tuple[Namespace, ...]) -> np.ndarray:
        rates = network.derivatives(t, space(y), p, *late)
        return np.stack([np.broadcast_to(rates[n], lanes) for n in names])

    lags = {k: np.rint(np.broadcast_to(values[d.by] if isinstance(d.by, str) else d.by, lanes) / dt).astype(int)
            for k, d in network.delays.items()}  # fmt: skip
    past = [dict(zip(names, y, strict=True)) | outputs(0.0, y)]
    trace = []
    for step in range(round(duration / dt)):
        t = step * dt
        late = Namespace({k: np.array([np.broadcast_to(past[max(step - lags[k][i], 0)][d.of], lanes)[i]
                                       for i in range(lanes)]) for k, d in network.delays.items()})  # fmt: skip
        lates = (late,) if network.delays else ()
        k1 = slope(t, y, lates)
        if method == "euler":
            new = y + dt * k1
        elif method == "exponential_euler":
            nudge = 1e-6
            diagonal = np.stack([
                (slope(t, y + nudge * np.eye(len(names))[:, [i]], lates)[i]
                 - slope(t, y - nudge * np.eye(len(names))[:, [i]], lates)[i]) / (2 * nudge) for i in range(len(names))
            ])  # fmt: skip
            z = dt * diagonal
            new = y + dt * k1 * np.where(np.abs(z) < 1e-8, 1.0, np.expm1(z) / np.where(z == 0, 1.0, z))
        else:
            k2 = slope(t + dt / 2, y + dt / 2 * k1, lates)
            if method == "midpoint":
                new = y + dt * k2
            else:
                k3 = slope(t + dt / 2, y + dt / 2 * k2, lates)
                k4 = slope(t + dt, y + dt * k3, lates)
                new = y + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        if network.noise:
            for name, strength in network.noise(t, space(y), p).items():
                new[names.index(name)] += strength * np.sqrt(dt) * standard_normal(keys[name], step)
        seen = outputs(t + dt, new)
        trace.append(np.stack([np.broadcast_to(seen[n], lanes) for n in network.outputs], axis=-1))
        y = new.copy()
        if network.update:
            for name, value in network.update(t + dt, space(new), p).items():
                y[names.index(name)] = value
        past.append(dict(zip(names, y, strict=True)) | seen)
    return np.stack(trace, axis=1), y.T
