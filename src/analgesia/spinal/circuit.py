"""The dorsal horn as written in evidence: which pools, fibres and synapses exist, and every constant by its dotted name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from analgesia import evidence
from analgesia.errors import EvidenceError, UnitError
from analgesia.evidence.numbers import Number
from analgesia.neurons import FIBRES

POOLS = (
    "som_cr",
    "pkcg_vglut3",
    "dynorphin",
    "parvalbumin",
    "projection",
    "wide_dynamic_range",
)
"""Somatostatin/calretinin and PKC-gamma/VGLUT3 excitatory, dynorphin and parvalbumin inhibitory interneurons, NK1
projection neurons of lamina I, wide-dynamic-range neurons of lamina V."""

INHIBITORY = ("dynorphin", "parvalbumin")
EXCITATORY = ("som_cr", "pkcg_vglut3")
FAST = {
    "ampa": (*FIBRES, *EXCITATORY),
    "nmda": (*FIBRES, *EXCITATORY),
    "gaba": INHIBITORY,
    "glycine": INHIBITORY,
}
"""Transmitter -> sources that release it. NK1 is opened by C fibres alone."""

UNITS = ("1", "mV", "ms", "1/ms", "1/mV")
"""Units of the circuit's clock; each constant is converted to the first that fits."""


@dataclass(frozen=True)
class Circuit:
    """Constants by dotted name (`synapses.c_fibre.projection.ampa`) in the units of the cord's clock, and those units.

    `spreads`: standard deviation of the logarithm by ignorance, of the constants that state one.
    """

    values: Mapping[str, float]
    units: Mapping[str, str]
    spreads: Mapping[str, float] = field(default_factory=dict)

    def onto(self, pool: str, transmitter: str) -> tuple[str, ...]:
        """Sources with a synapse of this transmitter onto `pool`."""
        sources = ("c_fibre",) if transmitter == "nk1" else FAST[transmitter]
        return tuple(s for s in sources if f"synapses.{s}.{pool}.{transmitter}" in self.values)


def read(library: evidence.Library) -> Circuit:
    """The dorsal horn and the terminals of its afferents from `circuits/` and `neurons/` of the library."""
    values: dict[str, float] = {}
    units: dict[str, str] = {}
    spreads: dict[str, float] = {}
    horn, terminal = library.circuits["dorsal_horn"], library.neurons["primary_afferent_terminal"]
    for prefix, record in (("", horn), ("terminal.", terminal)):
        for name, number in _leaves(record.parameters):
            values[prefix + name], units[prefix + name] = _converted(number)
            if number.uncertainty_sd_log > 0.0:
                spreads[prefix + name] = number.uncertainty_sd_log
    _check(values, ", ".join(horn.files))
    return Circuit(values, units, spreads)


def _leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Number]]:
    for name, item in table.items():
        if isinstance(item, Number):
            yield prefix + name, item
        elif isinstance(item, Mapping):
            yield from _leaves(item, f"{prefix}{name}.")


def _converted(number: Number) -> tuple[float, str]:
    for unit in UNITS:
        try:
            return number.to(unit), unit
        except UnitError:
            continue
    raise UnitError(
        f"{number.place}: unit {number.unit} does not fit the cord; give a time, a rate, mV, 1/mV or 1"
    )


def _check(values: Mapping[str, float], place: str) -> None:
    """Refuse a synapse between things that do not exist, and a negative conductance."""
    for name, value in values.items():
        if not name.startswith("synapses."):
            continue
        source, target, transmitter = name.split(".")[1:]
        allowed = ("c_fibre",) if transmitter == "nk1" else FAST.get(transmitter, ())
        if target not in POOLS or source not in allowed:
            raise EvidenceError(
                f"{place}: parameters.{name}: there is no such synapse; sources and targets are {', '.join((*FIBRES, *POOLS))}, "
                f"transmitters {', '.join((*FAST, 'nk1'))}, each from its own sources"
            )
        if value < 0.0:
            raise EvidenceError(f"{place}: parameters.{name}: a conductance is not negative, got {value:g}")
