"""Receives OTLP logs over HTTP. receiver_otlp.py PORT FOLDER KEY: prints the port, keeps each record in FOLDER/records."""

import gzip, json, os, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse

port, folder, key = sys.argv[1:]
lock = threading.Lock()


def value(any_value):
    return getattr(any_value, any_value.WhichOneof("value"))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers["api-key"] != key:
            return self.say(401, b"no such key: " + (self.headers["api-key"] or "").encode())
        if self.path != "/v1/logs" or self.headers["content-type"] != "application/x-protobuf":
            return self.say(404, b"")
        if self.headers["content-encoding"] == "gzip":
            body = gzip.decompress(body)
        request, rejected, lines = ExportLogsServiceRequest(), 0, []
        request.ParseFromString(body)
        for resource in request.resource_logs:
            of = {pair.key: value(pair.value) for pair in resource.resource.attributes}
            for scope in resource.scope_logs:
                for record in scope.log_records:
                    if "poison" in record.body.string_value:
                        rejected += 1
                        continue
                    attributes = {pair.key: value(pair.value) for pair in record.attributes}
                    lines.append(json.dumps({"resource": of, "attributes": attributes, "body": record.body.string_value, "time": record.time_unix_nano, "severity": record.severity_number}))
        with lock, open(folder + "/records", "a") as records:
            records.write("".join(line + "\n" for line in lines))
        response = ExportLogsServiceResponse()
        if rejected:
            response.partial_success.rejected_log_records = rejected
            response.partial_success.error_message = "poison"
        self.say(200, response.SerializeToString())

    def say(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    allow_reuse_address = True


server = Server(("127.0.0.1", int(port)), Handler)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
os._exit(0)
