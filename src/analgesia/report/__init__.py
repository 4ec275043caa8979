"""Reports: self-contained HTML pages, on judged claims, on one drug, on one product."""

from __future__ import annotations

from analgesia.report.document import Run
from analgesia.report.page import page

__all__ = ["Run", "page"]
