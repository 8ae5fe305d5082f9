#include "common/dsn/dsn.h"

#include "common/addr/addr.h"
#include "common/mime/encode.h"

#include <string.h>
#include <time.h>

enum { FOLD_AT = 76 };

static const struct {
	const char *word, *status;
} actions[] = {
    [DSN_FAILED] = {"failed", "5.0.0"},
    [DSN_DELAYED] = {"delayed", "4.0.0"},
    [DSN_DELIVERED] = {"delivered", "2.0.0"},
    [DSN_RELAYED] = {"relayed", "2.0.0"},
};

bool dsn_is_8bit(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] > 127)
			return true;
	return false;
}

/* Octets of the well-formed sequence at the start of s, 0 where there is none. */
static size_t utf8_length(struct str s)
{
	const unsigned char *at = (const unsigned char *)s.data;
	size_t want = at[0] < 0x80                    ? 1
	              : at[0] >= 0xc2 && at[0] < 0xe0 ? 2
	              : (at[0] & 0xf0) == 0xe0        ? 3
	              : at[0] >= 0xf0 && at[0] < 0xf5 ? 4
	                                              : 0;

	if (want == 0 || want > s.len)
		return 0;
	for (size_t i = 1; i < want; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, beyond U+10FFFF */
	if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf0 && at[1] < 0x90) ||
	    (at[0] == 0xf4 && at[1] > 0x8f))
		return 0;
	return want;
}

bool dsn_is_utf8(struct str text)
{
	while (text.len > 0) {
		size_t length = utf8_length(text);

		if (length == 0)
			return false;
		text = str_skip(text, length);
	}
	return true;
}

/* A stranger's words in one line: control characters become blanks, what is not UTF-8 "?". */
static void add_clean(struct buf *text, struct str words)
{
	while (words.len > 0) {
		size_t length = utf8_length(words);
		unsigned char c = (unsigned char)words.data[0];

		if (length == 0)
			buf_add_char(text, '?');
		else if (c < 0x20 || c == 0x7f)
			buf_add_char(text, ' ');
		else
			buf_add(text, words.data, length);
		words = str_skip(words, length != 0 ? length : 1);
	}
}

/* An answer: runs of blanks become one, so that no folded line is blank. */
static void add_words(struct buf *text, struct str words)
{
	while (words.len > 0) {
		ptrdiff_t blank = str_find_char(words, ' ');

		if (blank < 0) {
			add_clean(text, words);
			return;
		}
		add_clean(text, str_sub(words, 0, (size_t)blank + 1));
		words = str_skip(words, (size_t)blank);
		while (words.len > 0 && words.data[0] == ' ')
			words = str_skip(words, 1);
	}
}

/* "name: value" folded at blanks (RFC 5322 2.2.3); begin is where the line starts in text. */
static void fold(struct buf *text, size_t begin)
{
	struct buf folded;
	struct str rest = str_skip(buf_str(text), begin);

	buf_init(&folded, text->limit);
	while (rest.len > FOLD_AT) {
		ptrdiff_t at = str_find_last_char(str_sub(rest, 0, FOLD_AT), ' ');

		if (at <= 1)
			at = str_find_char(str_skip(rest, FOLD_AT), ' ') >= 0
			         ? str_find_char(str_skip(rest, FOLD_AT), ' ') + FOLD_AT
			         : -1;
		if (at < 0 || (size_t)at + 1 >= rest.len)
			break;
		buf_add_str(&folded, str_sub(rest, 0, (size_t)at));
		buf_add_str(&folded, STR("\r\n"));
		rest = str_skip(rest, (size_t)at); /* the blank begins the next line */
	}
	buf_add_str(&folded, rest);
	text->len = begin;
	buf_add_str(text, buf_str(&folded));
	buf_free(&folded);
	buf_add_str(text, STR("\r\n"));
}

static void add_field(struct buf *text, const char *name, struct str value)
{
	size_t begin = text->len;

	buf_add_str(text, str_of(name));
	buf_add_str(text, STR(": "));
	add_clean(text, value);
	fold(text, begin);
}

static void add_date(struct buf *text, const char *name, int64_t time_us)
{
	static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t seconds = (time_t)(time_us / 1000000);
	struct tm utc;

	gmtime_r(&seconds, &utc);
	buf_printf(text, "%s: %s, %d %s %d %02d:%02d:%02d +0000\r\n", name, days[utc.tm_wday], utc.tm_mday,
	           months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

/* Does an address or an answer need the UTF-8 forms of RFC 6533? */
static bool is_global(const struct dsn *dsn)
{
	for (size_t i = 0; i < dsn->recipient_count; i++) {
		const struct dsn_recipient *recipient = &dsn->recipients[i];

		if (dsn_is_8bit(recipient->address) || dsn_is_8bit(recipient->given) || dsn_is_8bit(recipient->words) ||
		    dsn_is_8bit(recipient->orcpt))
			return true;
	}
	return dsn_is_8bit(dsn->envid);
}

static void add_boundary(const struct dsn *dsn, struct buf *text, const char *after)
{
	buf_printf(text, "--=_%.*s%s\r\n", STR_ARG(dsn->id), after);
}

static void add_head(const struct dsn *dsn, struct buf *text, bool global)
{
	buf_add_str(text, STR("From: Mail Delivery System <"));
	add_clean(text, dsn->from);
	buf_add_str(text, STR(">\r\n"));
	buf_add_str(text, STR("To: <"));
	add_clean(text, dsn->to);
	buf_add_str(text, STR(">\r\n"));
	buf_add_str(text, STR("Subject: "));
	mime_encode_text(dsn->subject, strlen("Subject: "), text);
	buf_add_str(text, STR("\r\n"));
	add_date(text, "Date", dsn->now_us);
	buf_printf(text, "Message-ID: <%.*s@%.*s>\r\n", STR_ARG(dsn->id), STR_ARG(dsn->host));
	/* RFC 3834 5: so that no autoresponder answers */
	buf_add_str(text, STR("Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"));
	buf_printf(text, "Content-Type: multipart/report; report-type=%s;\r\n boundary=\"=_%.*s\"\r\n\r\n",
	           global ? "global-delivery-status" : "delivery-status", STR_ARG(dsn->id));
}

static void add_sentence(const struct dsn *dsn, struct buf *text, bool global)
{
	struct str rest = dsn->sentence;

	global |= dsn_is_8bit(dsn->sentence);
	add_boundary(dsn, text, "");
	buf_printf(text, "Content-Type: text/plain; charset=%s\r\nContent-Transfer-Encoding: %s\r\n\r\n",
	           global ? "utf-8" : "us-ascii", global ? "8bit" : "7bit");
	while (rest.len != 0) {
		add_clean(text, str_cut(&rest, '\n'));
		buf_add_str(text, STR("\r\n"));
	}
	buf_add_str(text, STR("\r\n"));
	for (size_t i = 0; i < dsn->recipient_count; i++) {
		const struct dsn_recipient *recipient = &dsn->recipients[i];
		struct str shown = recipient->given.len != 0 ? recipient->given : recipient->address;

		buf_add_str(text, STR("Recipient: \""));
		add_clean(text, shown);
		buf_add_str(text, recipient->unrecognised ? STR("\" is unrecognised.\r\n") : STR("\"\r\n"));
		if (!str_equal(shown, recipient->address) && recipient->address.len != 0)
			add_field(text, "  forwarded to", recipient->address);
		if (!recipient->unrecognised && recipient->words.len != 0) {
			size_t begin = text->len;

			buf_add_str(text, STR("  "));
			if (recipient->remote_host.len != 0) {
				add_clean(text, recipient->remote_host);
				buf_add_str(text, STR(" said: "));
			}
			add_words(text, recipient->words);
			fold(text, begin);
		}
	}
	buf_printf(text, "\r\nThe message has the id %.*s on this server.\r\n\r\n", STR_ARG(dsn->original_id));
}

/* RFC 3464 2.3.1 and 2.3.2; RFC 6533 3 for the address type utf-8. */
static void add_address(struct buf *text, const char *name, struct str address)
{
	size_t begin = text->len;

	buf_printf(text, "%s: %s; ", name, dsn_is_8bit(address) ? "utf-8" : "rfc822");
	add_clean(text, address);
	fold(text, begin);
}

/* The sender gave "type;xtext"; the field has the text itself. */
static void add_original_recipient(struct buf *text, struct str orcpt, struct arena *arena)
{
	struct str rest = orcpt, type = str_cut(&rest, ';'), plain;
	size_t begin = text->len;
	struct err err;

	if (rest.data == NULL)
		return;
	/* utf-8-addr-xtext of RFC 6533 3 stays as it is: it is right in the field too */
	if (str_equal_nocase(type, STR("utf-8")) || addr_xtext_decode(rest, arena, &plain, &err) != 0)
		plain = rest;
	buf_add_str(text, STR("Original-Recipient: "));
	add_clean(text, type);
	buf_add_str(text, STR("; "));
	add_clean(text, plain);
	fold(text, begin);
}

static void add_recipient(const struct dsn *dsn, const struct dsn_recipient *recipient, struct buf *text,
                          struct arena *arena)
{
	size_t begin;

	buf_add_str(text, STR("\r\n"));
	if (recipient->orcpt.len != 0)
		add_original_recipient(text, recipient->orcpt, arena);
	add_address(text, "Final-Recipient", recipient->address);
	buf_printf(text, "Action: %s\r\n", actions[dsn->action].word);
	add_field(text, "Status", recipient->status.len != 0 ? recipient->status : str_of(actions[dsn->action].status));
	if (recipient->remote_host.len != 0) {
		begin = text->len;
		buf_add_str(text, STR("Remote-MTA: dns; "));
		add_clean(text, recipient->remote_host);
		fold(text, begin);
	}
	if (recipient->words.len != 0) {
		begin = text->len;
		buf_add_str(text, STR("Diagnostic-Code: "));
		buf_add_str(text, recipient->remote_host.len != 0 ? STR("smtp; ") : STR("x-postroom; "));
		add_words(text, recipient->words);
		fold(text, begin);
	}
	add_date(text, "Last-Attempt-Date", dsn->now_us);
	if (dsn->action == DSN_DELAYED && dsn->retry_until_us != 0)
		add_date(text, "Will-Retry-Until", dsn->retry_until_us);
}

static void add_status(const struct dsn *dsn, struct buf *text, bool global)
{
	struct arena arena;
	struct str envid;
	struct err err;
	size_t begin;

	arena_init(&arena);
	add_boundary(dsn, text, "");
	buf_printf(text, "Content-Type: message/%s\r\n", global ? "global-delivery-status" : "delivery-status");
	if (global)
		buf_add_str(text, STR("Content-Transfer-Encoding: 8bit\r\n"));
	buf_add_str(text, STR("\r\n"));
	if (dsn->envid.len != 0) {
		if (addr_xtext_decode(dsn->envid, &arena, &envid, &err) != 0)
			envid = dsn->envid;
		add_field(text, "Original-Envelope-Id", envid);
	}
	begin = text->len;
	buf_add_str(text, STR("Reporting-MTA: dns; "));
	add_clean(text, dsn->host);
	fold(text, begin);
	add_date(text, "Arrival-Date", dsn->arrived_us);
	for (size_t i = 0; i < dsn->recipient_count; i++)
		add_recipient(dsn, &dsn->recipients[i], text, &arena);
	buf_add_str(text, STR("\r\n"));
	arena_free(&arena);
}

/* Headers that are neither ASCII nor UTF-8 have each such byte as "?": the part says what they hold. */
static void add_headers(struct buf *text, struct str headers)
{
	bool utf8 = dsn_is_utf8(headers);

	if (utf8) {
		buf_add_str(text, headers);
		return;
	}
	for (size_t i = 0; i < headers.len; i++)
		buf_add_char(text, (unsigned char)headers.data[i] > 127 ? '?' : headers.data[i]);
}

void dsn_begin(const struct dsn *dsn, struct buf *text)
{
	bool global = is_global(dsn);
	bool headers_8bit = dsn_is_8bit(dsn->headers) && dsn_is_utf8(dsn->headers);

	add_head(dsn, text, global);
	add_sentence(dsn, text, global);
	add_status(dsn, text, global);
	add_boundary(dsn, text, "");
	if (dsn->full) {
		/* RFC 6532 3.7: a message with UTF-8 headers is message/global */
		buf_printf(text, "Content-Type: message/%s\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
		           headers_8bit ? "global" : "rfc822");
		return;
	}
	buf_add_str(text, headers_8bit
	                      ? STR("Content-Type: message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
	                      : STR("Content-Type: text/rfc822-headers\r\n\r\n"));
	add_headers(text, dsn->headers);
}

void dsn_end(const struct dsn *dsn, struct buf *text)
{
	buf_add_str(text, STR("\r\n"));
	add_boundary(dsn, text, "--");
}
