"""A real Chromium, headless: what a page comes to on a screen of some size and scheme."""

import json
import re
import subprocess
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

from inferpack import doctor

DARK, LIGHT = 0, 1  # Blink's own numbers
# Text is measured against the nearest ground behind it that is painted.
PROBE = """
<pre id="probe"></pre>
<script>
const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
const light = (colour) => channels(colour).slice(0, 3)
  .map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const contrast = (a, b) => {
  const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
};
const ground = (node) => {
  for (; node; node = node.parentElement) {
    const colour = getComputedStyle(node).backgroundColor;
    if ((channels(colour)[3] ?? 1) > 0) return colour;
  }
};
const own = (node) => [...node.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
addEventListener("load", () => {
const faint = [...document.querySelectorAll("body *")].flatMap((node) => {
  const line = node.matches("svg polyline");
  const drawn = line || node.matches("svg rect:not(.track), svg circle");
  if (!drawn && (!own(node) || node.matches("script, style, title, desc, #probe"))) return [];
  const style = getComputedStyle(node);
  const colour = line ? style.stroke : node.closest("svg") ? style.fill : style.color;
  const found = contrast(colour, ground(node));
  return found < (drawn ? 3 : 4.5) ? [`${node.tagName}.${node.className} ${found}`] : [];
});
document.getElementById("probe").textContent = JSON.stringify({
  width: innerWidth,
  content: document.documentElement.scrollWidth,
  ground: getComputedStyle(document.body).backgroundColor,
  resources: performance.getEntriesByType("resource").map((entry) => entry.name),
  bars: [...document.querySelectorAll("svg rect")].filter((r) => r.getBBox().width > 0).length,
  outside: [...document.querySelectorAll("svg text")].filter((t) => {
    const box = t.getBBox(), view = t.ownerSVGElement.viewBox.baseVal;
    return box.x < view.x - 1 || box.x + box.width > view.x + view.width + 1;
  }).map((t) => t.textContent),
  faint,
});
});
</script>
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What the probe found, and what the page said on the console."""

    found: dict[str, Any]
    console: list[str]


def chromium(page: Path, *options: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs Chromium on a file; root needs --no-sandbox."""
    program = doctor.browser()
    assert program, "no Chromium: ./inv test installs it"
    command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += [f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr", *options]
    return subprocess.run(
        [*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )


def look(text: str, folder: Path, *, width: int, scheme: int = LIGHT) -> Seen:
    """The page as shown in a window of this width, with the probe at its end."""
    page = folder / "probed.html"
    page.write_text(text.replace("</body>", f"{PROBE}</body>"))
    options = (f"--window-size={width},900", f"--blink-settings=preferredColorScheme={scheme}")
    done = chromium(page, *options, "--dump-dom", folder=folder)
    told = re.search(r'<pre id="probe">(.+?)</pre>', done.stdout, re.S)
    assert told, done.stderr
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Seen(found=json.loads(unescape(told[1])), console=console)
