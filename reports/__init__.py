"""Figures and tables, one a file, each defining `report`."""
