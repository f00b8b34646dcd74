"""The console's files."""

import gzip
from pathlib import Path

import pytest

import gameserver.web
from tests.support.harness import Server
from tests.support.http import HttpClient, assert_http_refused

FOLDER = Path(gameserver.web.__file__).parent / "console"
FILES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", FILES)
async def test_a_file_is_answered_as_it_lies_there_and_kept_by_its_tag(server: Server, name: str) -> None:
    client, content = HttpClient(server), (FOLDER / name).read_bytes()
    plain = await client.get(f"/{name}")
    assert (plain.status, plain.body) == (200, content)
    assert "content-encoding" not in plain.headers
    packed = await client.get(f"/{name}", Accept_Encoding="br, GZIP;q=0.5")
    is_packed = packed.headers.get("content-encoding") == "gzip"
    assert (gzip.decompress(packed.body) if is_packed else packed.body) == content
    assert (packed.headers["etag"] != plain.headers["etag"]) == is_packed
    assert len(packed.body) <= len(content)
    for shown in (plain, packed):
        assert not shown.headers["etag"].startswith("W/")
        assert (shown.headers["cache-control"], shown.headers["vary"]) == ("no-cache", "Accept-Encoding")
        unchanged = await client.get(f"/{name}", If_None_Match=shown.headers["etag"], Accept_Encoding="gzip")
        assert (unchanged.status == 304) == (shown.headers["etag"] == packed.headers["etag"])
    head = await client.ask("HEAD", f"/{name}")
    assert (head.status, head.headers["content-length"]) == (200, str(len(content)))


@pytest.mark.parametrize("refused", ["gzip;q=0", "br, gzip; q=0.000", "identity;q=1, GZIP;Q=0.0", "br", "xgzip"])
async def test_a_file_is_as_it_is_for_who_refuses_it_compressed(server: Server, refused: str) -> None:
    shown = await HttpClient(server).get("/client.js", Accept_Encoding=refused)
    assert (shown.body, "content-encoding" in shown.headers) == ((FOLDER / "client.js").read_bytes(), False)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("", "text/html; charset=utf-8"),
        ("index.html", "text/html; charset=utf-8"),
        ("client.js", "text/javascript; charset=utf-8"),
        ("style/base.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
        ("vendor/htm.LICENSE", "text/plain; charset=utf-8"),
    ],
)
async def test_a_file_is_of_its_type_and_lets_nothing_else_in(server: Server, name: str, media_type: str) -> None:
    headers = (await HttpClient(server).get(f"/{name}")).headers
    assert headers["content-type"] == media_type
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'self'; ")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "camera=()" in headers["permissions-policy"]


async def test_the_page_itself_is_at_the_root(server: Server) -> None:
    client = HttpClient(server)
    assert (await client.get("/")).body == (await client.get("/index.html")).body


@pytest.mark.parametrize(
    "path",
    [
        "/app",
        "/app/",
        "/index.html/",
        "//index.html",
        "/app/../index.html",
        "/%69ndex.html",
        "/../files.py",
        "/..%2ffiles.py",
        "/.",
        "/console/index.html",
    ],
)
async def test_no_other_path_leads_to_a_file(server: Server, path: str) -> None:
    response = await HttpClient(server).get(path)
    assert_http_refused(response, 404, "not_found")
    assert response.headers["connection"] == "close"  # it has not come to the application


async def test_a_file_is_only_read(server: Server) -> None:
    response = await HttpClient(server).post("/", {})
    assert_http_refused(response, 405, "bad_request")
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_a_file_tells_what_it_may_be_asked_for_and_the_connection_goes_on(server: Server) -> None:
    client = HttpClient(server)
    told = await client.ask("OPTIONS", "/index.html")
    assert (told.status, told.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert (await client.get("/index.html")).status == 200
