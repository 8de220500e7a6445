"""`loopline access token`, and a server at an open address that asks for tokens."""

from __future__ import annotations

import http.client
import json
import time

from tests.cli.deciding import loopline, make_project, refused
from tests.serve.packages import ROW


def said(folder, *words):
    out, err = (process := loopline(folder, *words, "--json")).communicate(timeout=30)
    assert process.returncode == 0, err
    return json.loads(out)


def ask(port, method, path, token="", body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_an_open_address_asks_for_tokens_and_follows_them(tmp_path):
    make_project(tmp_path)
    assert "nobody has a token yet; make one: loopline access token create" in refused(tmp_path, "serve", "--host", "0.0.0.0", "--port", 0)
    shop = said(tmp_path, "access", "token", "create", "--for", "shop", "--role", "predict")
    process = loopline(tmp_path, "serve", "--host", "0.0.0.0", "--port", 0, "--json")
    try:
        told = json.loads(process.stdout.readline())
        assert told["access"] == "tokens"
        port = int(told["url"].rsplit(":", 1)[1])
        until = time.monotonic() + 15
        while True:
            try:
                if ask(port, "GET", "/healthz")[0] == 200:
                    break
            except OSError:
                assert time.monotonic() < until
                time.sleep(0.05)
        assert ask(port, "POST", "/v1/predict", shop["token"], {"rows": [ROW]})[0] == 200
        status, text = ask(port, "POST", "/v1/predict", "", {"rows": [ROW]})
        assert (status, "Authorization: Bearer" in json.loads(text)["error"]["remedy"]) == (401, True)
        assert ask(port, "GET", "/metrics", shop["token"])[0] == 403
        scraper = said(tmp_path, "access", "token", "create", "--for", "scraper", "--role", "metrics", "--expires", "1h")
        said(tmp_path, "access", "token", "revoke", shop["id"])
        until = time.monotonic() + 10
        while ask(port, "POST", "/v1/predict", shop["token"], {"rows": [ROW]})[0] != 401:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert ask(port, "GET", "/metrics", scraper["token"])[0] == 200
    finally:
        process.terminate()
        process.communicate(timeout=15)
    assert [one["state"] for one in said(tmp_path, "access", "token", "list")["tokens"]] == ["revoked", "valid"]


def test_what_is_no_token_or_no_time_is_said(tmp_path):
    make_project(tmp_path)
    assert "there is no token 'nobody'" in refused(tmp_path, "access", "token", "revoke", "nobody")
    said = refused(tmp_path, "access", "token", "create", "--for", "shop", "--role", "predict", "--expires", "soon")
    assert said.endswith("--expires: 'soon' is not a span of time; write it as 12h or 90d\n")
