"""The asv suite: exact query counts first, seconds second."""
