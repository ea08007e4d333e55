"""Everything that should not be sent, and what it gets. In braces stand names that the test fills in."""

from dataclasses import dataclass, field
from typing import Any

from support.people import BOB

KIB = 1024
ADMIN = "ty_ada"
TOKEN = {"token": "t"}
NOBODYS_ID = "00000000-0000-7000-8000-00000000dead"
JSON = "application/json"


@dataclass(frozen=True)
class Case:
    """What is sent, and what it gets. `where` is the pointer, parameter or header that one of the errors names."""

    name: str
    method: str
    path: str
    status: int
    where: str | None = None
    token: str | None = None  # instead of alice's key
    options: dict[str, Any] = field(default_factory=dict)


def task(name: str, sent: dict[str, Any], where: str, status: int = 422) -> Case:
    return Case(name, "POST", "/v1/tasks", status, where, options={"json": {"command": "resize", **sent}})


def raw(name: str, body: bytes, where: str | None = "", status: int = 422, media_type: str = JSON) -> Case:
    return Case(name, "POST", "/v1/tasks", status, where, options={"data": body, "content_type": media_type})


def payload(name: str, text: bytes, where: str = "") -> Case:
    return raw(name, b'{"command": "resize", "payload": ' + text + b"}", where)


def claim(name: str, sent: dict[str, Any], where: str) -> Case:
    return Case(name, "POST", "/v1/leases", 422, where, options={"json": {"queues": ["resize"], **sent}})


def leases(name: str, deed: str, one: dict[str, Any], where: str) -> Case:
    whole = {"token": "{token}", **({"outcome": "failed"} if deed == "settle" else {}), **one}
    return Case(name, "POST", f"/v1/leases/{deed}", 422, where, options={"json": {"leases": [whole]}})


def listing(name: str, query: str, where: str, status: int = 422) -> Case:
    return Case(name, "GET", f"/v1/tasks?{query}", status, where)


def patch(name: str, sent: Any, where: str) -> Case:
    return Case(name, "PATCH", "/v1/tasks/{waiting}", 422, where, options={"json": sent})


def token(name: str, given: str | None, status: int = 401) -> Case:
    return Case(name, "GET", "/v1/tasks", status, token=given or "", options={})


def batch(name: str, sent: Any, where: str, status: int = 422, query: str = "") -> Case:
    return Case(name, "POST", f"/v1/tasks/batch{query}", status, where, options={"json": sent})


def lines(name: str, body: bytes, where: str | None, status: int = 422) -> Case:
    options = {"data": body, "content_type": "application/x-ndjson"}
    return Case(name, "POST", "/v1/tasks/batch", status, where, options=options)


def header(name: str, headers: dict[str, str], where: str) -> Case:
    return Case(name, "POST", "/v1/tasks", 422, where, options={"json": {"command": "resize"}, "headers": headers})


def path(name: str, method: str, given: str, status: int = 404) -> Case:
    return Case(name, method, given, status, options={"json": {}} if method in {"PATCH", "POST"} else {})


def schema(name: str, sent: Any, where: str) -> Case:
    options = {"json": {"payload_schema": sent}}
    return Case(name, "PUT", "/v1/commands/bad", 422, f"/payload_schema{where}", ADMIN, options)


def if_match(name: str, given: str, status: int = 422) -> Case:
    options = {"json": {}, "headers": {"If-Match": given}}
    return Case(name, "PUT", "/v1/commands/known", status, "If-Match", ADMIN, options)


def user(name: str, sent: dict[str, Any], where: str, status: int = 422) -> Case:
    whole = {"name": "Eve", "email": "eve@example.com", **sent}
    return Case(name, "POST", "/v1/users", status, where, ADMIN, {"json": whole})


BODIES = [
    raw("JSON that breaks off", b'{"command": "resize"'),
    raw("no JSON", b"command=resize"),
    raw("two JSON texts", b'{"command": "resize"} {}'),
    raw("an empty body", b"", "/command"),
    raw("spaces only", b"  "),
    raw("null", b"null"),
    raw("an array", b"[]"),
    raw("a number", b"1"),
    raw("a text", b'"resize"'),
    raw("bytes that are no UTF-8", b'{"command": "\xff"}'),
    raw("UTF-16", '{"command": "resize"}'.encode("utf-16"), media_type="application/json; charset=utf-16"),
    raw("Latin-1", '{"command": "é"}'.encode("latin-1"), media_type="application/json; charset=latin-1"),
    raw("a byte order mark", b'\xef\xbb\xbf{"command": "resize"}'),
    raw("a lone surrogate in UTF-8", b'{"command": "\xed\xa0\x80"}'),
    raw("a key that stands twice", b'{"command": "resize", "command": "resize"}'),
    raw("a very long key that stands twice", b'{"%s": 1, "%s": 2}' % (b"k" * 9999, b"k" * 9999)),
    raw("a form", b"command=resize", None, 415, "application/x-www-form-urlencoded"),
    raw("a multipart form", b"--b\r\n\r\n--b--", None, 415, "multipart/form-data; boundary=b"),
    raw("text", b'{"command": "resize"}', None, 415, "text/plain"),
    raw("a Content-Type that is none", b'{"command": "resize"}', None, 415, "json"),
    raw("no Content-Type", b'{"command": "resize"}', None, 415, ""),
    raw("XML", b"<task/>", None, 415, "application/xml"),
    raw("3 MiB", b'{"command": "' + b"x" * (3 * KIB * KIB) + b'"}', None, 413),
    payload("10,000 levels of arrays", b"[" * 10_000 + b"]" * 10_000),
    payload("10,000 levels of objects", b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
    payload("201 levels", b"[" * 201 + b"]" * 201),
    payload("NUL in a text", rb'{"a": ["x", "\u0000"]}', "/payload/a/1"),
    payload("NUL in a key", rb'{"a~/b": {"\u0000": 1}}', "/payload/a~0~1b"),
    payload("a lone high surrogate", rb'"\ud800"'),
    payload("a lone low surrogate", rb'"\udc00"'),
    payload("surrogates the wrong way round", rb'"\udc00\ud800"'),
    payload("2^63", b"9223372036854775808"),
    payload("-2^63 - 1", b"-9223372036854775809"),
    payload("2^64 in an array", b"[18446744073709551616]"),
    payload("5,000 digits", b"9" * 5000),
    payload(
        "100,000 digits after the point are a number, but not twice the key", b'{"a": 0.%s, "a": 1}' % (b"3" * 9999)
    ),
    payload("1e400", b"1e400"),
    payload("-1e400", b"-1e400"),
    payload("NaN", b"NaN"),
    payload("Infinity", b"Infinity"),
    payload("a nested key that stands twice", b'[{"a": 1, "a": 1}]'),
    payload("a comment", b"1 /* one */"),
    payload("single quotes", b"'a'"),
    payload("a comma too many", b"[1,]"),
]
FINE = {"command": "c"}
BATCHES = [
    task("after names nothing", {"after": [NOBODYS_ID]}, "/after/0"),
    batch("a batch without tasks", {}, "/tasks"),
    batch("a batch of no tasks", {"tasks": []}, "/tasks"),
    batch("a batch of 1,001 tasks", {"tasks": [FINE] * 1001}, "/tasks"),
    batch("a batch that is an array", [FINE], ""),
    batch("a task that is null", {"tasks": [FINE, None]}, "/tasks/1"),
    batch("a text for tasks", {"tasks": "c"}, "/tasks"),
    batch("one blank command among others", {"tasks": [FINE, FINE, {"command": " "}]}, "/tasks/2/command"),
    batch("one unknown field among others", {"tasks": [FINE, {"command": "c", "x": 1}]}, "/tasks/1/x"),
    batch(
        "one large payload among others",
        {"tasks": [FINE, {"command": "c", "payload": "x" * 300_000}]},
        "/tasks/1/payload",
    ),
    batch("atomic as a text", {"tasks": [FINE], "atomic": "no"}, "/atomic"),
    batch("a batch of 17 MiB", {"tasks": ["x" * 17 * KIB * KIB]}, "", 413),
    lines("a line that breaks off", b'{"command": "c"}\n{"command"', "/tasks/1"),
    lines("no lines", b"", "/tasks"),
    lines("blank lines", b"\n \n", "/tasks"),
    lines("1,001 lines", b'{"command": "c"}\n' * 1001, "/tasks"),
    lines("a million lines", b"1\n" * 1_000_000, "/tasks"),
    lines("an array in a line", b"[]\n", "/tasks/0"),
    raw("lines where one task is taken", b'{"command": "c"}\n', None, 415, "application/x-ndjson"),
]
TASKS = [
    task("a blank command", {"command": " \t "}, "/command"),
    task("an empty command", {"command": ""}, "/command"),
    task("no command", {"command": None}, "/command"),
    task("a command of 101 characters", {"command": "é" * 101}, "/command"),
    task("a command with a line break", {"command": "a\n"}, "/command"),
    task("a command with a bell", {"command": "a\a"}, "/command"),
    task("a number for a command", {"command": 1}, "/command"),
    task("a list for a command", {"command": ["resize"]}, "/command"),
    task("an unknown field", {"payloads": 1}, "/payloads"),
    task("an unknown field with a slash", {"a/b~c": 1}, "/a~1b~0c"),
    task("a field with a line break in its name", {"\r\n": 1}, "/\r\n"),
    task("a payload of 300 KiB", {"payload": "x" * 300 * KIB}, "/payload"),
    task("a payload of 300 KiB in few characters", {"payload": "🦊" * 75 * KIB}, "/payload"),
    task("an unknown priority", {"priority": "urgent"}, "/priority"),
    task("a number for a priority", {"priority": 1}, "/priority"),
    task("a queue with a space", {"queue": "a b"}, "/queue"),
    task("a queue that ends in a line break", {"queue": "a\n"}, "/queue"),
    task("a queue in another script", {"queue": "очередь"}, "/queue"),
    task("a queue of 101 characters", {"queue": "q" * 101}, "/queue"),
    task("a text for tags", {"tags": "a"}, "/tags"),
    task("a blank tag", {"tags": ["a", " "]}, "/tags/1"),
    task("a long tag", {"tags": ["t" * 101]}, "/tags/0"),
    task("a number for a tag", {"tags": [1]}, "/tags/0"),
    task("21 tags", {"tags": [str(n) for n in range(21)]}, "/tags"),
    task("a backoff of no kind", {"backoff": {"base_s": 1}}, "/backoff/kind"),
    task("a backoff that is null", {"backoff": None}, "/backoff"),
    task("a backoff without its base", {"backoff": {"kind": "linear"}}, "/backoff/base_s"),
    task("a list of no delays", {"backoff": {"kind": "list", "delays_s": []}}, "/backoff/delays_s"),
    task("a list without delays", {"backoff": {"kind": "list"}}, "/backoff/delays_s"),
    task("a list with a cap", {"backoff": {"kind": "list", "delays_s": [1], "cap_s": 1}}, "/backoff/cap_s"),
    task("a growing list", {"backoff": {"kind": "linear", "base_s": 1, "delays_s": [1]}}, "/backoff/delays_s"),
    task("a jitter of 2", {"backoff": {"kind": "linear", "base_s": 1, "jitter": 2}}, "/backoff/jitter"),
    task(
        "a negative duration",
        {"backoff": {"kind": "linear", "base_s": 1, "max_duration_s": -1}},
        "/backoff/max_duration_s",
    ),
    task("0 crashes", {"max_crashes": 0}, "/max_crashes"),
    task("an unknown on_lost", {"on_lost": "cry"}, "/on_lost"),
    task("a unique that is a text", {"unique": "k"}, "/unique"),
    task("a unique without a key", {"unique": {}}, "/unique/key"),
    task("a blank unique key", {"unique": {"key": " "}}, "/unique/key"),
    task("a unique key of 201 characters", {"unique": {"key": "k" * 201}}, "/unique/key"),
    task("unique while queued only", {"unique": {"key": "k", "while": ["queued"]}}, "/unique/while"),
    task("unique while never", {"unique": {"key": "k", "while": []}}, "/unique/while"),
    task("unique while sleeping", {"unique": {"key": "k", "while": ["sleeping"]}}, "/unique/while/0"),
    task("a window of 0 s", {"unique": {"key": "k", "window_s": 0}}, "/unique/window_s"),
    task("an unknown on_conflict", {"unique": {"key": "k", "on_conflict": "cry"}}, "/unique/on_conflict"),
    task("21 bad tags", {"tags": [1] * 21}, "/tags"),
    task("hundreds of unknown fields", {str(n): 1 for n in range(300)}, ""),
    claim("101 bad queues", {"queues": [1] * 101}, "/queues"),
    task("True attempts", {"max_attempts": True}, "/max_attempts"),
    task("attempts in a text", {"max_attempts": "5"}, "/max_attempts"),
    task("half an attempt", {"max_attempts": 1.5}, "/max_attempts"),
    task("5.0 attempts", {"max_attempts": 5.0}, "/max_attempts"),
    task("no attempt", {"max_attempts": 0}, "/max_attempts"),
    task("2^62 attempts", {"max_attempts": 2**62}, "/max_attempts"),
    task("null attempts", {"max_attempts": None}, "/max_attempts"),
    task("a timeout of 0", {"timeout_s": 0}, "/timeout_s"),
    task("a timeout of 8 days", {"timeout_s": 8 * 86_400}, "/timeout_s"),
    task("a delay of 1e308", {"delay_s": 1e308}, "/delay_s"),
    task("a delay of -1", {"delay_s": -1}, "/delay_s"),
    task("a delay of True", {"delay_s": True}, "/delay_s"),
    task("a delay in a text", {"delay_s": "5"}, "/delay_s"),
    task("a delay of 'inf'", {"delay_s": "inf"}, "/delay_s"),
    task("a delay of 'NaN'", {"delay_s": "NaN"}, "/delay_s"),
    task("a time and a delay", {"run_at": "2030-01-01T00:00:00Z", "delay_s": 1}, "/delay_s"),
    task("a time without offset", {"run_at": "2030-01-01T00:00:00"}, "/run_at"),
    task("a day", {"run_at": "2030-01-01"}, "/run_at"),
    task("a number for a time", {"run_at": 1893456000}, "/run_at"),
    task("True for a time", {"run_at": True}, "/run_at"),
    task("the 30th of February", {"run_at": "2030-02-30T00:00:00Z"}, "/run_at"),
    task("the year 10000", {"run_at": "10000-01-01T00:00:00Z"}, "/run_at"),
    task("the year 99999", {"run_at": "+99999-01-01T00:00:00Z"}, "/run_at"),
    task("the year 10000 in UTC", {"run_at": "9999-12-31T23:59:59-14:00"}, "/run_at"),
    task("the year 0 in UTC", {"expires_at": "0001-01-01T00:00:00+14:00"}, "/expires_at"),
    task("the year 1", {"expires_at": "0001-01-02T00:00:00Z"}, "/expires_at"),
    task("an offset of 25 hours", {"run_at": "2030-01-01T00:00:00+25:00"}, "/run_at"),
]
LEASES = [
    claim("no queues", {"queues": []}, "/queues"),
    claim("a text for queues", {"queues": "resize"}, "/queues"),
    claim("a number among queues", {"queues": ["resize", 1]}, "/queues/1"),
    claim("101 queues", {"queues": [f"q{n}" for n in range(101)]}, "/queues"),
    claim("a wait of 'NaN'", {"wait": "NaN"}, "/wait"),
    claim("a wait of 21 s", {"wait": 21}, "/wait"),
    claim("a wait in a text", {"wait": "1"}, "/wait"),
    claim("a wait of True", {"wait": True}, "/wait"),
    claim("a wait of 1e308", {"wait": 1e308}, "/wait"),
    claim("a wait of -1e-9", {"wait": -1e-9}, "/wait"),
    claim("a limit of 0", {"limit": 0}, "/limit"),
    claim("a limit of 1,001", {"limit": 1001}, "/limit"),
    claim("a limit of True", {"limit": True}, "/limit"),
    claim("a lease of 0 s", {"lease_s": 0}, "/lease_s"),
    claim("a lease of half a second", {"lease_s": 0.5}, "/lease_s"),
    claim("a lease of a year", {"lease_s": 366 * 86_400}, "/lease_s"),
    claim("a blank worker", {"worker": " "}, "/worker"),
    claim("a blank claim_id", {"claim_id": ""}, "/claim_id"),
    claim("a long claim_id", {"claim_id": "c" * 101}, "/claim_id"),
    claim("a number for a claim_id", {"claim_id": 1}, "/claim_id"),
    claim("a filter that is none", {"commands": ["resize"]}, "/commands"),
    Case("no leases to settle", "POST", "/v1/leases/settle", 422, "/leases", options={"json": {"leases": []}}),
    Case("leases that are none", "POST", "/v1/leases/extend", 422, "/leases/0", options={"json": {"leases": [1]}}),
    Case(
        "1,001 at once",
        "POST",
        "/v1/leases/extend",
        422,
        "/leases",
        options={"json": {"leases": [{"token": "t"}] * 1001}},
    ),
    leases("an unknown outcome", "settle", {"outcome": "done"}, "/leases/0/outcome"),
    leases("a retry in a text", "settle", {"retry_in_s": "1"}, "/leases/0/retry_in_s"),
    leases("a retry in 1e308 s", "settle", {"retry_in_s": 1e308}, "/leases/0/retry_in_s"),
    leases(
        "a success that is not to be retried", "settle", {"outcome": "succeeded", "retry": False}, "/leases/0/retry"
    ),
    leases("a success to retry in 5 s", "settle", {"outcome": "succeeded", "retry_in_s": 5}, "/leases/0/retry_in_s"),
    leases("a success with an error", "settle", {"outcome": "succeeded", "error": "e"}, "/leases/0/error"),
    leases("a failure with a result", "settle", {"result": 1}, "/leases/0/result"),
    leases("no retry in 5 s", "settle", {"retry": False, "retry_in_s": 5}, "/leases/0/retry_in_s"),
    leases("a text for retry", "settle", {"retry": "no"}, "/leases/0/retry"),
    leases("a long token", "settle", {"token": "t" * 201}, "/leases/0/token"),
    leases("a result of 1.1 MiB", "settle", {"outcome": "succeeded", "result": "r" * 1_100_000}, "/leases/0/result"),
    leases("an error of 65 KiB", "settle", {"error": "e" * 66_000}, "/leases/0/error"),
    leases("a long log", "settle", {"log": "l" * 65_537}, "/leases/0/log"),
    leases("a lease of True s", "extend", {"lease_s": True}, "/leases/0/lease_s"),
    leases("101 percent", "extend", {"progress": 101}, "/leases/0/progress"),
    leases("half a percent", "extend", {"progress": 0.5}, "/leases/0/progress"),
    leases("a long note", "extend", {"note": "n" * 501}, "/leases/0/note"),
]
QUERIES = [
    listing("limit=0", "limit=0", "limit"),
    listing("a parameter given twice", "status=queued&status=running", "status"),
    listing("limit=-1", "limit=-1", "limit"),
    listing("limit=10^9", "limit=1000000000", "limit"),
    listing("5,000 digits for a limit", "limit=" + "9" * 5000, "limit"),
    listing("limit=NaN", "limit=NaN", "limit"),
    listing("limit=1e2", "limit=1e2", "limit"),
    listing("limit=1_0", "limit=1_0", "limit"),
    listing("a limit in other digits", "limit=%D9%A1%D9%A0", "limit"),
    listing("an empty limit", "limit=", "limit"),
    listing("an unknown parameter", "colour=red", "colour"),
    listing("an unknown status", "status=done", "status"),
    listing("NUL in a command", "command=a%00", "command"),
    listing("NUL in a queue", "queue=%00", "queue"),
    listing("NUL in a tag", "tag=%00b", "tag"),
    listing("NUL in a cursor", "cursor=%00", "cursor"),
    listing("an owner that is none", "owner=alice", "owner"),
    listing("an owner with a line break", "owner=me%0A", "owner"),
    listing("the owner is somebody else", f"owner={BOB.id}", "", 403),
    listing("a time without offset", "created_from=2030-01-01T00:00:00", "created_from"),
    listing("a time before the calendar", "created_from=0001-01-01T00:00:00%2B14:00", "created_from"),
    listing("a time after the calendar", "created_until=9999-12-31T23:59:59-14:00", "created_until"),
    listing("an empty cursor", "cursor=", "cursor"),
    listing("a cursor of nonsense", "cursor=AAAAAAAAAAAAAAAAIg==", "cursor"),
    listing("a cursor that is no ASCII", "cursor=%F0%9F%A6%8A", "cursor"),
    listing("a cursor with another place", "limit=1&cursor={forged}", "cursor"),
    listing("a cursor cut short", "limit=1&cursor={short}", "cursor"),
    listing("a cursor of other filters", "limit=1&queue=resize&cursor={cursor}", "cursor"),
    Case("raw bytes", "GET", "/v1/tasks", 422, "", options={"environ_overrides": {"QUERY_STRING": "command=\xff"}}),
]
CHANGES = [
    patch("an array for a change", [], ""),
    patch("a change of what cannot be changed", {"command": "a"}, "/command"),
    patch("a change to no priority", {"priority": None}, "/priority"),
    patch("a change to no time", {"run_at": None}, "/run_at"),
    patch("a change to a payload of 300 KiB", {"payload": "x" * 300 * KIB}, "/payload"),
    patch("a change to a blank tag", {"tags": [""]}, "/tags/0"),
]
SCHEMAS = [
    schema("a schema that is no JSON Schema", {"type": "nonsense"}, "/type"),
    schema("a schema that is a text", "object", ""),
    schema("a schema with a number for a text", {"properties": {"a": {"pattern": 1}}}, "/properties/a/pattern"),
    schema("a regex that takes for ever elsewhere", {"pattern": "^(a+)+$(?=b)"}, "/pattern"),
    schema("a regex with a back reference", {"pattern": r"(a*)\1"}, "/pattern"),
    schema("a regex that is none", {"pattern": "(a"}, "/pattern"),
    schema("a regex that grows without bounds", {"pattern": "((a{999}){999}){999}"}, "/pattern"),
    schema("a schema elsewhere", {"$ref": "http://127.0.0.1:9/schema"}, "/$ref"),
    schema("a schema in a file", {"$ref": "file:///etc/passwd"}, "/$ref"),
    schema("a schema that refers to nothing", {"$ref": "#/$defs/none"}, "/$ref"),
    Case("no command's name", "PUT", "/v1/commands/%00", 422, None, ADMIN, {"json": {}}),
    Case("a version beyond 64 bits", "GET", f"/v1/commands/known/schemas/{2**64}", 404, None, ADMIN),
    Case("a version beyond 32 bits", "GET", f"/v1/commands/known/schemas/{2**31}", 404, None, ADMIN),
]
USERS = [
    user("an e-mail that is none", {"email": "eve"}, "/email"),
    user("an age of 151", {"age": 151}, "/age"),
    user("an age of True", {"age": True}, "/age"),
    user("an unknown role", {"role": "king"}, "/role"),
    user("a short username", {"username": "ab"}, "/username"),
    user("a user who exists", {"email": "ALICE@example.com"}, "", 409),
]
PATHS = [
    path("an id that is none", "GET", "/v1/tasks/1"),
    path("an id with NUL", "GET", "/v1/tasks/%00"),
    path("an id with a line break", "GET", f"/v1/tasks/{NOBODYS_ID}%0A"),
    path("an id in braces", "GET", f"/v1/tasks/%7B{NOBODYS_ID}%7D"),
    path("a lone surrogate for an id", "GET", "/v1/tasks/%ED%A0%80"),
    path("nobody's id", "GET", f"/v1/tasks/{NOBODYS_ID}"),
    path("the way out", "GET", "/v1/tasks/../../etc/passwd"),
    path("someone else's task", "GET", "/v1/tasks/{bobs}"),
    path("the attempts of someone else's task", "GET", "/v1/tasks/{bobs}/attempts"),
    path("a change of someone else's task", "PATCH", "/v1/tasks/{bobs}"),
    path("someone else's task, cancelled", "POST", "/v1/tasks/{bobs}/cancel"),
    path("someone else's task, again", "POST", "/v1/tasks/{bobs}/retry"),
    path("someone else's task, deleted", "DELETE", "/v1/tasks/{bobs}"),
    path("an unknown path", "GET", "/v2/tasks"),
    path("an unknown method", "PUT", "/v1/tasks", 405),
    path("a method nobody knows", "BREW", "/v1/tasks", 405),
]
HEADERS = [
    token("no token", None),
    token("a forged token", "ty_forged"),
    token("a token that is none", "\xff\xfe"),
    token("a very long token", "ty_" + "x" * 8000),
    token("an expired key", "ty_expired"),
    token("a revoked key", "ty_revoked"),
    token("a forged access token", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9."),
    token("a key without the scope", "ty_blind", 403),
    if_match("a stale If-Match", '"v99"', 412),
    if_match("an If-Match without quotes", "v1"),
    if_match("a weak If-Match", 'W/"v1"'),
    if_match("an If-Match of 50 digits", f'"v{"9" * 50}"'),
    if_match("an If-Match with two", '"v1", "v2"'),
    header("a blank Idempotency-Key", {"Idempotency-Key": " "}, "Idempotency-Key"),
    header("an empty Idempotency-Key", {"Idempotency-Key": ""}, "Idempotency-Key"),
    header("an Idempotency-Key of 256 characters", {"Idempotency-Key": "k" * 256}, "Idempotency-Key"),
    header("an Idempotency-Key with spaces", {"Idempotency-Key": "a b"}, "Idempotency-Key"),
    header("an Idempotency-Key that is no ASCII", {"Idempotency-Key": "clé"}, "Idempotency-Key"),
    header("an Idempotency-Key of another request", {"Idempotency-Key": "taken"}, "Idempotency-Key"),
]
CASES = [*BODIES, *BATCHES, *TASKS, *LEASES, *QUERIES, *CHANGES, *SCHEMAS, *USERS, *PATHS, *HEADERS]
