"""Nerve: from ion channels to a spike that arrives."""
