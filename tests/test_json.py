"""What `--json` prints has the shapes that `docs/json.md` promises: a project is taken round, served and judged, and each command asked."""

import csv
import json
import re
import socket
import subprocess
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.shop import command, make
from loopline.cli.main import command as root

PAGE = (Path(__file__).parents[1] / "docs" / "json.md").read_text()
PERSON = "owner@example.com"
ASKED_FOR = "  acceptance: [{id: A1, says: It was wanted, check: precision >= 0.1}, {id: A2, says: Nobody is pestered}]\n"
NOT_ASKED = {
    "loopline demo": "it takes a minute",
    "loopline data admit": "no batch is held back; its own tests ask it",
    "loopline charter override": "the study says go, so that there is nothing to override",
    "loopline charter sign": "the charter asks nobody to sign; its own tests ask it",
    "loopline release rollback": "there is no earlier champion",
    "loopline release promote": "nothing is on trial; its own tests ask it",
    "loopline release pause": "nothing is on trial; its own tests ask it",
    "loopline release resume": "nothing is on trial; its own tests ask it",
    "loopline release waive": "no gate failed; its own tests ask it",
    "loopline alerts try": "no channel is declared; its own tests ask it",
    "loopline schema": "its shape is that of JSON schema",
}


def promised():
    """From a command's words to the shape of what it prints: the first JSON of its section."""
    shapes = {}
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        title, _, text = section.partition("\n")
        block = re.search(r"^```json\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
        if block and title.startswith("loopline"):
            shapes.update(dict.fromkeys(title.split(", "), json.loads(block[1])))
    return shapes


def differences(shape, real, place="it"):
    """Where a value has not the promised shape; null may stand for anything, on either side."""
    if shape is None or real is None:
        return
    if isinstance(shape, dict) and isinstance(real, dict):
        known = shape.keys() - {"..."}
        if missing := known - real.keys():
            yield f"{place} lacks {sorted(missing)}"
        if "..." not in shape and (more := real.keys() - known):
            yield f"{place} has {sorted(more)} besides"
        for name, value in real.items():
            if name in shape or "..." in shape:
                yield from differences(shape.get(name, shape.get("...")), value, f"{place}.{name}")
    elif isinstance(shape, list) and isinstance(real, list):
        if shape:
            for value in real:
                yield from differences(shape[0] if len(shape) == 1 else None, value, f"{place}[]")
    elif kind(shape) != kind(real):
        yield f"{place} is {real!r}, not like {shape!r}"


def kind(value):
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def test_differences_are_seen():
    shape = {"a": 1, "b": [{"c": "x"}], "d": {"...": 0.5}}
    assert not list(differences(shape, {"a": 2.5, "b": [], "d": {"e": 1, "f": None}}))
    assert list(differences(shape, {"a": "2", "b": [{"c": "y", "e": 1}, {}], "d": {"e": "1"}})) == [
        "it.a is '2', not like 1",
        "it.b[] has ['e'] besides",
        "it.b[] lacks ['c']",
        "it.d.e is '1', not like 0.5",
    ]


class Asked:
    """A project in a folder, and what each command said of it."""

    def __init__(self, folder):
        self.folder = make(folder)
        declaration = self.folder / "loopline.yaml"
        text = declaration.read_text().replace("charter:\n", f"charter:\n  stakeholders: {{business: [{PERSON}]}}\n{ASKED_FOR}", 1)
        declaration.write_text(f"{text}release: {{approvals: {{business: 1}}}}\nwatch: {{window: 1d}}\n")
        self.said = {}

    def __call__(self, words, *more, code=0, anywhere=False):
        """Ask in this process; where `anywhere`, without the project's folder."""
        folder = () if anywhere else ("--folder", str(self.folder))
        ended = CliRunner().invoke(root, [*words.split()[1:], *more, *folder, "--json"], env={"LOOPLINE_USER": PERSON})
        if ended.exception is not None and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        assert ended.exit_code == code, ended.output
        self.said[words] = json.loads(ended.stdout)
        return self.said[words]


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("json")
    ask = Asked(folder / "shop")
    visits = ask.folder / "deliveries" / "1.csv"
    ask("loopline run", "--until", "release")
    ask("loopline charter people")
    ask("loopline release status")
    ask("loopline release refuse", "--as", "business", "--by", PERSON, "--why", "not on a Friday")
    ask("loopline release approve", "--as", "business", "--by", PERSON, "--why", "it earns more than it costs")
    ask("loopline release withdraw", "--as", "business", "--why", "not today")
    ask("loopline release approve", "--as", "business", "--why", "it earns more than it costs")
    ask("loopline run")
    ask("loopline ci init", "--provider", "jenkins", "--requirement", "loopline @ git+https://example.com/loopline.git@0123abc")
    # Some of its rows are refused, which a test of the data says.
    ask("loopline ci run", "--minutes", "1", code=1)
    serve_and_tell(ask, visits)
    made = ask("loopline access token create", "--for", "web shop", "--role", "predict")
    ask("loopline access token list")
    ask("loopline access token revoke", made["id"], "--by", PERSON)
    ask("loopline access account create", PERSON, "--generate")
    ask("loopline access account password", PERSON, "--generate")
    ask("loopline access account list")
    ask("loopline access account revoke", PERSON)
    link = ask("loopline access link create", "--for", "customers")
    ask("loopline access link list")
    ask("loopline access link revoke", link["id"])
    for words in (
        "tick",
        "status",
        "charter criteria",
        "charter show",
        "charter study",
        "charter spent",
        "data show",
        "data quarantine",
        "model show",
        "model list",
        "release check",
        "release history",
    ):
        ask(f"loopline {words}")
    ask("loopline charter compare", *others(ask.folder))
    ask("loopline release deploy", "--to", "systemd")
    ask("loopline release deployments")
    package = ask.said["loopline model show"]["package"]
    ask("loopline model compare", package, package)
    ask("loopline model explain")
    word = ("pages", "--by", PERSON, "--why", "a test")
    ask("loopline model refuse", *word, "--may-only", "rise")
    ask("loopline model effects")
    ask("loopline model accept", *word)
    ask("loopline score", str(visits), "-o", str(folder / "scored.csv"))
    for words in ("card", "sign", "trust"):
        ask(f"loopline model {words}")
    ask("loopline model export", "--to", str(folder / "package.zip"))
    ask("loopline model import", str(folder / "package.zip"))
    taken_over = ask.said["loopline model import"]
    ask("loopline model import", "--withdraw")
    ask.said["loopline model import"] = taken_over
    ask("loopline data ingest", str(visits))
    ask("loopline data pull")
    deal_with_refused(ask, folder)
    ask("loopline data test", "--lake")
    ask("loopline data infer", "visits")
    ask("loopline data evolve")
    contract = str(folder / "shop.odcs.yaml")
    ask("loopline data contract export", "-o", contract)
    ask("loopline data contract import", contract, anywhere=True)
    ask("loopline data explore")
    ask("loopline tick --keep", "--turns", "1")
    ask("loopline data clean", "--file", str(visits), "--sample", "10")
    ask("loopline data probe", "--size", "1", "--seconds", "0.2")
    ask("loopline gc", "--keep-blobs", "0s")
    ask("loopline data get", "visits", "--limit", "2")
    edit = ("visits", "--where", "visit = 'v00001'", "--by", PERSON, "--why", "a test")
    ask("loopline data update", *edit, "--set", "pages=pages + 1")
    (folder / "by-hand.csv").write_text("visit,pages\nv00002,3\n")
    ask("loopline data upsert", "visits", str(folder / "by-hand.csv"))
    ask("loopline data delete", *edit)
    ask("loopline data history", "visits")
    ask("loopline data diff", "visits", "2", "4")
    ask("loopline data forget", "visits", "--key", "v00003", "--by", PERSON, "--why", "a test")
    ask("loopline data restore", "visits", "--version", "2", "--by", PERSON)
    ask("loopline data lineage", "visits")
    ask("loopline data convert", str(visits), str(folder / "visits.jsonl"), anywhere=True)
    ask("loopline watch compare", str(visits), str(folder / "visits.jsonl"), anywhere=True)
    for words in ("watch show", "alerts list", "value show", "value review", "value lift", "ledger log", "ledger verify"):
        ask(f"loopline {words}")
    (folder / "prices.yaml").write_text(
        "dated: 2026-09-01\nmachine: {purchase: 2400, years: 4, residual: 200}\ncloud: {instances: {a: 0.04 per hour}, storage: 0.02 per GB-month}\n"
    )
    ask("loopline value cost", "--prices", str(folder / "prices.yaml"), "--volume", "900 per day")
    ask("loopline value whatif", "--threshold", "0.6")
    newest = ask.said["loopline ledger log"]["entries"][-1]["id"]
    ask("loopline charter revise", "--set", "worth.act_wrong=-8", "--set", "target=1000 per year", "--set", "acceptance.A1=precision >= 0.5")
    ask("loopline ledger show", newest)
    ask("loopline ledger lineage", newest)
    experiment(ask)
    alert = ask.said["loopline alerts list"]["alerts"][0]["id"]
    ask("loopline watch export", "--prometheus-rules", str(folder / "rules.yml"), "--grafana", str(folder / "board.json"))
    ask("loopline alerts silence", alert, "--for", "1d", "--by", PERSON, "--why", "a test")
    ask("loopline alerts list")
    ask("loopline alerts show", alert)
    ask("loopline alerts ack", alert, "--by", PERSON, "--why", "looking into it")
    ask("loopline alerts resolve", alert, "--by", PERSON, "--why", "it has passed")
    ask("loopline init", "--template", "churn", "--folder", str(folder / "kind"), anywhere=True)
    ask("loopline charter questions", "--folder", str(folder / "kind"), anywhere=True)
    ask("loopline init", str(visits), "--target", "bought", "--folder", str(folder), anywhere=True)
    ask("loopline completion", "bash", anywhere=True)
    ask("loopline report", "-o", str(folder / "shop.html"))
    begin_and_end(ask)
    return ask.said


def others(folder):
    """Another charter for the shop, and another project's."""
    charter = "  predict: bought\n  volume: 30 per day\n  worth: {currency: EUR, act_right: 5, act_wrong: -4}\n"
    stated = "  study: {effort: {build: 9..12 hours}, happens: 40%..60%, expects: {precision: 60%..90%, recall: 50%..70%}}\n  prices: people.yaml\n"
    (folder / "people.yaml").write_text("people: 55..70 per hour\n")
    (folder / "later.yaml").write_text(f"charter:\n{charter}")
    (folder / "other.yaml").write_text(f"project: other\ncharter:\n{charter}{stated}data: {{sources: {{t: {{path: t.csv}}}}}}\n")
    return str(folder / "later.yaml"), str(folder / "other.yaml")


def experiment(ask):
    asked = ("--policy", "eager: threshold=0.1", "--effect", "1", "--guard", "acted <= +0.1")
    ask("loopline value experiment plan", *asked)
    ask("loopline value experiment start", "eager", *asked, "--by", PERSON, "--why", "are more offers worth it?")
    ask("loopline value experiment status", "eager")
    ask("loopline value experiment stop", "eager", "--by", PERSON, "--why", "that will do")
    feature = ("banner", "--arms", "old,new", "--effect", "1")
    ask("loopline value experiment start", *feature, "--by", PERSON, "--why", "does it sell?")
    ask("loopline value experiment assign", "banner", "customer-17")
    ask("loopline value experiment list")


def deal_with_refused(ask, folder):
    row = ask("loopline data quarantine list")["refused"][0]["id"]
    ask("loopline data quarantine show", row)
    ask("loopline data quarantine export", "-o", str(folder / "rows.csv"))
    ask("loopline data quarantine mend", row, "--set", "pages=3", "--by", PERSON)
    ask("loopline data quarantine replay", "--by", PERSON)
    ask("loopline data quarantine discard", "--reason", "below", "--by", PERSON, "--why", "tests of the shop")
    ask("loopline data review", "--export", str(folder / "review.csv"))
    ask("loopline data ready")


def serve_and_tell(ask, visits):
    """Serve for real: visits whose pages are read far too high, and whether they bought; so that an alert opens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with visits.open() as file:
        rows = [row for row in csv.DictReader(file) if int(row["pages"]) > 0]
    server = subprocess.Popen([*command(ask.folder, "serve", "--port", str(port)), "--json"], stdout=subprocess.PIPE, text=True)
    try:
        ask.said["loopline serve"] = json.loads(server.stdout.readline())
        wait_for(port)
        asks = [{**row, "pages": int(row["pages"]) + 15, "minutes": float(row["minutes"])} for row in rows]
        answers = post(port, "/v1/predict", {"rows": [{name: value for name, value in row.items() if name != "bought"} for row in asks]})
        outcomes = [{"id": answer["id"], "outcome": row["bought"]} for answer, row in zip(answers["predictions"], rows, strict=True)]
        ask.said["HTTP"] = [answers, post(port, "/v1/outcomes", {"outcomes": outcomes})]
    finally:
        server.terminate()
        server.wait(30)
        server.stdout.close()


def begin_and_end(ask):
    """The first line of the whole loop at work, which says what that of the pages alone does, too."""
    with subprocess.Popen([*command(ask.folder, "up", "--port", "0", "--pages-port", "0"), "--json"], stdout=subprocess.PIPE, text=True) as up:
        try:
            ask.said["loopline up"] = json.loads(up.stdout.readline())
            ask.said["loopline pages"] = ask.said["loopline up"]["pages"]
        finally:
            up.terminate()
            up.wait(60)


def wait_for(port):
    until = time.monotonic() + 60
    while True:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        assert time.monotonic() < until, "the server did not get ready"
        time.sleep(0.05)


def post(port, path, body):
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    assert answer.status == 200, text
    return json.loads(text)


def test_every_command_prints_what_is_promised(asked):
    """One test, so that the project is taken round once, however many processes share the tests."""
    shapes = {words: shape for words, shape in promised().items() if words not in NOT_ASKED}
    assert not shapes.keys() - asked.keys(), "described, but not asked here"
    wrong = {words: list(differences(shape, asked[words])) for words, shape in shapes.items()}
    assert not {words: found for words, found in wrong.items() if found}
    blocks = [json.loads(text) for text in re.findall(r"^```json\n(.*?)^```$", PAGE.partition("## HTTP")[2], flags=re.MULTILINE | re.DOTALL)]
    for shape, real in zip((blocks[1], blocks[3]), asked["HTTP"], strict=True):
        assert not list(differences(shape, real))


def test_an_error_is_what_is_promised(tmp_path):
    ended = subprocess.run([*command(tmp_path, "status"), "--json"], capture_output=True, text=True, timeout=60)
    shape = json.loads(re.search(r"^```json\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)[1])
    assert ended.returncode == 2
    assert not list(differences(shape, json.loads(ended.stdout)))
