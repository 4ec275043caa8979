"""The report: one self-contained HTML page from judged claims."""

from __future__ import annotations

from analgesia.report.page import Run, page

__all__ = ["Run", "page"]
