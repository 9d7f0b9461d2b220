"""Campaigns: what a file asks for, the runs that it amounts to, and running them into a store."""
