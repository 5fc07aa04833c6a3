/* fuzz_vhost.c: any text as the domain and the brand of `portico vhost`. What
 * comes out is the shipped site with these words at their places, and nothing
 * that nginx could take for more: no line, directive or block besides.
 *
 * Input: the domain and the brand, each ended by a NUL.
 */
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli.h"
#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What `portico vhost` prints; NULL: it refuses. */
static char *print_site(struct mem *m, const char *name, const char *brand)
{
	char *domain = mem_text(m, name);
	const struct cli c = {.config = "/nonexistent",
	    .brand = brand,
	    .args = &domain,
	    .n_args = 1};
	FILE *out = stdout, *err = stderr;
	char *text = NULL, *said = NULL, *copy;
	size_t len = 0, said_len = 0;
	int status;

	stdout = open_memstream(&text, &len);
	stderr = open_memstream(&said, &said_len);
	status = cli_vhost(&c);
	fclose(stdout);
	fclose(stderr);
	stdout = out;
	stderr = err;
	must(status == 0 || (status == 2 && said_len && !len));
	copy = status ? NULL : mem_text_n(m, text, len);
	free(text);
	free(said);
	return copy;
}

/* Only what separates in nginx's language. */
static const char *cut_words(struct mem *m, const char *text)
{
	struct buf b;

	buf_open(&b, m, 1024);
	for (; *text; text++)
		if (strchr(";{}\n\"'\\$#\t", *text) || *text == ' ')
			buf_add(&b, text, 1);
	return b.data;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mem *m;
	const char *domain, *brand, *other;
	char *site;
	size_t len;

	if (!size || size > 1024)
		return 0;
	setenv("PORTICO_SHARE", SOURCE_DIR, 1);
	m = mem_open(0);
	domain = mem_text_n(m, (const char *)data, size);
	len = strlen(domain) + 1;
	brand = len < size ? mem_text_n(m, (const char *)data + len, size - len)
			   : NULL;
	site = print_site(m, domain, brand);
	other = brand && strcmp(brand, "default") != 0 ? "acme" : NULL;
	if (site)
		must(!strcmp(cut_words(m, site),
		    cut_words(m, print_site(m, "portal.example", other))));
	mem_close(m);
	return 0;
}
