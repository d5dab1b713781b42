"""The samples in config/actions, each with the very file and a real counterpart: Redis, HAProxy, nginx, PostgreSQL,
kubectl. Only addresses and paths are put in their place."""
import json
import pathlib
import shutil
import socket
import subprocess
import time

import pytest
from harness import ROOT, Daemon, Handler, call, check_invariants, free_port, policy, run_headgate, serve, shut, wait_until
from kubernetes import Kubernetes
from test_actions import Outside, actions, held_by_an_action
from test_destinations import Authority, TlsOutside

SAMPLES = ROOT / "config" / "actions"
INSTALLED = "/usr/local/share/headgate/actions/scripts"


def destination(name, places):
    """The lines of one destination in the sample, with what is elsewhere here put in place."""
    lines = (SAMPLES / "headgate.yaml").read_text().splitlines()
    start = lines.index(f"  {name}:")
    end = next((i for i in range(start + 1, len(lines)) if lines[i][:3].strip() and not lines[i].startswith("   ")),
               len(lines))
    text = "\n".join(lines[start:end]) + "\n"
    for said, here in {INSTALLED: str(SAMPLES / "scripts"), **places}.items():
        assert said in text or said == INSTALLED, f"{said} is not in the sample's {name}"
        text = text.replace(said, str(here))
    return text


@pytest.fixture
def release(postgres, folder, target):
    """release(sample, places, enter, back): a daemon with these destinations, and a canary of weight 10 that bakes."""
    made = []

    def begin(sample, names, places, enter, back, addresses=(), **change):
        document = json.loads(policy(target)["test.yaml"])
        del document["actions"]
        document["include"] = [f"actions/{sample}"]
        document["stages"] = [{"stage": "canary", "weight": 10, "bake": "1h", "enter": enter},
                              {"stage": "full", "weight": 100, "bake": "1h", "enter": enter}]
        document["rollback"]["options"] = [{"option": "back", "actions": back}]
        document["gates"]["health"]["then"] = "rollback back"
        daemon = Daemon(folder, postgres, postgres.database(), target, None, {"test.yaml": json.dumps(document)})
        made.append(daemon)
        shutil.copytree(SAMPLES, daemon.policies / "actions")
        file = daemon.policies / "actions" / sample
        for said, here in addresses:
            assert said in file.read_text()
            file.write_text(file.read_text().replace(said, here))
        with open(daemon.folder / "headgate.yaml", "a", encoding="utf-8") as file:
            file.write("destinations:\n" + "".join(destination(name, where) for name, where in zip(names, places)))
        daemon.start()
        assert "policy_does_not_fit" not in daemon.log()
        return daemon, daemon.create(version="1.4.0", stable_version="1.3.9", **change)["id"]

    yield begin
    for daemon in made:
        daemon.close()
        check_invariants(daemon)


def baking(daemon, id_):
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")


def rolled_back(daemon, id_):
    daemon.verb(id_, "rollback", reason="to see the way back")
    daemon.wait_state(id_, "rolled_back")


@pytest.fixture
def running():
    """running(command...): a process that is ended with the test."""
    processes = []

    def begin(*command):
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.terminate()
        process.wait(timeout=30)


class Named:
    """A server that answers with its name."""

    def __init__(self, name):
        class Name(Handler):
            def do_GET(self):
                self.answer(200, name.encode())

        self.server = serve(Name)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def versions():
    both = {name: Named(name) for name in ("canary", "stable")}
    yield both
    for one in both.values():
        shut(one.server)


def canaries(port):
    """How many of a hundred requests the canary gets."""
    return sum(call("127.0.0.1", port, "GET", "/")[1] == "canary" for _ in range(100))


def listens(port):
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


# --- Redis ---

def redis(running, port, *more):
    process = running("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--daemonize", "no", *more)
    wait_until(lambda: listens(port), "Redis to listen")
    return process


def redis_get(port, key):
    return subprocess.run(["redis-cli", "-p", str(port), "GET", key], capture_output=True, text=True,
                          check=True).stdout.strip()


def test_redis_flag_goes_on_and_off(release, running):
    port = free_port()
    redis(running, port)
    daemon, id_ = release("redis.yaml", ["redis"], [{"6379": port}], ["flag_on"], ["flag_off"])
    baking(daemon, id_)
    assert redis_get(port, "feature:checkout") == "true"
    rolled_back(daemon, id_)
    assert redis_get(port, "feature:checkout") == "false"


def test_redis_that_is_away_or_says_no_is_not_done(release, running):
    port = free_port()
    daemon, id_ = release("redis.yaml", ["redis"], [{"6379": port}], ["flag_on"], ["flag_off"])
    wait_until(lambda: "refused" in actions(daemon, id_)[0]["last_text"], "the first failure")
    closed = redis(running, port, "--requirepass", "something")
    wait_until(lambda: "NOAUTH" in actions(daemon, id_)[0]["last_text"], "the second")
    assert daemon.release(id_)["step"] == "entering"
    closed.terminate()
    closed.wait(timeout=30)
    redis(running, port)
    baking(daemon, id_)
    assert redis_get(port, "feature:checkout") == "true"


# --- HAProxy ---

@pytest.fixture
def haproxy(folder, running, versions):
    port = free_port()
    admin = folder / "admin.sock"
    config = folder / "haproxy.cfg"
    config.write_text(f"""global
    stats socket {admin} mode 600 level admin
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend f
    bind 127.0.0.1:{port}
    default_backend checkout
backend checkout
    balance roundrobin
    server canary {versions['canary'].address} weight 0
    server stable {versions['stable'].address} weight 100
""")
    running("haproxy", "-db", "-f", config)
    wait_until(lambda: listens(port), "HAProxy to listen")
    return port, admin


def test_haproxy_moves_a_tenth_and_back(release, haproxy):
    port, admin = haproxy
    assert canaries(port) == 0
    daemon, id_ = release("haproxy.yaml", ["haproxy"], [{"/run/haproxy/admin.sock": admin}], ["haproxy_weight"],
                          ["haproxy_weight_zero"])
    baking(daemon, id_)
    assert 8 <= canaries(port) <= 12
    assert actions(daemon, id_)[0]["last_text"] == "exit status 0: checkout: canary 10, stable 90"
    rolled_back(daemon, id_)
    assert canaries(port) == 0


def test_haproxy_that_knows_no_such_backend_is_not_taken_for_done(release, haproxy):
    daemon, id_ = release("haproxy.yaml", ["haproxy"], [{"/run/haproxy/admin.sock": haproxy[1]}], ["haproxy_weight"],
                          ["haproxy_weight_zero"], service="nobody")
    held_by_an_action(daemon, id_)
    message = actions(daemon, id_)[0]
    assert message["last_status"] == 65 and "No such" in message["last_text"], message


# --- nginx ---

@pytest.fixture
def nginx(folder, running, versions):
    port = free_port()
    upstream, config = folder / "checkout.conf", folder / "nginx.conf"
    upstream.write_text(f"upstream checkout {{ server {versions['stable'].address}; }}\n")
    config.write_text(f"""daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    include {upstream};
    server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://checkout; }} }}
}}
""")
    folder.chmod(0o755)
    running("/usr/sbin/nginx", "-c", config)
    wait_until(lambda: listens(port) and (folder / "nginx.pid").read_text(), "nginx to listen")
    return port, upstream, config


def test_nginx_moves_a_tenth_and_back_and_refuses_what_is_older(release, nginx, versions, folder):
    port, upstream, config = nginx
    fences = folder / "fences"
    fences.mkdir()
    places = {"/var/lib/headgate/nginx": fences, "/etc/nginx/headgate/checkout.conf": upstream,
              "/etc/nginx/nginx.conf": config}
    daemon, id_ = release("nginx.yaml", ["nginx"], [places], ["nginx_weight"], ["nginx_weight_zero"],
                          [("127.0.0.1:8082", versions["canary"].address),
                           ("127.0.0.1:8081", versions["stable"].address)])
    baking(daemon, id_)
    wait_until(lambda: 8 <= canaries(port) <= 12, "a tenth of the requests to move")
    assert f"{versions['canary'].address} weight=10;" in upstream.read_text()
    rolled_back(daemon, id_)
    wait_until(lambda: canaries(port) == 0, "all requests to be back")
    epoch, fence = map(int, (fences / "checkout+prod").read_text().split())
    stale = subprocess.run([SAMPLES / "scripts" / "fenced", fences, "/bin/touch", folder / "touched"], check=False,
                           capture_output=True, text=True,
                           env={"PATH": "/usr/bin:/bin", "HEADGATE_SERVICE": "checkout", "HEADGATE_ENVIRONMENT": "prod",
                                "HEADGATE_EPOCH": str(epoch), "HEADGATE_FENCE": str(fence - 1)})
    assert stale.returncode == 65 and "stale" in stale.stderr and not (folder / "touched").exists()


def test_nginx_that_does_not_like_it_keeps_what_it_had(nginx):
    port, upstream, config = nginx
    before = upstream.read_text()
    done = subprocess.run([SAMPLES / "scripts" / "nginx-weight", upstream, "checkout", "not an address;;",
                           "127.0.0.1:1", "10"], check=False, capture_output=True, text=True,
                          env={"PATH": "/usr/bin:/bin", "NGINX_CONF": str(config)})
    assert done.returncode == 65 and upstream.read_text() == before, done.stderr
    assert canaries(port) == 0


# --- PostgreSQL ---

def shop(postgres):
    name = f"shop{time.monotonic_ns()}"
    postgres.sql("postgres", f"CREATE DATABASE {name}")
    postgres.sql(name, "CREATE TABLE orders (id int, coupon text); CREATE TABLE coupons (code text)")
    return name


def columns(postgres, name):
    return [row[0] for row in postgres.sql(name, "SELECT column_name FROM information_schema.columns "
                                           "WHERE table_schema = 'public' ORDER BY 1")]


def migration_places(postgres, database, directory):
    return {"/run/postgresql": postgres.home, "PGDATABASE: shop": f"PGDATABASE: {database}",
            "PGUSER: shop_owner": "PGUSER: owner", "/etc/headgate/migrations": directory}


def test_a_migration_is_taken_back_and_may_be_taken_back_twice(release, postgres):
    database = shop(postgres)
    daemon, id_ = release("migrations.yaml", ["migrations"],
                          [migration_places(postgres, database, SAMPLES / "migrations")], [], ["down_migration"])
    baking(daemon, id_)
    assert columns(postgres, database) == ["code", "coupon", "id"]
    rolled_back(daemon, id_)
    assert columns(postgres, database) == ["id"]
    again = subprocess.run(["/usr/bin/psql", "-X", "-q", "-w", "--set=ON_ERROR_STOP=1", "--single-transaction",
                            "--file=checkout/1.4.0.down.sql"], cwd=SAMPLES / "migrations", check=False,
                           env={"PATH": "/usr/bin:/bin", "PGHOST": str(postgres.home), "PGUSER": "owner",
                                "PGDATABASE": database})
    assert again.returncode == 0 and columns(postgres, database) == ["id"]


def test_a_migration_that_fails_halfway_changes_nothing_and_is_refused(release, postgres, folder):
    database = shop(postgres)
    directory = folder / "migrations"
    (directory / "checkout").mkdir(parents=True)
    (directory / "checkout" / "1.4.0.down.sql").write_text("DROP TABLE coupons;\nSELECT 1 / 0;\n")
    daemon, id_ = release("migrations.yaml", ["migrations"], [migration_places(postgres, database, directory)], [],
                          ["down_migration"])
    baking(daemon, id_)
    daemon.verb(id_, "rollback", reason="to see it fail")
    daemon.wait_state(id_, "failed")
    assert columns(postgres, database) == ["code", "coupon", "id"]
    message = next(a for a in actions(daemon, id_) if a["action"] == "down_migration")
    assert message["last_status"] == 3 and "division by zero" in message["last_text"]
    # Mended, it goes through: a rollback is never given up.
    (directory / "checkout" / "1.4.0.down.sql").write_text("DROP TABLE IF EXISTS coupons;\n")
    daemon.wait_state(id_, "rolled_back")


# --- Kubernetes ---

@pytest.fixture
def cluster(folder):
    one = Kubernetes("registry.example/checkout:1.3.9")
    one.write_config(folder / "kubeconfig")
    yield one
    one.close()


def test_kubectl_sets_the_image_and_sets_it_back(release, cluster, folder):
    places = {"/etc/headgate/kubeconfig": folder / "kubeconfig"}
    daemon, id_ = release("kubernetes.yaml", ["kubernetes", "kubernetes-undo"], [places, places], ["k8s_image"],
                          ["k8s_image_back"])
    baking(daemon, id_)
    assert cluster.image == "registry.example/checkout:1.4.0"
    rolled_back(daemon, id_)
    assert cluster.image == "registry.example/checkout:1.3.9"
    assert [(kind, body["spec"]["template"]["spec"]["containers"]) for kind, body in cluster.patches] == [
        ("application/strategic-merge-patch+json", [{"image": f"registry.example/checkout:{version}",
                                                     "name": "checkout"}]) for version in ("1.4.0", "1.3.9")]


def test_kubectl_rollout_undo_goes_back_once_however_often_it_is_run(release, cluster, folder):
    places = {"/etc/headgate/kubeconfig": folder / "kubeconfig"}
    daemon, id_ = release("kubernetes.yaml", ["kubernetes", "kubernetes-undo"], [places, places], ["k8s_image"],
                          ["k8s_undo"])
    baking(daemon, id_)
    rolled_back(daemon, id_)
    assert cluster.image == "registry.example/checkout:1.3.9"
    for _ in range(2):
        subprocess.run([SAMPLES / "scripts" / "rollout-undo", folder / "kubeconfig", "prod", "checkout",
                        "registry.example/checkout:1.3.9"], check=True, capture_output=True)
    assert cluster.image == "registry.example/checkout:1.3.9" and len(cluster.patches) == 2


# --- those whose counterpart is not here: what is sent is held against what is published ---

def test_argo_rollouts_is_asked_as_its_plugin_documents(release, folder):
    """`kubectl argo rollouts set image|promote|abort ROLLOUT ...`: one name, and --full or container=image after it."""
    program = folder / "kubectl-argo-rollouts"
    program.write_text('#!/bin/sh\nfor a in "$@"; do printf "%s " "$a" >>"$HOME/asked"; done; echo >>"$HOME/asked"\n')
    program.chmod(0o755)
    daemon, id_ = release("argo.yaml", ["argo", "argo-api"], [{"/usr/local/bin/kubectl-argo-rollouts": program}, {}],
                          ["argo_image", "argo_promote"], ["argo_abort", "argo_image_back"])
    baking(daemon, id_)
    rolled_back(daemon, id_)
    head = "--kubeconfig=/etc/headgate/kubeconfig --namespace=prod "
    assert (daemon.folder / "state" / "asked").read_text().splitlines() == [
        head + "set image checkout checkout=registry.example/checkout:1.4.0 ", head + "promote checkout --full ",
        head + "abort checkout ", head + "set image checkout checkout=registry.example/checkout:1.3.9 "]


def test_argo_rollouts_is_patched_as_its_plugin_does(release, folder):
    """promoteFullPatch and abortPatch of the plugin's source, as merge patches of the subresource status, over TLS."""
    authority = Authority(folder, "cluster")
    outside = TlsOutside(folder, authority.issue("kubernetes", "DNS:localhost,IP:127.0.0.1"))
    token = folder / "kubernetes.token"
    token.write_text("a-service-account\n")
    outside.plan = [503]
    daemon, id_ = release("argo.yaml", ["argo", "argo-api"],
                          [{"/usr/local/bin/kubectl-argo-rollouts": "/usr/bin/true"},
                           {"https://kubernetes.example:6443": f"https://localhost:{outside.port}",
                            "/etc/headgate/kubernetes.token": token, "/etc/headgate/kubernetes-ca.pem": authority.cert}],
                          ["argo_promote_patch"], ["argo_abort_patch"])
    baking(daemon, id_)
    rolled_back(daemon, id_)
    status = "/apis/argoproj.io/v1alpha1/namespaces/prod/rollouts/checkout/status"
    assert [(r["method"], r["path"], r["headers"]["Content-Type"], r["headers"]["Authorization"], json.loads(r["body"]))
            for r in outside.requests] == [
        ("PATCH", status, "application/merge-patch+json", "Bearer a-service-account", {"status": patch})
        for patch in ({"promoteFull": True}, {"promoteFull": True}, {"abort": True})]
    assert "exit status 75: status 503" in daemon.log()
    outside.close()


def test_a_workflow_dispatch_is_what_github_publishes(release, folder):
    """POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches of GitHub's REST description: an object
    with `ref`, a required text, and `inputs`, at most 10 (later 25) texts, and no other key; answered 204."""
    outside = Outside(folder)
    outside.plan = [(204, {"Connection": "close"})] * 2  # its "{}" is no answer to anything
    token = folder / "github.token"
    token.write_text("github_pat_something\n")
    token.chmod(0o600)
    daemon, id_ = release("github.yaml", ["github"], [{"https://api.github.com": f"http://127.0.0.1:{outside.port}",
                                                       "github.token": token}],
                          ["github_deploy"], ["github_deploy_back"])
    baking(daemon, id_)
    rolled_back(daemon, id_)
    for request, version in zip(outside.requests, ("1.4.0", "1.3.9")):
        body = json.loads(request["body"])
        assert (request["method"], request["path"]) == ("POST", "/repos/acme/shop/actions/workflows/deploy.yml/dispatches")
        assert request["headers"]["Accept"] == "application/vnd.github+json"
        assert request["headers"]["X-GitHub-Api-Version"] == "2022-11-28"
        assert request["headers"]["Authorization"] == "Bearer github_pat_something"
        assert request["headers"]["User-Agent"], "GitHub refuses requests without"
        assert set(body) == {"ref", "inputs"} and isinstance(body["ref"], str)
        assert body["inputs"] == {"environment": "prod", "artifact": f"checkout:{version}"} and len(body["inputs"]) <= 10
    assert len(outside.requests) == 2
    outside.close()


# --- all of them ---

@pytest.mark.parametrize("sample", sorted(p.name for p in SAMPLES.glob("*.yaml") if p.name != "headgate.yaml"))
def test_every_sample_loads_and_names_destinations_of_the_fragment(sample, folder, target):
    document = json.loads(policy(target)["test.yaml"])
    document["include"] = [f"actions/{sample}"]
    shutil.copytree(SAMPLES, folder / "actions")
    (folder / "test.yaml").write_text(json.dumps(document))
    done = run_headgate("check", folder / "test.yaml")
    assert done.returncode == 0, done.stdout
    wanted = {line.split("to: ")[1].split(",")[0].strip() for line in (SAMPLES / sample).read_text().splitlines()
              if line.lstrip().startswith("to: ") or "{to: " in line}
    there = {line.strip(" :") for line in (SAMPLES / "headgate.yaml").read_text().splitlines()
             if line.startswith("  ") and line[2:3].isalpha() and line.endswith(":")}
    assert wanted and wanted <= there, (wanted, there)


def test_the_fragment_loads_where_its_programs_are(folder):
    text = (SAMPLES / "headgate.yaml").read_text().replace(INSTALLED, str(SAMPLES / "scripts"))
    for gone in ("/usr/local/bin/kubectl-argo-rollouts", "/usr/bin/kubectl"):
        text = text.replace(gone, "/usr/bin/true")
    text = text.replace("/etc/headgate/migrations", str(folder))
    (folder / "github.token").write_text("x")
    (folder / "github.token").chmod(0o600)
    (folder / "headgate.yaml").write_text(text)
    done = run_headgate("check", "--config", folder / "headgate.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(pathlib.Path(p).exists() for p in ("/usr/bin/redis-cli", "/usr/bin/psql"))
