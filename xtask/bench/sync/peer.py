"""What the sync of `cargo xtask bench sync` stands beside.

    peer.py insert FROM TO      the rows of a synced database once more, into a new one, in one transaction
    peer.py digest DATABASE     a hash over every row that a sync could write
    peer.py ldap3 ADDRESS DN PASSWORD BASE TO
                                a plain sync with ldap3: everybody and every group, read in pages, written to SQLite

Prints one number or one hash.
"""
import hashlib
import os
import sqlite3
import sys
import time

TABLES = ["users", "accounts", "groups", "group_sources", "memberships"]


def insert(source, target):
    """Seconds for the rows alone: they are in memory before the clock starts."""
    if os.path.exists(target):
        os.remove(target)
    old = sqlite3.connect(source)
    new = sqlite3.connect(target)
    new.execute("PRAGMA journal_mode = WAL")
    new.execute("PRAGMA synchronous = FULL")
    marks = ",".join("?" * len(TABLES))
    for (sql,) in old.execute(
        f"SELECT sql FROM sqlite_master WHERE tbl_name IN ({marks}) AND type <> 'trigger' AND sql IS NOT NULL ORDER BY type DESC", TABLES
    ):
        new.execute(sql)
    rows = {table: old.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
    new.commit()
    begun = time.perf_counter()
    for table in TABLES:
        if rows[table]:
            holders = ",".join("?" * len(rows[table][0]))
            new.executemany(f"INSERT INTO {table} VALUES ({holders})", rows[table])
    new.commit()
    print(time.perf_counter() - begun)


def digest(path):
    database = sqlite3.connect(path)
    hasher = hashlib.sha256()
    for table in TABLES + ["plan_changes"]:
        for row in database.execute(f"SELECT * FROM {table}"):
            hasher.update(repr(row).encode())
    print(hasher.hexdigest())


def with_ldap3(address, name, password, base, target):
    import ldap3

    if os.path.exists(target):
        os.remove(target)
    begun = time.perf_counter()
    database = sqlite3.connect(target)
    database.execute("CREATE TABLE people (id TEXT PRIMARY KEY, dn TEXT UNIQUE, uid TEXT UNIQUE, cn TEXT, sn TEXT, mail TEXT)")
    database.execute("CREATE TABLE teams (id TEXT PRIMARY KEY, cn TEXT UNIQUE)")
    database.execute("CREATE TABLE members (team TEXT, person TEXT, PRIMARY KEY (team, person)) WITHOUT ROWID")
    connection = ldap3.Connection(address, name, password, auto_bind=True)
    one = lambda values: values[0] if isinstance(values, list) and values else values or None
    everybody = {}

    def pages(query, attributes):
        return connection.extend.standard.paged_search(
            base, query, attributes=attributes, paged_size=500, generator=True
        )

    for entry in pages("(objectClass=inetOrgPerson)", ["entryUUID", "uid", "cn", "sn", "mail"]):
        said = entry["attributes"]
        identity = str(one(said["entryUUID"]))
        everybody[entry["dn"]] = identity
        database.execute(
            "INSERT INTO people VALUES (?, ?, ?, ?, ?, ?)",
            (identity, entry["dn"], one(said["uid"]), one(said["cn"]), one(said["sn"]), one(said["mail"])),
        )
    for entry in pages("(objectClass=groupOfNames)", ["entryUUID", "cn", "member"]):
        said = entry["attributes"]
        team = str(one(said["entryUUID"]))
        database.execute("INSERT INTO teams VALUES (?, ?)", (team, one(said["cn"])))
        database.executemany(
            "INSERT OR IGNORE INTO members VALUES (?, ?)",
            [(team, everybody[member]) for member in said["member"] if member in everybody],
        )
    database.commit()
    assert database.execute("SELECT COUNT(*) FROM members").fetchone()[0] > 0
    print(time.perf_counter() - begun)


if __name__ == "__main__":
    work = {"insert": insert, "digest": digest, "ldap3": with_ldap3}[sys.argv[1]]
    work(*sys.argv[2:])
