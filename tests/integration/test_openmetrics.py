"""OpenMetrics is asked for first and read by its rules; a target that breaks them is asked for the text."""
import json

from harness import wait_until
from test_evidence import holds_without_moving, passing, slow_daemon  # noqa: F401
from test_metrics import metrics


def scraped(daemon, release_id):
    sources = daemon.get(f"/v1/releases/{release_id}/gates")[1]["sources"]
    return [s for s in sources if "format" in s][0]


def test_a_page_in_openmetrics_feeds_the_gates(slow_daemon, target):  # noqa: F811
    target.set(openmetrics="good")
    id_ = passing(slow_daemon)
    source = scraped(slow_daemon, id_)
    assert source["format"] == "openmetrics" and source["up"] and source["failures"] == 0, source


def test_a_target_that_breaks_the_rules_is_asked_for_the_text(slow_daemon, target):  # noqa: F811
    target.set(openmetrics="broken")
    id_ = passing(slow_daemon)
    source = scraped(slow_daemon, id_)
    assert source["format"] == "prometheus" and source["failures"] == 1, source
    assert "openmetrics_refused" in slow_daemon.log()
    assert metrics(slow_daemon)['headgate_scrape_pages_refused_total{reason="malformed"}'] == 1


def test_a_page_without_its_end_is_no_evidence(slow_daemon, target):  # noqa: F811
    target.set(openmetrics="good")
    id_ = passing(slow_daemon)
    target.set(openmetrics="cut")
    slow_daemon.wait_release(id_, "no pass any more", lambda r: r["gates"]["errors"] in ("no_data", "stale"))
    holds_without_moving(slow_daemon, id_, "errors")
    assert "# EOF" in json.dumps(scraped(slow_daemon, id_)["error"])
    wait_until(lambda: metrics(slow_daemon)['headgate_scrape_pages_refused_total{reason="cut"}'] >= 2, "cuts")
