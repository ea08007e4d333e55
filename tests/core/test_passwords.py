"""Passwords: what is stored of them, and that hashing holds nobody up."""

import subprocess
import sys

import pytest

from taskyard.core import passwords

# What a gevent worker does: one greenlet hashes, another counts how often it gets its turn meanwhile.
UNDER_GEVENT = """
from gevent import monkey; monkey.patch_all()
import gevent
from taskyard.core import passwords
def hash_some():
    stored = passwords.hashed("secret")
    return passwords.matches("secret", stored), passwords.matches("secret", None)
turns, hashing = 0, gevent.spawn(hash_some)
while not hashing.ready():
    gevent.sleep(0.001)
    turns += 1
assert hashing.value == (True, False), hashing.value
print(turns)
"""


@pytest.mark.slow
def test_a_hash_is_argon2id_at_full_strength() -> None:
    stored = passwords.hashed("secret")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")  # RFC 9106, section 4: the second recommended option
    assert stored != passwords.hashed("secret")
    assert passwords.matches("secret", stored)
    assert not passwords.matches("Secret", stored)
    assert not passwords.matches("secret", None)


@pytest.mark.slow
def test_other_greenlets_go_on_while_a_password_is_hashed() -> None:
    done = subprocess.run([sys.executable, "-c", UNDER_GEVENT], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 5
