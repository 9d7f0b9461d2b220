"""Tell COCO's cocopp of the suite that zobench exported, and let it write its pages.

This file stands alone: a copy of it lies beside exported data as ``run_cocopp.py``, to be run there with
nothing of zobench installed::

    python run_cocopp.py [ALGORITHM_FOLDER ...] [--out FOLDER]

In Python: ``register(folder)``, and then ``cocopp.main`` as ever.
"""

import argparse
import json
import os
import sys

MANIFEST = "zobench_suite.json"
#: cocopp's page of two algorithms is written for as many dimensions as this, no fewer.
SHOWN = 6


def register(folder):
    """Make the exported suite known to cocopp, for this process.

    Parameters
    ----------
    folder : path
        The exported one, with its manifest.

    Returns
    -------
    dict
        The manifest.
    """
    import cocopp
    from cocopp import captions, genericsettings, pproc, testbedsettings

    with open(os.path.join(folder, MANIFEST), encoding="utf-8") as file:
        suite = json.load(file)
    names = {int(number): name for number, name in suite["functions"].items()}
    info = os.path.abspath(os.path.join(folder, "zobench_functions.lst"))
    with open(info, "w", encoding="utf-8") as file:
        file.writelines(f"{number} {name}\n" for number, name in sorted(names.items()))
    expected = suite["instances"] and {int(key): count for key, count in suite["instances"].items()}
    if expected and expected not in genericsettings.instancesOfInterest:
        genericsettings.instancesOfInterest.append(expected)
    shown = padded(suite["dimensions"])
    last = max(dim for dim in shown if dim in suite["dimensions"])
    # tables and distributions have room for two dimensions, no fewer
    two = (shown[0], last if last > shown[0] else shown[1])
    settings = {
        **testbedsettings.GECCOBBOBTestbed.settings,
        "name": "zobench",
        "info_filename": info,
        "short_names": names,
        "dimensions_to_display": shown,
        "goto_dimension": last,
        "rldDimsOfInterest": two,
        "tabDimsOfInterest": two,
        "functions_with_legend": (min(names), max(names)),
        "first_function_number": min(names),
        "last_function_number": max(names),
        "reference_algorithm_filename": "",
        "reference_algorithm_displayname": "",
        "instancesOfInterest": expected,
        "data_format": cocopp.dataformatsettings.BBOBNewDataFormat(),
        "plots_on_main_html_page": [f"pprldmany_{dim:02d}D_noiselessall.svg" for dim in shown],
    }

    class ZobenchTestbed(testbedsettings.GECCOBBOBTestbed):
        """Objectives of zobench."""

        def __init__(self, target_values):
            for key, value in settings.items():
                setattr(self, key, value)
            self.instantiate_attributes(target_values)

        def filter(self, data):
            return data

    testbedsettings.ZobenchTestbed = ZobenchTestbed
    testbedsettings.suite_to_testbed["zobench"] = "ZobenchTestbed"
    _group(pproc, testbedsettings)
    _caption(captions)
    return suite


def padded(dims):
    """Give exactly as many dimensions as the pages have room for; made-up larger ones stay empty.

    Examples
    --------
    >>> padded([2, 10])
    (2, 10, 11, 12, 13, 14)
    """
    dims = sorted(dims)
    if len(dims) > SHOWN:  # evenly chosen, the first and the last among them
        dims = [dims[round(place * (len(dims) - 1) / (SHOWN - 1))] for place in range(SHOWN)]
    while len(dims) < SHOWN:
        dims.append(dims[-1] + 1)
    return tuple(dims)


def _group(pproc, testbedsettings):
    """Let functions of our suite be one group: cocopp sorts functions into groups by BBOB's numbers."""
    if hasattr(pproc.DataSetList, "_before_zobench"):
        return
    by_group = pproc.DataSetList.dictByFuncGroupSingleObjective
    groups = pproc.DataSetList.getFuncGroups
    pproc.DataSetList._before_zobench = (by_group, groups)

    def is_ours():
        return getattr(testbedsettings.current_testbed, "name", "") == "zobench"

    def dict_by_group(self):
        return {"zobench": pproc.DataSetList(list(self))} if is_ours() else by_group(self)

    def get_groups(self):
        return {"zobench": "All functions of zobench"} if is_ours() else groups(self)

    pproc.DataSetList.dictByFuncGroupSingleObjective = dict_by_group
    pproc.DataSetList.getFuncGroups = get_groups


def _caption(captions):
    """Let pages say nothing of BBOB's reference data, of which our suite has none."""
    text = captions.get_light_brown_line_text
    captions.get_light_brown_line_text = lambda name: "" if name == "zobench" else text(name)


def main(arguments=None):
    """Write cocopp's pages of exported data."""
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="Write cocopp's pages of data exported by zobench.")
    parser.add_argument("folders", nargs="*", help="algorithms' folders; by default all beside this file")
    parser.add_argument("--out", default="ppdata", help="where the pages go (default: ppdata)")
    asked = parser.parse_args(arguments)
    try:
        import cocopp
    except ImportError as error:
        sys.exit(f"cocopp cannot be imported ({error}): pip install cocopp six")
    folders = [folder.rstrip(os.sep) for folder in asked.folders]
    root = os.path.dirname(os.path.abspath(folders[0])) if folders else here
    suite = register(root)
    folders = folders or [os.path.join(root, name) for name in suite["algorithms"]]
    cocopp.main(["-o", asked.out, *folders])


if __name__ == "__main__":
    main()
