"""Attacks on certificates: random pairs, power iteration, descent from many starts."""
