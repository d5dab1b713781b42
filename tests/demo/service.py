#!/usr/bin/python3
"""service - a make-believe HTTP service with a stable and a canary track, and faults to turn on.

It shows what a real service would: /metrics (Prometheus text format) and /health. Its thousand requests a
second are only counted, never made: whenever somebody looks, the counters are brought up to date. How they
are shared between the tracks follows what the deployer last said (PUT /traffic). Faults hit the canary
track, which is the version being rolled out, and show once it gets traffic:

    curl -X POST 'localhost:PORT/fault?error_rate=0.05'          answers 500 to 5 % of its requests
    curl -X POST 'localhost:PORT/fault?latency=0.8'              every fifth request takes 0.8 s or longer
    curl -X POST 'localhost:PORT/fault?lag=2000'                 a consumer falls behind by 2000 events
    curl -X POST 'localhost:PORT/fault?critical_alerts=1'        a critical alert fires
    curl -X POST 'localhost:PORT/fault?health=fail'              /health answers 503
    curl -X POST localhost:PORT/fault/clear

Counting is exact, without dice: at 1.5 % every 200 requests hold 3 errors, so that the demo ends the same way
every time. Python's standard library only.
"""

import argparse
import http.server
import json
import os
import signal
import sys
import threading
import time
import urllib.parse

REQUESTS_PER_SECOND = 1000
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# What share of the requests takes how long: a p95 of about 0.2 s.
DURATIONS = ((0.50, 0.02), (0.30, 0.06), (0.17, 0.15), (0.03, 0.3))
SLOW_SHARE = 0.2  # of the canary's requests, while latency is the fault
FAULTS = {"error_rate": float, "latency": float, "lag": int, "critical_alerts": int, "health": str}


class Track:
    """Counters of one track. Fractions of requests are kept for the next time."""

    def __init__(self):
        self.good = 0.0
        self.errors = 0.0
        self.buckets = [0.0] * (len(BUCKETS) + 1)  # not cumulative; the last one is +Inf
        self.seconds = 0.0

    def serve(self, n, error_rate, latency):
        self.good += n * (1 - error_rate)
        self.errors += n * error_rate
        durations = DURATIONS
        if latency > 0:
            durations = [(share * (1 - SLOW_SHARE), took) for share, took in DURATIONS]
            durations.append((SLOW_SHARE, max(latency, DURATIONS[-1][1])))
        for share, took in durations:
            at = sum(1 for le in BUCKETS if took > le)
            self.buckets[at] += n * share
            self.seconds += n * share * took


class Service:
    def __init__(self):
        self.tracks = {"stable": Track(), "canary": Track()}
        self.traffic = {"stable": "1.0.0", "canary": None, "weight": 0}
        self.faults = {}
        self.started = time.time()
        self.at = time.monotonic()

    def exposed(self):
        return self.traffic["weight"] > 0

    def advance(self):
        """Counts the requests since the last look."""
        now = time.monotonic()
        n = (now - self.at) * REQUESTS_PER_SECOND
        share = self.traffic["weight"] / 100
        self.at = now
        self.tracks["stable"].serve(n * (1 - share), 0, 0)
        self.tracks["canary"].serve(n * share, self.faults.get("error_rate", 0), self.faults.get("latency", 0))

    def lag(self):
        return 40 + (self.faults.get("lag", 0) if self.exposed() else 0)

    def critical_alerts(self):
        return self.faults.get("critical_alerts", 0) if self.exposed() else 0

    def is_healthy(self):
        return not (self.exposed() and self.faults.get("health") == "fail")

    def metrics(self):
        self.advance()
        out = ["# HELP http_requests_total Requests answered, by track and status.",
               "# TYPE http_requests_total counter"]
        for name, track in self.tracks.items():
            out.append(f'http_requests_total{{track="{name}",code="200"}} {int(track.good)}')
            if track.errors >= 1:  # like most services: no error, no error series
                out.append(f'http_requests_total{{track="{name}",code="500"}} {int(track.errors)}')
        out += ["# HELP http_request_duration_seconds How long requests took.",
                "# TYPE http_request_duration_seconds histogram"]
        for name, track in self.tracks.items():
            total = 0.0
            for le, n in zip(BUCKETS, track.buckets):
                total += n
                out.append(f'http_request_duration_seconds_bucket{{track="{name}",le="{le}"}} {int(total)}')
            count = int(total + track.buckets[-1])
            out.append(f'http_request_duration_seconds_bucket{{track="{name}",le="+Inf"}} {count}')
            out.append(f'http_request_duration_seconds_sum{{track="{name}"}} {track.seconds:.6f}')
            out.append(f'http_request_duration_seconds_count{{track="{name}"}} {count}')
        out += ["# HELP consumer_lag_events Events the consumer has yet to read.",
                "# TYPE consumer_lag_events gauge", f"consumer_lag_events {self.lag()}",
                "# HELP firing_critical_alerts Critical alerts that fire now.",
                "# TYPE firing_critical_alerts gauge", f"firing_critical_alerts {self.critical_alerts()}",
                "# HELP process_start_time_seconds When this process started.",
                "# TYPE process_start_time_seconds gauge",
                f"process_start_time_seconds {self.started:.3f}"]
        return "\n".join(out) + "\n"

    def set_faults(self, query):
        """Adds faults from a query string; a text is the complaint."""
        wanted = {}
        for key, value in urllib.parse.parse_qsl(query, keep_blank_values=True):
            if key not in FAULTS:
                return f"there is no fault {key}: {', '.join(FAULTS)}"
            try:
                wanted[key] = FAULTS[key](value)
            except ValueError:
                return f"{key}={value} is not a number"
        if not 0 <= wanted.get("error_rate", 0) <= 1:
            return "error_rate is a share: 0.05 is 5 %"
        if min([v for v in wanted.values() if not isinstance(v, str)], default=0) < 0:
            return "a fault is not negative"
        if wanted.get("health", "ok") not in ("ok", "fail"):
            return "health is ok or fail"
        self.advance()
        self.faults.update(wanted)
        return None

    def clear_faults(self):
        self.advance()
        self.faults.clear()

    def set_traffic(self, text):
        traffic = json.loads(text)
        self.advance()
        self.traffic = {key: traffic[key] for key in ("stable", "canary", "weight")}

    def state(self):
        return {"traffic": self.traffic, "faults": self.faults,
                "note": "" if self.exposed() else "nothing is being rolled out: faults show once it is"}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service = None  # set by main
    lock = threading.Lock()  # around the service: connections have threads, counters have not

    def answer(self, status, body, kind="application/json"):
        if not isinstance(body, str):
            body = json.dumps(body) + "\n"
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        with self.lock:
            self.get()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        with self.lock:
            self.post(body)

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        with self.lock:
            self.put(body)

    def get(self):
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self.answer(200, self.service.metrics(), "text/plain; version=0.0.4; charset=utf-8")
        elif path == "/health":
            good = self.service.is_healthy()
            self.answer(200 if good else 503, {"status": "ok" if good else "failing"})
        elif path in ("/", "/state"):
            self.answer(200, self.service.state())
        else:
            self.answer(404, {"error": "GET /metrics, /health or /state"})

    def post(self, body):
        path, _, query = self.path.partition("?")
        if path == "/fault":
            complaint = self.service.set_faults(query or body)
            if complaint:
                self.answer(400, {"error": complaint})
                return
        elif path == "/fault/clear":
            self.service.clear_faults()
        else:
            self.answer(404, {"error": "POST /fault?... or /fault/clear"})
            return
        self.answer(200, self.service.state())

    def put(self, body):
        try:
            self.service.set_traffic(body)
        except (ValueError, KeyError, TypeError) as e:
            self.answer(400, {"error": f"traffic is {{stable, canary, weight}}: {e}"})
            return
        self.answer(200, self.service.state())

    def log_message(self, format, *args):  # a line per scrape would hide the few that matter
        if self.command != "GET":
            sys.stderr.write(f"{self.command} {self.path} {args[1]}\n")


def main():
    parser = argparse.ArgumentParser(description="a make-believe service with faults to turn on")
    parser.add_argument("--port", type=int, default=0, help="default: any free one")
    parser.add_argument("--port-file", help="where to write the port once it listens")
    options = parser.parse_args()
    Handler.service = Service()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    port = server.server_address[1]
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    if options.port_file:
        with open(options.port_file + ".new", "w", encoding="ascii") as f:
            f.write(f"{port}\n")
        os.replace(options.port_file + ".new", options.port_file)
    print(f"service: http://127.0.0.1:{port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
