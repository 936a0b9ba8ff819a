"""Says over HTTP which digit a picture shows, by the INT8 network that is in every image.

GET / tells the version; POST / takes a picture as JSON: 8 rows of 8 pixels, from 0 (paper) to 16.
"""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy
import onnxruntime

MODEL = os.environ.get("MODEL", "/opt/inferpack/selftest/data/onnxruntime/int8.onnx")
SESSION = onnxruntime.InferenceSession(MODEL, providers=["CPUExecutionProvider"])


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.answer(200, {"onnxruntime": onnxruntime.__version__})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            picture = numpy.array(json.loads(body), numpy.float32).reshape(1, 1, 8, 8)
        except (TypeError, ValueError):
            self.answer(400, {"error": "8 rows of 8 numbers, please"})
            return
        (scores,) = SESSION.run(None, {"image": picture / 16})
        self.answer(200, {"digit": int(scores.argmax())})

    def answer(self, code: int, content: dict[str, object]) -> None:
        body = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("", 8000), Handler).serve_forever()
