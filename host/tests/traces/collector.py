"""Collects OpenTelemetry traces by OTLP over HTTP. Prints its port as a JSON line, then one for each span."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Collector(BaseHTTPRequestHandler):
    def do_POST(self):
        request = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
        for of in request.resource_spans:
            service = {entry.key: entry.value.string_value for entry in of.resource.attributes}.get("service.name")
            for scope in of.scope_spans:
                for span in scope.spans:
                    attributes = {entry.key: entry.value.int_value or entry.value.string_value for entry in span.attributes}
                    line = {"service": service, "name": span.name, "is_root": not span.parent_span_id, "attributes": attributes}
                    print(json.dumps(line), flush=True)
        self.send_response(200 if self.path == "/v1/traces" else 404)
        self.end_headers()

    def log_message(self, *_):
        pass


def main():
    server = HTTPServer(("127.0.0.1", 0), Collector)
    print(json.dumps({"port": server.server_port}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
