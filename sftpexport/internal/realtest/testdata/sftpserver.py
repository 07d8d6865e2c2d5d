#!/usr/bin/env python3
"""An SFTP server of paramiko's that behaves as its first argument says, in JSON.

Keys: root, user, password, banner, extensions (announced), and for an operation
(stat, lstat, open, open_exclusive, read, list, mkdir, remove, rename, posix_rename,
fsync, close): "DENIED", "FAILURE" or "UNSUPPORTED". Also
  missing: the answer for names that are not there ("FAILURE", "DENIED");
  rename_overwrites: rename takes a name that is taken;
  lost_hidden: "delete" or "move" a hidden file when it is to be renamed, as a job would;
  no_dot: names that begin with a dot are refused; only: the extensions that are taken;
  rename_lies: rename answers yes and does nothing; quota: bytes, and words for it;
  hash_of: the hash is that of the content and this;
  virtual: directories are shown as missing, cannot be made, and are there when needed;
  attributes: those that looks show ("size", "mode", "times"; all without it);
  ignores_exclusive: exclusive creation takes a file that is there;
  swallows: files are gone when they are closed, and what is asked along with closing is
  answered before; takes_named: files are gone when they have their final name, as with a job;
  keeps: bytes of each file that are kept, whatever is written;
  stale: the first look at each file shows it empty; copies: renaming leaves the old name;
  exists: the answer for names that are taken.
The first line that it prints is the port and the host key.
"""
import hashlib
import json
import os
import socket
import sys
import threading
import time

import paramiko
from paramiko import sftp as proto
from paramiko.message import Message

C = json.loads(sys.argv[1])
ROOT = C["root"]
CODES = {
    "DENIED": paramiko.SFTP_PERMISSION_DENIED, "FAILURE": paramiko.SFTP_FAILURE, "UNSUPPORTED": paramiko.SFTP_OP_UNSUPPORTED,
    # of newer versions of the protocol
    "NO_SUCH_PATH": 10, "ALREADY_EXISTS": 11, "NO_SPACE": 14, "QUOTA": 15,
}
written = [0]
stale = set()


def shown(stat, path):
    """The attributes that the server shows."""
    a = paramiko.SFTPAttributes.from_stat(stat)
    if C.get("stale") and path not in stale and os.path.isfile(path):
        stale.add(path)
        a.st_size = 0
    if "attributes" in C:
        if "size" not in C["attributes"]:
            a.st_size = None
            a._flags &= ~a.FLAG_SIZE
        if "mode" not in C["attributes"]:
            a.st_mode = None
        if "times" not in C["attributes"]:
            a.st_mtime = a.st_atime = None
    return a


class Login(paramiko.ServerInterface):
    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED

    def get_allowed_auths(self, username):
        return "password"

    def check_auth_password(self, username, password):
        right = username == C["user"] and password == C["password"]
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED


class Handle(paramiko.SFTPHandle):
    def stat(self):
        if "fstat" in C:
            return CODES[C["fstat"]]
        return shown(os.fstat(self.readfile.fileno()), self.filename)

    def write(self, offset, data):
        written[0] += len(data)
        if "quota" in C and written[0] > C["quota"]:
            return CODES[C.get("quota_code", "FAILURE")]
        if "keeps" in C:
            if offset >= C["keeps"]:
                return paramiko.SFTP_OK
            data = data[:C["keeps"] - offset]
        return super().write(offset, data)

    def close(self):
        super().close()
        if self.writes and C.get("swallows") and os.path.exists(self.filename):
            os.remove(self.filename)


class Files(paramiko.SFTPServerInterface):
    def path(self, path):
        return ROOT + self.canonicalize(path)

    def fault(self, name):
        return CODES.get(C.get(name))

    def oserror(self, e):
        if e.errno == 2 and "missing" in C:
            return CODES[C["missing"]]
        if e.errno == 17 and "exists" in C:
            return CODES[C["exists"]]
        return paramiko.SFTPServer.convert_errno(e.errno)

    def look(self, path, how, name):
        if self.fault(name) is not None:
            return self.fault(name)
        try:
            full = self.path(path)
            if C.get("virtual") and os.path.isdir(full) and path != "/":
                return paramiko.SFTP_NO_SUCH_FILE
            return shown(how(full), full)
        except OSError as e:
            return self.oserror(e)

    def stat(self, path):
        return self.look(path, os.stat, "stat")

    def lstat(self, path):
        return self.look(path, os.lstat, "lstat")

    def list_folder(self, path):
        if self.fault("list") is not None:
            return self.fault("list")
        try:
            full, out = self.path(path), []
            for name in os.listdir(full):
                attr = paramiko.SFTPAttributes.from_stat(os.lstat(os.path.join(full, name)))
                attr.filename = name
                out.append(attr)
            return out
        except OSError as e:
            return self.oserror(e)

    def open(self, path, flags, attr):
        name = os.path.basename(path)
        writes = flags & (os.O_WRONLY | os.O_RDWR)
        fault = self.fault("open") if writes else self.fault("read")
        if fault is None and flags & os.O_EXCL:
            fault = self.fault("open_exclusive")
        if fault is None and writes and (C.get("no_dot") and name.startswith(".") or "only" in C and os.path.splitext(name)[1] not in C["only"]):
            fault = paramiko.SFTP_PERMISSION_DENIED
        if fault is not None:
            return fault
        try:
            full = self.path(path)
            if C.get("virtual"):
                os.makedirs(os.path.dirname(full), exist_ok=True)
            if C.get("ignores_exclusive"):
                flags = flags & ~os.O_EXCL | (os.O_TRUNC if flags & os.O_EXCL else 0)
            fd = os.open(full, flags, 0o644)
        except OSError as e:
            return self.oserror(e)
        handle = Handle(flags)
        handle.filename, handle.writes = full, bool(writes)
        mode = ("r+b" if flags & os.O_RDWR else "wb") if writes else "rb"
        handle.readfile = handle.writefile = os.fdopen(fd, mode)
        return handle

    def remove(self, path):
        return self.act("remove", lambda: os.remove(self.path(path)))

    def mkdir(self, path, attr):
        return self.act("mkdir", lambda: os.mkdir(self.path(path)))

    def act(self, name, do):
        if self.fault(name) is not None:
            return self.fault(name)
        try:
            do()
        except OSError as e:
            return self.oserror(e)
        return paramiko.SFTP_OK

    def rename(self, old, new):
        def do():
            self.job(old)
            if C.get("rename_lies"):
                return
            if not C.get("rename_overwrites") and os.path.lexists(self.path(new)):
                raise OSError(17, "taken")
            self.give(old, new)
        return self.act("rename", do)

    def posix_rename(self, old, new):
        def do():
            self.job(old)
            self.give(old, new)
        return self.act("posix_rename", do)

    def give(self, old, new):
        if C.get("copies"):
            with open(self.path(old), "rb") as f, open(self.path(new), "wb") as g:
                g.write(f.read())
        else:
            os.rename(self.path(old), self.path(new))
        if C.get("takes_named") and not os.path.basename(new).startswith("."):
            os.makedirs(ROOT + "/taken", exist_ok=True)
            os.rename(self.path(new), ROOT + "/taken/" + new.strip("/").replace("/", "+"))

    def job(self, path):
        """Somebody takes hidden files, too."""
        if ".exportpipeline-part-" not in path or "lost_hidden" not in C:
            return
        if C["lost_hidden"] == "move":
            os.rename(self.path(path), os.path.join(ROOT, "moved"))
        else:
            os.remove(self.path(path))


class Server(paramiko.SFTPServer):
    def _send_server_version(self):
        # As the original does it, with extensions of our own.
        _, data = self._read_packet()
        m = Message()
        m.add_int(3)
        for name in C.get("extensions", []):
            m.add_string(name)
            m.add_string("1")
        self._send_packet(proto.CMD_VERSION, m)
        return 3

    def _process(self, t, number, msg):
        if t == proto.CMD_CLOSE and C.get("swallows"):
            time.sleep(0.03)
            while self.sock.recv_ready():
                along, data = self._read_packet()
                other = Message(data)
                super()._process(along, other.get_int(), other)
        if t == proto.CMD_CLOSE and "close" in C:
            handle = self.file_table.pop(msg.get_binary(), None)
            if handle is not None:
                handle.close()
            self._send_status(number, CODES[C["close"]] if getattr(handle, "writes", False) else paramiko.SFTP_OK)
            return
        if t == proto.CMD_EXTENDED:
            tag = msg.get_text()
            if tag == "fsync@openssh.com":
                self._send_status(number, CODES.get(C.get("fsync"), paramiko.SFTP_OK))
                return
            if tag == "posix-rename@openssh.com" and tag in C.get("extensions", []):
                self._send_status(number, self.server.posix_rename(msg.get_text(), msg.get_text()))
                return
            if tag == "hardlink@openssh.com" and tag in C.get("extensions", []):
                old, new = msg.get_text(), msg.get_text()
                self.server.job(old)
                self._send_status(number, self.server.act("hardlink", lambda: os.link(self.server.path(old), self.server.path(new))))
                return
            if tag == "check-file-name" and "check-file" in C.get("extensions", []):
                with open(self.server.path(msg.get_text()), "rb") as f:
                    data = f.read() + C.get("hash_of", "").encode()
                m = Message()
                m.add_int(number)
                m.add_string("check-file")
                m.add_string("sha256")
                m.add_bytes(hashlib.sha256(data).digest())
                self._send_packet(201, m)
                return
            self._send_status(number, paramiko.SFTP_OP_UNSUPPORTED)
            return
        super()._process(t, number, msg)

    def _send_status(self, request_number, code, desc=None):
        if code == paramiko.SFTP_FAILURE and "quota" in C and written[0] > C["quota"] and "quota_code" not in C:
            desc = C.get("words", "Quota exceeded")
        super()._send_status(request_number, code, desc)


def main():
    key = paramiko.ECDSAKey.generate()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(50)
    print(listener.getsockname()[1], key.get_name(), key.get_base64(), flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()  # ends with the test
    while True:
        conn, _ = listener.accept()
        transport = paramiko.Transport(conn)
        if "banner" in C:
            transport.local_version = C["banner"]
        transport.add_server_key(key)
        transport.set_subsystem_handler("sftp", Server, Files)
        try:
            transport.start_server(server=Login())
        except (paramiko.SSHException, EOFError):
            continue


main()
