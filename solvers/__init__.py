"""Solvers with their theorems, one a file, each defining `solver`."""
