"""A headless browser, spoken to over a pipe: pages are opened at a width, in light or dark, and asked."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --remote-debugging-pipe"
).split()
#: The protocol speaks on descriptors 3 and 4, which the child takes before it becomes the browser.
HANDED = """import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
os.dup2(ends[0], 3)
os.dup2(ends[1], 4)
os.execv(sys.argv[3], sys.argv[3:])"""
#: Told by a page about itself: its width and the room, images that are broken or without a text, figures
#: without a name, headings that skip a level, titles, main parts, tables without a caption or heads,
#: addresses within the page that lead nowhere, names given twice.
PROBE = """(() => {
const all = what => [...document.querySelectorAll(what)], root = document.documentElement;
const levels = all("h1,h2,h3").map(h => +h.tagName[1]), ids = all("[id]").map(e => e.id);
return {wider: root.scrollWidth - root.clientWidth,
  broken: all("img").filter(i => !i.complete || !i.naturalWidth).length,
  unnamed: all("img").filter(i => !i.alt).length + all("figure").filter(f => !f.ariaLabel).length,
  skipped: levels.filter((l, k) => k && l > levels[k - 1] + 1).length,
  titles: Math.abs(all("h1").length - 1) + Math.abs(all("main").length - 1) + (document.title ? 0 : 1),
  tables: all("table").filter(t => !t.caption || !t.querySelector("thead th[scope=col]")).length,
  astray: all('a[href^="#"]').filter(a => !document.getElementById(a.hash.slice(1))).length,
  twice: ids.length - new Set(ids).size, language: root.lang ? 0 : 1}})()"""
#: The smallest contrast of a text with what lies behind it, by WCAG's definition.
CONTRAST = """(() => {
const part = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const light = c => { const [r, g, b] = c.match(/[0-9.]+/g).map(Number);
  return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b) };
const behind = e => { for (; e; e = e.parentElement) {
  const c = getComputedStyle(e).backgroundColor; if (!c.endsWith(", 0)")) return c }
  return "rgb(255, 255, 255)" };
const texts = "p,a,dd,dt,td,th,h1,h2,h3,li,summary,caption,figcaption,span,small,code,pre";
return Math.min(...[...document.querySelectorAll(texts)].filter(e => e.textContent.trim()).map(e => {
  const pair = [light(getComputedStyle(e).color), light(behind(e))].sort((a, b) => a - b);
  return (pair[1] + 0.05) / (pair[0] + 0.05) }))})()"""


class Browser:
    """Chromium over the DevTools protocol on a pipe, which needs no package."""

    def __init__(self, folder, patience=60.0):
        to_child, self._write = os.pipe()
        self._read, from_child = os.pipe()
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-c", HANDED, str(to_child), str(from_child)),
                *(CHROMIUM, *FLAGS, f"--user-data-dir={folder}", "about:blank"),
            ],
            pass_fds=(to_child, from_child),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_child)
        os.close(from_child)
        self._patience, self._rest, self._number, self.events = patience, b"", 0, []
        try:
            self._attach()
        except BaseException:
            self.__exit__()
            raise

    def _attach(self):
        [target] = [t for t in self._ask("Target.getTargets")["targetInfos"] if t["type"] == "page"]
        attached = self._ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.ask(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        os.close(self._write)
        self.process.terminate()
        self.process.wait(30)
        os.close(self._read)

    def ask(self, method, **parameters):
        """Send one command to the page and give its answer."""
        return self._ask(method, session=self._session, **parameters)

    def _ask(self, method, session=None, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def _next(self):
        """Read one message; events are kept."""
        end = time.monotonic() + self._patience
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise TimeoutError("the browser does not answer")
            read = os.read(self._read, 1 << 20)
            if not read:
                raise RuntimeError("the browser ended")
            self._rest += read
        text, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message

    def open(self, page, width, height=900, scheme="light", media=""):
        """Open a file at a width in CSS pixels, and wait until it is loaded."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", media=media, features=features)
        self.events.clear()
        self.ask("Page.navigate", url=page.resolve().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._next()

    def tell(self, script):
        """Give the value of an expression in the page."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def key(self, name, code, text=""):
        """Press and release one key."""
        common = {"key": name, "code": name, "windowsVirtualKeyCode": code}
        self.ask("Input.dispatchKeyEvent", type="keyDown", **common, **({"text": text} if text else {}))
        self.ask("Input.dispatchKeyEvent", type="keyUp", **common)

    def complaints(self):
        """Give what the console said, uncaught errors, and addresses that were asked for or did not load."""
        found = []
        for event in self.events:
            told = event.get("params", {})
            if event["method"] in ("Runtime.consoleAPICalled", "Log.entryAdded", "Runtime.exceptionThrown"):
                found.append(json.dumps(told)[:300])
            if event["method"] == "Network.loadingFailed":
                found.append(f"not loaded: {told.get('errorText')}")
            if event["method"] == "Network.requestWillBeSent":
                address = told["request"]["url"]
                if not address.startswith(("data:", "file:")):
                    found.append(f"asked the network for {address[:100]}")
        return found

    def picture(self, path, whole=False):
        """Write what is on the screen, or the whole page, as PNG."""
        answer = self.ask(
            "Page.captureScreenshot",
            format="png",
            captureBeyondViewport=whole,
            **({"clip": {"x": 0, "y": 0, "scale": 1, **self.size()}} if whole else {}),
        )
        path.write_bytes(base64.b64decode(answer["data"]))

    def size(self):
        """Give the width and the height of the whole page."""
        width, height = self.tell(
            "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
        )
        return {"width": width, "height": height}

    def printed(self, path):
        """Print the page to a PDF."""
        answer = self.ask("Page.printToPDF", printBackground=False, preferCSSPageSize=True)
        path.write_bytes(base64.b64decode(answer["data"]))
