/*
 * imapd: URLAUTH (RFC 4467): URLs that let somebody read one section of a message, without more of the mailbox.
 *
 * The token is a MAC over the URL with a key of the folder, which RESETKEY throws away; so nothing is stored for a URL.
 * The key is kept among the folder's metadata under a name that no client can give. A session serves URLs of its own
 * user's mailbox: those that others were given are for servers which log in as that user.
 */
#include "common/base/io.h"
#include "imapd/envelope.h"
#include "imapd/url.h"

#include <openssl/hmac.h>
#include <stdio.h>
#include <time.h>

enum {
	KEY_LEN = 32, /* octets, as hexadecimal digits in the store */
	MAC_LEN = 32,
	TOKEN_LEN = 2 + 2 * MAC_LEN, /* "01", the version, and the MAC */
	URLS_MAX = 100,              /* in one command */
};

static const char key_entry[] = "urlauth-key";

struct key {
	char text[2 * KEY_LEN + 1];
};

static bool see_entry(struct str entry, struct str value, void *context)
{
	struct key *key = context;

	if (!str_equal(entry, str_of(key_entry)))
		return true;
	str_copy(value, key->text, sizeof key->text);
	return false;
}

/* The key of a folder, made where it is missing and make says so; text "" where there is none. */
static int find_key(struct session *session, int64_t folder, bool make, struct key *key, struct err *err)
{
	key->text[0] = '\0';
	if (mailbox_metadata_each(session->mailbox, folder, see_entry, key, err) != 0)
		return -1;
	if (key->text[0] != '\0' || !make)
		return 0;
	io_random_hex(key->text, 2 * KEY_LEN);
	return mailbox_metadata_set(session->mailbox, folder, str_of(key_entry), str_of(key->text), IMAP_WAIT_MS, err);
}

static void make_token(const struct key *key, struct str rump, char out[TOKEN_LEN + 1])
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	HMAC(EVP_sha256(), key->text, (int)strlen(key->text), (const unsigned char *)rump.data, rump.len, mac, &len);
	str_copy(STR("01"), out, TOKEN_LEN + 1);
	for (unsigned i = 0; i < MAC_LEN; i++)
		snprintf(out + 2 + (size_t)2 * i, 3, "%02x", mac[i]);
}

/* Who may use it (RFC 4467 4): a form that is known. */
static bool is_access(struct str access)
{
	return str_equal_nocase(access, STR("anonymous")) || str_equal_nocase(access, STR("authuser")) ||
	       (str_starts_nocase(access, STR("user+")) && access.len > 5) ||
	       (str_starts_nocase(access, STR("submit+")) && access.len > 7);
}

/* May this session's user read what the URL leads to? "submit+" is for submission servers, which no session is. */
static bool may_read(const struct session *session, const struct imap_url *url)
{
	if (str_starts_nocase(url->access, STR("user+")))
		return str_equal_nocase(str_skip(url->access, 5), str_of(session->user));
	return str_equal_nocase(url->access, STR("anonymous")) || str_equal_nocase(url->access, STR("authuser"));
}

static bool generate(struct session *session, struct str text, struct buf *answer)
{
	struct url_target target;
	struct imap_url url;
	struct key key;
	struct err err;
	char token[TOKEN_LEN + 1];

	if (!url_parse(session, text, &url) || !url.is_absolute || url.user.len == 0 || url.mechanism.len != 0 ||
	    !is_access(url.access)) {
		imap_bad(session, "That is no URL that could be authorised");
		return false;
	}
	if (url_open(session, &url, &target, &err) != 0) {
		imap_no_store(session, &err);
		return false;
	}
	url_close(&target);
	if (find_key(session, target.fetch.folder, true, &key, &err) != 0) {
		imap_no_store(session, &err);
		return false;
	}
	make_token(&key, url.rump, token);
	buf_add_char(answer, ' ');
	envelope_format_string(arena_printf(&session->arena, "%.*s:internal:%s", STR_ARG(url.rump), token), &session->arena,
	                       answer);
	return true;
}

void command_genurlauth(struct session *session)
{
	struct imap_parser *parser = &session->parser;
	struct str urls[URLS_MAX];
	size_t count = 0;
	struct buf answer;
	bool made = true;

	do {
		if (count == URLS_MAX)
			imap_fail(parser, IMAP_BAD, "Too many URLs");
		else if (imap_parse_space(parser) && imap_parse_astring(parser, &urls[count++]) && imap_parse_space(parser) &&
		         !imap_skip_word(parser, "INTERNAL"))
			imap_fail(parser, IMAP_BAD, "There is no such mechanism");
	} while (parser->failure == IMAP_PARSED && !imap_at_end(parser));
	if (!imap_parse_end(parser)) {
		imap_refuse(session);
		return;
	}
	buf_init(&answer, IMAP_COMMAND_MAX);
	for (size_t i = 0; i < count && made; i++)
		made = generate(session, urls[i], &answer);
	if (made) {
		conn_write(&session->conn, STR("* GENURLAUTH"));
		conn_write(&session->conn, buf_str(&answer));
		conn_write(&session->conn, STR("\r\n"));
	}
	buf_free(&answer);
}

/* RFC 4467 6.3: every reason why it cannot be read looks the same. */
static bool is_valid(struct session *session, const struct imap_url *url, int64_t folder)
{
	char token[TOKEN_LEN + 1];
	struct key key;
	struct err err;

	if (!str_equal_nocase(url->mechanism, STR("internal")) || (url->expires != 0 && url->expires < time(NULL)) ||
	    !may_read(session, url) || find_key(session, folder, false, &key, &err) != 0 || key.text[0] == '\0')
		return false;
	make_token(&key, url->rump, token);
	return io_equal_secret(str_of(token), url->token);
}

static int fetch_url(struct session *session, struct str text)
{
	struct url_target target;
	struct imap_url url;
	struct buf label;
	struct err err;
	int result = 0;

	buf_init(&label, IMAP_COMMAND_MAX);
	envelope_format_string(text, &session->arena, &label);
	if (!url_parse(session, text, &url) || !url.is_absolute || url_open(session, &url, &target, &err) != 0) {
		buf_add_str(&label, STR(" NIL"));
		conn_write(&session->conn, buf_str(&label));
	} else {
		target.item.label = buf_str(&label);
		if (is_valid(session, &url, target.fetch.folder)) {
			result = section_write(&target.fetch, &target.message, &target.item, &err);
		} else {
			buf_add_str(&label, STR(" NIL"));
			conn_write(&session->conn, buf_str(&label));
		}
		url_close(&target);
	}
	buf_free(&label);
	return result;
}

void command_urlfetch(struct session *session)
{
	struct imap_parser *parser = &session->parser;
	struct str urls[URLS_MAX];
	size_t count = 0;

	do {
		if (count == URLS_MAX)
			imap_fail(parser, IMAP_BAD, "Too many URLs");
		else if (imap_parse_space(parser))
			imap_parse_astring(parser, &urls[count++]);
	} while (parser->failure == IMAP_PARSED && !imap_at_end(parser));
	if (!imap_parse_end(parser)) {
		imap_refuse(session);
		return;
	}
	conn_write(&session->conn, STR("* URLFETCH"));
	for (size_t i = 0; i < count && session->conn.failed == 0; i++) {
		conn_write(&session->conn, STR(" "));
		if (fetch_url(session, urls[i]) != 0)
			return;
	}
	conn_write(&session->conn, STR("\r\n"));
}

static bool see_folder(const struct mailbox_folder *folder, void *context)
{
	return buf_add(context, &folder->id, sizeof folder->id) == 0;
}

/* Forget a folder's key: the URLs made with it are worth nothing then. */
static bool reset_folder(struct session *session, int64_t folder)
{
	struct key key;
	struct err err;

	if (find_key(session, folder, false, &key, &err) == 0 && key.text[0] == '\0')
		return true;
	if (mailbox_metadata_set(session->mailbox, folder, str_of(key_entry), (struct str){NULL, 0}, IMAP_WAIT_MS, &err) ==
	    0)
		return true;
	imap_no_store(session, &err);
	return false;
}

static void reset_all(struct session *session)
{
	struct buf ids;
	struct err err;
	int64_t id;

	buf_init(&ids, STORE_FOLDERS_MAX * sizeof id);
	if (mailbox_folder_each(session->mailbox, see_folder, &ids, &err) != 0)
		imap_no_store(session, &err);
	for (size_t at = 0; at < ids.len; at += sizeof id) {
		memcpy(&id, ids.data + at, sizeof id);
		if (!reset_folder(session, id))
			break;
	}
	buf_free(&ids);
}

void command_resetkey(struct session *session)
{
	struct imap_parser *parser = &session->parser;
	bool all = imap_at_end(parser);
	struct mailbox_folder folder;
	struct str name = STR("");

	if (!all && imap_parse_space(parser) && imap_parse_mailbox(parser, &name))
		while (imap_skip_char(parser, ' '))
			if (!imap_skip_word(parser, "INTERNAL"))
				imap_fail(parser, IMAP_BAD, "There is no such mechanism");
	if (!imap_parse_end(parser)) {
		imap_refuse(session);
		return;
	}
	imap_ok(session, "URLMECH INTERNAL", "RESETKEY completed");
	if (all)
		reset_all(session);
	else if (session_find_folder(session, name, "", &folder) == 0)
		reset_folder(session, folder.id);
}
