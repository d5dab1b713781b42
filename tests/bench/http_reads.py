"""Reading a release over 64 kept connections, against nginx with a static file of the same size, one worker each.

Ours checks a token, looks the release up and says what is true now; nginx sends bytes. CPU is the server process'
own, user and system.
"""
import json
import os
import re
import shutil
import subprocess

from figures import in_turn, line
from harness import free_port, wait_until
from world import cpu_seconds

SECONDS, CONNECTIONS = 2, 64


class Nginx:
    CONFIG = """{user}daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{ access_log off; default_type application/json; keepalive_requests 100000000; sendfile on; tcp_nopush on;
    open_file_cache max=100; client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2;
    fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    server {{ listen 127.0.0.1:{port} backlog=511; root {folder}/www; }} }}
"""

    def __init__(self, folder, body):
        folder = folder / "nginx"
        (folder / "www").mkdir(parents=True)
        (folder / "www" / "release").write_bytes(body)
        self.port = free_port()
        user = "user root; " if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(self.CONFIG.format(folder=folder, port=self.port, user=user))
        self.process = subprocess.Popen([shutil.which("nginx", path="/usr/sbin:/usr/bin"), "-p", str(folder), "-c",
                                         str(folder / "nginx.conf")], stderr=subprocess.DEVNULL)
        self.worker = wait_until(self.find_worker, "nginx' worker")
        wait_until(lambda: ask(self.port, "/release", []), "nginx to answer")

    def find_worker(self):
        done = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False)
        return int(done.stdout.split()[0])

    def close(self):
        self.process.terminate()
        self.process.wait()


def ask(port, path, headers, wanted=200):
    """The response's head, of the status that is to be measured."""
    done = subprocess.run(["curl", "-s", "-D", "-", "-o", "/dev/null", *(p for h in headers for p in ("-H", h)),
                           f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True)
    if not done.stdout.startswith(f"HTTP/1.1 {wanted} "):
        raise OSError(f"{path}: {done.stdout}")
    return done.stdout


def etag_of(port, path, headers):
    return re.search(r"(?im)^etag: *(.*?)\r?$", ask(port, path, headers))[1]


def load(pid, port, path, headers):
    """Requests per second as wrk saw them, and the server's CPU time for one."""
    before = cpu_seconds(pid)
    done = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s",
                           *(p for h in headers for p in ("-H", h)), f"http://127.0.0.1:{port}{path}"],
                          capture_output=True, text=True, check=True)
    spent = cpu_seconds(pid) - before
    if "Non-2xx or 3xx" in done.stdout:
        raise RuntimeError(done.stdout)
    requests = int(re.search(r"(\d+) requests in", done.stdout)[1])
    return {"rate": float(re.search(r"Requests/sec: *([\d.]+)", done.stdout)[1]), "us": spent / requests * 1e6}


def run(world):
    daemon = world.daemon()
    baking = daemon.create(version="1.0.0")["id"]
    daemon.wait_release(baking, "all gates judged", lambda r: r["gates"].get("errors") == "pass")
    ended = daemon.create(version="2.0.0", start="manual")["id"]
    daemon.verb(ended, "cancel", reason="bench")
    token = f"Authorization: Bearer {daemon.tokens['ann']}"
    path, still = f"/v1/releases/{baking}", f"/v1/releases/{ended}"
    body = json.dumps(daemon.release(baking), separators=(",", ":")).encode() + b"\n"
    nginx = Nginx(world.folder, body)
    ours, theirs = daemon.process.pid, nginx.worker
    try:
        match = [f"If-None-Match: {etag_of(daemon.port, still, [token])}"]
        peer_match = [f"If-None-Match: {etag_of(nginx.port, '/release', [])}"]
        ask(daemon.port, still, [token, *match], 304)
        ask(nginx.port, "/release", peer_match, 304)
        found = in_turn({
            "ours 200": lambda: load(ours, daemon.port, path, [token]),
            "nginx 200": lambda: load(theirs, nginx.port, "/release", []),
            "ours 304": lambda: load(ours, daemon.port, still, [token, *match]),
            "nginx 304": lambda: load(theirs, nginx.port, "/release", peer_match)})
    finally:
        nginx.close()
    for what, peer in (("200", f"nginx, file of {len(body):,} bytes, 1 worker"), ("304", "nginx, 304, 1 worker")):
        line(f"http: GET a release, {what}", found[f"ours {what}"]["rate"], found[f"nginx {what}"]["rate"], "/s", peer)
        line(f"http: CPU per request, {what}", found[f"ours {what}"]["us"], found[f"nginx {what}"]["us"], "µs", peer,
             less_is_better=True)
