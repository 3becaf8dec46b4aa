"""Make the pictures of the README from one replay, so that they show what the code does.

Usage: pictures.py [DIRECTORY]. Needs a Chromium for the picture of the page.
"""

import sys
import tempfile
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from PIL import Image  # noqa: E402  # below the path like the rest

from analysis.plots import plot_ranking  # noqa: E402  # the path has to be set before
from models.evidence import find_anomalies  # noqa: E402
from models.frames import SeriesKey  # noqa: E402
from models.plots import plot_series, save_plot  # noqa: E402
from models.scoring import score_frame  # noqa: E402
from service.config import Settings  # noqa: E402
from service.replay import Replay, ReplayPlan, Story, history_of, learn  # noqa: E402
from tests.browser.chromium import chromium, served  # noqa: E402

PLAN = ReplayPlan.of("BAD_DEPLOY", "orders-db", seed=7)
SHOWN = SeriesKey("orders-db", "latency_p95_s")


def draw_page(replay: Replay, path: Path) -> None:
    """The top of the page at 1440 pixels."""
    with served(replay.app.desk) as url, chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 1900}, color_scheme="light")
        page.goto(url, wait_until="networkidle")
        page.wait_for_timeout(1500)
        page.screenshot(path=path)
    _with_fewer_colours(path)


def _with_fewer_colours(path: Path) -> None:
    """Keep 256 colours: a third of the size, and no pixel is off by what an eye sees on a flat page."""
    with Image.open(path) as picture:
        flat = picture.convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    flat.save(path, optimize=True)


def draw_detection(replay: Replay, story: Story, path: Path) -> None:
    """One metric around the incident: value, expectation, band, anomaly."""
    observer = replay.app.engine.observer
    start, end = story.fault_at - timedelta(hours=5), story.fault_at + timedelta(hours=1)
    scores = score_frame(observer.bundle, observer.frame.between(start, end))
    anomalies = [a for a in find_anomalies(observer.bundle, scores) if a.key == SHOWN]
    save_plot(path, lambda ax: plot_series(ax, scores, SHOWN, anomalies))


def main() -> None:
    """Replay once and draw everything."""
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"
    directory.mkdir(parents=True, exist_ok=True)
    system, history = history_of(PLAN)
    bundle = learn(history, system.now).bundle
    with tempfile.TemporaryDirectory() as scratch:
        replay = Replay.wired(PLAN, system, bundle, history, Settings(data_dir=Path(scratch)))
        story = replay.play()
        if story.analysis is None:
            raise SystemExit("the fault was not noticed: there is nothing to draw")
        draw_page(replay, directory / "page.png")
        draw_detection(replay, story, directory / "detection.png")
        analysis = story.analysis
        save_plot(directory / "ranking.png", lambda ax: plot_ranking(analysis, ax, most=5), height_in=4.0)
        replay.app.store.close()


if __name__ == "__main__":
    main()
