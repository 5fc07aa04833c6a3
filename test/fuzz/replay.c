/* replay.c: feeds a fuzz driver with the files of the folders that are named:
 * its corpus, and what once crashed it. A crash ends the program.
 *
 *	replay_NAME [RUNS KEEP] FOLDER...
 *
 * RUNS: then so many inputs are made of these files, always the same ones, for
 * who has no libFuzzer or no time. KEEP: the file that holds the last of them.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUTS_MOST = 4096, CHANGES_MOST = 4, PIECE_MOST = 32 };

struct input {
	uint8_t *data;
	size_t size;
};

static struct input inputs[INPUTS_MOST];
static size_t n_inputs;

static void die(const char *path)
{
	fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
	exit(2);
}

/* Of exactly this size, so that the sanitizer sees a read past it. */
static uint8_t *copy(const uint8_t *data, size_t size)
{
	uint8_t *out = malloc(size ? size : 1);

	if (!out)
		die("memory");
	if (size)
		memcpy(out, data, size);
	return out;
}

static void run(const uint8_t *data, size_t size)
{
	uint8_t *own = copy(data, size);

	LLVMFuzzerTestOneInput(own, size);
	free(own);
}

/* --- The files ------------------------------------------------------------ */

static void replay_file(const char *path, size_t size)
{
	struct input *in = &inputs[n_inputs];
	FILE *f = fopen(path, "rbe");

	if (n_inputs == INPUTS_MOST)
		errno = EFBIG;
	else if (f && (in->data = malloc(size + 1)))
		in->size = fread(in->data, 1, size, f);
	if (!f || !in->data || in->size != size)
		die(path);
	fclose(f);
	n_inputs++;
	fprintf(stderr, "replay: %s\n", path);
	run(in->data, size);
}

/* By name, so that what is made of them is the same everywhere. */
static void replay_folder(const char *folder)
{
	struct dirent **entries;
	struct stat st;
	char path[4096];
	int n = scandir(folder, &entries, NULL, alphasort);

	if (n < 0)
		die(folder);
	for (int i = 0; i < n; i++) {
		snprintf(
		    path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		if (stat(path, &st) != 0)
			die(path);
		if (S_ISREG(st.st_mode))
			replay_file(path, (size_t)st.st_size);
		free(entries[i]);
	}
	free(entries);
}

/* --- Others, made of them ------------------------------------------------- */

/* A number below `n` (Marsaglia's xorshift). */
static size_t draw(size_t n)
{
	static uint64_t state = 88172645463325252;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (size_t)(state % n);
}

/* Takes a piece out, or puts one in: of another input, or of one byte. */
static void change(struct input *in)
{
	static const char odd[] = "\0\"\\{}[],:<>&%=;\n\r\t0-9\x7f\x80\xff";
	const struct input *from = &inputs[draw(n_inputs)];
	size_t at = draw(in->size + 1), len = draw(PIECE_MOST), start;

	if (draw(3) == 0 && in->size) {
		in->data[draw(in->size)] = (uint8_t)odd[draw(sizeof(odd))];
		return;
	}
	if (draw(2)) {
		len = len < in->size - at ? len : in->size - at;
		memmove(
		    in->data + at, in->data + at + len, in->size - at - len);
		in->size -= len;
		return;
	}
	start = draw(from->size + 1);
	len = len < from->size - start ? len : from->size - start;
	memmove(in->data + at + len, in->data + at, in->size - at);
	memcpy(in->data + at, from->data + start, len);
	in->size += len;
}

static void keep_one(int fd, const struct input *in)
{
	if (ftruncate(fd, 0) != 0 ||
	    pwrite(fd, in->data, in->size, 0) != (ssize_t)in->size)
		die("the file to keep");
}

static void make_one(int fd)
{
	const struct input *from = &inputs[draw(n_inputs)];
	struct input in = {
	    malloc(from->size + CHANGES_MOST * PIECE_MOST), from->size};

	if (!in.data)
		die("memory");
	memcpy(in.data, from->data, from->size);
	for (size_t n = 1 + draw(CHANGES_MOST); n; n--)
		change(&in);
	keep_one(fd, &in);
	run(in.data, in.size);
	free(in.data);
}

static void make_all(long runs, const char *keep)
{
	int fd = open(keep, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		die(keep);
	for (long i = 0; n_inputs && i < runs; i++)
		make_one(fd);
	close(fd);
}

int main(int argc, char **argv)
{
	long runs = 0;
	int at = 1;

	if (argc > 2 && isdigit((unsigned char)argv[1][0])) {
		runs = strtol(argv[1], NULL, 10);
		at = 3;
	}
	for (int i = at; i < argc; i++)
		replay_folder(argv[i]);
	run((const uint8_t *)"", 0);
	if (runs)
		make_all(runs, argv[2]);
	printf("%zu inputs, %ld made of them\n", n_inputs, runs);
	for (size_t i = 0; i < n_inputs; i++)
		free(inputs[i].data);
	return 0;
}
