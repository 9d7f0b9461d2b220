"""A run in a file: an animation (GIF by Pillow, MP4 by ffmpeg where there is one), or a still for slides."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np

from zobench.drawing import theme
from zobench.errors import ZobenchError
from zobench.watch.page import title_of
from zobench.watch.scene import Show

__all__ = ["STILL", "animate", "still", "writer_of"]

#: What a still may end in.
STILL = (".png", ".svg", ".pdf")
#: Of a still, in inches: a slide of 1920 x 1080 pixels.
SLIDE, SLIDE_DPI = (12.8, 7.2), 150
#: Frames of an animation at most, and frames a second.
FRAMES, RATE = 100, 10
DPI = 100

WALK, TESTED, BOUND = "#0072b2", ("#d55e00", "#009e73"), "#a4161a"


def writer_of(path: Path) -> Any:
    """Give matplotlib's writer for a file's ending; None for a GIF, which Pillow writes.

    Parameters
    ----------
    path : Path

    Returns
    -------
    matplotlib.animation.FFMpegWriter or None

    Raises
    ------
    ZobenchError
        If the file is to end otherwise, or ffmpeg is not there.

    Examples
    --------
    >>> writer_of(Path("run.gif")) is None
    True
    >>> writer_of(Path("run.webm"))
    Traceback (most recent call last):
    zobench.errors.ZobenchError: watch: --save must end in .html, .gif, .mp4, .png, .svg, .pdf, got 'run.webm'
    """
    from matplotlib.animation import FFMpegWriter

    if path.suffix == ".gif":
        return None
    if path.suffix != ".mp4":
        raise ZobenchError(
            f"watch: --save must end in .html, .gif, .mp4, {', '.join(STILL)}, got {str(path)!r}"
        )
    if not FFMpegWriter.isAvailable():
        raise ZobenchError(
            "watch: an .mp4 needs the program ffmpeg, which is not installed; "
            f"save {path.with_suffix('.gif').name!r} or an .html instead"
        )
    return FFMpegWriter(fps=RATE)


def animate(show: Show, path: Path) -> int:
    """Write the animation; give the number of its frames.

    Every frame is a step of the run; of more than `FRAMES` steps, evenly spaced ones.

    Parameters
    ----------
    show : Show
    path : Path
        Ends in ``.gif`` or ``.mp4``.

    Returns
    -------
    int
        The last frame, which stands for a second, counts once.

    Raises
    ------
    ZobenchError
        If the file is to end otherwise, or ffmpeg is wanted and not there.

    Examples
    --------
    ``animate(show, Path("run.gif"))`` of three steps writes four frames, the start being the first.

    >>> import zobench
    >>> from zobench.solver import solver
    >>> show = Show(zobench.problem("quadratic", dim=2), [(solver("s2p"), {})], budget=6, seed=0)
    >>> animate(show, Path("run.png"))
    Traceback (most recent call last):
    zobench.errors.ZobenchError: watch: --save must end in .html, .gif, .mp4, .png, .svg, .pdf, got 'run.png'
    """
    import matplotlib.pyplot as plt

    writer, scene, steps = writer_of(path), show.scene(), show.everything()
    longest = max(len(walk) for walk in steps["walks"])
    frames = np.unique(np.rint(np.linspace(0, longest, min(longest + 1, FRAMES))).astype(int))
    with theme(), plt.rc_context({"axes.grid": False}):
        figure, sides = plt.subplots(
            2,
            len(show.sides),
            figsize=(4.4 * len(show.sides), 6.0),
            height_ratios=(2.2, 1.0),
            squeeze=False,
            layout="constrained",
        )
        try:
            figure.suptitle(title_of(show), fontsize=8, wrap=True)
            panels = [_Panel(scene, i, steps["walks"][i], *sides[:, i]) for i in range(len(show.sides))]
            figure.canvas.draw()
            figure.set_layout_engine("none")  # laid out once: searching again in every frame costs most
            shown = [*frames, *[frames[-1]] * RATE]  # the last one stands for a second
            if writer is None:
                _write_gif(figure, panels, shown, path)
            else:
                _write_film(writer, figure, panels, shown, path)
        finally:
            plt.close(figure)
    return int(frames.size)


def _write_film(
    writer: Any, figure: Any, panels: Sequence["_Panel"], shown: Sequence[int], path: Path
) -> None:
    """Write the frames through a writer of matplotlib's."""
    with writer.saving(figure, str(path), dpi=DPI):
        for at in shown:
            for panel in panels:
                panel.show(int(at))
            writer.grab_frame()


def _write_gif(figure: Any, panels: Sequence["_Panel"], shown: Sequence[int], path: Path) -> None:
    """Write the frames as a GIF: what stands still is drawn once, what moves is drawn on top of it."""
    from PIL import Image

    figure.set_dpi(DPI)
    for panel in panels:
        for artist in panel.moving:
            artist.set_animated(True)
    figure.canvas.draw()
    standing = figure.canvas.copy_from_bbox(figure.bbox)

    def frames() -> Iterator[Any]:
        for at in shown:
            figure.canvas.restore_region(standing)
            for panel in panels:
                panel.show(int(at))
                for artist in panel.moving:
                    artist.axes.draw_artist(artist)
            yield Image.fromarray(np.array(figure.canvas.buffer_rgba())[..., :3])

    made = frames()
    next(made).save(path, save_all=True, append_images=made, duration=1000 // RATE, loop=0)


def still(show: Show, path: Path, at: int | None = None) -> int:
    """Draw the state after `at` steps, or after all of them, for a slide; give the number of steps drawn.

    Parameters
    ----------
    show : Show
    path : Path
        Ends in one of `STILL`.
    at : int, optional
        No more than the run has are drawn.

    Returns
    -------
    int

    Examples
    --------
    The start, and the state after each of the first two steps:

    >>> def slides(show):
    ...     return [still(show, Path(f"slide-{at}.pdf"), at) for at in range(3)]
    """
    import matplotlib.pyplot as plt

    scene, steps = show.scene(), show.everything()
    count = max(len(walk) for walk in steps["walks"])
    drawn = count if at is None else min(at, count)
    large: Any = {"font.size": 15, "axes.titlesize": 18, "axes.labelsize": 14, "legend.fontsize": 13}
    large |= {"xtick.labelsize": 12, "ytick.labelsize": 12, "axes.grid": False}
    with theme(), plt.rc_context(large):
        two = len(show.sides) == 2
        grid = {"height_ratios": (2.0, 1.0)} if two else {"width_ratios": (1.15, 1.0)}
        figure, axes = plt.subplots(
            2 if two else 1, 2, figsize=SLIDE, squeeze=False, layout="constrained", gridspec_kw=grid
        )
        try:
            figure.suptitle(title_of(show), fontsize=16)
            for i, walk in enumerate(steps["walks"]):
                places = (axes[0, i], axes[1, i]) if two else (axes[0, 0], axes[0, 1])
                panel = _Panel(scene, i, walk, *places, size=1.6)
                panel.show(drawn)
                # now that it is known where the run is not
                places[0].legend(fontsize=7 * panel.size, framealpha=0.85, frameon=True, loc="best")
            figure.savefig(path, dpi=SLIDE_DPI)
        finally:
            plt.close(figure)
    return drawn


class _Panel:
    """One solver's column: the map above, the curve below."""

    def __init__(
        self,
        scene: dict[str, Any],
        place: int,
        steps: list[dict[str, Any]],
        top: Any,
        low: Any,
        size: float = 1.0,
    ):
        self.scene, self.steps, self.size = scene, steps, size
        self.reference = scene["reference"] or 0.0
        self._map(scene, place, top)
        self._curve(scene, scene["sides"][place]["bound"], low)

    def _map(self, scene: dict[str, Any], place: int, axis: Any) -> None:
        u, v, half = scene["window"]
        for line in scene["contours"]["lines"]:
            axis.plot(*np.array(line["points"]).T, color="#b5b5b5", linewidth=0.6 * self.size)
        axis.set_xlim(u - half, u + half)
        if not scene["graph"]:
            axis.set_ylim(v - half, v + half)
            axis.set_aspect("equal")
        axis.plot(*scene["x0"], "o", color="#222222", markerfacecolor="white", markersize=5 * self.size)
        if scene["x_star"]:
            axis.plot(*scene["x_star"], "*", color="#222222", markersize=9 * self.size)
        axis.set_title(scene["sides"][place]["solver"], loc="left")
        (self.trail,) = axis.plot([], [], color=WALK, linewidth=1.0 * self.size)
        (self.step,) = axis.plot([], [], color=WALK, linewidth=2.4 * self.size)
        self.tested = [
            axis.plot([], [], m, color=c, markersize=5 * self.size)[0]
            for m, c in zip("os", TESTED, strict=True)
        ]
        (self.iterate,) = axis.plot([], [], "o", color=WALK, markersize=5 * self.size)
        if self.size > 1.0:  # a slide has to speak for itself
            self.trail.set_label("the run")
            self.step.set_label("the step taken")
            for line, name in zip(self.tested, ("first point asked", "second"), strict=True):
                line.set_label(name)

    @property
    def moving(self) -> list[Any]:
        """What differs from frame to frame, the lowest first."""
        return [self.trail, self.step, *self.tested, self.iterate, self.curve]

    def _curve(self, scene: dict[str, Any], bound: Any, axis: Any) -> None:
        gaps = [_number(step["value"]) - self.reference for step in self.steps]
        self.gaps = np.array([_number(scene["start"]) - self.reference, *gaps])
        self.counts = np.array([0, *(step["count"] for step in self.steps)])
        label = scene["gap"]
        if bound and not bound["is_gap"]:
            known = [(s["count"], _number(s["bounded"])) for s in self.steps if s["bounded"] is not None]
            self.counts, self.gaps = (np.array(column) for column in zip(*known, strict=True))
            label = bound["quantity"]
        if bound:
            axis.plot(
                bound["queries"], bound["values"], "--", color=BOUND, label=f"bound of {bound['theorem']}"
            )
            axis.legend(fontsize=7 * self.size * (1.0 if self.size == 1.0 else 1.15))
        (self.curve,) = axis.plot([], [], color=WALK)
        good = np.abs(self.gaps[np.isfinite(self.gaps)])
        if scene["reference"] is not None and (good > 0).any():
            axis.set_yscale("log")
            every = np.concatenate([good[good > 0], bound["values"] if bound else []])
            axis.set_ylim(max(every.min(), every.max() * 1e-16) / 2, every.max() * 2)
        elif good.size:
            finite = self.gaps[np.isfinite(self.gaps)]
            axis.set_ylim(finite.min(), finite.max() + 1e-12)
        axis.set_xlim(0, scene["budget"])
        axis.set_xlabel("queries")
        axis.set_ylabel("\n".join(wrap(label, 22)), fontsize=7 * self.size)

    def show(self, at: int) -> None:
        """Draw the state after `at` steps."""
        done = self.steps[:at]
        spots = np.array([self.scene["x0"], *([_number(a) for a in step["x"]] for step in done)])
        self.trail.set_data(*spots.T)
        self.step.set_data(*spots[-2:].T)
        self.iterate.set_data(*spots[-1:].T)
        asked = done[-1]["queries"] if done else []
        for place, line in enumerate(self.tested):
            points = np.array([[_number(a) for a in query["p"]] for query in asked[place::2]])
            line.set_data(*points.reshape(-1, 2).T)
        until = self.counts <= (done[-1]["count"] if done else 0)
        self.curve.set_data(self.counts[until], self.gaps[until])


def _number(value: Any) -> float:
    return float(value)
