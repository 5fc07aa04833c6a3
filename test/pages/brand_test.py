#!/usr/bin/env python3
"""brand_test.py: two brands of one pool, each with a billing system of its own:
what each shows, what is kept apart, and what one that is broken does to the
others: nothing. Ends with 'N passed, N failed'.
"""
import json
import os
import re
import shutil
import signal
import subprocess

import harness
import till
from harness import PASSWORDS, Page, Portal, Sandbox, check_error, lay, \
    wait_for

EUR = 28
JSON = {"json_port": True}
PNG = b"\x89PNG\r\n\x1a\n"

first, second = Sandbox(), Sandbox()
first.change(1001, name="Heron of the first")
second.change(1001, name="Heron of the second", currencies_id=EUR,
              locale="de", tz="Asia/Tokyo")

THEME = {
    "menu": [{"key": "overview", "items": [
        {"page": "dashboard", "path": "/api/dashboard", "icon": "home"},
        {"page": "rates", "path": "/api/rates", "icon": "tag"}]}],
    "rates": {"columns": ["price", "code"], "brief": ["code", "price"]},
}


def acme_settings(**more):
    """Brand acme: other texts, gateways, amounts, language and zone."""
    return lay(more, {
        **till.settings_of(second), "title": "Acme Tel",
        "publicUri": "https://acme.example", "locale": "de",
        "locales": ["de", "en"], "timeZone": "Asia/Tokyo",
        "refill": {"min": "7", "max": "70", "presets": ["7", "14"],
                   "gateways": ["paypal"]}})


def write_acme(portal, **more):
    portal.brand("acme", second, acme_settings(**more))
    portal.brand_file("acme", "templates/theme.json", json.dumps(THEME))
    portal.brand_file("acme", "templates/locale/en.json",
                      '{"login.title": "Welcome to Acme"}')
    portal.brand_file("acme", "templates/locale/de.json",
                      '{"login.title": "Willkommen bei Acme"}')
    portal.brand_file("acme", "templates/footer.mustache",
                      "<footer>{{ui.brand}} by Acme</footer>\n")
    portal.brand_file("acme", "static/image-resources/logo-login.png", PNG)


class Brands(Portal):
    """The default brand and acme, which `spoil` may break: it answers a word
    of the log."""

    def __init__(self, settings=None, acme=None, spoil=None, **how):
        self.acme_more = acme or {}
        self.spoil = spoil
        super().__init__(first, {**till.settings_of(first), "title": "First",
                                 "locales": ["en", "de"],
                                 **(settings or {})},
                         brands={"acme": (second, {})}, **how)

    def brand(self, name, sandbox, settings=None):
        if name != "acme" or settings:
            return super().brand(name, sandbox, settings)
        write_acme(self, **self.acme_more)
        if self.spoil:
            self.word = self.spoil(self)

    def acme(self, **how):
        return self.client(brand="acme", **how)


portal = Brands()


def check(config, *options):
    out = subprocess.run(
        [harness.PORTICO, "check", "--config", config, *options],
        capture_output=True, text=True, timeout=harness.PATIENCE,
        stdin=subprocess.DEVNULL)
    return out.returncode, out.stdout, out.stderr


# --- Each its own -------------------------------------------------------------

def test_looks(t):
    one = portal.client(accept_language="en").get("/api/login")
    two = portal.acme(accept_language="en").get("/api/login")
    german = portal.acme().get("/api/login")
    for answer, title, heading, logo in (
            (one, "First", "Log in", "default"),
            (two, "Acme Tel", "Welcome to Acme", "brand"),
            (german, "Acme Tel", "Willkommen bei Acme", "brand")):
        t.status(answer, 200, title)
        page = Page(answer.text)
        t.check(any(text.endswith("– " + title) for text, stack in page.texts
                    if "title" in stack), title + ": the title", page.texts)
        t.equal(page.find("h1") and [text for text, stack in page.texts
                                     if "h1" in stack], [heading],
                title + ": the heading")
        t.check(re.fullmatch(
            "/static/v-[0-9a-f]{12}/%s/image-resources/logo-login.png" % logo,
            page.find("img")[0]["src"]), title + ": the logo",
            page.find("img"))
    t.equal(portal.acme().get("/api/login").header("content-language"), "de",
            "a brand's own language")
    t.check("Acme" not in one.text and "First" not in two.text, "no traces")


def test_data(t):
    one = portal.client().login("heron")
    two = portal.acme().login("heron")
    for c, name, currency, zone in (
            (one, "Heron of the first", "USD", "-05:00"),
            (two, "Heron of the second", "EUR", "+09:00")):
        model = c.json("/api/dashboard")
        t.equal(model["client"]["name"], name, "the customer")
        t.equal(model["balance"]["live"]["currency"], currency, "the currency")
        t.check(model["recent"][0]["time"]["iso"].endswith(zone),
                name + ": the zone", model["recent"][0]["time"])
    t.check("by Acme" in two.get("/api/dashboard").text, "acme's footer")
    t.check("by Acme" not in one.get("/api/dashboard").text, "is acme's")
    t.equal(two.get("/api/rates").header("content-language"), "de",
            "the customer's language")


def test_refill(t):
    one = portal.client().token("heron").json("/api/refill")
    two = portal.acme().token("heron").json("/api/refill")
    t.equal([g["id"] for g in one["gateways"]], ["paypal", "authorizenet"],
            "the gateways of the first")
    t.equal([g["id"] for g in two["gateways"]], ["paypal"], "and of acme")
    t.equal((two["min"]["amount"], two["max"]["amount"]), ("7", "70"),
            "acme's limits")
    t.equal([p["amount"] for p in two["presets"]], ["7", "14"],
            "acme's presets")
    t.check(one["min"]["amount"] != two["min"]["amount"], "not the first's",
            one["min"])
    answer = portal.acme().token("heron").post_json(
        "/api/refill", {"gateway": "authorizenet", "amount": "10"}, **JSON)
    t.check(answer.status in (400, 422), "a gateway of the other's",
            answer.status, answer.body)


def test_theme(t):
    def menu(c):
        return [e["href"] for e in Page(c.get("/api/rates").text).find(
            "a", class_="menu-link")]

    def heads(c):
        return [text for text, stack in Page(c.get("/api/rates").text).texts
                if "thead" in stack and "th" in stack]

    one = portal.client().login("heron")
    two = portal.acme().login("heron")
    t.equal(sorted({u for u in menu(two) if "?" not in u}), ["/api/dashboard", "/api/rates"],
            "acme's menu")
    t.check("/api/profile" in menu(one), "the shipped menu", menu(one))
    t.equal(len(heads(two)), 2, "acme's columns")
    t.check(len(heads(one)) > 5, "the shipped columns", heads(one))
    # What acme's theme.json is silent about is the shipped one's.
    page = Page(two.get("/api/payments").text)
    t.check(len([1 for text, stack in page.texts if "thead" in stack]) >= 5,
            "columns of another page")


# --- Apart ----------------------------------------------------------------------

def shared_store(p):
    """Both brands in one."""
    return {"store": {"uri": harness.store_uri(p.folder + "/portico.db")}}


class Shared(Brands):
    def brand(self, name, sandbox, settings=None):
        self.acme_more = shared_store(self)
        return super().brand(name, sandbox, settings)


def both(t, test):
    """With a store each, and with one for both."""
    test(t, portal)
    shared = Shared()
    t.check(not os.path.exists(shared.folder + "/acme.db"), "one store")
    test(t, shared)


def sessions_apart(t, p):
    one, two = p.client().login("heron"), p.acme().login("heron")
    for mine, theirs in ((one, p.acme()), (two, p.client())):
        theirs.cookies = dict(mine.cookies)
        t.status(theirs.get("/api/dashboard"), 303, "a cookie of the other's")
        t.status(theirs.get("/api/dashboard", **JSON), 401, "as JSON")
        t.status(theirs.form("/api/logout", {
            "csrf": mine.get("/api/profile").csrf}), 303, "it is nobody's")
        t.status(mine.get("/api/dashboard"), 200, "at home it is good")
    bearer = p.client().token("heron")
    theirs = p.acme()
    theirs.bearer = bearer.bearer
    check_error(t, theirs.get("/api/dashboard", **JSON), 401, "login_required",
                "a bearer of the other's")
    t.status(bearer.get("/api/dashboard", **JSON), 200, "at home")
    # The same visitor's cookie at both: a token is good where it was made.
    here, there = p.client(), p.acme()
    csrf = here.get("/api/login").csrf
    there.cookies = dict(here.cookies)
    fields = {"csrf": csrf, "login": "heron", "password": PASSWORDS["heron"]}
    t.status(there.form("/api/login", fields), 403, "a form of the other's")
    t.status(here.form("/api/login", fields), 303, "at home")
    # A changed password ends sessions of this brand alone.
    answer = two.form("/api/password", {
        "csrf": two.get("/api/password").csrf, "current": PASSWORDS["heron"],
        "new": "correct horse 7", "repeat": "correct horse 7"})
    t.status(answer, 303, "a new password")
    t.status(one.get("/api/dashboard"), 200, "the other's customer stays")
    second.change(1001, cp_password=PASSWORDS["heron"])


def test_sessions(t):
    both(t, sessions_apart)


def journal_apart(t, p):
    one, two = p.client().token("heron"), p.acme().token("heron")
    answer = two.post_json("/api/refill", {
        "gateway": "paypal", "amount": "10"}, **JSON)
    t.status(answer, 201, "a payment of acme's")
    ident = answer.json["payment"]["id"]
    t.equal(answer.json["payment"]["amount"]["currency"], "EUR", "its money")
    t.status(two.get("/api/refill/payments/" + ident, **JSON), 200, "is there")
    t.status(one.get("/api/refill/payments/" + ident, **JSON), 404,
             "and not at the other brand")
    t.equal(one.json("/api/refill")["open"], [], "which lists none")
    for what in ("return", "cancel"):
        one.get("/api/refill/%s/paypal?payment=%s" % (what, ident))
    t.equal(two.json("/api/refill/payments/" + ident)["state"], "open",
            "and cannot touch it")
    out = subprocess.run(
        [harness.PORTICO, "payments", "list", "--config", p.config],
        capture_output=True, text=True, timeout=harness.PATIENCE)
    t.check(re.search(r"^%s .* acme " % ident, out.stdout, re.M),
            "`portico payments list` names the brand", out.stdout, out.stderr)


def test_journal(t):
    both(t, journal_apart)


def test_throttles(t):
    limits = {"limits": {"loginPerName": 2, "loginPerAddress": 4,
                         "loginWindow": 600}}
    for shared in (False, True):
        p = (Shared if shared else Brands)(
            limits, acme=None if shared else limits)
        if shared:
            p.brand_file("acme", "customer-params.json", json.dumps(
                acme_settings(**{**harness.basics_of(second, ""),
                                 **limits, **shared_store(p)})))
            p.reload()
        for n in range(2):
            t.status(p.client().try_login("heron", "wrong"), 401, "wrong")
        t.status(p.client().try_login("heron", PASSWORDS["heron"]), 429,
                 "too often")
        t.status(p.acme().try_login("heron", PASSWORDS["heron"]), 303,
                 "at acme the same name from the same address is free")
        for n in range(2):
            p.client().try_login("nobody%d" % n, "wrong")
        t.status(p.client().try_login("osprey", PASSWORDS["osprey"]), 429,
                 "the address, too")
        t.status(p.acme().try_login("osprey", PASSWORDS["osprey"]), 303,
                 "but not at acme")


def test_secrets(t):
    """Each brand has a key of its own, in a shared store too."""
    p = Shared()
    for c in (p.client(), p.acme()):
        t.status(c.get("/api/login"), 200, "a form")
    with harness.store(p) as db:
        rows = dict(db.execute(
            "select name, value from secret where name like 'csrf%'"))
    t.equal(sorted(rows), ["csrf", "csrf:acme"], "two keys")
    t.equal(len(set(rows.values())), 2, "that differ")


def test_caches(t):
    """What a worker keeps of VCS (sessions, answers to health) is a brand's."""
    p = Brands(workers=1)
    t.equal(p.client().json("/api/health")["status"], "ok", "the first is up")
    second.fault("*", "refuse")
    answer = p.acme().get("/api/health")
    t.status(answer, 503, "acme is down")
    t.equal(answer.json["vcs"]["core"], "down", "its VCS is")
    t.equal(p.client().json("/api/health")["status"], "ok", "the first is up")
    one = p.client().login("heron")
    t.status(one.get("/api/dashboard"), 200, "and serves")
    second.heal()
    for n in range(3):  # both hold a session of the Management API by turns
        t.status(p.client().login("heron").get("/api/profile"), 200, "first")
        t.status(p.acme().login("heron").get("/api/profile"), 200, "acme")


# --- Names ------------------------------------------------------------------------

ODD = ["nobody", "", "default/", "../acme", "acme/", "acme/../acme", "ACME",
       "Acme", "acme ", " acme", ".", "..", "-", "-acme", "a" * 32, "a" * 33,
       "acme\n", "acme%00", "brands/acme", "acm", "acmee", "\u00e4cme"]


def test_unknown_brands(t):
    cookie = portal.client().login("heron").cookies
    for name in ODD:
        c = portal.client(brand=name)
        c.cookies = dict(cookie)
        what = "brand %.12r" % name
        check_error(t, c.get("/api/dashboard", **JSON), 421, "unknown_brand",
                    what)
        for uri in ("/api/login", "/api/dashboard", "/api/nothing"):
            answer = c.get(uri)
            t.status(answer, 421, what)
            t.check(not re.search("First|Acme|Heron|/brand/", answer.text),
                    what + ": nobody's name or logo", answer.text[:600])
        t.status(c.try_login("heron", PASSWORDS["heron"]), 421, what)
        t.status(c.post_json("/api/login", {
            "login": "heron", "password": PASSWORDS["heron"]}, **JSON), 421,
            what)
        t.status(c.post_json("/api/hooks/paypal", {}, **JSON), 421, what)


def test_unknown_brand_beside_a_theme(t):
    """The look of nobody's is the shipped one."""
    share = harness.make_share(os.path.join(first.folder, "share"))
    os.makedirs(share + "/templates/violet")
    with open(share + "/templates/violet/error.mustache", "w") as f:
        f.write("<p>Violet {{error.status}}</p>")
    p = Portal(first, {"theme": "violet"}, env={"PORTICO_SHARE": share})
    t.check("Violet 404" in p.client().get("/api/nothing").text, "a theme")
    answer = p.client(brand="nobody").get("/api/login")
    t.status(answer, 421, "nobody's")
    t.check("Violet" not in answer.text and "<h1" in answer.text, "shipped",
            answer.text[:500])


def test_names_of_folders(t):
    p = Brands()
    for name in ("UPPER", "a" * 33, "under_score", "default", "-x"):
        p.brand(name, first, {"title": name})
    p.brand("b" * 32, first, {"title": "Longest"})
    os.makedirs(p.folder + "/brands/.hidden")
    with open(p.folder + "/brands/README", "w") as f:
        f.write("a file is no brand")
    t.check(" pool.reloaded: " in p.reload(), "reloaded")
    for name in ("UPPER", "a" * 33, "under_score", "-x"):
        t.status(p.client(brand=name).get("/api/login"), 421, name)
        t.check(any(name in line and "rename it" in line
                    for line in p.logged("config")), name + ": is named",
                p.logged("config"))
    t.check("– First" in p.client(brand="default").get("/api/login").text,
            "a folder called default hides nothing")
    t.check("Longest" in p.client(brand="b" * 32).get("/api/login").text,
            "32 characters are a name")
    t.check(not any("hidden" in line or "README" in line
                    for line in p.logged("config")), "what is no folder")


# --- One that is broken -------------------------------------------------------------

def spoil_json(p):
    p.brand_file("acme", "customer-params.json", '{"title": "Acme",\n"x"')
    return "brands/acme/customer-params.json:2"


def spoil_setting(p):
    write_acme(p, timeZone="Nowhere/Land")
    return "timeZone: Nowhere/Land"


def spoil_template(p):
    p.brand_file("acme", "templates/dashboard.mustache", "\n{{#open}}\n")
    return "brands/acme/templates/dashboard.mustache:2"


def spoil_partial(p):
    p.brand_file("acme", "templates/footer.mustache", "{{>no-such-thing}}\n")
    return "no-such-thing"


def spoil_text(p):
    p.brand_file("acme", "templates/footer.mustache", "{{t.no.such_text}}\n")
    return "no.such_text"


def spoil_catalogue(p):
    p.brand_file("acme", "templates/locale/de.json", '{"login.title": "{0,"}')
    return "brands/acme/templates/locale/de.json"


def spoil_theme(p):
    p.brand_file("acme", "templates/theme.json", '{"menu": [')
    return "brands/acme/templates/theme.json"


def spoil_locale(p):
    write_acme(p, locales=["tlh"])
    return "tlh"


def spoil_profile(p):
    write_acme(p, coreApi={"profile": "nowhere"})
    return "nowhere.json"


def spoil_rights(p):
    """Unreadable whoever we are: a folder in its place."""
    path = os.path.join(p.folder, "brands/acme/customer-params.json")
    os.unlink(path)
    os.mkdir(path)
    return "brands/acme/customer-params.json"


def spoil_missing(p):
    os.unlink(os.path.join(p.folder, "brands/acme/customer-params.json"))
    return "brands/acme/customer-params.json"


def spoil_store(p):
    write_acme(p, store={"uri": "sqlite:%s/no/such/folder.db" % p.folder})
    return "store"


def spoil_store_kind(p):
    write_acme(p, store={"uri": "mysql://x"})
    return "store"


def spoil_schema(p):
    """A store of a later version."""
    with harness.store(p, "later.db") as db:
        db.execute("create table schema_migration (number bigint primary key,"
                   " name text not null, applied bigint not null)")
        db.execute("insert into schema_migration values (9000, 'x', 1)")
    write_acme(p, store={"uri": harness.store_uri(p.folder + "/later.db")})
    return "the store cannot be brought to this version"


SPOILS = [f for name, f in sorted(globals().items())
          if name.startswith("spoil_")]
NOT_CHECKED = (spoil_schema,)  # check opens no store


def mend(p):
    shutil.rmtree(os.path.join(p.folder, "brands/acme"))
    write_acme(p)


def check_refused(t, p, what, word):
    t.check(any(" acme: " in line for line in p.logged(
        "pool.brand_refused")), what + ": is named", p.log()[-600:])
    t.check(word in p.log(), what + ": and its mistake", word, p.log()[-900:])


def test_broken_at_start(t):
    for spoil in SPOILS:
        what = spoil.__name__

        p = Brands(workers=1, spoil=spoil)
        p.brand("good", first, {"title": "Good"})
        check_refused(t, p, what, p.word)
        t.status(p.acme().get("/api/login"), 421, what + ": is not served")
        t.status(p.client().login("heron").get("/api/dashboard"), 200,
                 what + ": the first is")
        status, out, err = check(p.config)
        if spoil in NOT_CHECKED:
            p.end()
            continue
        t.equal(status, 1, what + ": check fails")
        t.check("WRONG   " in out.partition(
            "brand acme")[2 if "--- brand acme" in out else 0] and
            p.word in out + err, what + ": and says why", out[-300:], err)
        mend(p)
        t.check(" pool.reloaded: " in p.reload(), what + ": mended")
        for c in (p.client(), p.acme(), p.client(brand="good")):
            t.status(c.get("/api/login"), 200, what + ": all serve")
        t.equal(check(p.config)[0], 0, what + ": check is content")
        p.end()


def test_broken_at_reload(t):
    p = Brands(workers=1)
    p.brand("good", first, {"title": "Good"})
    p.reload()
    two = p.acme().login("heron")
    for n, spoil in enumerate(SPOILS):
        what = spoil.__name__
        word = spoil(p)
        p.brand("good", first, {"title": "Good %d" % n})
        t.check(" pool.reloaded: " in p.reload(), what + ": reloaded",
                p.log()[-600:])
        check_refused(t, p, what, word)
        t.status(two.get("/api/dashboard"), 200, what + ": serves on")
        t.check("Acme Tel" in p.acme().get("/api/login").text,
                what + ": as it was")
        t.check("Good %d" % n in p.client(brand="good").get(
            "/api/login").text, what + ": another's change is served")
        t.status(p.client().get("/api/login"), 200, what + ": the first")
        mend(p)
        if n % 3 == 2:  # otherwise one mistake follows the other
            p.reload()
            t.status(two.get("/api/dashboard"), 200, what + ": mended")
    shutil.rmtree(p.folder + "/brands/acme")
    p.reload()
    t.status(p.acme().get("/api/login"), 421, "a brand that was taken away")
    t.equal(p.end(), 0, "the pool ends well")


def test_broken_store_of_the_default_brand(t):
    """It is the pool's: a start is refused, a reload too."""
    p = Brands()
    with open(p.config) as f:
        settings = json.load(f)
    settings["store"]["uri"] = "sqlite:%s/none/x.db" % p.folder
    with open(p.config + ".new", "w") as f:
        json.dump(settings, f)
    os.rename(p.config + ".new", p.config)
    t.check("reload_refused" in p.reload(), "refused")
    for c in (p.client(), p.acme()):
        t.status(c.get("/api/login"), 200, "all serve on")


def test_change_of_one(t):
    """A reload for acme's sake ends no session of the other's."""
    p = Brands()
    one, two = p.client().login("heron"), p.acme().login("heron")
    bearer = p.client().token("osprey")
    before = one.get("/api/login").text
    write_acme(p, title="Acme Renamed", locale="en", locales=["en"])
    t.check(" pool.reloaded: " in p.reload(), "reloaded")
    t.check("Acme Renamed" in p.acme().get("/api/login").text, "is served")
    t.status(two.get("/api/dashboard"), 200, "acme's customers stay")
    t.status(one.get("/api/dashboard"), 200, "the other's, too")
    t.status(bearer.get("/api/dashboard", **JSON), 200, "programs")

    def strip(text):
        return re.sub(r'value="[^"]*"', "", text)

    t.equal(strip(one.get("/api/login").text), strip(before),
            "and see the same page")
    t.check(not p.logged("pool.brand_refused"), "nothing is refused")


def test_watch(t):
    p = Brands(options=("--watch",), workers=1)
    footer = "<footer>changed {{ui.brand}}</footer>\n"
    p.brand_file("acme", "templates/footer.mustache", footer)
    two = p.acme().login("heron")
    wait_for("the change", lambda: "changed Acme Tel" in two.get(
        "/api/dashboard").text)
    p.brand_file("acme", "static/client_portal_custom.css", "a{color:red}")
    wait_for("the style", lambda: '"/api/theme/ltr-' in two.get(
        "/api/dashboard").text)
    p.brand("third", first, {"title": "Third"})
    wait_for("a new brand", lambda: p.client(brand="third").get(
        "/api/login").status == 200)
    p.brand_file("third", "customer-params.json", "{")
    wait_for("a mistake", lambda: p.logged("pool.brand_refused"))
    p.brand("third", first, {"title": "Third again"})
    wait_for("its remedy", lambda: "Third again" in p.client(
        brand="third").get("/api/login").text)


def test_reconciler(t):
    """One reconciler for all brands, each with its own gateways and books."""
    p = Brands()
    two = p.acme().token("heron")
    answer = two.post_json("/api/refill", {
        "gateway": "paypal", "amount": "10"}, **JSON)
    order = re.search(r"token=([A-Z0-9]+)", answer.json["redirect_url"])
    second.control("POST", "/paypal/approve", {"order": order.group(1)})
    two.get("/api/refill/return/paypal?payment=%s&token=%s&PayerID=X" % (
        answer.json["payment"]["id"], order.group(1)))

    def is_paid():
        out = subprocess.run(
            [harness.PORTICO, "payments", "reconcile", "--config", p.config],
            capture_output=True, text=True, timeout=harness.PATIENCE)
        t.equal(out.returncode, 0, "reconciled: " + out.stderr)
        return two.json("/api/refill/payments/" + answer.json["payment"][
            "id"])["state"] == "paid"

    wait_for("the payment", is_paid)


# --- portico brand new --------------------------------------------------------------

def brand_new(config, *args):
    return subprocess.run(
        [harness.PORTICO, "brand", "--config", config, *args],
        capture_output=True, text=True, timeout=harness.PATIENCE,
        stdin=subprocess.DEVNULL)


def files_below(folder):
    return sorted(os.path.relpath(os.path.join(at, name), folder)
                  for at, _, names in os.walk(folder) for name in names)


def test_brand_new(t):
    p = Portal(first, {"title": "First"}, workers=1)
    folder = p.folder + "/brands/new-tel"
    out = brand_new(p.config, "new", "new-tel")
    t.equal((out.returncode, out.stderr), (0, ""), "made")
    t.check(folder in out.stdout and "portico check" in out.stdout,
            "says where, and what next", out.stdout)
    path = folder + "/customer-params.json"
    t.equal(files_below(folder), [
        "customer-params.json", "static/README.md", "templates/README.md"],
        "the files")
    t.equal(oct(os.stat(path).st_mode & 0o777), "0o600", "a secret file")
    for name in files_below(folder):
        with open(os.path.join(folder, name)) as f:
            text = f.read()
        t.check("new-tel" in text and "@NAME@" not in text, name + ": named")
    status, stdout, err = check(p.config)
    t.check(status == 1 and "brand new-tel" in stdout and
            "coreApi.authToken" in err and len(err.splitlines()) == 1,
            "check says what is to be filled in", stdout[-200:], err)
    p.reload()
    t.status(p.client(brand="new-tel").get("/api/login"), 421, "not yet")
    with open(path) as f:
        text = f.read()
    filled = text.replace('"authToken": ""', '"authToken": "%s"' %
                          harness.TOKEN)
    filled = filled.replace("http://127.0.0.1:3080", "http://127.0.0.1:%d" %
                            second.port)
    filled = filled.replace("/var/lib/portico", p.folder)
    p.brand_file("new-tel", "customer-params.json", filled)
    t.equal(check(p.config)[0], 0, "filled in, all is right")
    p.reload()
    t.check("– new-tel" in p.client(brand="new-tel").get("/api/login").text,
            "and is served")
    before = {name: open(os.path.join(folder, name)).read()
              for name in files_below(folder)}
    out = brand_new(p.config, "new", "new-tel")
    t.check(out.returncode == 1 and "exists" in out.stderr, "a second time",
            out)
    t.equal(before, {name: open(os.path.join(folder, name)).read()
                     for name in files_below(folder)}, "nothing is written")


def test_brand_new_is_asked_wrongly(t):
    p = Portal(first, workers=1)
    for name in ("../x", "", "default", "Acme", "a" * 33, "a/b", "-x", "."):
        out = brand_new(p.config, "new", "--", name)
        t.equal(out.returncode, 2, "the name %r" % name)
        t.check("a-z" in out.stderr, "%r: says why" % name, out.stderr)
    for args in ((), ("new",), ("old", "x"), ("new", "x", "y")):
        t.equal(brand_new(p.config, *args).returncode, 2, " ".join(args))
    out = brand_new("/nonexistent/x.json", "new", "x")
    t.check(out.returncode == 1 and "/nonexistent" in out.stderr,
            "no configuration", out)
    t.check(not os.path.exists(p.folder + "/brands"), "nothing is written")
    os.chmod(p.config, 0o640)
    t.equal(brand_new(p.config, "new", "group").returncode, 0, "made")
    t.equal(oct(os.stat(p.folder + "/brands/group/customer-params.json"
                        ).st_mode & 0o777), "0o640",
            "the portal's group reads it, as it reads the other")


def test_payments_beside_a_broken_brand(t):
    p = Brands(workers=1)
    spoil_json(p)
    for what in (["list"], ["reconcile"]):
        out = subprocess.run(
            [harness.PORTICO, "payments", *what, "--config", p.config],
            capture_output=True, text=True, timeout=harness.PATIENCE)
        t.check(out.returncode == 1 and "brands/acme" in out.stderr,
                what[0] + ": names the brand that it lacks", out)
    out = subprocess.run(
        [harness.PORTICO, "payments", "list", "--config", "/nonexistent"],
        capture_output=True, text=True, timeout=harness.PATIENCE)
    t.equal(out.returncode, 1, "no configuration at all")


def clean():
    for s in (first, second):
        s.end()
        shutil.rmtree(s.folder, ignore_errors=True)


if __name__ == "__main__":
    harness.main(globals(), clean)
