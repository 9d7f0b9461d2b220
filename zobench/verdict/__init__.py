"""Verdicts on theorems: evidence, the looks at growing numbers of seeds, families, exponents, mutants."""
