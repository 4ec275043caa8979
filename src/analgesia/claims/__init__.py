"""Claims held against evidence, mechanism and prediction; the three are never merged."""
