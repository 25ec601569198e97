"""Receives alerts as people do: an HTTPS webhook that is away at first, and a mail server with STARTTLS and a password.

Prints a JSON line with both ports, then one for each message.
"""

import argparse
import email
import email.policy
import json
import socket
import ssl
from http.server import BaseHTTPRequestHandler, HTTPServer

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

HOST = "127.0.0.1"


def say(**message):
    print(json.dumps(message), flush=True)


class Webhook(BaseHTTPRequestHandler):
    away = 2

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if Webhook.away > 0:
            Webhook.away -= 1
            self.send_error(503)
            return
        say(by="webhook", token=self.headers["authorization"], body=json.loads(body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


class Mailbox:
    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        say(by="mail", to=envelope.rcpt_tos, subject=mail["subject"], text=mail.get_content())
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"watt", b"s3cret"))


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--authority", required=True, help="where the certificate of the authority goes")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(arguments.parse_args().authority)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)

    webhook = HTTPServer((HOST, 0), Webhook)
    webhook.socket = context.wrap_socket(webhook.socket, server_side=True)
    mail = Controller(
        Mailbox(),
        hostname=HOST,
        port=free_port(),
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=authenticate,
    )
    mail.start()
    say(webhook=webhook.server_port, mail=mail.port)
    webhook.serve_forever()


if __name__ == "__main__":
    main()
