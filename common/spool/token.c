#include "common/spool/token.h"

#include "common/base/io.h"
#include "common/base/memory.h"

#include <inttypes.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <time.h>

/* A message's time may lie this much before its token's: the clock was set back meanwhile. */
enum { CLOCK_SLACK_S = 3600, MAC_LEN = 32, MAC_HEX = 2 * MAC_LEN };

int token_key_load(struct token_key *key, const struct instance *instance, const char *issuer, struct err *err)
{
	char name[64], path[INSTANCE_PATH_MAX + 128];
	struct buf text;
	int result;

	token_key_wipe(key);
	snprintf(name, sizeof name, "keys/relay-%.40s.key", issuer);
	instance_path(path, sizeof path, instance->etc, name);
	buf_init(&text, 4096);
	result = io_read_file(path, &text, err);
	if (result == 0 && text.len != TOKEN_KEY_LEN)
		result = err_set(err, ERR_CORRUPT, "%s does not hold %d bytes", path, TOKEN_KEY_LEN);
	if (result == 0) {
		memcpy(key->bytes, text.data, TOKEN_KEY_LEN);
		key->present = true;
	}
	if (text.data != NULL)
		memory_wipe(text.data, text.capacity);
	buf_free(&text);
	return result;
}

void token_key_wipe(struct token_key *key)
{
	memory_wipe(key, sizeof *key);
}

/* Each part has its length before it, so that no two sets of parts give the same text. */
static void add_part(struct buf *text, struct str part)
{
	buf_printf(text, "%zu:", part.len);
	buf_add_str(text, part);
}

static void make_mac(const struct token_key *key, struct str issuer, int64_t seconds, struct str service,
                     struct str peer, struct str user, char *hex)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	struct buf text;

	buf_init(&text, SIZE_MAX / 2);
	add_part(&text, issuer);
	buf_printf(&text, "%" PRId64 ";", seconds);
	add_part(&text, service);
	add_part(&text, peer);
	add_part(&text, user);
	HMAC(EVP_sha256(), key->bytes, TOKEN_KEY_LEN, (const unsigned char *)text.data, text.len, mac, &length);
	for (unsigned i = 0; i < MAC_LEN; i++) {
		hex[2 * i] = "0123456789abcdef"[mac[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[mac[i] & 15];
	}
	hex[MAC_HEX] = '\0';
	memory_wipe(mac, sizeof mac);
	buf_free(&text);
}

void token_make(const struct token_key *key, const char *issuer, struct str service, struct str peer, struct str user,
                char *out)
{
	char hex[MAC_HEX + 1];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	make_mac(key, str_of(issuer), now.tv_sec, service, peer, user, hex);
	snprintf(out, TOKEN_MAX, "%.24s:%" PRId64 ":%s", issuer, (int64_t)now.tv_sec, hex);
	memory_wipe(hex, sizeof hex); /* a listener's next session inherits what stays on the stack */
}

bool token_check(const struct token_key *key, const char *issuer, struct str token, struct str service, struct str peer,
                 struct str user, int64_t time_us)
{
	struct str rest = token, issuer_part = str_cut(&rest, ':'), seconds_part = str_cut(&rest, ':');
	int64_t taken = time_us / 1000000;
	char hex[MAC_HEX + 1];
	uint64_t seconds;

	if (!key->present || !str_equal(issuer_part, str_of(issuer)) || !str_to_u64(seconds_part, INT64_MAX / 2, &seconds))
		return false;
	if (taken < (int64_t)seconds - CLOCK_SLACK_S || taken > (int64_t)seconds + TOKEN_LIFETIME_S)
		return false;
	make_mac(key, issuer_part, (int64_t)seconds, service, peer, user, hex);
	return rest.data != NULL && io_equal_secret(rest, str_from(hex, MAC_HEX));
}
