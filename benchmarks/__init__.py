"""Ratios against peers and against the machine's limit, both sides in one run."""
