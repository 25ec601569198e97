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
        (ResourceType.TOPIC, of.name, TOPIC),
        (ResourceType.GROUP, of.name, [AclOperation.READ]),
        (ResourceType.GROUP, "wattdog", [AclOperation.READ]),
        (ResourceType.TRANSACTIONAL_ID, of.name, TRANSACTION),
    ]
    bindings = [
        AclBinding(kind, prefix, ResourcePatternType.PREFIXED, f"User:{of.user}", "*", operation, AclPermissionType.ALLOW)
        for kind, prefix, operations in rights
        for operation in operations
    ]
    for given in admin.create_acls(bindings).values():
        given.result(timeout=30)


if __name__ == "__main__":
    main()
