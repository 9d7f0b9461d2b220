"""Explanations in words: a solver's step beside its source, why a run ended, what a verdict means."""
