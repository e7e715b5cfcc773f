"""A double of Hugging Face's inference, on a loopback port: it speaks HTTP, and the real client speaks with it.

What it is true to, and by what that was checked:

- The request: `POST /hf-inference/models/<model>/pipeline/feature-extraction`, `Authorization: Bearer <key>`, a JSON
  object with `inputs`, a list of texts at the root. By `huggingface_hub` 2.4.0 (`inference/_providers/hf_inference.py`,
  its route and its payload) and the task's published JSON schema (`inputs`: a text or a list of texts). Anything else
  is refused as the service does, so that a client that strays fails here.
- The answer: a list of lists of numbers, one for each text, by the same schema (`FeatureExtractionOutput`); of a model
  without pooling, by the JavaScript client's types, a list of vectors for each text.
- Errors: a JSON object with `error`, a text. 401 `Invalid credentials in Authorization header`, 503 `Model … is
  currently loading` with `estimated_time`, as users report them; 413 `Batch size error`, 422 `Tokenization error`,
  424 `Inference failed` and 429 `Model is overloaded`, each with `error_type`, by the OpenAPI description of
  text-embeddings-inference. The wording of 401 for an expired token, of 402, of 403, and whether the router's 429 has
  a `Retry-After`, couldn't be checked: the client's code goes by the status, and by the one word "expired".
- At most 32 texts a request, text-embeddings-inference's default, each of at most 256 word pieces: else a 413.

The real service was not called: nothing here needs a key. The vectors are the local model's, not normalised.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from knowledge.embeddings import MODEL_NAME, model
from knowledge.embeddings.huggingface import BATCH_SIZE
from knowledge.minilm.tokenizer import MAX_TOKENS, SPECIAL_TOKENS, count

PATH = f"/hf-inference/models/{MODEL_NAME}/pipeline/feature-extraction"
KEY = "hf_" + "kGzQwYbTnXvRmPdLsJcHfAeUoIyWqZtBvN"  # pragma: allowlist secret
LOADING = f"Model {MODEL_NAME} is currently loading"


@dataclass(frozen=True)
class Answer:
    """What the double says next. hang: seconds before it says anything. drop: it hangs up instead."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    hang: float = 0
    drop: bool = False


INVALID = Answer(401, {"error": "Invalid credentials in Authorization header"})
EXPIRED = Answer(401, {"error": 'User Access Token "daybook" is expired'})
NO_CREDIT = Answer(402, {"error": "You have exceeded your monthly included credits for Inference Providers."})
FORBIDDEN = Answer(
    403, {"error": "This authentication method does not have sufficient permissions to call Inference Providers"}
)
TOO_LARGE = Answer(413, {"error": "Batch size error", "error_type": "validation"})
UNTOKENIZABLE = Answer(422, {"error": "Tokenization error", "error_type": "tokenizer"})
FAILED = Answer(424, {"error": "Inference failed", "error_type": "backend"})
RATE_LIMITED = Answer(429, {"error": "Too Many Requests"}, {"Retry-After": "17"})
QUEUE_FULL = Answer(429, {"error": "Model is overloaded", "error_type": "overloaded"})
MODEL_LOADING = Answer(503, {"error": LOADING, "estimated_time": 20.5})
UNAVAILABLE = Answer(503, "<html><body>Service Unavailable</body></html>", {"Content-Type": "text/html"})
GATEWAY_TIMEOUT = Answer(504, "<html><body>Gateway Time-out</body></html>", {"Content-Type": "text/html"})


class Double:
    """The server. `keys` are good; `next` is what it says to requests to come, then it goes on to embed."""

    def __init__(self, url: str) -> None:
        self.base_url = url
        self.keys = {KEY}
        self.next: list[Answer] = []
        self.always: Answer | None = None
        self.asked: list[list[str]] = []
        self.key_seen = ""

    def reply(self, path: str, authorization: str, body: bytes) -> Answer:
        """What the service would say."""
        self.key_seen = authorization.removeprefix("Bearer ")
        if self.always or self.next:
            return self.always or self.next.pop(0)
        if path != PATH:
            return Answer(404, {"error": "Not Found"})
        if self.key_seen not in self.keys or not authorization.startswith("Bearer "):
            return INVALID
        content = json.loads(body)
        if content.keys() != {"inputs"} or not isinstance(content["inputs"], list):
            return Answer(422, {"error": "Failed to deserialize the JSON body into the target type"})
        texts = content["inputs"]
        if len(texts) > BATCH_SIZE or max(map(count, texts)) > MAX_TOKENS - SPECIAL_TOKENS:
            return TOO_LARGE
        self.asked.append(texts)
        return Answer(200, (model().embed(texts) * 3).tolist())


@contextmanager
def hugging_face() -> Iterator[Double]:
    """A double that serves until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = double.reply(self.path, self.headers.get("Authorization", ""), body)
            time.sleep(answer.hang)
            if answer.drop:
                self.close_connection = True
                return
            text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    double = Double(f"http://127.0.0.1:{server.server_port}/hf-inference")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
