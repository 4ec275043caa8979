"""Calibration: published exposure studies and trials of pain, simulated as they were done; the fits to them; the checks against them."""

from __future__ import annotations

from analgesia.calibration.check import Comparison, Course, exposure_check
from analgesia.calibration.fit import Fit, fit
from analgesia.calibration.pain_check import PainComparison, pain_check
from analgesia.calibration.problem import free_numbers
from analgesia.calibration.studies import Study, kinetic_studies

__all__ = [
    "Comparison",
    "Course",
    "Fit",
    "PainComparison",
    "Study",
    "exposure_check",
    "fit",
    "free_numbers",
    "kinetic_studies",
    "pain_check",
]
