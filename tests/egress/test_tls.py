"""The sender over TLS: whose certificate it takes, and what it says of the others."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from support.receivers import receiver
from support.sending import names, send, to
from taskyard.egress.dial import tls_context

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of hooks.example, signed by itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "hooks.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture(scope="module")
def serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_tls_is_verified_by_name(serving: ssl.SSLContext, certificate: Path) -> None:
    trusting = tls_context(str(certificate))
    with receiver(tls=serving) as found:
        right = send(to(f"https://hooks.example:{found.port}/"), names=names("127.0.0.1"), tls=trusting)
        wrong = send(to(f"https://other.example:{found.port}/"), names=names("127.0.0.1"), tls=trusting)
        unknown = send(to(f"https://hooks.example:{found.port}/"), names=names("127.0.0.1"))
    assert (right.status, right.error) == (200, None)
    assert right.timing.tls_s is not None
    assert right.timing.tls_s > 0
    assert (wrong.error, wrong.sent) == ("tls", False)
    assert "other.example" in wrong.detail
    assert (unknown.error, unknown.sent) == ("tls", False)


def test_plain_http_where_tls_is_spoken_is_no_answer(serving: ssl.SSLContext) -> None:
    with receiver(tls=serving) as found:
        assert send(to(found.url)).error in {"reset", "protocol"}


def test_plain_http_on_a_tls_url_is_tls() -> None:
    async def plain(reader: Reader, writer: Writer) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with receiver(plain) as found:
        result = send(to(f"https://127.0.0.1:{found.port}/"))
    assert (result.error, result.sent) == ("tls", False)
