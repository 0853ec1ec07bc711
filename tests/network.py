"""Hosts of their own on this machine: network namespaces, and wires between them that can be cut, slow, or lossy.

In: root, `ip`, and a kernel with TUN devices. Out: hosts in which processes run with addresses and a Ray folder of
their own, and wires: a thread each that passes packets on, or does not. The kernel's own `netem` does as much, but many
kernels come without it.
"""

import contextlib
import ctypes
import fcntl
import heapq
import itertools
import os
import random
import select
import shutil
import signal
import struct
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

TUN = Path("/dev/net/tun")
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # linux/if_tun.h
CLONE_NEWNET = 0x40000000  # linux/sched.h
LARGEST = 65536  # bytes of a packet
RAY = Path("/tmp/ray")  # where Ray keeps what one host's processes find one another by


def missing() -> str:
    """What this machine lacks for it, as a reason to skip; empty where it has all."""
    if os.getuid() != 0:
        return "hosts of their own need root"
    if shutil.which("ip") is None:
        return "not installed: ip (apt install iproute2)"
    if not TUN.exists():
        return f"this machine has no {TUN}"
    tried = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "this machine lets nobody make a network namespace"


class Host:
    """A namespace with its own network and its own folder of Ray's.

    Args:
        name: Of the namespace.
        folder: Where its files lie.
        hidden: A folder that its processes find empty, as if it were on another host's disk.
    """

    def __init__(self, name: str, folder: Path, hidden: Path | None = None) -> None:
        self.name, self._folder, self._hidden = name, folder, hidden
        (folder / "ray").mkdir(parents=True)
        RAY.mkdir(exist_ok=True)
        _ip("netns", "add", name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *words: str) -> None:
        """Configures its network."""
        _ip("-n", self.name, *words)

    def start(
        self, command: Sequence[object], output: Path, environment: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Starts a process on this host, in a group of its own; what it says goes into a file."""
        hide = f"mount -t tmpfs none '{self._hidden}' && " if self._hidden is not None else ""
        inside = f"mount --bind '{self._folder / 'ray'}' {RAY} && {hide}exec \"$@\""
        with output.open("wb") as log:
            return subprocess.Popen(
                ["ip", "netns", "exec", self.name, "sh", "-c", inside, "sh", *map(str, command)],
                env={**os.environ, "FER_EXP_SCRATCH": str(self._folder / "scratch"), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This thread, and the processes that it starts, see this host's network while the block runs."""
        with Path("/proc/thread-self/ns/net").open() as before, Path(f"/run/netns/{self.name}").open() as there:
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(before.fileno())

    def end_all(self) -> None:
        """Kills all that runs on this host, and nothing else: a machine that loses power."""
        while pids := subprocess.run(
            ["ip", "netns", "pids", self.name], capture_output=True, check=True
        ).stdout.split():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            time.sleep(0.1)

    def remove(self) -> None:
        """Takes the host away, with all that runs on it."""
        self.end_all()
        _ip("netns", "del", self.name)


class Wire:
    """A link between two hosts: a TUN device at each end, and a thread that carries packets.

    Args:
        ends: The two hosts, each with its address.
        seed: Of which packets are lost.
    """

    def __init__(self, *ends: tuple[Host, str], seed: int = 1) -> None:
        self.delay = 0.0  # seconds that a packet takes
        self.loss = 0.0  # share of packets that do not arrive
        self.carried = [0, 0]  # bytes from either end
        self.lost = 0  # packets
        self.is_cut = False
        self._cut_at: int | None = None  # bytes from the first end
        self._chance = random.Random(seed)
        self._devices = [_device(f"fer{os.getpid() % 10_000}-{next(_numbers)}", *end) for end in ends]
        for device, (host, address), (_, other) in zip(self._devices, ends, reversed(ends), strict=True):
            host.ip("address", "add", address, "peer", other, "dev", device[1])
            host.ip("link", "set", device[1], "up")
        self._open = True
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Lets nothing through, and tells nobody: as a link that is broken somewhere in between."""
        self.is_cut = True

    def cut_after(self, size: int) -> None:
        """Cuts as soon as so many more bytes have come from the first end."""
        self._cut_at = self.carried[0] + size

    def restore(self) -> None:
        """Lets packets through again."""
        self._cut_at, self.is_cut = None, False

    def close(self) -> None:
        """Takes both devices away."""
        self._open = False
        self._thread.join()
        for descriptor, _ in self._devices:
            os.close(descriptor)

    def _carry(self) -> None:
        ends = [descriptor for descriptor, _ in self._devices]
        waiting: list[tuple[float, int, int, bytes]] = []  # when, order, to which end, what
        order = itertools.count()
        while self._open:
            due = waiting[0][0] - time.monotonic() if waiting else 0.1
            for end in select.select(ends, [], [], min(max(due, 0.0), 0.1))[0]:
                which = ends.index(end)
                with contextlib.suppress(OSError):  # the other side is not up
                    packet = os.read(end, LARGEST)
                    if self._lets_through(which, len(packet)):
                        heapq.heappush(waiting, (time.monotonic() + self.delay, next(order), ends[1 - which], packet))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, end, packet = heapq.heappop(waiting)
                with contextlib.suppress(OSError):
                    os.write(end, packet)

    def _lets_through(self, which: int, size: int) -> bool:
        if which == 0 and self._cut_at is not None and self.carried[0] >= self._cut_at:
            self.is_cut = True
        if self.is_cut or self._chance.random() < self.loss:
            self.lost += 1
            return False
        self.carried[which] += size
        return True


_numbers = itertools.count()


def _device(name: str, host: Host, _address: str) -> tuple[int, str]:
    descriptor = os.open(TUN, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    _ip("link", "set", name, "netns", host.name)
    return descriptor, name


def _enter(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)  # os.setns comes with Python 3.12
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
