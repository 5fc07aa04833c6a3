"""storm.py: a till at two hosts, which share a store on a PostgreSQL server
(harness.SERVER), and payments there while all of it is killed.
"""
import os
import signal

import crash
import harness
import till


class Pair(crash.Crashing):
    """A till at two hosts: `portal` is one of them, by turns."""

    def __init__(self, **how):
        self.portals = []
        super().__init__(**how)
        first = self.portals[0]
        self.store = harness.store_uri(first.folder + "/portico.db")
        settings = till.settings_of(self.sandbox, **{
            key: value for key, value in how.items()
            if isinstance(value, dict)})
        self.portals.append(crash.Mortal(
            self.sandbox, harness.lay({"store": {"uri": self.store}},
                                      settings),
            env={"PORTICO_CRASH_AT": self.at}, workers=how.get("workers", 2),
            reconcile=how.get("reconcile")))
        self.turn = 0

    @property
    def portal(self):
        self.turn = getattr(self, "turn", 0) + 1
        return self.portals[self.turn % len(self.portals)]

    @portal.setter
    def portal(self, portal):
        self.portals.append(portal)

    def rows(self, sql, *values):
        with harness.store(self.portals[0]) as db:
            return db.execute(sql, values).fetchall()

    def hurry(self):
        with harness.store(self.portals[0]) as db:
            db.execute("update payment set due = 1 where due > 0")
            db.execute("update payment_sweep set time = 0")

    def is_handled(self, event):
        found = self.rows("select state, tries from inbox "
                          "where event_id = ?", event)
        return not found or found[0][0] != "new" or found[0][1] > 0

    def children(self):
        return [pid for portal in self.portals for pid in portal.children()]

    def end(self):
        for portal in self.portals:
            portal.end()
        self.sandbox.end()


class HostStorm(crash.Storm):
    """Kills at both hosts, and restarts of the server."""

    def __init__(self, server, seed, payments, **how):
        self.server, self.restarts = server, 0
        make, crash.Crashing = crash.Crashing, Pair
        try:
            super().__init__(seed, payments, **how)
        finally:
            crash.Crashing = make

    def kill_one(self):
        with self.lock:
            dice = self.random.random()
            how = self.random.choice((signal.SIGINT, signal.SIGQUIT))
        if dice < 0.05:
            self.server.restart(how)
            self.restarts += 1
        victims = self.one.children()
        if victims and dice >= 0.05:
            with self.lock:
                victim = self.random.choice(victims)
                wait = self.random.uniform(.03, .35)
            try:
                os.kill(victim, signal.SIGKILL)
            except OSError:
                return wait
            self.kills += 1
            return wait
        return 0.1

    def unfinished(self):
        return self.one.rows(
            "select id, state from payment where state in ('creating', "
            "'capturing', 'captured', 'adding', 'debiting')")

    def end(self):
        self.one.end()
