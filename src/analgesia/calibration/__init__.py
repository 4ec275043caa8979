"""Calibration: published exposure studies, simulated as they were done; the fit of kinetics to them; the check against them."""

from __future__ import annotations

from analgesia.calibration.check import Comparison, exposure_check
from analgesia.calibration.fit import Fit, fit, free_numbers
from analgesia.calibration.studies import Study, kinetic_studies

__all__ = ["Comparison", "Fit", "Study", "exposure_check", "fit", "free_numbers", "kinetic_studies"]
