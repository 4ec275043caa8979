"""Random numbers keyed by seed, name and patient.

The stream of a name is a Philox counter generator keyed by blake2b(seed, name); patient i reads word i of it. A new name reshuffles
nobody, patient i's draw does not depend on how many patients there are, and two arms of a trial share their people and their luck.
"""

from __future__ import annotations

import hashlib

import numpy as np

from analgesia.errors import ModelError


def words(seed: int, name: str, patients: int, first: int = 0) -> np.ndarray:
    """uint64[patients]: raw words of patients `first`, `first + 1`, ..."""
    if patients < 0 or first < 0:
        raise ModelError(f"draws of `{name}`: patients = {patients} and first = {first} must not be negative")
    digest = hashlib.blake2b(f"{int(seed)}\0{name}".encode(), digest_size=16).digest()
    generator = np.random.Philox(key=np.frombuffer(digest, dtype="<u8").astype(np.uint64), counter=first // 4)
    return generator.random_raw(first % 4 + patients)[first % 4 :]


def uniform(seed: int, name: str, patients: int, first: int = 0) -> np.ndarray:
    """float64[patients] in the open interval (0, 1)."""
    return ((words(seed, name, patients, first) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def normal(seed: int, name: str, patients: int, first: int = 0) -> np.ndarray:
    """float64[patients], standard normal by inversion of `uniform`."""
    from scipy.special import ndtri

    return ndtri(uniform(seed, name, patients, first))
