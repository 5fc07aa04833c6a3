-- 0009-piece.sql: pieces of rate tables are read more often than written, and
-- unpacking what PostgreSQL packs by itself (pglz) took most of a search: 66 ms
-- of 500,000 rates, 20 with lz4, 36 unpacked. A server may lack lz4.
do $$
begin
	execute 'alter table rate_piece alter column data set compression lz4';
exception when others then
	execute 'alter table rate_piece alter column data set storage external';
end
$$;
