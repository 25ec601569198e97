"""Gives a user the rights of the table in host/docs/deploy.md, and the right to write its input."""

import argparse

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

TOPIC = [AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE, AclOperation.CREATE, AclOperation.ALTER]
TRANSACTION = [AclOperation.WRITE, AclOperation.DESCRIBE]


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--bootstrap", required=True)
    arguments.add_argument("--authority", required=True)
    arguments.add_argument("--user", required=True)
    arguments.add_argument("--name", required=True, help="what topics, group and transactional ids begin with")
    arguments.add_argument("--of", choices=["topics", "groups", "transactions"], nargs="*", help="all when left out")
    of = arguments.parse_args()
    admin = AdminClient({
        "bootstrap.servers": of.bootstrap,
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "admin",
        "sasl.password": "admin",
        "ssl.ca.location": of.authority,
    })
    rights = [
        ("topics", ResourceType.TOPIC, of.name, TOPIC),
        ("groups", ResourceType.GROUP, of.name, [AclOperation.READ]),
        ("groups", ResourceType.GROUP, "wattdog", [AclOperation.READ]),
        ("transactions", ResourceType.TRANSACTIONAL_ID, of.name, TRANSACTION),
    ]
    bindings = [
        AclBinding(kind, prefix, ResourcePatternType.PREFIXED, f"User:{of.user}", "*", operation, AclPermissionType.ALLOW)
        for which, kind, prefix, operations in rights
        if not of.of or which in of.of
        for operation in operations
    ]
    for given in admin.create_acls(bindings).values():
        given.result(timeout=30)


if __name__ == "__main__":
    main()
