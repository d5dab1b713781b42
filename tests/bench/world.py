"""The daemon that the benches over HTTP share, with a receiver that notes when the first byte of a message comes."""
import os
import re
import socket
import threading
import time

from harness import Daemon, Nothing, Target, policy


class World:
    def __init__(self, programs, folder, postgres):
        self.programs, self.folder, self.postgres = programs, folder, postgres
        self.target = self.receiver = self.broken = self.hole = self.shared = None

    def daemon(self):
        """Started when first asked for."""
        if self.shared is None:
            self.target, self.receiver = Target(), QuickReceiver(self.folder)
            self.broken = QuickReceiver(self.folder, "500 Internal Server Error")
            self.hole = socket.create_server(("127.0.0.1", 0), backlog=4096)  # takes connections, never answers
            stages = [{"stage": "canary", "weight": 10, "bake": "24h", "enter": ["set_weight"]}]
            self.shared = Daemon(self.folder, self.postgres, self.postgres.database(), self.target, self.receiver,
                                 policy(self.target, stages=stages))
            others = {"broken": self.broken.port, "hole": self.hole.getsockname()[1]}
            self.shared.write_config({name: {"url": f"http://127.0.0.1:{port}", "networks": ["127.0.0.0/8"],
                                             "secret_file": str(self.receiver.secret_file)}
                                      for name, port in others.items()}, log_level="error",
                                     limits={"writes_per_second": 1000000, "writes_burst": 1000000})
            self.shared.start()
        return self.shared

    def close(self):
        if self.shared is not None:
            self.shared.kill()
            for server in (self.receiver, self.broken, self.hole):
                server.close()
            self.target.down()


class QuickReceiver(Nothing):
    """Answers everything alike; `seen` holds the moment of each first byte by the path's last part."""

    LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)

    def __init__(self, folder, status="200 OK"):
        super().__init__(folder)
        self.status = status.encode()
        self.seen, self.news = {}, threading.Condition()
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            while self.serve_one(connection):
                pass

    def serve_one(self, connection):
        got, at = b"", 0
        while True:
            try:
                part = connection.recv(65536)
            except OSError:
                return False
            at = at or time.monotonic()
            if not part:
                return False
            got += part
            head, end, body = got.partition(b"\r\n\r\n")
            length = self.LENGTH.search(head)
            if end and len(body) >= (int(length[1]) if length else 0):
                break
        with self.news:
            self.seen[head.split(b" ", 2)[1].decode().rpartition("/")[2]] = at
            self.news.notify_all()
        connection.sendall(b"HTTP/1.1 " + self.status + b"\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
        return True

    def wait(self, name, patience=30):
        """When the first message for this service came since it was last forgotten."""
        with self.news:
            if not self.news.wait_for(lambda: name in self.seen, patience):
                raise TimeoutError(f"nothing came for {name}")
            return self.seen[name]

    def close(self):
        self.listener.close()


def cpu_seconds(pid):
    """User and system time of one process."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
