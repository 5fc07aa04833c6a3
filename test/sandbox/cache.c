/* cache.c: answers kept in memory, so that the bench measures the portal. */
#include "sandbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS	  65536u
#define MAX_BYTES (96u << 20)

struct entry {
	struct entry *next;
	char *key;
	unsigned long version;
	struct buf answer;
};

static struct entry *buckets[BUCKETS];
static size_t bytes;
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;

static unsigned hash(const char *key)
{
	unsigned h = 2166136261u;

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 16777619u;
	return h % BUCKETS;
}

bool cache_find(const char *key, struct buf *out)
{
	struct entry *e;
	bool found;

	pthread_rwlock_rdlock(&lock);
	for (e = buckets[hash(key)]; e && strcmp(e->key, key) != 0;)
		e = e->next;
	found = e && e->version == db_version();
	if (found)
		buf_add(out, e->answer.text, e->answer.length);
	pthread_rwlock_unlock(&lock);
	return found;
}

static void empty(void)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		while (buckets[i]) {
			struct entry *e = buckets[i];

			buckets[i] = e->next;
			free(e->key);
			buf_free(&e->answer);
			free(e);
		}
	bytes = 0;
}

void cache_store(
    const char *key, unsigned long version, const struct buf *answer)
{
	unsigned bucket = hash(key);
	struct entry *e;

	pthread_rwlock_wrlock(&lock);
	if (bytes > MAX_BYTES)
		empty();
	for (e = buckets[bucket]; e && strcmp(e->key, key) != 0;)
		e = e->next;
	if (!e) {
		e = calloc(1, sizeof(*e));
		if (!e || !(e->key = strdup(key)))
			abort();
		e->next = buckets[bucket];
		buckets[bucket] = e;
		bytes += strlen(key) + sizeof(*e);
	}
	bytes -= e->answer.length;
	e->answer.length = 0;
	buf_add(&e->answer, answer->text, answer->length);
	bytes += answer->length;
	e->version = version;
	pthread_rwlock_unlock(&lock);
}

void cache_clear(void)
{
	pthread_rwlock_wrlock(&lock);
	empty();
	pthread_rwlock_unlock(&lock);
}
