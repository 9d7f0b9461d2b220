"""See a run move: the recorded steps of a real run, in the browser, as one file, or as an animation."""
