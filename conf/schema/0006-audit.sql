-- 0006-audit.sql: what happened to a customer's account, for the customer.
-- Texts are cleaned and cut before they come here; '' is none.

create table audit (
	brand text not null,
	client_id bigint not null,
	seq bigint not null,            -- counts up for each customer
	time bigint not null,           -- the last time
	since bigint not null,          -- the first time, where times > 1
	event text not null,
	item text not null,             -- a field, a reference, a file
	old_value text not null,
	new_value text not null,
	amount text not null,           -- a decimal
	currency text not null,
	times bigint not null,
	address text not null,
	agent text not null,
	primary key (brand, client_id, seq)
);
create index audit_client on audit (brand, client_id, time);
create index audit_time on audit (brand, time);

-- What strangers can cause as often as they like: counted by the hour, apart
-- from the customer's own entries.
create table audit_tally (
	brand text not null,
	subject text not null,          -- a name's SHA-256, hex; or "client:ID"
	event text not null,
	place text not null,            -- the address; of IPv6, its network
	hour bigint not null,
	time bigint not null,           -- the last time
	since bigint not null,
	times bigint not null,
	address text not null,
	agent text not null,
	expires bigint not null,
	primary key (brand, subject, event, place, hour)
);
create index audit_tally_expires on audit_tally (brand, expires);

-- Who has logged in with which name, and when last.
create table audit_name (
	brand text not null,
	subject text not null,
	client_id bigint not null,
	seen bigint not null,
	primary key (brand, subject)
);
create index audit_name_client on audit_name (brand, client_id);
create index audit_name_seen on audit_name (brand, seen);
