from __future__ import annotations

import os
import socket
import time
from contextlib import ExitStack

import pytest

from sessions.client.proof_of_life import ProofOfLife, established_sockets


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
    near, far = connect()
    far.sendall(b"x")
    proof = ProofOfLife()
    proof.choose()
    # Both ends are ours here; a session holds one of them. Close the other's claim.
    proof._inode = inode(near)
    assert proof.recv_age_ms() < 1000
    time.sleep(0.3)
    assert 250 <= proof.recv_age_ms() < 2000
    far.sendall(b"x")
    time.sleep(0.05)
    assert proof.recv_age_ms() < 250


def test_the_freshest_socket_is_chosen_and_kept(connect):
    old = connect()
    time.sleep(0.2)
    fresh = connect()
    fresh[1].sendall(b"x")
    time.sleep(0.02)
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
    time.sleep(0.05)
    assert proof.recv_age_ms() is None
