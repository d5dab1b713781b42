"""Reading metrics pages, against only finding the ends of their lines."""
import re
import shutil
import subprocess
import urllib.request

from figures import line, numbers
from harness import call, free_port, wait_until

APP_WANTED = [f"shop_part{f:02d}_requests_total" for f in range(0, 50, 5)]
NODE_WANTED = ["node_cpu_seconds_total", "node_load1", "node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes",
               "node_filesystem_avail_bytes", "node_filesystem_size_bytes", "node_disk_io_time_seconds_total",
               "node_network_receive_errs_total", "node_vmstat_pgmajfault", "process_start_time_seconds"]


def app_page():
    """1,000 series: 50 families of 20."""
    lines = []
    for f in range(50):
        name = f"shop_part{f:02d}_requests_total"
        lines += [f"# HELP {name} Requests part {f} has answered.", f"# TYPE {name} counter"]
        lines += [f'{name}{{method="{("POST", "GET")[i % 2]}",code="{200 + i % 5}",path="/v1/carts/{i}",'
                  f'zone="eu-central-1{"abc"[i % 3]}"}} {981 * i + f}.{i % 10}' for i in range(20)]
    return "\n".join(lines) + "\n"


def node_page():
    """What Debian's node_exporter says about this machine; None without it."""
    if not shutil.which("prometheus-node-exporter"):
        return None
    port = free_port()
    server = subprocess.Popen(["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: call("127.0.0.1", port, "GET", "/")[0] == 200, "node_exporter")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            return answer.read().decode()
    finally:
        server.kill()
        server.wait()


def as_openmetrics(page):
    """The same samples; Debian's node_exporter itself writes only the older format."""
    types = dict(re.findall(r"^# TYPE (\w+) (\w+)$", page, re.MULTILINE))
    counters = {name for name, kind in types.items()
                if kind == "counter" and name.endswith("_total") and name.removesuffix("_total") not in types}
    out = []
    for text in page.splitlines():
        word = text.split(" ", 3)
        if word[0] == "#" and word[2] in counters:
            word[2] = word[2].removesuffix("_total")
        elif word[0] == "#" and word[1] == "TYPE":
            word[3] = {"untyped": "unknown", "counter": "unknown"}.get(word[3], word[3])
        out.append(" ".join(word))
    return "\n".join(out) + "\n# EOF\n"


def run(world):
    for what, page, wanted in (("1,000 series", app_page(), APP_WANTED), ("node_exporter", node_page(), NODE_WANTED)):
        if page is None:
            print(f"parse: {what}: prometheus-node-exporter is not installed", flush=True)
            continue
        for kind, text in (("prometheus", page), ("openmetrics", as_openmetrics(page))):
            file = world.folder / "page"
            file.write_text(text)
            rate = numbers(world.programs / "parse", kind, file, *wanted)
            peer = f"memchr line walk, same {len(text):,} bytes"
            line(f"parse: {what}, {kind}, all wanted", rate["all"], rate["walk"], "GB/s", peer)
            share = f"10 families, {rate['wanted'] / rate['samples']:.0%}"
            line(f"parse: {what}, {kind}, {share}, first", rate["some"], rate["walk"], "GB/s", peer)
            line(f"parse: {what}, {kind}, {share}, again", rate["again"], rate["walk"], "GB/s", peer)
