"""Matrices of low rank as solvers see them: factors, the fixed-rank manifold, orthonormal frames."""
