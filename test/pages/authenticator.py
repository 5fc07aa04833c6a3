"""authenticator.py: passkeys in software, and the browser between them and the
portal (WebAuthn level 2): honest, unless a test asks for a lie. Keys and
signatures are openssl's."""
import base64
import hashlib
import json
import os
import re
import secrets
import struct
import subprocess

import harness

ES256, RS256 = -7, -257
PRESENT, VERIFIED, MAY_BACKUP, BACKUP, KEY = 0x01, 0x04, 0x08, 0x10, 0x40


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def head(kind, n):
    """The head of a CBOR item (RFC 8949, 3)."""
    for size, form, mark in ((24, "", 0), (1 << 8, ">B", 24),
                             (1 << 16, ">H", 25), (1 << 32, ">I", 26)):
        if n < size:
            return bytes([kind << 5 | (mark or n)]) + (
                struct.pack(form, n) if form else b"")
    raise ValueError(n)


def cbor(value):
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(cbor(v) for v in value)
    return head(5, len(value)) + b"".join(
        cbor(k) + cbor(v) for k, v in value.items())


def openssl(*words, data=None):
    return subprocess.run(["openssl", *words], input=data, check=True,
                          capture_output=True, timeout=harness.PATIENCE).stdout


class Passkey:
    """One key: of a site and a user."""

    def __init__(self, folder, algorithm=ES256, bits=2048):
        self.id = secrets.token_bytes(32)
        self.algorithm = algorithm
        self.count = 0
        self.user = None
        self.path = os.path.join(folder, self.id.hex() + ".pem")
        kind = ("EC", "ec_paramgen_curve:P-256") if algorithm == ES256 else (
            "RSA", "rsa_keygen_bits:%d" % bits)
        openssl("genpkey", "-algorithm", kind[0], "-pkeyopt", kind[1],
                "-out", self.path)

    def cose(self):
        if self.algorithm == ES256:
            point = openssl("pkey", "-in", self.path, "-pubout", "-outform",
                            "DER")[-64:]
            return {1: 2, 3: ES256, -1: 1, -2: point[:32], -3: point[32:]}
        n = re.search(rb"Modulus=(\w+)", openssl(
            "rsa", "-in", self.path, "-noout", "-modulus")).group(1)
        return {1: 3, 3: RS256, -1: bytes.fromhex(n.decode()), -2: b"\1\0\1"}

    def sign(self, data):
        return openssl("dgst", "-sha256", "-sign", self.path, data=data)


class Browser:
    """What navigator.credentials does. Everything that it or a key says may be
    overridden: origin, rp, type, challenge, flags, count, cross, client,
    data, signature, id, user, cose, attestation."""

    def __init__(self, origin):
        self.origin = origin

    def client_data(self, kind, options, lie):
        return lie.get("client") or json.dumps({
            "type": lie.get("type", kind),
            "challenge": lie.get("challenge", options["challenge"]),
            "origin": lie.get("origin", self.origin),
            "crossOrigin": lie.get("cross", False)}).encode()

    def data(self, key, rp, lie, flags, more=b""):
        rp = lie.get("rp", rp)
        return hashlib.sha256(rp.encode()).digest() + struct.pack(
            ">BI", lie.get("flags", flags), lie.get("count", key.count)) + more

    def create(self, key, options, **lie):
        client = self.client_data("webauthn.create", options, lie)
        attested = bytes(16) + struct.pack(">H", len(key.id)) + key.id + (
            lie.get("cose") or cbor(key.cose()))
        data = self.data(key, options["rp"]["id"], lie,
                         PRESENT | VERIFIED | KEY, attested)
        key.user = decode(options["user"]["id"])
        return self.write(key, lie, clientDataJSON=client,
                          attestationObject=lie.get("attestation") or cbor({
                              "fmt": "none", "attStmt": {},
                              "authData": data}))

    def get(self, key, options, **lie):
        client = self.client_data("webauthn.get", options, lie)
        key.count += 1
        data = lie.get("data") or self.data(key, options["rpId"], lie,
                                            PRESENT | VERIFIED)
        signature = lie.get("signature") or key.sign(
            data + hashlib.sha256(client).digest())
        user = lie.get("user", key.user)
        more = {} if user is None else {"userHandle": user}
        return self.write(key, lie, clientDataJSON=client, **more,
                          authenticatorData=data, signature=signature)

    @staticmethod
    def write(key, lie, **response):
        given = encode(lie.get("id", key.id))
        return json.dumps({"id": given, "rawId": given, "type": "public-key",
                           "response": {name: encode(value) for name, value
                                        in response.items()}})
