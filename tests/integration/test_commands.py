"""Commands as actions: what they are given, what their end means, and what is done with those that do not end."""
import json
import os
import pathlib
import signal

import pytest
from harness import Daemon, Nothing, PATIENCE_S, check_invariants, policy, run_headgate, wait_until
from test_actions import actions, held_by_an_action

SECRET = "a-secret-that-nobody-may-see"


def script(folder, name, text):
    path = folder / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def commands(target, bake="1h", forward=("go", "${stage.weight}"), back=("back",), **change):
    """A canary whose actions are commands."""
    document = json.loads(policy(target)["test.yaml"])
    document["stages"][0]["bake"] = bake
    document["actions"] = {
        "set_weight": {"to": "run", "arguments": list(forward)},
        "weight_zero": {"to": "run", "arguments": list(back)},
        "redeploy": {"to": "run", "arguments": ["redeploy", "${stable_version}"]},
    }
    document.update(change)
    return {"test.yaml": json.dumps(document)}


class Commands:
    """A daemon whose only destination is a script. It writes to folder/runs what the test looks at."""

    def __init__(self, postgres, folder, target, text, policies=None, keys=None, environment=None):
        self.folder = folder
        self.runs = folder / "runs"
        self.program = script(folder, "program", text)
        self.daemon = Daemon(folder, postgres, postgres.database(), target, None, policies or commands(target))
        self.daemon.write_config(limits={"writes_per_second": 100000, "writes_burst": 100000})
        destination = {"program": str(self.program), "environment": {"RUNS": str(self.runs), **(environment or {})},
                       **(keys or {})}
        with open(self.daemon.folder / "headgate.yaml", "a", encoding="utf-8") as file:
            file.write(f"destinations: {json.dumps({'run': destination})}\n")

    def lines(self):
        return self.runs.read_text().splitlines() if self.runs.exists() else []


@pytest.fixture
def make(postgres, folder, target):
    made = []

    def make_one(text, **how):
        one = Commands(postgres, folder, target, text, **how)
        made.append(one)
        one.daemon.start()
        return one

    yield make_one
    for one in made:
        one.daemon.close()
        check_invariants(one.daemon)


def row(daemon, id_, action="set_weight"):
    return next(r for r in actions(daemon, id_) if r["action"] == action)


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_command_moves_a_release_and_its_output_is_shown(make):
    one = make('echo "$@" >>"$RUNS"; echo "weight is $2"\n', policies=None)
    id_ = one.daemon.create()["id"]
    one.daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    assert one.lines() == ["go 10"]
    done = row(one.daemon, id_)
    assert done["state"] == "acknowledged" and done["last_status"] == 0
    assert done["last_text"] == "exit status 0: weight is 10"
    assert done["arguments"] == ["go", "10"]
    one.daemon.verb(id_, "rollback", reason="to see its command")
    one.daemon.wait_state(id_, "rolled_back")
    assert one.lines() == ["go 10", "back"]


def test_no_shell_reads_the_arguments(make, target):
    hostile = ["; touch pwned", "$(touch pwned)", "`touch pwned`", "a b", "*", "", "--", "é\n|x"]
    one = make('for a in "$@"; do printf "%s." "$a" | od -An -tx1 | tr -d " \\n" >>"$RUNS"; echo >>"$RUNS"; done\n',
               policies=commands(target, forward=hostile))
    id_ = one.daemon.create()["id"]
    one.daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    assert [bytes.fromhex(line).decode()[:-1] for line in one.lines()] == hostile
    assert not list(one.folder.rglob("pwned"))


def test_the_environment_is_clean_and_names_the_message(make, folder):
    secret = folder / "password"
    secret.write_text(SECRET + "\n")
    secret.chmod(0o600)
    os.environ["LEAKED_FROM_THE_DAEMON"] = "yes"
    try:
        one = make('env | sort >>"$RUNS"; pwd >>"$RUNS"; umask >>"$RUNS"; ls /proc/self/fd | wc -l >>"$RUNS"\n'
                   'echo "the password is $PASSWORD"; exit 64\n',
                   keys={"environment_files": {"PASSWORD": str(secret)}, "directory": str(folder)})
    finally:
        del os.environ["LEAKED_FROM_THE_DAEMON"]
    id_ = one.daemon.create()["id"]
    held_by_an_action(one.daemon, id_)
    lines = one.lines()
    environment = dict(line.split("=", 1) for line in lines if "=" in line)
    message = row(one.daemon, id_)
    assert environment == {
        "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(folder), "PWD": str(folder), "RUNS": str(one.runs),
        "PASSWORD": SECRET, "HEADGATE_MESSAGE_ID": message["id"], "HEADGATE_RELEASE": str(id_),
        "HEADGATE_SERVICE": "checkout", "HEADGATE_ENVIRONMENT": "prod", "HEADGATE_VERSION": "1.0.0",
        "HEADGATE_RELEASE_VERSION": str(message["row_version"]), "HEADGATE_EPOCH": str(message["epoch"]),
        "HEADGATE_FENCE": str(message["fence"]), "HEADGATE_SEQUENCE": str(message["sequence"]),
        "HEADGATE_CLASS": "advance",
        "HEADGATE_ACTION": "set_weight", "HEADGATE_ATTEMPT": "1"}
    assert lines[-3:] == [str(folder), "0077", "4"], "0 to 2, and the folder that ls reads"
    assert message["last_text"] == "exit status 64: the password is ***" and message["last_status"] == 64
    assert message["state"] == "refused"
    assert SECRET not in one.daemon.log() and SECRET not in json.dumps(message)


def test_the_exit_status_says_whether_it_is_tried_again(make):
    one = make('echo x >>"$RUNS"\ncase $(wc -l <"$RUNS") in 1) exit 75;; 2) exit 3;; 3) kill -9 $$;; esac\n')
    id_ = one.daemon.create()["id"]
    one.daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    assert row(one.daemon, id_)["attempts"] == 4
    assert "ended by SIGKILL" in one.daemon.log() and "exit status 75" in one.daemon.log()


def test_the_configuration_says_which_exit_statuses_refuse(make):
    one = make("echo no >&2; exit 9\n", keys={"exit": {"refused": [9]}})
    id_ = one.daemon.create()["id"]
    held_by_an_action(one.daemon, id_)
    message = row(one.daemon, id_)
    assert (message["state"], message["last_text"]) == ("refused", "exit status 9: no")


def test_a_command_that_hangs_is_killed_with_all_it_has_started(make):
    one = make('trap "" TERM\n(trap "" TERM; sleep 600) & echo $! >>"$RUNS"; echo $$ >>"$RUNS"; wait; sleep 600\n',
               keys={"timeout": "1s", "kill_after": "300ms"})
    id_ = one.daemon.create()["id"]
    wait_until(lambda: row(one.daemon, id_)["attempts"] >= 2, "a second attempt")
    first = [int(pid) for pid in one.lines()[:2]]
    wait_until(lambda: not any(is_alive(pid) for pid in first), "the whole group to be gone")
    message = row(one.daemon, id_)
    assert message["last_status"] == 0 and "time limit" in message["last_text"]
    assert one.daemon.release(id_)["step"] == "entering", "what timed out is not done"


def test_a_hundred_megabytes_of_output_do_no_harm(make):
    one = make('head -c 100000000 /dev/zero | tr "\\000" x; echo; echo the end\n', keys={"timeout": "1m"})
    id_ = one.daemon.create()["id"]
    one.daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    said = row(one.daemon, id_)["last_text"]
    assert said.startswith("exit status 0: ...") and said.endswith("xx\\nthe end") and len(said) <= 500


def test_output_that_is_no_text_is_shown_as_one_line(make):
    one = make("printf 'a\\033[31m\\377\\nb\\303\\244'; exit 64\n")
    id_ = one.daemon.create()["id"]
    held_by_an_action(one.daemon, id_)
    assert row(one.daemon, id_)["last_text"] == "exit status 64: a\\x1b[31m\\xff\\nbä"


def test_a_program_that_vanished_is_looked_for_again(make):
    one = make("exit 0\n")
    aside = one.program.rename(one.folder / "aside")
    id_ = one.daemon.create()["id"]
    wait_until(lambda: "No such file" in row(one.daemon, id_)["last_text"], "the failure to be told")
    aside.rename(one.program)
    one.daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")


def test_fifty_commands_at_once_run_four_at_a_time(make):
    one = make('echo + >>"$RUNS"; sleep 0.3; echo - >>"$RUNS"\n', keys={"timeout": "1m"})
    ids = [one.daemon.create(service=f"s{i}")["id"] for i in range(50)]
    for id_ in ids:
        one.daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    running = most = 0
    for line in one.lines():
        running += 1 if line == "+" else -1
        most = max(most, running)
    assert most == 4 and len(one.lines()) == 100
    assert {row(one.daemon, id_)["attempts"] for id_ in ids} == {1}


def test_what_waits_for_a_place_keeps_nobody_else_waiting(make, postgres, folder, target, receiver):
    document = json.loads(commands(target)["test.yaml"])
    quick = json.loads(policy(target, name="quick")["quick.yaml"])
    one = Commands(postgres, folder, target, "sleep 600\n", keys={"concurrency": 1, "timeout": "1h"},
                   policies={"test.yaml": json.dumps(document), "quick.yaml": json.dumps(quick)})
    file = one.daemon.folder / "headgate.yaml"
    text, _, destinations = file.read_text().rpartition("destinations: ")
    both = {**json.loads(destinations), "deployer": {"url": f"http://127.0.0.1:{receiver.port}",
                                                     "secret_file": str(receiver.secret_file)}}
    file.write_text(text + f"destinations: {json.dumps(both)}\n")
    one.daemon.start()
    for i in range(80):
        one.daemon.create(service=f"s{i}")
    id_ = one.daemon.create(service="other", policy="quick")["id"]
    one.daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    one.daemon.close()
    check_invariants(one.daemon)


HANGS = """case $1 in
go) echo "go $$" >>"$RUNS"; trap '' TERM; while :; do sleep 0.1; done;;
*) echo "$*" >>"$RUNS";;
esac
"""


def test_a_rollback_command_does_not_wait_for_the_advance_that_hangs_and_ends_it(make):
    one = make(HANGS, keys={"timeout": "1h", "concurrency": 1, "kill_after": "1s"})
    id_ = one.daemon.create()["id"]
    queued = one.daemon.create(service="queued")["id"]
    wait_until(one.lines, "the advance to run")
    pid = int(one.lines()[0].split()[1])
    one.daemon.verb(id_, "rollback", reason="it hangs")
    one.daemon.wait_state(id_, "rolled_back")
    assert one.lines()[1] == "back"
    wait_until(lambda: not is_alive(pid), "the advance to be gone")
    # Its place is free again.
    wait_until(lambda: any(line.startswith("go") for line in one.lines()[2:]), "the next one to run")
    one.daemon.verb(queued, "rollback", reason="it hangs as well")
    one.daemon.wait_state(queued, "rolled_back")
    assert [line.split()[0] for line in one.lines()[:4]] == ["go", "back", "go", "back"]


def test_an_advance_that_waits_for_a_place_never_runs_once_it_is_rolled_back(make):
    one = make(HANGS, keys={"timeout": "1h", "concurrency": 1})
    one.daemon.create()
    wait_until(one.lines, "the first to run")
    id_ = one.daemon.create(service="queued")["id"]
    wait_until(lambda: row(one.daemon, id_)["state"] == "pending", "the second to wait")
    one.daemon.verb(id_, "rollback", reason="not now")
    one.daemon.wait_state(id_, "rolled_back")
    assert row(one.daemon, id_)["attempts"] == 0
    assert [line.split()[0] for line in one.lines()] == ["go", "back"]


def test_a_long_command_is_not_begun_twice(make):
    """The claim of a rollback lapses for others after 5 s; while its command runs it is renewed."""
    one = make('echo "$1" >>"$RUNS"; [ "$1" = back ] && sleep 9; exit 0\n', keys={"timeout": "1m"})
    id_ = one.daemon.create()["id"]
    one.daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    second = Daemon(one.folder, one.daemon.postgres, one.daemon.database, one.daemon.target, None, name="b")
    config = (one.daemon.folder / "headgate.yaml").read_text()
    (second.folder / "headgate.yaml").write_text(
        config.replace(str(one.daemon.folder), str(second.folder)).replace(f":{one.daemon.port}", f":{second.port}"))
    (second.folder / "tokens.yaml").write_text((one.daemon.folder / "tokens.yaml").read_text())
    second.tokens = one.daemon.tokens
    second.start(wait=False)
    wait_until(lambda: second.get("/livez")[0] == 200, "the second instance")
    one.daemon.verb(id_, "rollback", reason="slowly")
    one.daemon.wait_state(id_, "rolled_back")
    assert one.lines() == ["go", "back"]
    second.close()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_daemon_that_ends_takes_its_command_along_and_runs_it_again(make, how):
    one = make('echo "$HEADGATE_MESSAGE_ID $$ $HEADGATE_ATTEMPT" >>"$RUNS"\n'
               '[ "$HEADGATE_ATTEMPT" -gt 1 ] && exit 0\ntrap "exit 0" TERM; while :; do sleep 0.1; done\n',
               keys={"timeout": "1h"})
    id_ = one.daemon.create()["id"]
    wait_until(one.lines, "the command to run")
    one.daemon.stop(how)
    pid = int(one.lines()[0].split()[1])
    wait_until(lambda: not is_alive(pid), "the command to be gone")
    one.daemon.start()
    one.daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking", patience=2 * PATIENCE_S)
    first, second = [line.split() for line in one.lines()]
    assert first[0] == second[0] and second[2] == "2"


def test_a_command_that_ended_unrecorded_runs_again_under_the_same_id(make, postgres, folder, target):
    one = Commands(postgres, folder, target, 'echo "$HEADGATE_MESSAGE_ID" >>"$RUNS"\n')
    one.daemon.start(failpoint="delivery_after_reply=kill")
    id_ = one.daemon.create()["id"]
    one.daemon.wait_dead()
    one.daemon.start()
    one.daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking", patience=2 * PATIENCE_S)
    ids = one.lines()
    assert len(ids) == 2 and ids[0] == ids[1]
    one.daemon.close()
    check_invariants(one.daemon)


def test_commands_leave_no_descriptors_behind(make, target):
    one = make("exit 0\n", policies=commands(target, bake="1s"))

    def descriptors():
        return len(os.listdir(f"/proc/{one.daemon.process.pid}/fd"))

    ids = [one.daemon.create(service=f"s{i}")["id"] for i in range(10)]
    for id_ in ids:
        one.daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    before = descriptors()
    ids = [one.daemon.create(service=f"t{i}")["id"] for i in range(30)]
    for id_ in ids:
        one.daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    wait_until(lambda: descriptors() <= before + 8, "its descriptors to be closed")  # connections come and go


def check_of(folder, keys):
    file = folder / "headgate.yaml"
    file.write_text("destinations:\n  run:\n" + "".join(f"    {line}\n" for line in keys))
    done = run_headgate("check", "--config", file)
    return done.returncode, (done.stdout + done.stderr).replace(f"{file}:", "")


def test_a_program_that_others_could_replace_is_found_at_start(folder):
    good = script(folder, "good", "")
    writable = script(folder, "writable", "")
    writable.chmod(0o757)
    plain = script(folder, "plain", "")
    plain.chmod(0o644)
    setuid = script(folder, "setuid", "")
    setuid.chmod(0o4755)
    public = folder / "public"
    public.mkdir()
    public.chmod(0o1777)
    inside = script(public, "inside", "")
    link = folder / "link"
    link.symlink_to(inside)
    assert check_of(folder, [f"program: {good}"])[0] == 0
    for path, said in ((writable, "can be written by everybody"), (plain, "cannot be executed"),
                       (setuid, "is setuid or setgid"), (folder, "is not a regular file"),
                       (folder / "nothing", "No such file"), (inside, "lies in a folder that everybody can write to"),
                       (link, "lies in a folder that everybody can write to")):
        status, text = check_of(folder, [f"program: {path}"])
        assert status == 1 and text.startswith("3:5: /destinations/run/program: ") and said in text, text
    assert run_headgate("serve", "--config", folder / "headgate.yaml").returncode == 78


@pytest.mark.parametrize("keys, said", [
    (["program: true"], "program: must be an absolute path"),
    (["program: /usr/bin/true", "url: http://localhost"], "url: may not stand beside a program"),
    (["program: /usr/bin/true", "secret_file: x"], "secret_file: may not stand beside a program"),
    (["program: /usr/bin/true", "networks: [10.0.0.0/8]"], "networks: may not stand beside a program"),
    (["url: http://localhost", "arguments: [x]"], "arguments: belongs to a destination with a program"),
    (["url: http://localhost", "exit: {retry: [1]}"], "exit: belongs to a destination with a program"),
    (["url: http://localhost", "timeout: 10m"], "timeout: is at most 5m for a request"),
    (["timeout: 1s"], "says not where it is"),
    (["program: /usr/bin/true", "timeout: 2h"], "timeout: must be"),
    (["program: /usr/bin/true", "shell: yes"], "unknown key"),
    (["program: /usr/bin/true", "environment: {HEADGATE_FENCE: '1'}"], "HEADGATE_FENCE: is ours"),
    (["program: /usr/bin/true", "environment: {A.B: x}"], "is not the name of a variable"),
    (["program: /usr/bin/true", "exit: {retry: [256]}"], "retry: holds exit statuses"),
    (["program: /usr/bin/true", "exit: {refused: [75]}"], "refused: holds a status that is in retry too"),
    (["program: /usr/bin/true", "directory: /nowhere"], "directory: /nowhere is not a directory"),
    (["program: /usr/bin/true", "environment_files: {A: two-lines}"], "environment_files/A: must hold one line"),
    (["program: /usr/bin/true", "environment_files: {A: /nowhere}"], "environment_files/A: /nowhere: cannot be opened"),
])
def test_what_a_command_may_not_be_is_said_where_it_stands(folder, keys, said):
    two_lines = folder / "two-lines"
    two_lines.write_text("one\ntwo\n")
    two_lines.chmod(0o600)
    status, text = check_of(folder, keys)
    assert status == 1 and said in text, text


# --- policies that do not fit the configuration ---

MISFITS = {
    "nobody": ({"to": "nobody", "path": "/x"}, "/actions/odd/to",
               'destination "nobody" is not in headgate.yaml, which has run'),
    "path": ({"to": "run", "path": "/x"}, "/actions/odd/path",
             'destination "run" runs a program: give it arguments, no path'),
    "read": ({"to": "run", "arguments": ["x"], "read": {"from": "nobody", "path": "/x", "equals": 1}},
             "/actions/odd/read/from", 'destination "nobody" is not in headgate.yaml, which has run'),
}


@pytest.mark.parametrize("which", MISFITS)
def test_a_policy_that_does_not_fit_the_configuration_is_refused(make, target, folder, which):
    action, pointer, said = MISFITS[which]
    one = make("exit 0\n")
    document = json.loads(commands(target)["test.yaml"])
    document["policy"] = "odd"
    document["actions"]["odd"] = action
    status, body, _ = one.daemon.request("PUT", "/v1/policies/odd", document)
    assert status == 422, body
    assert [(p["pointer"], said in p["detail"]) for p in body["problems"]] == [(pointer, True)], body
    status, body, _ = one.daemon.post("/v1/policies/validate", document)
    assert (status, body["valid"], [p["pointer"] for p in body["problems"]]) == (200, False, [pointer])
    file = folder / "odd.yaml"
    file.write_text(json.dumps(document))
    done = run_headgate("check", file, "--config", one.daemon.folder / "headgate.yaml")
    assert done.returncode == 1 and f"{file}: {pointer}: " in done.stdout and said in done.stdout, done.stdout
    assert run_headgate("check", file).returncode == 0, "alone it cannot know"
    # As a file it does not keep the daemon from starting, but nothing is released by it.
    one.daemon.stop()
    (one.daemon.policies / "odd.yaml").write_text(json.dumps(document))
    one.daemon.start()
    assert "event=policy_does_not_fit" in one.daemon.log()
    status, body, _ = one.daemon.post("/v1/releases", {"service": "checkout", "environment": "prod", "version": "2",
                                                       "policy": "odd", "stable_version": "1"})
    assert status == 422 and [p["pointer"] for p in body["problems"]] == ["/policy"], body
    assert pointer in body["problems"][0]["detail"] and said in body["problems"][0]["detail"]
    assert one.daemon.create()["state"] in ("planned", "running"), "others go on"


def test_arguments_for_a_url_are_a_mistake(postgres, make_daemon, target):
    daemon = make_daemon(postgres).start()
    document = json.loads(policy(target, name="odd")["odd.yaml"])
    document["actions"]["set_weight"] = {"to": "deployer", "arguments": ["x"]}
    status, body, _ = daemon.request("PUT", "/v1/policies/odd", document)
    assert status == 422 and [p["pointer"] for p in body["problems"]] == ["/actions/set_weight/arguments"], body
