"""Solvers of other packages, which own their loop, behind the counted oracle."""
