"""Ways in for users: minimize, methods of SciPy, ask and tell."""
