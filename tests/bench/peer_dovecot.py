# SPDX-License-Identifier: Apache-2.0
"""A private, well-tuned Dovecot beside which Postern is measured.

Same key type (ECDSA P-256), the same {PLAIN} passwords, no TLS resumption, as our instance. mdbox with
mail_fsync=optimized, login processes in performance mode, auth cache. Everything lives under one
folder; the processes end with `stop`.
"""

import os
import pathlib
import pwd
import signal
import socket
import subprocess
import time

CONFIG = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/dovecot.log
protocols = pop3 lmtp imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
ssl_min_protocol = TLSv1.2
ssl_options = no_ticket
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_cache_size = 64 M
auth_cache_verify_password_with_worker = no
auth_failure_delay = 0
auth_username_format = %n
first_valid_uid = 1
mail_location = mdbox:{dir}/mail/%n
mail_fsync = optimized
mdbox_rotate_size = 64M
default_process_limit = 20000
default_client_limit = 20000
default_vsz_limit = 0
passdb {{
  driver = passwd-file
  args = {dir}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/mail/%n allow_all_users=yes
}}
service pop3-login {{
  service_count = 0
  process_min_avail = 2
  process_limit = 2
  client_limit = 20000
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service imap-login {{
  service_count = 0
  process_min_avail = 2
  process_limit = 2
  client_limit = 20000
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3 {{
  service_count = 0
  process_min_avail = 8
  client_limit = 1
  process_limit = 20000
}}
service imap {{
  service_count = 0
  process_min_avail = 8
  client_limit = 1
  process_limit = 20000
}}
service lmtp {{
  service_count = 0
  process_min_avail = 20
  client_limit = 1
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
service anvil {{
  client_limit = 90000
}}
service auth {{
  client_limit = 90000
}}
protocol pop3 {{
  mail_max_userip_connections = 20000
}}
protocol imap {{
  mail_max_userip_connections = 20000
}}
lmtp_save_to_detail_mailbox = no
postmaster_address = postmaster@example.test
"""


def ports_of(base):
    return {name: base + number for name, number in
            (("pop3", 110), ("pop3s", 995), ("lmtp", 24), ("imap", 143), ("imaps", 993))}


def wait_greeting(port, step=0.05):
    """Until a server on this port says something; 20 s at most."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as sock:
                if sock.recv(1):
                    return
        except OSError:
            time.sleep(step)
    raise RuntimeError(f"nothing answers on port {port}")


class Dovecot:
    def __init__(self, folder, base_port, users, certificate, key):
        self.dir = pathlib.Path(folder)
        self.ports = ports_of(base_port)
        self.users, self.certificate, self.key = users, certificate, key
        self.process = None

    def start(self):
        nobody = pwd.getpwnam("mail")
        for name in ("run", "state", "mail"):
            (self.dir / name).mkdir(parents=True, exist_ok=True)
        os.chmod(self.dir, 0o755)
        os.chown(self.dir / "mail", nobody.pw_uid, nobody.pw_gid)
        with open(self.dir / "users", "w", encoding="ascii") as users:
            for number in range(1, self.users + 1):
                users.write(f"u{number:04d}:{{PLAIN}}pass::::::\n")
        config = self.dir / "dovecot.conf"
        config.write_text(CONFIG.format(dir=self.dir, cert=self.certificate, key=self.key,
                                        uid=nobody.pw_uid, gid=nobody.pw_gid, **self.ports))
        self.process = subprocess.Popen(["dovecot", "-F", "-c", str(config)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_greeting(self.ports["pop3"])
        wait_greeting(self.ports["imap"])
        wait_greeting(self.ports["lmtp"])
        time.sleep(0.5)

    def root_pid(self):
        return self.process.pid

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
