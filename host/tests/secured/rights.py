"""Gives a user rights of the table in host/docs/deploy.md: to the topics, with that to write its input, to groups, to transactions."""

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
    arguments.add_argument("--rights", choices=["topics", "groups", "transactions"], nargs="+", required=True)
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
        if which in of.rights
        for operation in operations
    ]
    for given in admin.create_acls(bindings).values():
        given.result(timeout=30)


if __name__ == "__main__":
    main()
