"""`headgate receiver-test`: the reference receiver conforms, and each way not to is found by its own lines."""
import base64
import hashlib
import hmac
import json
import secrets
import threading
import time

import pytest
from harness import Handler, free_port, run_headgate, serve, shut

STALE = {"older-fence", "stale-answer", "repeat-moves-nothing", "older-rollback",
         "older-epoch", "applied-after-forged"}
FORGED = {"wrong-signature", "no-signature", "old-timestamp", "future-timestamp", "tampered-body", "tampered-id"}
MOVED = {"fence-after-forged", "id-after-forged"}  # what applying something forged makes stale
SIGNED = FORGED | MOVED | {"applied-after-forged", "two-signatures"}


class Pupil:
    """A receiver that conforms, but for its faults."""

    def __init__(self, folder, *faults):
        self.key = secrets.token_bytes(32)
        self.secret_file = folder / "pupil-secret"
        self.secret_file.write_text("whsec_" + base64.b64encode(self.key).decode() + "\n")
        self.secret_file.chmod(0o600)
        self.faults, self.seen, self.highest, self.requests = set(faults), set(), (0, 0, 0), []
        self.released = threading.Event()
        pupil = self

        class Deployer(Handler):
            def do_POST(self):
                body = self.body()
                pupil.requests.append((self.path, dict(self.headers), body))
                status, answer, headers = pupil.answer(self.headers, body)
                if status is None:
                    pupil.released.wait(60)
                    self.close_connection = True
                    return
                self.answer(status, json.dumps(answer).encode(), headers)

        self.server = serve(Deployer)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def trusts(self, headers, body):
        if "signatures" in self.faults:
            return True
        if "age" not in self.faults and abs(time.time() - int(headers["webhook-timestamp"])) > 300:
            return False
        if "reparse" in self.faults:
            body = json.dumps(json.loads(body), separators=(",", ":")).encode()
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        good = "v1," + base64.b64encode(hmac.new(self.key, signed, hashlib.sha256).digest()).decode()
        given = headers.get("webhook-signature", "")
        return given == good if "one signature" in self.faults else good in given.split()

    def is_newer(self, headers, order):
        epoch, fence, _ = order
        if "fences" in self.faults or ("rollbacks" in self.faults and headers["Headgate-Class"] == "rollback"):
            return True
        if "sequence" in self.faults:
            return order >= self.highest
        if "epochs" in self.faults:
            return fence >= self.highest[1]
        if "equal" in self.faults:
            return (epoch, fence) > self.highest[:2]
        return (epoch, fence) >= self.highest[:2]

    def answer(self, headers, body):
        if "redirects" in self.faults:
            return 302, {}, {"Location": self.url + "/elsewhere"}
        if "large" in self.faults and len(body) > 65536:
            return None, {}, {}
        if "strict" in self.faults and any(name.lower() == "headgate-tomorrow" for name in headers):
            return 500, {}, {}
        if not self.trusts(headers, body):
            if "trace" in self.faults:
                self.seen.add(headers["webhook-id"])
            return 401, {"error": "not trusted"}, {}
        if headers["webhook-id"] in self.seen and "ids" not in self.faults:
            return 200, {}, {}
        order = tuple(int(headers[f"Headgate-{name}"]) for name in ("Epoch", "Fence", "Sequence"))
        if not self.is_newer(headers, order):
            answer = {"error": "stale", "epoch": self.highest[0], "fence": self.highest[1]}
            if "conflict" in self.faults:
                answer["error"] = "conflict"
            if "silent" in self.faults:
                del answer["fence"]
            return 409, answer, {}
        self.seen.add(headers["webhook-id"])
        self.highest = max(self.highest, order)
        return 200, {}, {}

    def close(self):
        self.released.set()
        shut(self.server)


@pytest.fixture
def pupil(folder):
    made = []

    def make(*faults):
        made.append(Pupil(folder, *faults))
        return made[-1]

    yield make
    for one in made:
        one.close()


def examine(url, secret_file, *args):
    """(what failed, the number that passed, stdout) of a run; its last line and status fit together."""
    signed = ["--secret-file", secret_file] if secret_file else []
    done = run_headgate("receiver-test", url, *signed, *args)
    assert done.returncode in (0, 1), done
    lines = done.stdout.splitlines()
    failed = {line.split()[1].rstrip(":") for line in lines if line.startswith("FAIL ")}
    passed = sum(line.startswith("ok ") for line in lines)
    assert lines[-1] == f"{passed} passed, {len(failed)} failed", done.stdout
    assert done.returncode == (1 if failed else 0)
    return failed, passed, done.stdout


def test_the_reference_receiver_passes_all_and_again(receiver):
    url = f"http://127.0.0.1:{receiver.port}"
    for _ in range(3):
        failed, passed, out = examine(url, receiver.secret_file)
        assert failed == set() and passed >= 25, out
    rows = receiver.applied()
    assert {(row["service"], row["environment"]) for row in rows} == {("headgate-receiver-test", "test")}
    ids = [row["id"] for row in rows]
    assert len(set(ids)) == len(ids)
    order = [(row["epoch"], row["fence"]) for row in rows]
    assert order == sorted(order)
    # One that was restarted still knows.
    receiver.stop()
    receiver.start()
    assert examine(url, receiver.secret_file)[0] == set()


def test_the_reference_receiver_with_another_key_refuses_what_is_good(receiver, tmp_path):
    other = tmp_path / "other"
    other.write_text("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())
    other.chmod(0o600)
    failed, _, out = examine(f"http://127.0.0.1:{receiver.port}", other)
    assert "good-message" in failed and not FORGED & failed, out
    assert receiver.applied() == []


def test_it_is_warned_that_states_will_be_applied(receiver):
    done = run_headgate("receiver-test", f"http://127.0.0.1:{receiver.port}", "--secret-file", receiver.secret_file,
                        "--service", "made-up")
    assert done.returncode == 0 and 'service "made-up"' in done.stderr and "real service" in done.stderr, done
    assert {row["service"] for row in receiver.applied()} == {"made-up"}


@pytest.mark.parametrize("fault,failing", [
    ("none", set()), ("fences", STALE), ("signatures", FORGED | {"fence-after-forged"}),
    ("age", {"old-timestamp", "future-timestamp"} | MOVED), ("reparse", {"tampered-body"} | MOVED),
    ("one signature", {"two-signatures"}), ("sequence", {"equal-fence-sequence"}),
    ("equal", {"equal-fence", "equal-fence-sequence"}),
    ("epochs", {"higher-epoch", "older-epoch"}), ("rollbacks", {"older-rollback"}),
    ("ids", {"repeat-after-newer"}), ("conflict", STALE), ("silent", {"stale-answer"}),
    ("trace", {"applied-after-forged"}), ("strict", {"unknown-header"})])
def test_each_fault_of_a_receiver_fails_its_own_lines(pupil, fault, failing):
    broken = pupil(fault)
    failed, _, out = examine(broken.url, broken.secret_file)
    assert failed == failing, out


def test_a_line_that_failed_says_what_was_expected_and_what_came(pupil):
    broken = pupil("conflict")
    out = examine(broken.url, broken.secret_file)[2]
    line = next(line for line in out.splitlines() if line.startswith("FAIL older-fence: "))
    assert 'expected 409 with an "error" that begins with "stale"' in line
    assert "came 409" in line and "conflict" in line


def test_a_receiver_that_redirects_fails_everywhere_and_is_not_followed(pupil):
    broken = pupil("redirects")
    failed, passed, out = examine(broken.url, broken.secret_file)
    assert "no-redirect" in failed and passed == 1 and "a redirect" in out, out
    assert all(path != "/elsewhere" for path, _, _ in broken.requests)


def test_a_receiver_that_hangs_on_a_large_body_is_found_and_left(pupil):
    broken = pupil("large")
    failed, _, out = examine(broken.url, broken.secret_file, "--timeout", "4s")
    assert failed == {"large-body", "in-time"} and "no answer" in out, out


def test_without_a_secret_nothing_is_signed_and_signatures_are_skipped(pupil):
    unsigned = pupil("signatures")
    failed, passed, out = examine(unsigned.url, None)
    assert failed == set() and passed > 10, out
    assert {line.split()[1].rstrip(":") for line in out.splitlines() if line.startswith("skip ")} == SIGNED
    assert all("webhook-signature" not in headers for _, headers, _ in unsigned.requests)


def test_path_body_and_names_are_those_asked_for(pupil):
    good = pupil()
    failed, _, out = examine(good.url + "/base/", good.secret_file, "--path", "deploy/x", "--body",
                             '{"version":"9"}', "--service", "x", "--environment", "lab")
    assert failed == set(), out
    assert {path for path, _, _ in good.requests} == {"/base/deploy/x"}
    assert {body.strip() for _, _, body in good.requests} == {b'{"version":"9"}'}
    assert {(h["Headgate-Service"], h["Headgate-Environment"]) for _, h, _ in good.requests} == {("x", "lab")}
    assert max(len(body) for _, _, body in good.requests) == 1024 * 1024


def test_json_says_the_same_one_object_a_line(pupil):
    broken = pupil("silent")
    done = run_headgate("receiver-test", broken.url, "--secret-file", broken.secret_file, "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert [row["check"] for row in rows[:-1] if row["result"] == "FAIL"] == ["stale-answer"]
    bad = next(row for row in rows if row.get("check") == "stale-answer")
    assert bad["expected"].startswith("409") and bad["came"].startswith("409")
    assert rows[-1] == {"passed": len(rows) - 2, "failed": 1, "skipped": 0}


def test_a_receiver_that_is_not_there_is_status_3(tmp_path):
    done = run_headgate("receiver-test", f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 3 and done.stdout == "" and "cannot be reached" in done.stderr, done


def test_a_secret_file_that_cannot_be_used_is_status_3(tmp_path):
    empty, open_ = tmp_path / "empty", tmp_path / "open"
    for file, mode in ((empty, 0o600), (open_, 0o644)):
        file.write_text("\n")
        file.chmod(mode)
    for file in (tmp_path / "none", empty, open_):
        done = run_headgate("receiver-test", "http://127.0.0.1:1", "--secret-file", file)
        assert done.returncode == 3 and done.stdout == "" and file.name in done.stderr, done


@pytest.mark.parametrize("args", [
    [], ["--json"], ["http://h", "http://i"], ["http://h", "--explode"], ["http://h", "--secret-file"], ["ftp://h"],
    ["h:80"], ["http://"], ["http://me:secret@h"], ["http://h", "--service", "a b"], ["http://h", "--service", ""],
    ["http://h", "--environment", "a/b"], ["http://h", "--body", "{"], ["http://h", "--timeout", "soon"],
    ["http://h", "--timeout", "0"], ["http://h", "--timeout", "1h"]], ids=" ".join)
def test_wrong_usage_is_status_2_and_shows_the_right_one(args):
    done = run_headgate("receiver-test", *args)
    assert done.returncode == 2 and done.stdout == "" and "usage: headgate receiver-test" in done.stderr, done
