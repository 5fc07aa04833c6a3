/* device.c: what customers log in with. */
#include "domain/device.h"

#include <stddef.h>
#include <string.h>

#include "tools/crypto.h"
#include "tools/db.h"

enum { DAY = 86400, PURGE_MOST = 500 };

static enum err purge(struct db *db, int64_t now)
{
	const struct db_value values[] = {
	    db_int(now - (int64_t)DEVICE_KEEP * DAY), db_int(PURGE_MOST)};

	return db_run(db,
	    "delete from device where (brand, client_id, device_hash) in ("
	    "select brand, client_id, device_hash from device "
	    "where seen < $1 limit $2)",
	    values, 2, NULL);
}

static const char *hash_device(const char *device, char out[CRYPTO_SHA256_HEX])
{
	crypto_sha256_hex(device, strlen(device), out);
	return out;
}

enum err device_note(struct db *db, struct mem *m, const char *brand,
    int64_t client_id, const char *device, int64_t now, enum device_news *news)
{
	char hash[CRYPTO_SHA256_HEX];
	const struct db_value values[] = {db_text(brand), db_int(client_id),
	    db_text(hash_device(device, hash)), db_int(now)};
	struct db_rows rows;
	enum err err;

	*news = DEVICE_KNOWN;
	err = purge(db, now);
	if (!err)
		err = db_query(db, m,
		    "select device_hash from device "
		    "where brand = $1 and client_id = $2",
		    values, 2, &rows);
	if (err)
		return err;
	*news = rows.rows ? DEVICE_NEW : DEVICE_FIRST;
	for (size_t i = 0; i < rows.rows; i++)
		if (!strcmp(db_cell_text(&rows, i, 0), hash))
			*news = DEVICE_KNOWN;
	return db_run(db,
	    "insert into device (brand, client_id, device_hash, seen) "
	    "values ($1, $2, $3, $4) "
	    "on conflict (brand, client_id, device_hash) "
	    "do update set seen = $4",
	    values, 4, NULL);
}

struct mark {
	const char *word, *name;
};

/* In this order: browsers name those that they descend from. */
static const struct mark programs[] = {{"Edg", "Microsoft Edge"},
    {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"},
    {"YaBrowser/", "Yandex Browser"}, {"Vivaldi/", "Vivaldi"},
    {"FxiOS/", "Firefox"}, {"Firefox/", "Firefox"}, {"CriOS/", "Chrome"},
    {"HeadlessChrome/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
    {"curl/", "curl"}, {"Wget/", "Wget"}, {"python-requests/", "Python"},
    {"Python-urllib/", "Python"}, {"okhttp/", "OkHttp"},
    {"Go-http-client/", "Go"}, {"PostmanRuntime/", "Postman"}};

static const struct mark systems[] = {{"iPhone", "iOS"}, {"iPad", "iPadOS"},
    {"Android", "Android"}, {"Windows", "Windows"}, {"CrOS", "ChromeOS"},
    {"Macintosh", "macOS"}, {"Linux", "Linux"}, {"FreeBSD", "FreeBSD"}};

static const char *find(const struct mark *marks, size_t n, const char *agent)
{
	for (size_t i = 0; i < n; i++)
		if (strstr(agent, marks[i].word))
			return marks[i].name;
	return NULL;
}

void device_read_agent(
    const char *agent, const char **program, const char **system)
{
	*program =
	    find(programs, sizeof(programs) / sizeof(programs[0]), agent);
	*system = find(systems, sizeof(systems) / sizeof(systems[0]), agent);
}
