"""Signatures, verified by the libraries that receivers use: the official ones for Python and for Node."""

import base64
import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from support.receivers import receiver
from support.sending import send
from taskyard.egress.messages import Outgoing
from taskyard.egress.signing import new_key_pair, new_secret, sign

BODY = b'{"test": 2432232314}'


@pytest.fixture
def now() -> int:
    """The libraries look at the clock: what is older than five minutes is refused."""
    return int(time.time())


def test_the_published_vector_is_met() -> None:
    signed = sign(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY)
    assert signed == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_the_python_library_verifies_it_with_each_live_secret(now: int) -> None:
    old, new = new_secret(), new_secret()
    signed = sign([new, old], "msg_1", now, BODY)
    for secret in (old, new):
        assert Webhook(secret).verify(BODY, signed) == {"test": 2432232314}
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, signed)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(BODY + b" ", signed)


def test_an_ed25519_signature_is_verified_with_the_public_key(now: int) -> None:
    pair = new_key_pair()
    kind, _, signature = sign([pair.private], "msg_1", now, BODY)["webhook-signature"].partition(",")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(pair.public.removeprefix("whpk_")))
    key.verify(base64.b64decode(signature), f"msg_1.{now}.".encode() + BODY)
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(signature), f"msg_2.{now}.".encode() + BODY)
    assert kind == "v1a"


def test_both_kinds_stand_side_by_side(now: int) -> None:
    secret, pair = new_secret(), new_key_pair()
    signed = sign([secret, pair.private], "msg_1", now, BODY)
    assert [one.partition(",")[0] for one in signed["webhook-signature"].split(" ")] == ["v1", "v1a"]
    assert Webhook(secret).verify(BODY, signed) == {"test": 2432232314}


def test_what_is_no_secret_signs_nothing(now: int) -> None:
    with pytest.raises(ValueError, match="whsec_ or whsk_"):
        sign(["secret"], "msg_1", now, BODY)


NODE = """
const { Webhook } = require("standardwebhooks");
const { secret, body, headers } = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(new Webhook(secret).verify(body, headers)));
"""


@pytest.fixture(scope="module")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("node")
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "standardwebhooks"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"npm cannot install standardwebhooks: {error}")
    return folder


@pytest.mark.e2e
def test_the_node_library_verifies_what_a_receiver_got(node_modules: Path, now: int) -> None:
    old, new = new_secret(), new_secret()
    with receiver() as found:
        signed = sign([new, old], "msg_1", now, BODY)
        assert send(Outgoing(found.url, BODY, headers=signed, timeout_s=30)).status == 200
        got = found.next()
    for secret in (old, new):
        sent = json.dumps({"secret": secret, "body": got.body.decode(), "headers": got.headers})
        verified = subprocess.run(
            ["node", "-e", NODE], cwd=node_modules, input=sent, capture_output=True, text=True, timeout=30, check=True
        )
        assert json.loads(verified.stdout) == {"test": 2432232314}
