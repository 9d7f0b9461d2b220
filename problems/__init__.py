"""Test objectives, one a file, each defining `problem`."""
