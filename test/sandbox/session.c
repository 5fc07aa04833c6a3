/* session.c: the Management API's sessions, forgotten when idle. */
#include "sandbox.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define SESSIONS 256

static struct {
	char sid[32];
	double used; /* ms */
} sessions[SESSIONS];
static size_t next;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

bool login_check(const char *login, const char *password)
{
	return login && password && strcmp(login, options.login) == 0 &&
	       strcmp(password, options.password) == 0;
}

bool session_find(const char *sid)
{
	double now = clock_ms();
	bool found = false;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; sid && *sid && i < SESSIONS && !found; i++) {
		if (strcmp(sessions[i].sid, sid) != 0)
			continue;
		found = now - sessions[i].used < options.idle * 1000.0;
		if (found)
			sessions[i].used = now;
		else
			*sessions[i].sid = '\0';
	}
	pthread_mutex_unlock(&lock);
	return found;
}

/* 1- and 26 characters; the oldest of many gives way. */
void session_open(char sid[32])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
	unsigned char bytes[26] = {0};

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		bytes[0] = (unsigned char)clock_ms();
	memcpy(sid, "1-", 2);
	for (size_t i = 0; i < sizeof(bytes); i++)
		sid[2 + i] = letters[bytes[i] % 32];
	sid[28] = '\0';
	pthread_mutex_lock(&lock);
	snprintf(sessions[next].sid, sizeof(sessions[next].sid), "%s", sid);
	sessions[next].used = clock_ms();
	next = (next + 1) % SESSIONS;
	pthread_mutex_unlock(&lock);
}

void session_expire(void)
{
	pthread_mutex_lock(&lock);
	memset(sessions, 0, sizeof(sessions));
	pthread_mutex_unlock(&lock);
}
