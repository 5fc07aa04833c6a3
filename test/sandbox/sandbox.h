/* sandbox.h: what the rooms of the simulated VCS share. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <json-c/json.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Money is kept in billionths of a unit: VCS gives nine decimals. */
#define NANO	       INT64_C(1000000000)
#define DAY	       INT64_C(86400)
#define WEEK	       (7 * DAY)
#define SLOT	       INT64_C(900) /* every zone's day starts on one */
#define DAYS_BEFORE    98	    /* of made usage, before this Monday */
#define DAYS_AFTER     14	    /* and after it; shown once it is past */
#define MAX_ROWS       10000
#define MAX_OPERATIONS 64 /* of a batch that are logged */

struct options {
	int port;
	const char *dir;
	int64_t now; /* 0: the real clock */
	bool small;
	int rates; /* of the whale; 0: as many as it has */
	int idle;  /* seconds until a Management session is forgotten */
	const char *token, *login, *password;
	const char *paypal_client, *paypal_secret, *paypal_web, *paypal_hook;
	const char *paypal_webhook_id, *paypal_cert_base;
	int paypal_token_life; /* seconds */
	const char *anet_login, *anet_key, *anet_signature, *anet_hook;
	const char *anet_currency;
};

extern struct options options;

/* buf.c: growing text. */
struct buf {
	char *text;
	size_t length, room;
};

void buf_add(struct buf *, const char *, size_t);
void buf_text(struct buf *, const char *);
void buf_format(struct buf *, const char *, ...)
    __attribute__((format(printf, 2, 3)));
void buf_int(struct buf *, int64_t);
void buf_json(struct buf *, const char *); /* a JSON string; NULL: null */
void buf_nano(struct buf *, int64_t);	   /* a JSON number, no double */
void buf_html(struct buf *, const char *); /* escaped */
void buf_free(struct buf *);
bool nano_parse(const char *, int64_t *);
bool nano_from_json(struct json_object *, int64_t *);

/* clock.c: time, zones, and the anchor of all made data. */
struct zone;

int64_t clock_now(void);
int64_t clock_until(void);  /* xDRs land in batches of five minutes */
int64_t clock_anchor(void); /* 00:00 UTC of the Monday at start */
double clock_ms(void);	    /* since start, monotonic */
void clock_start(void);
void clock_stop(void);
const struct zone *zone_find(const char *name);
int zone_offset(const struct zone *, int64_t time);
bool time_parse(const char *, const struct zone *, int64_t *);
void buf_time(struct buf *, int64_t time, const struct zone *);
void buf_time_short(struct buf *, int64_t time); /* Management's form */
void buf_date(struct buf *, int64_t day);
void buf_iso(struct buf *, int64_t time, const char *end); /* the gateways' */
int64_t clock_real(void); /* ms since 1970, whatever --now says */
int64_t days_from_civil(int64_t year, int month, int day);
void civil_from_days(int64_t days, int *year, int *month, int *day);

/* db.c: one SQLite file, a stack of open connections. */
bool db_open(void);
void db_close(void);
sqlite3 *db_take(void);
void db_give(sqlite3 *);
sqlite3_stmt *db_prepare(sqlite3 *, const char *sql);
bool db_run(sqlite3 *, const char *sql);
int64_t db_int(sqlite3 *, const char *sql, int64_t one, int64_t two);
/* Each letter of types says what comes: i int64_t, s text (or NULL). */
sqlite3_stmt *db_bind(sqlite3 *, const char *sql, const char *types, ...);
bool db_put(sqlite3 *, const char *sql, const char *types, ...);
const char *db_text(sqlite3_stmt *, int column); /* never NULL */
bool db_begin(sqlite3 *);
bool db_end(sqlite3 *, bool commit);
bool db_reset(void);
unsigned long db_version(void);
void db_changed(void);

/* codes.c: dialling codes and their destinations. */
struct code {
	const char *code;
	const char *name;
	int price; /* tenths of a cent a minute */
	int share; /* how often the made customers call it */
};

extern const struct code codes[];
extern const size_t codes_count;

/* data.c and bulk.c: what a fresh sandbox holds. */
bool data_make(sqlite3 *); /* what calls can change */
bool data_add_invoices(sqlite3 *, int64_t client, int64_t count);
bool bulk_make(sqlite3 *); /* rates and xDRs */

enum { HERON = 1001, OSPREY, KESTREL, WHALE };
enum { VOICE = 1, SMS, TOLLFREE };

/* A method, and one call of it. */
enum evidence { DOCUMENTED, OBSERVED, GUESS };
enum api { CORE, MANAGEMENT, PAYPAL, ANET, SMTP };

struct column {
	const char *name;
	char type;	  /* see rows.c */
	const char *sql;  /* its value; NULL: the name */
	const char *sort; /* NULL: no order by it */
	bool filter;
};

struct entity {
	const char *from, *order, *tie;
	const struct column *columns;
};

struct param {
	const char *name;
	char type; /* see rows.c */
	bool needed;
};

struct call;

struct method {
	enum api api;
	const char *name;
	enum evidence evidence;
	bool writes;
	const struct entity *entity;
	const struct param *params;
	bool (*answer)(struct call *);
};

struct call {
	const struct method *method;
	struct json_object *params;
	const struct zone *zone;
	sqlite3 *db;
	struct buf out;
	char error[160]; /* set when answer() says false */
	int code;
};

bool call_fail(struct call *, int code, const char *, ...)
    __attribute__((format(printf, 3, 4)));
int64_t call_int(struct call *, const char *name, int64_t otherwise);
const char *call_text(struct call *, const char *name);
bool call_has(struct call *, const char *name);
bool call_time(struct call *, struct json_object *, int64_t *);
bool call_period(struct call *, int64_t *from, int64_t *to);

/* rows.c */
bool call_check(struct call *);
bool rows_search(struct call *, const char *where);
bool rows_one(struct call *, const struct entity *, const char *where);
void rows_ids(struct buf *, struct json_object *list);
sqlite3_stmt *call_query(struct call *, const char *sql);
extern const char balance_sql[];

/* core.c, core_guess.c, management.c */
extern const struct method core_methods[], core_guess_methods[],
    management_methods[];
const struct method *method_find(enum api, const char *name);
/* Runs one call with its faults; the result is in call->out. */
bool method_run(struct call *);

extern const struct entity transactions;
bool client_store(struct call *, int64_t id, struct json_object *fields);

/* summary.c */
bool reports_summary(struct call *);

/* cache.c */
bool cache_find(const char *key, struct buf *out);
void cache_store(const char *key, unsigned long version, const struct buf *);
void cache_clear(void);

/* faults.c */
enum fault_kind {
	LATENCY,
	ERROR,
	TRUNCATE,
	HANG,
	REFUSE,
	EXPIRE,
	WRONG_TYPE,
	OVERSIZE,
	FOREIGN_ROWS,
	LATE,
	LOST_REPLY,
	CUT, /* the connection breaks in the middle of the body */
	MARKUP,
	MARKUP_ALL,
	/* The gateways' own; what they do stands in faults.c. */
	ISSUE,
	STATUS,
	STATUS_AFTER,
	STATE,
	AMOUNT,
	CURRENCY,
	PAYEE,
	LINK,
	HTML,
	EMPTY,
	NO_CAPTURES,
	TWO_CAPTURES,
	DUPLICATE_MEMBER,
	NESTED,
	BOM,
	RESPONSE_CODE,
	TEST_REQUEST,
	WRONG_ID, /* Core: the answer to another call */
	FAULT_KINDS
};

#define KIND(kind) (UINT64_C(1) << (kind))

/* Faults of one call's answer; the others are of the whole request. */
#define PART_FAULTS (KIND(ERROR) | KIND(WRONG_TYPE) | KIND(FOREIGN_ROWS))
/* These come on top of another. */
#define MARKUP_FAULTS (KIND(MARKUP) | KIND(MARKUP_ALL))
#define WHOLE_FAULTS  ((KIND(ISSUE) - 1) & ~(PART_FAULTS | MARKUP_FAULTS))

struct fault {
	enum fault_kind kind;
	double value;
	char text[256], reason[64];
	char operation[64];
	long times; /* -1: until deleted */
	long after; /* calls that are spared before */
};

bool fault_take(
    enum api, const char *operation, uint64_t kinds, struct fault *);
const char *fault_add(struct json_object *); /* NULL, or what is wrong */
void fault_clear(void);
void fault_list(struct buf *);

/* markup.c: MARKUP puts the fault's text before each string that people typed,
 * MARKUP_ALL in the place of every string. */
bool markup_take(enum api, const char *operation, struct fault *);
void markup_put(struct call *, bool done);

/* calls.c: the log that tests read. */
uint64_t calls_request(void);
void calls_add(enum api, const char *operation, uint64_t request,
    double started, int64_t client);
void calls_list(struct buf *);
void calls_clear(void);

/* http.c */
struct operation {
	char name[48];
	int64_t client;
};

struct exchange {
	const char *method, *path;
	struct buf body, reply;
	const char *type;
	char name[64];	/* of a file sent */
	int vcs_status; /* not 0: X-VCS-Status */
	unsigned status;
	enum api api;
	void *connection;
	struct json_object *request; /* the parsed body */
	uint64_t number;
	double started;
	struct fault fault; /* of the whole request */
	bool faulty, writes;
	struct operation operations[MAX_OPERATIONS];
	size_t operation_count;
	const char *operation; /* of a gateway */
	uint64_t logged;       /* its number in requests.c; 0: none */
	struct {
		const char *name;
		char *value;
	} headers[8];
	size_t header_count;
};

/* Notes that the request asks for an operation, and finds its fault. */
void http_operation(
    struct exchange *, const char *name, struct json_object *params);

bool http_start(void);
void http_stop(void);
void http_release(void); /* lets hanging requests go on */
const char *http_query(struct exchange *, const char *name);
const char *http_header(struct exchange *, const char *name);
void http_arguments(struct exchange *, struct buf *); /* as an object */
void http_answer_header(struct exchange *, const char *name, const char *, ...)
    __attribute__((format(printf, 3, 4)));

/* Each room: names its operations, then answers. */
void core_read(struct exchange *);
void core_serve(struct exchange *);
void management_read(struct exchange *);
void management_serve(struct exchange *);
void control_serve(struct exchange *);
void files_read(struct exchange *);
void files_serve(struct exchange *);
bool files_path(const char *path);
/* An argument of the body's form, or of the address. */
bool form_find(struct exchange *, const char *name, char *value, size_t room);

/* session.c */
bool session_find(const char *sid);
void session_open(char sid[32]);
void session_expire(void);
bool login_check(const char *login, const char *password);

/* tls.c */
bool tls_prepare(void);
void tls_free(void);
extern char *tls_key, *tls_certificate;
char *tls_read(const char *name); /* a file of theirs; NULL: none */
/* Of the signer of PayPal's webhooks. */
extern char *tls_signer_key, *tls_signer_certificate;

#endif
