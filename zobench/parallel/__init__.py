"""What carries runs: this process, worker processes of this machine, Dask, any other executor."""
