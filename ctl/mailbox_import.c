#include "common/imap/parser.h"
#include "common/imap/text.h"
#include "ctl/mailbox.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum {
	BATCH_MESSAGES = 1000,
	BATCH_BYTES = 32 << 20,
	SKIPS_SHOWN = 1000, /* then only the number is told */
};

struct import {
	struct mailbox *mailbox;
	int64_t folder;
	char name[STORE_NAME_MAX + 1];
	struct store_append appends[BATCH_MESSAGES];
	struct store_source sources[BATCH_MESSAGES];
	struct arena arena; /* of the batch */
	size_t count, bytes;
	int64_t added, known, skipped;
};

int import_refuse(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	ctl_refuse("%s", text);
	return -1;
}

void import_skip(struct import *import, const char *label, const char *reason)
{
	if (import->skipped++ < SKIPS_SHOWN)
		fprintf(stderr, "postroom: %s: left out: %s\n", label, reason);
}

/* Store what has been gathered. -1: it makes no sense to go on. */
static int flush(struct import *import)
{
	int result = 0;

	store_append(import->appends, import->count, MAIL_WAIT_MS);
	for (size_t i = 0; i < import->count && result == 0; i++) {
		const struct store_append *append = &import->appends[i];

		if (append->result == STORE_ADDED)
			import->added++;
		else if (append->result == STORE_DUPLICATE)
			import->known++;
		else
			result = import_refuse("%s: %s", import->name, append->err.text);
	}
	import->count = import->bytes = 0;
	arena_reset(&import->arena);
	mail_progress("messages", import->added + import->known, false);
	return result;
}

int import_find_folder(struct mailbox *mailbox, struct str name, int64_t *folder_out, struct err *err)
{
	struct mailbox_folder folder;

	if (mailbox_folder_find(mailbox, name, &folder, err) == 0) {
		*folder_out = folder.id;
		return 0;
	}
	return err->code == ERR_NOT_FOUND ? mailbox_folder_create(mailbox, name, MAIL_WAIT_MS, folder_out, err) : -1;
}

int import_folder(struct import *import, struct str name)
{
	struct err err;

	if (flush(import) != 0)
		return -1;
	name = imap_mailbox_name(name, &import->arena); /* as IMAP will ask for it; files' names may be decomposed */
	if (import_find_folder(import->mailbox, name, &import->folder, &err) != 0)
		return import_refuse("%.*s: %s", STR_ARG(name), err.text);
	str_copy(name, import->name, sizeof import->name);
	return 0;
}

struct str import_id(struct str folder, struct str source, struct arena *arena)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int len = 0;
	struct buf text;
	char hex[41];

	buf_init(&text, (size_t)MAILBOX_MESSAGE_MAX * 2);
	buf_add_str(&text, folder);
	buf_add_char(&text, '\0');
	buf_add_str(&text, source);
	EVP_Digest(text.data, text.len, hash, &len, EVP_sha256(), NULL);
	buf_free(&text);
	for (size_t i = 0; i < 20; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	return arena_printf(arena, "import-%s", hex);
}

/* A message begins with a header field. */
static bool begins_with_field(struct str text)
{
	size_t i = 0;

	while (i < text.len && text.data[i] > ' ' && text.data[i] < 0x7f && text.data[i] != ':')
		i++;
	while (i > 0 && i < text.len && (text.data[i] == ' ' || text.data[i] == '\t'))
		i++;
	return i > 0 && i < text.len && text.data[i] == ':';
}

struct str import_keywords(struct str words, struct arena *arena)
{
	struct buf chosen;
	struct str word, result;

	buf_init(&chosen, STORE_KEYWORDS_MAX);
	while ((word = str_cut_word(&words)).len > 0) {
		if (!imap_is_keyword(word) || word.len > STORE_KEYWORD_MAX || chosen.len + word.len + 1 > STORE_KEYWORDS_MAX)
			continue;
		if (chosen.len > 0)
			buf_add_char(&chosen, ' ');
		buf_add_str(&chosen, word);
	}
	result = arena_copy(arena, buf_str(&chosen));
	buf_free(&chosen);
	return result;
}

int import_message(struct import *import, const struct import_message *message)
{
	struct store_source *source = &import->sources[import->count];

	if (!begins_with_field(message->text)) {
		import_skip(import, message->label, message->text.len == 0 ? "it is empty" : "it does not begin with a header");
		return 0;
	}
	*source = (struct store_source){.fd = -1,
	                                .prefix = arena_copy(&import->arena, message->text),
	                                .id = import_id(str_of(import->name), message->source, &import->arena)};
	import->appends[import->count++] =
	    (struct store_append){.mailbox = import->mailbox,
	                          .folder = import->folder,
	                          .source = source,
	                          .internal_date = message->date,
	                          .flags = message->flags,
	                          .keywords = import_keywords(message->keywords, &import->arena)};
	import->bytes += message->text.len;
	return import->count == BATCH_MESSAGES || import->bytes >= BATCH_BYTES ? flush(import) : 0;
}

void import_add_text(struct buf *out, struct str text, char *last)
{
	while (text.len > 0) {
		ptrdiff_t end = str_find_char(text, '\n');

		if (end < 0) {
			buf_add_str(out, text);
			*last = text.data[text.len - 1];
			return;
		}
		buf_add(out, text.data, (size_t)end);
		if ((end > 0 ? text.data[end - 1] : *last) != '\r')
			buf_add_char(out, '\r');
		buf_add_char(out, '\n');
		*last = '\n';
		text = str_skip(text, (size_t)end + 1);
	}
}

int mailbox_import(struct mailbox *mailbox, const char *format, const char *path, const char *folder)
{
	static struct import import;
	struct str base = folder != NULL ? str_of(folder) : STR("");
	int root = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), result;
	struct err err;

	if (root < 0) {
		err_system(&err, "cannot open %s", path);
		return ctl_refuse_err(&err);
	}
	import = (struct import){.mailbox = mailbox};
	arena_init(&import.arena);
	result = strcmp(format, "maildir") == 0 ? import_maildir(&import, root, base) : import_mbox(&import, root, base);
	if (result == 0)
		result = flush(&import);
	mail_progress("messages", import.added + import.known, true);
	printf("%lld messages imported", (long long)import.added);
	if (import.known > 0)
		printf(", %lld were there already", (long long)import.known);
	if (import.skipped > 0)
		printf(", %lld left out", (long long)import.skipped);
	putchar('\n');
	arena_free(&import.arena);
	close(root);
	return result == 0 ? CTL_DONE : CTL_REFUSED;
}
