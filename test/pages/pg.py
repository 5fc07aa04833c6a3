"""pg.py: as much of libpq as tests need: a connection that takes statements as
sqlite3's does, with ? or ?1 for its values, and raises sqlite3's errors.
"""
import ctypes
import re
import sqlite3

COMMAND_OK, TUPLES_OK = 1, 2
CONFLICT = "23"  # the class of the SQLSTATE of a broken constraint
STATE = ord("C")  # PG_DIAG_SQLSTATE
BOOL, BIGINT, TEXT, FLOAT = 16, 20, 25, 701
READ = {BOOL: lambda s: int(s == "t"), FLOAT: float, 700: float,
        **dict.fromkeys((BIGINT, 21, 23, 1700), int)}

_pq = ctypes.CDLL("libpq.so.5")
_pointer, _text = ctypes.c_void_p, ctypes.c_char_p
for _name, _gives, _takes in (
        ("PQconnectdb", _pointer, [_text]), ("PQstatus", ctypes.c_int, None),
        ("PQerrorMessage", _text, None), ("PQfinish", None, None),
        ("PQexec", _pointer, [_pointer, _text]),
        ("PQexecParams", _pointer, [_pointer, _text, ctypes.c_int] +
         [_pointer] * 4 + [ctypes.c_int]),
        ("PQresultStatus", ctypes.c_int, None),
        ("PQresultErrorMessage", _text, None),
        ("PQresultErrorField", _text, [_pointer, ctypes.c_int]),
        ("PQntuples", ctypes.c_int, None), ("PQnfields", ctypes.c_int, None),
        ("PQfname", _text, [_pointer, ctypes.c_int]),
        ("PQftype", ctypes.c_uint, [_pointer, ctypes.c_int]),
        ("PQgetvalue", _text, [_pointer, ctypes.c_int, ctypes.c_int]),
        ("PQgetisnull", ctypes.c_int, [_pointer, ctypes.c_int, ctypes.c_int]),
        ("PQcmdTuples", _text, None), ("PQclear", None, None)):
    getattr(_pq, _name).restype = _gives
    getattr(_pq, _name).argtypes = _takes or [_pointer]


class Row(tuple):
    """Of any store: by number, by name, and as a dict."""

    def __new__(cls, names, values):
        row = super().__new__(cls, values)
        row.names = names
        return row

    def keys(self):
        return self.names

    def __getitem__(self, at):
        return super().__getitem__(
            self.names.index(at) if isinstance(at, str) else at)


class Rows(list):
    def __init__(self, rows, count):
        super().__init__(rows)
        self.rowcount = count

    def fetchall(self):
        return self

    def fetchone(self):
        return self[0] if self else None


def numbered(sql):
    """? and ?1 as $1."""
    count = 0

    def number(found):
        nonlocal count
        count += 1
        return "$" + (found[1] or str(count))

    return re.sub(r"\?(\d*)", number, sql)


class Connection:
    """Each statement is done when it returns, unless one said "begin"."""

    def __init__(self, uri):
        self.pq = _pq.PQconnectdb(uri.encode())
        if _pq.PQstatus(self.pq):
            raise sqlite3.OperationalError(_pq.PQerrorMessage(self.pq).decode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.pq:
            _pq.PQfinish(self.pq)
        self.pq = None

    def execute(self, sql, values=()):
        types = [FLOAT if isinstance(v, float) else BIGINT if
                 isinstance(v, int) else TEXT if v is not None else 0
                 for v in values]
        texts = [None if v is None else str(v).encode() for v in values]
        many = len(texts)
        found = _pq.PQexecParams(
            self.pq, numbered(sql).encode(), many,
            (ctypes.c_uint * many)(*types), (_text * many)(*texts),
            None, None, 0) if many else _pq.PQexec(self.pq, sql.encode())
        try:
            return self.read(found)
        finally:
            _pq.PQclear(found)

    @staticmethod
    def read(found):
        if _pq.PQresultStatus(found) not in (COMMAND_OK, TUPLES_OK):
            state = _pq.PQresultErrorField(found, STATE) or b""
            kind = (sqlite3.IntegrityError if state.decode()[:2] == CONFLICT
                    else sqlite3.OperationalError)
            raise kind(_pq.PQresultErrorMessage(found).decode())
        columns = range(_pq.PQnfields(found))
        names = [_pq.PQfname(found, c).decode() for c in columns]
        kinds = [READ.get(_pq.PQftype(found, c), str) for c in columns]
        return Rows((Row(names, (
            None if _pq.PQgetisnull(found, r, c) else
            kinds[c](_pq.PQgetvalue(found, r, c).decode()) for c in columns))
            for r in range(_pq.PQntuples(found))),
            int(_pq.PQcmdTuples(found) or -1))

    def rollback(self):
        self.execute("rollback")
