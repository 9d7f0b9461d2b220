"""The HTML page of a store, and what is found in it."""
