-- 0004-login.sql: who logs in from where, growing delays, forgotten passwords.

-- Where and when the log-in of a session began.
alter table session add column address text not null default '';
alter table session add column agent text not null default '';
alter table session add column began bigint not null default 0; -- microseconds

-- Sessions of a customer whose log-in began no later than this are over, but
-- for one: a log-in that was under way when the password changed.
create table session_cut (
	brand text not null,
	client_id bigint not null,
	time bigint not null,                   -- microseconds since 1970
	spared text not null,                   -- a token_hash, or ''
	primary key (brand, client_id)
);

-- The longest delay so far, doubled each time that the limit is reached; and
-- until when what is counted counts.
alter table throttle add column delay bigint not null default 0;
alter table throttle add column until bigint not null default 0;
drop index throttle_since;
create index throttle_until on throttle (until);

-- A letter with a new password's link was sent.
create table reset (
	token_hash text not null primary key,   -- SHA-256 of the token, hex
	brand text not null,
	client_id bigint not null,
	login text not null,
	expires bigint not null
);
create index reset_client on reset (brand, client_id);
create index reset_expires on reset (expires);

-- What a customer has logged in with before.
create table device (
	brand text not null,
	client_id bigint not null,
	device_hash text not null,              -- SHA-256, hex
	seen bigint not null,
	primary key (brand, client_id, device_hash)
);
create index device_seen on device (seen);
