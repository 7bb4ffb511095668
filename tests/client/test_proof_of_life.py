from __future__ import annotations

import os
import socket
import time
from contextlib import ExitStack

import pytest

from sessions.client.proof_of_life import ProofOfLife, established_sockets
from tests.processes import wait_until

TICK_MS = 10  # the kernel's clock is no finer


@pytest.fixture
def connect():
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        def pair() -> tuple[socket.socket, socket.socket]:
            near = socket.create_connection(listener.getsockname())
            far, _ = listener.accept()
            return stack.enter_context(near), stack.enter_context(far)

        yield pair


def inode(connection: socket.socket) -> int:
    return os.fstat(connection.fileno()).st_ino


def send_byte(pair: tuple[socket.socket, socket.socket]) -> float:
    """From the far end to the near one; when it began."""
    began = time.monotonic()
    pair[1].sendall(b"x")
    assert pair[0].recv(1) == b"x"
    return began


def ms_since(began: float) -> float:
    return (time.monotonic() - began) * 1000 + TICK_MS


def test_only_connected_tcp_sockets_count(connect):
    near, far = connect()
    local = socket.socketpair()
    try:
        found = {entry.inode for entry in established_sockets()}
        assert {inode(near), inode(far)} <= found
        assert not found & {inode(end) for end in local}
    finally:
        for end in local:
            end.close()


def test_looking_leaves_the_socket_as_it_was(connect):
    near, far = connect()
    near.setblocking(False)
    before = len(os.listdir("/proc/self/fd"))
    established_sockets()
    assert len(os.listdir("/proc/self/fd")) == before
    far.sendall(b"still here")
    far.close()
    near.setblocking(True)
    assert near.recv(100) == b"still here"


def test_the_age_counts_from_the_last_byte(connect):
    pair = connect()
    sent = send_byte(pair)
    proof = ProofOfLife()
    proof.choose()
    # Both ends are ours here; a session holds one of them. Close the other's claim.
    proof._inode = inode(pair[0])
    assert proof.recv_age_ms() <= ms_since(sent)
    time.sleep(0.3)
    assert 250 <= proof.recv_age_ms() <= ms_since(sent)
    sent = send_byte(pair)
    assert proof.recv_age_ms() <= ms_since(sent)


def test_the_freshest_socket_is_chosen_and_kept(connect):
    old = connect()
    time.sleep(0.2)
    fresh = connect()
    send_byte(fresh)
    proof = ProofOfLife()
    proof.choose()
    kept = proof._inode
    assert kept in {inode(end) for end in fresh}
    old[1].sendall(b"x")
    assert proof.recv_age_ms() is not None
    assert proof._inode == kept


def test_no_connection_has_no_age(connect):
    proof = ProofOfLife()
    assert proof.recv_age_ms() is None
    near, far = connect()
    proof._inode = inode(near)
    assert proof.recv_age_ms() is not None
    far.close()
    wait_until(lambda: proof.recv_age_ms() is None, "the end of the connection")
