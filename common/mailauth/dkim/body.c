#include "common/mailauth/dkim/body.h"

#include <openssl/evp.h>

void dkim_body_open(struct dkim_body *body)
{
	*body = (struct dkim_body){0};
}

void dkim_body_close(struct dkim_body *body)
{
	for (size_t i = 0; i < body->count; i++)
		EVP_MD_CTX_free(body->hashes[i].context);
	body->count = 0;
}

int dkim_body_want(struct dkim_body *body, enum dkim_canon canon, uint64_t limit)
{
	struct dkim_body_hash *hash = &body->hashes[body->count];
	EVP_MD_CTX *context;

	for (size_t i = 0; i < body->count; i++)
		if (body->hashes[i].canon == canon && body->hashes[i].limit == limit)
			return (int)i;
	if (body->count == DKIM_BODY_HASHES_MAX)
		return -1;
	context = EVP_MD_CTX_new();
	if (context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(context);
		return -1;
	}
	*hash = (struct dkim_body_hash){.canon = canon, .limit = limit, .context = context};
	body->forms[canon].is_wanted = true;
	return (int)body->count++;
}

/* Octets of a canonical form, in their order. */
static void emit(struct dkim_body *body, enum dkim_canon canon, struct str octets)
{
	uint64_t before = body->forms[canon].length;

	for (size_t i = 0; i < body->count; i++) {
		struct dkim_body_hash *hash = &body->hashes[i];
		uint64_t left = hash->limit > before ? hash->limit - before : 0;

		if (hash->canon == canon && left != 0)
			EVP_DigestUpdate(hash->context, octets.data, octets.len < left ? octets.len : (size_t)left);
	}
	body->forms[canon].length += octets.len;
}

/* Line ends that were held back, for something follows them. */
static void emit_lines(struct dkim_body *body, enum dkim_canon canon)
{
	static const char ends[] = "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";
	struct dkim_body_form *form = &body->forms[canon];

	while (form->empty_lines != 0) {
		uint64_t some = form->empty_lines < sizeof ends / 2 ? form->empty_lines : sizeof ends / 2;

		emit(body, canon, str_from(ends, (size_t)some * 2));
		form->empty_lines -= some;
	}
}

/* RFC 6376 3.4.3: nothing changes but the line ends at the very end, so only those of a piece's end are looked at. */
static void feed_simple(struct dkim_body *body, struct str octets)
{
	struct dkim_body_form *form = &body->forms[DKIM_SIMPLE];
	size_t end, lines = 0;

	if (form->has_cr) {
		form->has_cr = false;
		if (octets.data[0] == '\n') {
			form->empty_lines++;
			octets = str_skip(octets, 1);
		} else {
			emit_lines(body, DKIM_SIMPLE);
			emit(body, DKIM_SIMPLE, STR("\r"));
		}
	}
	end = octets.len;
	if (end != 0 && octets.data[end - 1] == '\r') {
		form->has_cr = true;
		end--;
	}
	for (; end >= 2 && octets.data[end - 2] == '\r' && octets.data[end - 1] == '\n'; end -= 2)
		lines++;
	if (end != 0) {
		emit_lines(body, DKIM_SIMPLE);
		emit(body, DKIM_SIMPLE, str_sub(octets, 0, end));
	}
	form->empty_lines += lines;
}

static void flush(struct dkim_body *body)
{
	emit(body, DKIM_RELAXED, str_from(body->room, body->used));
	body->used = 0;
}

/* Octets that are no line end and no blank, behind the line ends and the blank that were held back. */
static void add_word(struct dkim_body *body, struct str word)
{
	struct dkim_body_form *form = &body->forms[DKIM_RELAXED];

	if (form->empty_lines > 1) {
		flush(body);
		emit_lines(body, DKIM_RELAXED);
	}
	if (sizeof body->room - body->used < word.len + 3)
		flush(body);
	if (form->empty_lines == 1) {
		body->room[body->used++] = '\r';
		body->room[body->used++] = '\n';
		form->empty_lines = 0;
	}
	if (form->has_blank)
		body->room[body->used++] = ' ';
	form->has_blank = false;
	if (word.len > sizeof body->room - body->used) {
		flush(body);
		emit(body, DKIM_RELAXED, word);
		return;
	}
	memcpy(body->room + body->used, word.data, word.len);
	body->used += word.len;
}

/* RFC 6376 3.4.4 */
static void feed_relaxed(struct dkim_body *body, struct str octets)
{
	struct dkim_body_form *form = &body->forms[DKIM_RELAXED];
	size_t i = 0;

	while (i < octets.len) {
		size_t begin = i;

		if (form->has_cr) {
			form->has_cr = false;
			if (octets.data[i] == '\n') {
				form->empty_lines++;
				form->has_blank = false;
				i++;
			} else {
				add_word(body, STR("\r"));
			}
			continue;
		}
		while (i < octets.len && octets.data[i] != ' ' && octets.data[i] != '\t' && octets.data[i] != '\r')
			i++;
		if (i != begin)
			add_word(body, str_sub(octets, begin, i - begin));
		if (i == octets.len)
			break;
		form->has_cr = octets.data[i] == '\r';
		form->has_blank = form->has_blank || !form->has_cr;
		i++;
	}
}

void dkim_body_feed(struct dkim_body *body, struct str octets)
{
	if (octets.len != 0 && body->forms[DKIM_SIMPLE].is_wanted)
		feed_simple(body, octets);
	if (octets.len != 0 && body->forms[DKIM_RELAXED].is_wanted)
		feed_relaxed(body, octets);
}

/* The last line gets its end; an empty body has one in the simple form, none in the relaxed one. */
static void end_form(struct dkim_body *body, enum dkim_canon canon)
{
	struct dkim_body_form *form = &body->forms[canon];

	if (form->has_cr && canon == DKIM_RELAXED)
		add_word(body, STR("\r"));
	if (canon == DKIM_RELAXED)
		flush(body);
	if (form->has_cr && canon == DKIM_SIMPLE) {
		emit_lines(body, canon);
		emit(body, canon, STR("\r"));
	}
	if (canon == DKIM_SIMPLE || form->length != 0)
		emit(body, canon, STR("\r\n"));
}

void dkim_body_end(struct dkim_body *body)
{
	for (int canon = DKIM_SIMPLE; canon <= DKIM_RELAXED; canon++)
		if (body->forms[canon].is_wanted)
			end_form(body, canon);
	for (size_t i = 0; i < body->count; i++)
		EVP_DigestFinal_ex(body->hashes[i].context, body->hashes[i].hash, NULL);
}
