"""A headless browser, spoken to over a pipe: pages are opened at a width, in light or dark, and asked."""

import base64
import json
import os
import select
import shutil
import subprocess
import time

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --remote-debugging-pipe"
).split()


class Browser:
    """Chromium over the DevTools protocol on a pipe, which needs no package."""

    def __init__(self, folder, patience=60.0):
        to_child, self._write = os.pipe()
        self._read, from_child = os.pipe()
        # the protocol speaks on descriptors 3 and 4, which only a shell can give a child by number
        script = f'exec "$0" "$@" 3<&{to_child} 4>&{from_child}'
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", script, CHROMIUM, *FLAGS, f"--user-data-dir={folder}", "about:blank"],
            pass_fds=(to_child, from_child),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_child)
        os.close(from_child)
        self._patience, self._rest, self._number, self.events = patience, b"", 0, []
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
