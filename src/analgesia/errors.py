"""The three kinds of error a user can cause. Each message names the place, what is wrong and what to do."""

from __future__ import annotations


class AnalgesiaError(ValueError):
    """Base of every error that a user's input can cause; the command line prints it and exits with code 2."""


class EvidenceError(AnalgesiaError):
    """An evidence file says something that cannot be used: names file, key, what is wrong and the cure."""


class UnitError(AnalgesiaError):
    """Two quantities of different dimension or scale meet, or a unit is unknown."""


class ModelError(AnalgesiaError):
    """A model, equation or request that cannot be honoured."""
