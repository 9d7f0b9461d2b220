"""Statistics of performance: first-hit runtimes, ERT, ECDF, profiles, ranks, comparisons."""
