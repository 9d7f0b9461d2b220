"""How far each run came: its best value, one dot a seed."""

from zobench.report import Drawing, Report


def draw(evidence):
    """Draw one dot a run."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3), layout="constrained")
    axis = figure.add_subplot()
    runs = evidence.runs
    for place, (solver, own) in enumerate(runs.groupby("solver")):
        look = evidence.style(solver)
        axis.plot(own["best"], [place] * len(own), look.marker, color=look.color, label=solver)
    axis.set(xlabel="best value", ylabel="solver")
    table = runs.groupby("solver")["best"].median().reset_index()
    return [Drawing(figure, "Best value of each run, one dot a seed.", table)]


def missing(evidence):
    """Say why nothing can be drawn."""
    return "" if len(evidence.runs) else "no run is stored"


report = Report(name="last-values", title="How far each run came", draw=draw, missing=missing)
