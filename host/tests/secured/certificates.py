"""Writes the certificates of servers on 127.0.0.1 and of an authority that signs none of them, as PEM, into a folder."""

import argparse
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    folder = arguments.parse_args().folder
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    trustme.CA().cert_pem.write_to_path(folder / "another.pem")
    server = authority.issue_cert("127.0.0.1")
    certificate = b"".join(pem.bytes() for pem in server.cert_chain_pems)
    # The one form that Kafka reads.
    key = load_pem_private_key(server.private_key_pem.bytes(), None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.crt").write_bytes(certificate)
    (folder / "server.key").write_bytes(key)
    (folder / "server.pem").write_bytes(key + certificate)


if __name__ == "__main__":
    main()
