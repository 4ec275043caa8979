"""Claims held against evidence, mechanism and prediction; the three are never merged.

`check(names, library=...)` judges claims; `verdict` is the rule that picks the word.
"""
