/* replay.c: feeds a fuzz driver with the files of the folders that are named:
 * its corpus, and what once crashed it. A crash ends the program. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void die(const char *path)
{
	fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
	exit(2);
}

static void replay_file(const char *path, size_t size)
{
	/* Of exactly this size, so that the sanitizer sees a read past it. */
	uint8_t *data = malloc(size ? size : 1);
	FILE *f = fopen(path, "rbe");

	if (!data || !f || fread(data, 1, size, f) != size)
		die(path);
	fclose(f);
	fprintf(stderr, "replay: %s\n", path);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
}

static size_t replay_folder(const char *folder)
{
	size_t n = 0;
	struct dirent *entry;
	struct stat st;
	char path[4096];
	DIR *dir = opendir(folder);

	if (!dir)
		die(folder);
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (stat(path, &st) != 0)
			die(path);
		if (!S_ISREG(st.st_mode))
			continue;
		replay_file(path, (size_t)st.st_size);
		n++;
	}
	closedir(dir);
	return n;
}

int main(int argc, char **argv)
{
	size_t n = 0;

	for (int i = 1; i < argc; i++)
		n += replay_folder(argv[i]);
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	printf("%zu inputs\n", n);
	return 0;
}
