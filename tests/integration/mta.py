"""A real mail server: Exim as an ordinary user, with a configuration, spool and port of its own.

Only its program is used, copied out of Debian's package; nothing of a mail server that the machine may have is
touched. The program insists on its user being known by name: libnss_wrapper tells it that it is ours.
"""
import contextlib
import email
import email.policy
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

from harness import ROOT, free_port, unprivileged, wait_until

PROGRAMS = (ROOT / "build" / "packages" / "usr" / "sbin" / "exim4", pathlib.Path("/usr/sbin/exim4"))

CONFIG = """
exim_user = headgate-test
exim_group = headgate-test
admin_groups = headgate-test
never_users =
spool_directory = {home}/spool
log_file_path = {home}/spool/%slog
pid_file_path = {home}/spool/pid
primary_hostname = mail.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
tls_on_connect_ports = {tls_port}
keep_environment =
host_lookup =
rfc1413_query_timeout = 0s
deliver_drop_privilege = true
smtp_accept_max_per_connection = 100
smtp_accept_max = 200
smtp_accept_queue_per_connection = 0
{tls}
acl_smtp_connect = check_connect
acl_smtp_rcpt = check_rcpt
acl_smtp_data = check_data
begin acl
check_connect:
  defer message = try again later
        condition = ${{if exists{{{home}/closed}}}}
  accept delay = ${{if exists{{{home}/slow}}{{2s}}{{0s}}}}
check_rcpt:
  deny message = no relaying without login
       condition = ${{if exists{{{home}/closed-shop}}}}
       !authenticated = *
  deny message = no such person here
       local_parts = ^nobody
  defer message = greylisted, come again
        local_parts = ^grey
        condition = ${{if exists{{{home}/greylist}}}}
  accept
check_data:
  warn condition = ${{if exists{{{home}/slow}}}}
       logwrite = a mail is looked at
  deny message = this looks like spam
       condition = ${{if match{{$h_subject:}}{{SPAM}}}}
  accept delay = ${{if exists{{{home}/slow}}{{6s}}{{0s}}}}
begin routers
all:
  driver = accept
  transport = file
begin transports
file:
  driver = appendfile
  maildir_format
  directory = {home}/mail/all
  create_directory
  user = headgate-test
  group = headgate-test
  envelope_to_add
begin retry
*  *  F,1h,1m
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{headgate}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
  server_advertise_condition = ${{if def:tls_in_cipher}}
"""


class Exim:
    """Every recipient is local. `pair`: certificate and key, else no STARTTLS. Files in `home` turn it: closed,
    slow, greylist, closed-shop. People whose name begins with nobody are unknown, those with grey are put off."""

    def __init__(self, pair=None, password="none at all"):
        program = next((p for p in PROGRAMS if p.exists()), None)
        assert program is not None, "no exim4: scripts/install-packages check"
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="hg-mail-"))
        self.port, self.tls_port = free_port(), free_port()
        (self.home / "spool").mkdir()
        (self.home / "mail").mkdir()
        shutil.copy(program, self.home / "exim4")
        (self.home / "exim4").chmod(0o755)
        uid, gid = (65534, 65534) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
        (self.home / "passwd").write_text("".join(f"{name}:x:{uid}:{gid}::{self.home}:/bin/false\n"
                                                  for name in ("Debian-exim", "headgate-test")) +
                                          "root:x:0:0::/root:/bin/false\n")
        (self.home / "group").write_text(f"Debian-exim:x:{gid}:\nheadgate-test:x:{gid}:\nmail:x:8:\nroot:x:0:\n")
        tls = "tls_advertise_hosts ="
        if pair is not None:
            for name, file in zip(("crt", "key"), pair):
                shutil.copy(file, self.home / name)
            tls = f"tls_advertise_hosts = *\ntls_certificate = {self.home}/crt\ntls_privatekey = {self.home}/key"
        (self.home / "conf").write_text(CONFIG.format(home=self.home, port=f"{self.port} : {self.tls_port}",
                                                      tls_port=self.tls_port, tls=tls, password=password))
        if os.geteuid() == 0:
            for path in (self.home, *self.home.iterdir()):
                shutil.chown(path, 65534, 65534)
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [*unprivileged(), "env", "-i", "LD_PRELOAD=libnss_wrapper.so", f"NSS_WRAPPER_PASSWD={self.home}/passwd",
             f"NSS_WRAPPER_GROUP={self.home}/group", str(self.home / "exim4"), "-C", str(self.home / "conf"), "-bdf"],
            stdout=subprocess.DEVNULL, stderr=open(self.home / "stderr", "ab"), start_new_session=True)
        wait_until(lambda: self.process.poll() is None and f"daemon started: pid={self.process.pid}," in self.log(),
                   "the mail server to start")

    def log(self):
        return "".join(f.read_text(errors="replace") for f in (self.home / "spool").glob("*log") if f.is_file())

    def turn(self, name, on=True):
        file = self.home / name
        if on:
            file.touch()
        else:
            file.unlink(missing_ok=True)

    def raw(self, who):
        """The mails of a person in order of arrival, as bytes."""
        files = sorted((self.home / "mail" / "all" / "new").glob("*"), key=lambda f: f.stat().st_mtime_ns)
        mails = [f.read_bytes() for f in files]
        return [m for m in mails if f"Envelope-to: {who}@".encode() in m]

    def mails(self, who):
        return [email.message_from_bytes(raw, policy=email.policy.default) for raw in self.raw(who)]

    def accepted(self):
        """How many mails it has taken over."""
        return len(re.findall(r" <= ", self.log()))

    def kill(self):
        """With all that is under way."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def close(self):
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)
