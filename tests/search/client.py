"""HTTP to the server under test: one kept-alive connection, JSON without loss of digits, whole result sets over all pages."""

import http.client
import json
from urllib.parse import urlsplit

from world import Number

PAGES_MAX = 20_000  # a link that leads in a circle ends here


def encode(value):
    """JSON text; a `Number` is written with its own digits."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(json.dumps(k, ensure_ascii=False) + ":" + encode(v) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(encode(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def decode(text):
    return json.loads(text, parse_float=Number)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return decode(self.body)

    def outcome(self):
        """What an OperationOutcome says, shortened."""
        try:
            found = self.json()
            return "; ".join(str(i.get("diagnostics") or i.get("details", {}).get("text")) for i in found.get("issue", []))[:300]
        except (ValueError, AttributeError):
            return self.body[:200].decode("utf-8", "replace")


class Server:
    """`base` is the FHIR base, for example http://127.0.0.1:8080/fhir/R4"""

    def __init__(self, base, token):
        self.base, self.token = base.rstrip("/"), token
        parts = urlsplit(self.base)
        self.host, self.path = parts.netloc, parts.path
        self.connection = None

    def request(self, method, path, body=None, headers=None):
        """`path` starts with `/` and is below the base."""
        return self.absolute(method, self.path + path, body, headers)

    def absolute(self, method, target, body=None, headers=None):
        sent = {"Accept": "application/fhir+json"}
        if self.token:
            sent["Authorization"] = "Bearer " + self.token
        if isinstance(body, (dict, list)):
            body = encode(body)
            sent["Content-Type"] = "application/fhir+json"
        if isinstance(body, str):
            body = body.encode()
        sent.update(headers or {})
        for attempt in (0, 1):
            if self.connection is None:
                self.connection = http.client.HTTPConnection(self.host, timeout=120)
            try:
                self.connection.request(method, target, body, sent)
                response = self.connection.getresponse()
                return Answer(response.status, response.headers, response.read())
            except (http.client.HTTPException, ConnectionError) as error:
                self.connection.close()
                self.connection = None
                # an idle connection that the server closed may be tried again; a write is repeatable here because ids are ours
                if attempt:
                    raise error
        raise AssertionError("unreachable")

    def get(self, path, headers=None):
        return self.request("GET", path, None, headers)

    def search(self, query):
        """The answer to the first page of a `clauses.Query`."""
        if query.post:
            return self.request("POST", f"/{query.type_name}/_search", query.encoded(), {"Content-Type": "application/x-www-form-urlencoded"})
        text = query.encoded()
        return self.get(f"/{query.type_name}" + ("?" + text if text else ""))

    def pages(self, first):
        """All pages from a first Bundle on, following `next`."""
        bundle, seen = first, 0
        while True:
            yield bundle
            seen += 1
            following = [link["url"] for link in bundle.get("link", []) if link.get("relation") == "next"]
            if not following or seen >= PAGES_MAX:
                return
            parts = urlsplit(following[0])
            answer = self.absolute("GET", parts.path + ("?" + parts.query if parts.query else ""))
            if answer.status != 200:
                raise ValueError(f"next page answered {answer.status}: {answer.outcome()} ({following[0]})")
            bundle = answer.json()
