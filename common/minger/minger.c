#include "common/minger/minger.h"

#include "common/base/io.h"

#include <openssl/evp.h>

/* Of a packet the line, without what ends it. */
static struct str line_of(struct str packet)
{
	if (packet.len > 0 && packet.data[packet.len - 1] == '\n')
		packet.len--;
	if (packet.len > 0 && packet.data[packet.len - 1] == '\r')
		packet.len--;
	return packet;
}

static int make_digest(struct str address, struct str secret, char out[MINGER_DIGEST + 1], struct err *err)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	struct buf text;
	bool good;

	buf_init(&text, MINGER_PACKET_MAX + secret.len + 1);
	for (size_t i = 0; i < address.len; i++) {
		char c = address.data[i];

		buf_add_char(&text, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
	}
	buf_add_char(&text, ':');
	buf_add_str(&text, secret);
	good = !text.overflow && EVP_Digest(text.data, text.len, hash, &size, EVP_md5(), NULL) == 1;
	buf_free(&text);
	if (!good || size != MINGER_DIGEST / 2)
		return err_set(err, ERR_SYSTEM, "OpenSSL makes no MD5 of the question");
	for (size_t i = 0; i < size; i++) {
		out[2 * i] = digits[hash[i] >> 4];
		out[2 * i + 1] = digits[hash[i] & 15];
	}
	out[MINGER_DIGEST] = '\0';
	return 0;
}

int minger_query_format(struct str address, struct str secret, struct buf *packet, struct err *err)
{
	char digest[MINGER_DIGEST + 1];

	buf_add_str(packet, address);
	if (secret.len > 0) {
		if (make_digest(address, secret, digest, err) != 0)
			return -1;
		buf_printf(packet, " %s", digest);
	}
	buf_add_str(packet, STR("\r\n"));
	return packet->overflow || packet->len > MINGER_PACKET_MAX ? err_set(err, ERR_LIMIT, "the question is too long")
	                                                           : 0;
}

static bool is_digest(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!((text.data[i] >= '0' && text.data[i] <= '9') || (text.data[i] >= 'a' && text.data[i] <= 'f') ||
		      (text.data[i] >= 'A' && text.data[i] <= 'F')))
			return false;
	return text.len == MINGER_DIGEST;
}

int minger_query_parse(struct str packet, struct arena *arena, struct minger_query *query_out, struct err *err)
{
	struct str line = line_of(packet);
	ptrdiff_t blank;

	*query_out = (struct minger_query){.text = STR(""), .digest = STR("")};
	if (packet.len > MINGER_PACKET_MAX)
		return err_set(err, ERR_LIMIT, "the question is too long");
	blank = str_find_last_char(line, ' ');
	if (blank >= 0 && is_digest(str_skip(line, (size_t)blank + 1))) {
		query_out->digest = str_skip(line, (size_t)blank + 1);
		line = str_sub(line, 0, (size_t)blank);
	}
	if (addr_parse_mailbox(line, arena, &query_out->address, err) != 0)
		return -1;
	if (query_out->address.domain.len == 0)
		return err_set(err, ERR_SYNTAX, "the address has no domain");
	query_out->text = line;
	return 0;
}

bool minger_query_is_from(const struct minger_query *query, struct str secret)
{
	char digest[MINGER_DIGEST + 1], given[MINGER_DIGEST + 1];
	struct err err;

	if (secret.len == 0 || query->digest.len != MINGER_DIGEST || make_digest(query->text, secret, digest, &err) != 0)
		return false;
	for (size_t i = 0; i < MINGER_DIGEST; i++) {
		char c = query->digest.data[i];

		given[i] = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
	}
	return io_equal_secret(str_from(given, MINGER_DIGEST), str_from(digest, MINGER_DIGEST));
}

void minger_answer_format(const struct minger_query *query, enum minger_status status, struct buf *packet)
{
	buf_printf(packet, "%.*s %d\r\n", STR_ARG(query->text), (int)status);
}

int minger_answer_parse(struct str packet, struct str address, enum minger_status *status_out, struct err *err)
{
	struct str line = line_of(packet);
	ptrdiff_t blank = str_find_last_char(line, ' ');
	uint64_t status;

	if (packet.len > MINGER_PACKET_MAX || blank < 0 || !str_equal_nocase(str_sub(line, 0, (size_t)blank), address) ||
	    !str_to_u64(str_skip(line, (size_t)blank + 1), MINGER_VALID, &status))
		return err_set(err, ERR_SYNTAX, "this is no answer about that address");
	*status_out = (enum minger_status)status;
	return 0;
}
