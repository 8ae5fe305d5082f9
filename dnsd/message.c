#include "dnsd/message.h"

#include "common/base/buf.h"

#include <ctype.h>

enum {
	HEADER_SIZE = 12,
	LABEL_MAX = 63,
	POINTER = 0xc0, /* RFC 1035 4.1.4: both upper bits of a length */
	CLASS_IN = 1,
	RESPONSE = 0x80,
};

/* One record, its parts still in the packet. */
struct record {
	char owner[DNS_NAME_MAX];
	size_t owner_len;
	unsigned type, class;
	size_t data; /* position of the rdata */
	size_t length;
};

static int broken(struct err *err)
{
	err_set(err, ERR_SYNTAX, "a DNS answer that is cut or malformed");
	return -1;
}

static unsigned octet(struct str packet, size_t at)
{
	return (unsigned char)packet.data[at];
}

static unsigned number16(struct str packet, size_t at)
{
	return octet(packet, at) << 8 | octet(packet, at + 1);
}

/*
 * Read the name at *at, following pointers, in lower case and uncompressed into name; *at is set behind it. Every
 * pointer must lead further back than the one before, so that this ends.
 */
static int read_name(struct str packet, size_t *at, char name[DNS_NAME_MAX], size_t *len_out, struct err *err)
{
	size_t position = *at, lowest = *at, len = 0;
	bool jumped = false;

	for (;;) {
		unsigned size;

		if (position >= packet.len)
			return broken(err);
		size = octet(packet, position);
		if ((size & POINTER) == POINTER) {
			if (position + 2 > packet.len)
				return broken(err);
			if (!jumped)
				*at = position + 2;
			jumped = true;
			position = number16(packet, position) & ~(POINTER << 8);
			if (position >= lowest)
				return broken(err);
			lowest = position;
			continue;
		}
		if (size > LABEL_MAX || position + 1 + size > packet.len || len + 1 + size > DNS_NAME_MAX)
			return broken(err);
		name[len++] = (char)size;
		for (unsigned i = 1; i <= size; i++)
			name[len++] = (char)tolower((unsigned char)packet.data[position + i]);
		position += 1 + size;
		if (size == 0)
			break;
	}
	if (!jumped)
		*at = position;
	*len_out = len;
	return 0;
}

static int read_record(struct str packet, size_t *at, struct record *record, struct err *err)
{
	if (read_name(packet, at, record->owner, &record->owner_len, err) != 0)
		return -1;
	if (packet.len - *at < 10)
		return broken(err);
	record->type = number16(packet, *at);
	record->class = number16(packet, *at + 2);
	record->length = number16(packet, *at + 8);
	record->data = *at + 10;
	if (record->length > packet.len - record->data)
		return broken(err);
	*at = record->data + record->length;
	return 0;
}

/* How the rdata of a type begins: octets before its names, and their number. Other types hold no compressed names. */
static void name_layout(unsigned type, size_t *before, unsigned *names)
{
	*before = type == DNS_MX ? 2 : 0;
	*names = type == DNS_SOA ? 2 : type == DNS_MX || type == DNS_NS || type == DNS_CNAME || type == DNS_PTR ? 1 : 0;
}

/* The rdata with its names written out. Pointers may lead anywhere before; what is not name stays within the record. */
static int expand(struct str packet, const struct record *record, struct arena *arena, struct str *rdata_out,
                  struct err *err)
{
	size_t before, end = record->data + record->length, at = record->data;
	struct str whole = str_sub(packet, 0, end);
	char name[DNS_NAME_MAX];
	unsigned names;
	struct buf rdata;
	int result = 0;

	name_layout(record->type, &before, &names);
	if (record->length < before)
		return broken(err);
	buf_init(&rdata, UINT16_MAX + 2 * DNS_NAME_MAX);
	buf_add(&rdata, packet.data + at, before);
	at += before;
	for (unsigned i = 0; i < names && result == 0; i++) {
		size_t len = 0;

		result = read_name(whole, &at, name, &len, err);
		if (result == 0)
			buf_add(&rdata, name, len);
	}
	if (result == 0) {
		buf_add(&rdata, packet.data + at, end - at);
		*rdata_out = arena_copy(arena, buf_str(&rdata));
	}
	buf_free(&rdata);
	return result;
}

struct question {
	char name[DNS_NAME_MAX];
	size_t name_len;
	size_t answers; /* position of the first answer */
	unsigned answer_count;
};

static int read_question(struct str packet, struct question *question, struct err *err)
{
	size_t at = HEADER_SIZE;

	if (packet.len < HEADER_SIZE || (octet(packet, 2) & RESPONSE) == 0 || number16(packet, 4) != 1)
		return broken(err);
	if (read_name(packet, &at, question->name, &question->name_len, err) != 0)
		return -1;
	if (packet.len - at < 4)
		return broken(err);
	question->answers = at + 4;
	question->answer_count = number16(packet, 6);
	return 0;
}

static bool owns(const struct record *record, const struct question *question)
{
	return record->class == CLASS_IN && record->owner_len == question->name_len &&
	       memcmp(record->owner, question->name, record->owner_len) == 0;
}

/* Go on from the name asked for to the one its aliases lead to, in whatever order they stand. */
static int follow_aliases(struct str packet, struct question *question, struct err *err)
{
	bool moved = true;

	for (int i = 0; moved && i < DNS_ALIASES_MAX; i++) {
		size_t at = question->answers;

		moved = false;
		for (unsigned n = 0; n < question->answer_count && !moved; n++) {
			struct record record;
			size_t target;

			if (read_record(packet, &at, &record, err) != 0)
				return -1;
			if (record.type != DNS_CNAME || !owns(&record, question))
				continue;
			target = record.data;
			if (read_name(str_sub(packet, 0, record.data + record.length), &target, question->name, &question->name_len,
			              err) != 0)
				return -1;
			moved = true;
		}
	}
	return 0;
}

int dns_answer_parse(struct str packet, unsigned type, struct arena *arena, struct dns_answer *answer_out,
                     struct err *err)
{
	struct question question;
	struct record record;
	size_t at;

	*answer_out = (struct dns_answer){0};
	if (read_question(packet, &question, err) != 0)
		return -1;
	answer_out->rcode = (int)(octet(packet, 3) & 15);
	if (type != DNS_CNAME && follow_aliases(packet, &question, err) != 0)
		return -1;
	/* A record takes eleven octets at least, so a large count in a small packet costs nothing. */
	answer_out->rdata = arena_get(arena, (packet.len / 11 + 1) * sizeof *answer_out->rdata);
	at = question.answers;
	for (unsigned n = 0; n < question.answer_count && answer_out->count < DNS_RECORDS_MAX; n++) {
		if (read_record(packet, &at, &record, err) != 0)
			return -1;
		if (record.type != type || !owns(&record, &question))
			continue;
		if (expand(packet, &record, arena, &answer_out->rdata[answer_out->count], err) != 0)
			return -1;
		answer_out->count++;
	}
	return 0;
}

int dns_host_name(struct str rdata, size_t at, struct arena *arena, struct str *name_out, struct err *err)
{
	char text[DNS_NAME_MAX + 1];
	size_t len = 0, last;

	for (;;) {
		unsigned size;

		if (at >= rdata.len)
			return broken(err);
		size = octet(rdata, at++);
		if (size == 0)
			break;
		last = at + size;
		if (size > LABEL_MAX || last > rdata.len || len + size + 1 > sizeof text)
			return broken(err);
		if (rdata.data[at] == '-' || rdata.data[last - 1] == '-')
			return err_set(err, ERR_SYNTAX, "a name in the DNS that is no host name");
		if (len > 0)
			text[len++] = '.';
		for (; at < last; at++) {
			char c = (char)tolower((unsigned char)rdata.data[at]);

			if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
				return err_set(err, ERR_SYNTAX, "a name in the DNS that is no host name");
			text[len++] = c;
		}
	}
	*name_out = arena_copy(arena, str_from(text, len));
	return 0;
}
