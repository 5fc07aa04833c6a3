-- 0001-session.sql: sessions, throttle counters and the store's own secrets.
-- One text for SQLite and PostgreSQL: see "Schema" in fcgi/tools/db.h.

create table session (
	token_hash text not null primary key,            -- SHA-256 of the token, hex
	brand text not null,
	kind text not null check (kind in ('cookie', 'bearer')),
	client_id bigint not null,
	login text not null,
	created bigint not null,                -- seconds since 1970, as all
	seen bigint not null,
	expires bigint not null,
	kept text not null default '{}'         -- JSON
);
create index session_client on session (brand, client_id);
create index session_expires on session (expires);

create table throttle (
	brand text not null,
	kind text not null,
	subject text not null,                  -- SHA-256, hex
	since bigint not null,                  -- the window's begin
	count bigint not null,
	primary key (brand, kind, subject)
);
create index throttle_since on throttle (since);

create table secret (
	name text not null primary key,
	value text not null
);
