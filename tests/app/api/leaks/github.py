"""GitHub as the tests need it: its signing keys, the file in which an operator stores them, and its notifications."""

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.app.client import Client, Response

ROUTE = "/v1/leaks/github"
TYPE = "keyledger_api_key"
URL = "https://github.com/octocat/hello-world/blob/12345600b9cbe38a219f39a9941c9319b600c002/.env"


class SigningKey:
    """A key of GitHub on `curve`, and the name under which GitHub publishes it."""

    def __init__(self, curve: ec.EllipticCurve | None = None) -> None:
        self._key = ec.generate_private_key(curve or ec.SECP256R1())
        pem = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self.pem = pem.decode()
        self.identifier = sha256(pem).hexdigest()

    def signature(self, content: bytes) -> str:
        return b64encode(self._key.sign(content, ec.ECDSA(SHA256()))).decode()


def published(*keys: SigningKey, current: SigningKey | None = None) -> str:
    """Return what https://api.github.com/meta/public_keys/secret_scanning responds."""
    listed = [{"key_identifier": key.identifier, "key": key.pem, "is_current": key is current} for key in keys]
    return json.dumps({"public_keys": listed})


class GitHub:
    """GitHub with one signing key, which is in `file`."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.key = SigningKey()
        self.publish(self.key)

    def publish(self, *keys: SigningKey) -> None:
        """Replace the file as the documentation says: write a new one, and rename it."""
        self.write(published(*keys))

    def write(self, content: str) -> None:
        written = self.file.with_suffix(".new")
        written.write_text(content)
        written.chmod(0o644)
        written.replace(self.file)

    def report(self, client: Client, *matches: object) -> Response:
        return self.send(client, json.dumps(matches).encode())

    def send(self, client: Client, content: bytes, key: SigningKey | None = None, **headers: str) -> Response:
        """Send this body with its signature. `headers` replace those of GitHub."""
        signer = key or self.key
        sent = {
            "Content-Type": "application/json",
            "Github-Public-Key-Identifier": signer.identifier,
            "Github-Public-Key-Signature": signer.signature(content),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return client.request("POST", ROUTE, content=content, headers=sent)


def match(token: str, url: str = URL, place: str = "content") -> dict[str, object]:
    return {"token": token, "type": TYPE, "url": url, "source": place}


def label(token: str, *, known: bool) -> dict[str, str]:
    """Return what the service answers about a token."""
    return {
        "token_hash": sha256(token.encode()).hexdigest(),
        "token_type": TYPE,
        "label": "true_positive" if known else "false_positive",
    }
