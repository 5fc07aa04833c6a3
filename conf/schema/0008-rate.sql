-- 0008-rate.sql: the mirror of rate tables (fcgi/domain/mirror.h).

-- A rate table of VCS that customers look at.
create table rate_table (
	brand text not null,
	table_id bigint not null,
	used bigint not null,           -- when last, about
	generation bigint not null,     -- the copy that is shown; 0: none
	next_try bigint not null,       -- when it is read (again)
	failures bigint not null,       -- in a row
	primary key (brand, table_id)
);

-- One reading of it.
create table rate_copy (
	generation bigint primary key,
	brand text not null,
	table_id bigint not null,
	state text not null check (state in ('filling', 'whole', 'old')),
	rows bigint not null,           -- that are shown
	numbers bigint not null,        -- that were read, with doubles
	services text not null,         -- JSON: their ids
	read_at bigint not null,        -- when reading began
	changed bigint not null         -- when the state did
);
create index rate_copy_table on rate_copy (brand, table_id);

-- What a reading is made of: packed, so that a search reads little.
create table rate_piece (
	generation bigint not null,
	kind bigint not null,
	number bigint not null,
	data text not null,
	primary key (generation, kind, number)
);
