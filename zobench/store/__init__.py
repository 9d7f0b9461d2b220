"""The store: one SQLite file of runs, its schema, merging, and its tables as data frames."""
