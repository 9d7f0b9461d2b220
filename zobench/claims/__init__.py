"""Claims of a campaign: what it is run to find out, and what its runs say about it."""
