"""Notifications as mail, through a real mail server: what arrives, over what, and what becomes of what does not."""
import contextlib
import json
import secrets
import socket
import ssl
import threading

import pytest
from harness import Daemon, Nothing, check_invariants, policy, run_headgate, wait_until
from mta import Exim
from test_destinations import Authority, secret_file

PASSWORD = "canary-password: with spaces"


@pytest.fixture
def trusted(folder):
    return Authority(folder, "trusted")


@pytest.fixture
def start(postgres, folder, target):
    """start(servers, {name: keys}): a daemon with these destinations, and a release to tell of."""
    made = []

    def begin(servers, destinations, **how):
        nothing = Nothing(folder)
        quiet = policy(nothing, stages=[{"stage": "canary", "weight": 10, "bake": "1h"}])
        daemon = Daemon(folder, postgres, postgres.database(), target, nothing, quiet)
        made.append((daemon, servers))
        daemon.write_config(destinations=destinations)
        daemon.start(**how)
        daemon.id = daemon.create()["id"]
        return daemon

    yield begin
    for daemon, servers in made:
        daemon.close()
        check_invariants(daemon)
        for server in servers:
            server.close()
        for text in (daemon.log(), json.dumps(daemon.sql("SELECT to_jsonb(o) FROM headgate.outbox o"))):
            assert "canary-" not in text


def smtp(server, scheme="smtp", port=None, **keys):
    return {"smtp": f"{scheme}://127.0.0.1:{port or server.port}", "from": "headgate@headgate.example",
            "helo": "gate.example", "networks": ["127.0.0.0/8"], **keys}


def notify(daemon, body, destination="mail", action="baking", method="", repeat=1):
    """A notification of a release as the door writes it; its id. A text in it is there `repeat` times."""
    id_ = f"{secrets.token_hex(8)}.{secrets.randbelow(1000)}"
    filled = f"replace($body${json.dumps(body)}$body$, 'REPEAT', repeat('.é\\n', {repeat}))::jsonb"
    daemon.sql(f"""INSERT INTO headgate.outbox (id, release_id, row_version, sequence, fence, epoch, class, action,
        destination, method, path, body) SELECT '{id_}', id, row_version, 100 + (SELECT count(*) FROM headgate.outbox),
        0, 0, 'notification', '{action}', '{destination}', '{method}', '', {filled}
        FROM headgate.release WHERE id = {daemon.id}""")
    return id_


def mail(to="ann@people.example", subject="checkout 1.0.0 is baking", text="All is well.\n"):
    return {"to": to if isinstance(to, list) else [to], "subject": subject, "text": text}


def row(daemon, id_):
    done, dead, attempts, status, text = daemon.sql(
        f"SELECT done_at IS NOT NULL, dead, attempts, coalesce(last_status, 0), coalesce(last_text, '') "
        f"FROM headgate.outbox WHERE id = '{id_}'")[0]
    return {"done": done == "t", "dead": dead == "t", "attempts": int(attempts), "status": int(status), "text": text}


def arrived(daemon, id_):
    return wait_until(lambda: (r := row(daemon, id_))["done"] and r, f"mail {id_} to be taken")


def tried(daemon, id_, attempts=2):
    return wait_until(lambda: (r := row(daemon, id_))["attempts"] >= attempts and r["text"] and r,
                      f"{attempts} attempts")


def dead(daemon, id_):
    return wait_until(lambda: (r := row(daemon, id_))["dead"] and r, f"mail {id_} to be given up")


def one_mail(server, who="ann"):
    return wait_until(lambda: server.mails(who), f"a mail for {who}")[0]


# --- what arrives ---

def test_a_mail_says_what_it_is_and_where_it_comes_from(start, trusted):
    server = Exim(trusted.issue("mail", "IP:127.0.0.1"))
    daemon = start([server], {"mail": smtp(server, ca_file=str(trusted.cert))})
    id_ = notify(daemon, mail(["ann@people.example", "bob@people.example"]))
    assert arrived(daemon, id_)["status"] == 250
    for who in ("ann", "bob"):
        got = one_mail(server, who)
        assert got["Subject"] == "checkout 1.0.0 is baking" and got.get_content() == "All is well.\n"
        assert got["From"] == "headgate@headgate.example"
        assert got["To"] == "ann@people.example, bob@people.example"
        assert got["Message-ID"] == f"<{id_}@headgate.headgate.example>"
        assert got["Auto-Submitted"] == "auto-generated" and got["MIME-Version"] == "1.0"
        assert got.get_content_type() == "text/plain" and got.get_content_charset() == "utf-8"
        assert got["X-Headgate-Release"] == str(daemon.id) and got["X-Headgate-Event"] == "baking"
        assert got["Date"].datetime is not None and not got.defects
    assert "(helo=gate.example)" in one_mail(server)["Received"] or "gate.example" in one_mail(server)["Received"]
    assert server.accepted() == 1 and "TLS1.3" in server.log() and "unexpected disconnection" not in server.log()


def test_any_text_arrives_as_it_was_written(start, trusted):
    server = Exim(trusted.issue("mail", "IP:127.0.0.1"))
    daemon = start([server], {"mail": smtp(server, ca_file=str(trusted.cert))})
    subject = "Rückfall: чекаут 1.0.0 — " + "日本語" * 30
    text = (".\n..\n.a dot first\nFrom here on\n" + "long " * 1000 + "\n" + "ü" * 3000 + "\n=3D is no equals\n"
            "trailing spaces   \ttabs\t\n\n\u2028 and \U0001f6a8 an end without a line break")
    notify(daemon, mail(subject=subject, text=text))
    got = one_mail(server)
    assert got["Subject"] == subject
    assert got.get_content() == text + "\n"
    raw = server.raw("ann")[0]
    assert max(len(line) for line in raw.splitlines()) <= 200
    headers = raw.partition(b"\n\n")[0]
    assert all(c < 0x80 for c in raw) and b"=?UTF-8?B?" in headers


def test_nobody_can_add_a_header(start, trusted):
    server = Exim(trusted.issue("mail", "IP:127.0.0.1"))
    daemon = start([server], {"mail": smtp(server, ca_file=str(trusted.cert))})
    notify(daemon, mail(subject="1.0.0\r\nBcc: eve@evil.example\r\n\r\nhello\x07\nX-Evil: yes"),
           action="x\r\nX-Evil: yes")
    got = one_mail(server)
    assert got["Subject"] == "1.0.0  Bcc: eve@evil.example    hello  X-Evil: yes"
    assert got["X-Evil"] is None and got["Bcc"] is None and got["X-Headgate-Event"] == "x--X-Evil:-yes"
    ids = [notify(daemon, mail(to)) for to in ("eve@evil.example>\r\nRCPT TO:<ann@x.example", "a b@x.example", "@x", "")]
    for id_ in [*ids, notify(daemon, {"to": [], "subject": "", "text": ""}), notify(daemon, {"to": ["a@b.example"]}),
                notify(daemon, mail([f"p{i}@people.example" for i in range(51)]))]:
        assert dead(daemon, id_)["attempts"] == 1
    assert server.accepted() == 1


def test_a_huge_text_is_cut_and_fifty_people_are_told(start, trusted):
    server = Exim(trusted.issue("mail", "IP:127.0.0.1"))
    daemon = start([server], {"mail": smtp(server, ca_file=str(trusted.cert))})
    id_ = notify(daemon, mail([f"p{i}@people.example" for i in range(50)], text="REPEAT"), repeat=120000)
    arrived(daemon, id_)
    got = one_mail(server, "p49").get_content()
    assert got.startswith(".é\n" * 1000) and got.endswith("[the rest was cut]\n") and len(got) < 300000


# --- over what ---

def test_a_server_without_starttls_gets_nothing(start):
    server = Exim()
    daemon = start([server], {"mail": smtp(server), "clear": smtp(server, tls="none")})
    id_ = notify(daemon, mail())
    assert not tried(daemon, id_)["done"] and server.accepted() == 0
    notify(daemon, mail(), "clear")
    one_mail(server)


def test_a_certificate_of_another_authority_is_refused(start, folder, trusted):
    server = Exim(Authority(folder, "stranger").issue("mail", "IP:127.0.0.1"))
    daemon = start([server], {"mail": smtp(server, ca_file=str(trusted.cert)), "unsaid": smtp(server)})
    for id_ in (notify(daemon, mail()), notify(daemon, mail(), "unsaid")):
        assert "certificate" in tried(daemon, id_)["text"].lower()
    assert server.accepted() == 0


def test_a_certificate_for_another_name_is_refused(start, trusted):
    server = Exim(trusted.issue("mail", "DNS:mail.example"))
    daemon = start([server], {"mail": smtp(server, ca_file=str(trusted.cert))})
    assert "matches target host" in tried(daemon, notify(daemon, mail()))["text"]
    assert server.accepted() == 0


def test_tls_from_the_first_byte(start, trusted):
    server = Exim(trusted.issue("mail", "IP:127.0.0.1"))
    daemon = start([server], {"mail": smtp(server, "smtps", server.tls_port, ca_file=str(trusted.cert))})
    notify(daemon, mail())
    one_mail(server)


def test_a_login_is_made_and_never_shown(start, folder, trusted):
    server = Exim(trusted.issue("mail", "IP:127.0.0.1"), PASSWORD)
    server.turn("closed-shop")
    keys = {"ca_file": str(trusted.cert)}
    login = {"basic_user": "headgate", "basic_password_file": str(secret_file(folder, "password", PASSWORD))}
    wrong = {"basic_user": "headgate", "basic_password_file": str(secret_file(folder, "wrong", "canary-wrong"))}
    daemon = start([server], {"mail": smtp(server, **keys, **login), "wrong": smtp(server, **keys, **wrong),
                              "anonymous": smtp(server, **keys)})
    arrived(daemon, notify(daemon, mail()))
    assert "A=plain:headgate" in server.log()
    refused = dead(daemon, notify(daemon, mail(), "wrong"))
    assert refused["status"] == 535 and refused["attempts"] == 1
    refused = dead(daemon, notify(daemon, mail(), "anonymous"))
    assert refused["status"] == 550 and "no relaying without login" in refused["text"]


def test_an_address_outside_the_networks_is_not_connected_to(start, trusted):
    server = Exim(trusted.issue("mail", "IP:127.0.0.1"))
    daemon = start([server], {"mail": {**smtp(server), "networks": ["10.0.0.0/8"]}})
    assert "not in an allowed network" in dead(daemon, notify(daemon, mail()))["text"]
    assert "connection" not in server.log()


# --- what is not taken at once, or never ---

def test_greylisting_is_waited_for_and_nobody_gets_it_twice(start, trusted):
    server = Exim(trusted.issue("mail", "IP:127.0.0.1"))
    server.turn("greylist")
    daemon = start([server], {"mail": smtp(server, ca_file=str(trusted.cert))})
    id_ = notify(daemon, mail(["ann@people.example", "grey@people.example"]))
    waiting = tried(daemon, id_)
    assert waiting["status"] == 451 and "grey@people.example: 451 greylisted" in waiting["text"]
    server.turn("greylist", False)
    arrived(daemon, id_)
    for who in ("ann", "grey"):
        got = wait_until(lambda who=who: server.mails(who), "the mail")
        assert len(got) == 1 and got[0]["Message-ID"] == f"<{id_}@headgate.headgate.example>"


def test_people_the_server_does_not_know_do_not_keep_it_from_the_others(start, trusted):
    server = Exim(trusted.issue("mail", "IP:127.0.0.1"))
    daemon = start([server], {"mail": smtp(server, ca_file=str(trusted.cert))})
    done = arrived(daemon, notify(daemon, mail(["nobody1@people.example", "ann@people.example"])))
    assert "1 of 2 recipients left out: nobody1@people.example: 550 no such person" in done["text"]
    one_mail(server)
    gone = dead(daemon, notify(daemon, mail(["nobody1@people.example", "nobody2@people.example"])))
    assert gone["status"] == 550 and gone["attempts"] == 1


def test_a_mail_that_is_refused_is_a_dead_letter(start, trusted):
    server = Exim(trusted.issue("mail", "IP:127.0.0.1"))
    daemon = start([server], {"mail": smtp(server, ca_file=str(trusted.cert))})
    gone = dead(daemon, notify(daemon, mail(subject="SPAM")))
    assert gone["status"] == 550 and "looks like spam" in gone["text"] and gone["attempts"] == 1


def test_a_server_that_is_closed_for_now_is_tried_again(start, trusted):
    server = Exim(trusted.issue("mail", "IP:127.0.0.1"))
    server.turn("closed")
    daemon = start([server], {"mail": smtp(server, ca_file=str(trusted.cert))})
    id_ = notify(daemon, mail())
    assert 400 <= tried(daemon, id_)["status"] < 500
    server.turn("closed", False)
    one_mail(server)


def test_slow_mail_servers_hold_up_nothing(start, trusted):
    """One lets wait before its greeting and before its last word, one says nothing at all."""
    server = Exim(trusted.issue("mail", "IP:127.0.0.1"))
    silent = socket.create_server(("127.0.0.1", 0))
    server.turn("slow")
    fast = Exim(trusted.issue("fast", "IP:127.0.0.1"))
    daemon = start([server, fast], {"mail": smtp(server, ca_file=str(trusted.cert)),
                                    "silent": smtp(server, port=silent.getsockname()[1], timeout="1s"),
                                    "fast": smtp(fast, ca_file=str(trusted.cert))})
    ids = [notify(daemon, mail()), notify(daemon, mail(), "silent")]
    arrived(daemon, notify(daemon, mail(), "fast"))
    assert not row(daemon, ids[0])["done"]
    arrived(daemon, ids[0])
    assert row(daemon, ids[0])["attempts"] == 1
    assert not tried(daemon, ids[1])["done"]
    silent.close()


class Hostile:
    """A server of a few lines; `how` is a method below. It remembers what it was told, in clear or in TLS."""

    def __init__(self, how, chain=None):
        self.how, self.chain, self.heard = getattr(self, how), chain, b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                peer = self.listener.accept()[0]
                threading.Thread(target=self.talk, args=[peer], daemon=True).start()

    def talk(self, peer):
        with contextlib.suppress(OSError), peer:
            self.how(peer)

    def hear(self, peer):
        said = peer.recv(4096)
        self.heard += said
        if not said:
            raise ConnectionError
        return said

    def endless_greeting(self, peer):
        while True:
            peer.sendall(b"220-" + b"x" * 1000 + b"\r\n")

    def endless_answer(self, peer):
        peer.sendall(b"220 mail\r\n")
        self.hear(peer)
        peer.sendall(b"250 mail\r\n")
        self.hear(peer)
        while True:
            peer.sendall(b"250-" + b"x" * 500 + b"\r\n")

    def endless_line(self, peer):
        peer.sendall(b"220 mail\r\n")
        self.hear(peer)
        peer.sendall(b"250 mail\r\n")
        self.hear(peer)
        while True:
            peer.sendall(b"2" * 10000)

    def answers_before_tls(self, peer):
        """What is said in clear after the leave to start TLS must not count inside it."""
        peer.sendall(b"220 mail\r\n")
        self.hear(peer)
        peer.sendall(b"250-mail\r\n250 STARTTLS\r\n")
        self.hear(peer)
        peer.sendall(b"220 go\r\n250-mail\r\n250 AUTH PLAIN\r\n235 in\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.chain)
        with context.wrap_socket(peer, server_side=True) as inner:
            while True:
                self.hear(inner)

    def close(self):
        self.listener.close()


@pytest.mark.parametrize("how", ["endless_greeting", "endless_answer", "endless_line"])
def test_a_mail_server_that_never_stops_talking_is_left(start, how):
    server = Hostile(how)
    daemon = start([server], {"mail": smtp(server, tls="none", timeout="2s")})
    id_ = notify(daemon, mail())
    assert not tried(daemon, id_)["done"]
    assert daemon.get("/livez")[0] == 200
    assert b"DATA" not in server.heard


def test_what_a_mail_server_says_before_tls_does_not_count_in_it(start, folder, trusted):
    server = Hostile("answers_before_tls", trusted.issue("mail", "IP:127.0.0.1"))
    password = secret_file(folder, "password", PASSWORD)
    daemon = start([server], {"mail": smtp(server, ca_file=str(trusted.cert), basic_user="gate",
                                           basic_password_file=str(password), timeout="2s")})
    id_ = notify(daemon, mail())
    assert not tried(daemon, id_)["done"]
    assert b"STARTTLS" in server.heard and b"AUTH" not in server.heard and b"MAIL" not in server.heard


def test_a_mail_server_that_dies_with_a_mail_in_hand(start, trusted):
    server = Exim(trusted.issue("mail", "IP:127.0.0.1"))
    server.turn("slow")
    daemon = start([server], {"mail": smtp(server, ca_file=str(trusted.cert))})
    id_ = notify(daemon, mail())
    wait_until(lambda: "a mail is looked at" in server.log(), "the mail to be handed over")
    server.kill()
    assert not tried(daemon, id_, 1)["done"]
    server.turn("slow", False)
    server.start()
    arrived(daemon, id_)
    assert one_mail(server)["Message-ID"] == f"<{id_}@headgate.headgate.example>" and server.accepted() == 1


def test_a_mail_that_was_sent_and_forgotten_has_the_same_id(start, trusted):
    server = Exim(trusted.issue("mail", "IP:127.0.0.1"))
    daemon = start([server], {"mail": smtp(server, ca_file=str(trusted.cert))}, failpoint="delivery_after_reply=kill")
    notify(daemon, mail())
    daemon.wait_dead()
    daemon.start()
    first, second = wait_until(lambda: len(m := server.raw("ann")) == 2 and m, "the mail to come twice")
    marker = b"Date:"
    assert first[first.index(marker):] == second[second.index(marker):]


# --- mistakes ---

def test_mistakes_are_listed_with_their_places(folder):
    file = folder / "headgate.yaml"
    file.write_text("""destinations:
  a: {smtp: "smtp://mail.example:587"}
  b:
    smtp: smtp://mail.example:587/inbox
    from: gate@example.org
  c:
    smtp: smtp://mail.example:587
    from: "Gate <gate@example.org>"
    secret_file: x
  d:
    smtp: smtp://mail.example:587
    from: gate@example.org
    tls: none
    basic_user: gate
    basic_password_file: x
  e:
    smtp: smtps://mail.example
    from: gate@example.org
    tls: starttls
  f:
    url: https://chat.example
    from: gate@example.org
  g:
    url: https://chat.example
    smtp: smtp://mail.example
  h: {}
""")
    done = run_headgate("check", "--config", file)
    said = done.stdout + done.stderr
    assert done.returncode == 1
    for part in (":2:7: /destinations/a/smtp: needs from", ":4:5: /destinations/b/smtp: may hold a host and a port only",
                 ":8:5: /destinations/c/from: must be one mail address",
                 ":9:5: /destinations/c/secret_file: belongs to a destination with url",
                 ":14:5: /destinations/d/basic_user: may not be sent to another machine without TLS",
                 ":19:5: /destinations/e/tls: has no use with smtps://",
                 ":22:5: /destinations/f/from: belongs to a destination with smtp",
                 ":25:5: /destinations/g/smtp: may not stand beside url",
                 ":26:3: /destinations/h: says not where it is"):
        assert part in said, (part, said)
