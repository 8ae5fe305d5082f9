#include "imapd/url.h"

#include "common/base/moment.h"

#include <time.h>
#include <unistd.h>

enum { URL_MAX = 8192 };

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undo %XX (RFC 3986 2.1). false: broken, or it would hide a NUL, or the result is not UTF-8. */
static bool decode(struct session *session, struct str text, struct str *out)
{
	char *plain = arena_get(&session->arena, text.len + 1);
	size_t used = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (c == '%') {
			if (i + 2 >= text.len || hex(text.data[i + 1]) < 0 || hex(text.data[i + 2]) < 0)
				return false;
			c = (char)(hex(text.data[i + 1]) << 4 | hex(text.data[i + 2]));
			i += 2;
		}
		if (c == '\0')
			return false;
		plain[used++] = c;
	}
	*out = str_from(plain, used);
	return str_is_utf8(*out);
}

/* "imap://" [user [";AUTH=" mechanism] "@"] host */
static bool take_server(struct session *session, struct str *rest, struct imap_url *url)
{
	struct str server, user;
	ptrdiff_t slash, at;

	if (!str_starts_nocase(*rest, STR("imap://")))
		return true;
	url->is_absolute = true;
	*rest = str_skip(*rest, 7);
	slash = str_find_char(*rest, '/');
	if (slash <= 0)
		return false;
	server = str_sub(*rest, 0, (size_t)slash);
	*rest = str_skip(*rest, (size_t)slash);
	at = str_find_last_char(server, '@');
	if (at < 0)
		return true;
	user = str_sub(server, 0, (size_t)at);
	return decode(session, str_cut(&user, ';'), &url->user);
}

/* Cut "name=value" off where it comes next, behind before: "/" or "". The value ends at "/" or ";". */
static bool take_parameter(struct str *rest, const char *name, struct str *value)
{
	struct str prefix = str_of(name);
	size_t len = 0;

	if (!str_starts_nocase(*rest, prefix))
		return false;
	*value = str_skip(*rest, prefix.len);
	while (len < value->len && value->data[len] != '/' && value->data[len] != ';')
		len++;
	*rest = str_skip(*value, len);
	value->len = len;
	return true;
}

static bool take_number(struct str text, uint32_t *number)
{
	uint64_t value;

	if (!str_to_u64(text, UINT32_MAX, &value) || value == 0)
		return false;
	*number = (uint32_t)value;
	return true;
}

/* "1.2.HEADER.FIELDS (From)" by the parser of FETCH, over a line that ends where the section does. */
static bool take_section(struct session *session, struct str encoded, struct section *section)
{
	struct imap_parser parser = {.arena = &session->arena, .wants_utf8 = true};
	struct str text;
	struct buf label;
	bool parsed;

	if (!decode(session, encoded, &text) || str_find_char(text, '{') >= 0)
		return false;
	parser.rest = arena_printf(&session->arena, "%.*s]", STR_ARG(text));
	buf_init(&label, URL_MAX * 2);
	parsed = section_parse(&parser, section, true, &label) && imap_at_end(&parser);
	buf_free(&label);
	return parsed;
}

/* offset ["." length] */
static bool take_partial(struct str text, struct section *section)
{
	struct str offset = str_cut(&text, '.');

	section->is_partial = true;
	section->length = INT64_MAX;
	return str_to_u64(offset, INT64_MAX, &section->offset) &&
	       (text.data == NULL || (str_to_u64(text, INT64_MAX, &section->length) && section->length > 0));
}

/* ";EXPIRE=" time ";URLAUTH=" access [":" mechanism ":" token] (RFC 4467 9). */
static bool take_authorisation(struct session *session, struct str whole, struct str rest, struct imap_url *url)
{
	struct str value, mechanism;

	if (take_parameter(&rest, ";EXPIRE=", &value) && !moment_parse(value, &session->arena, &url->expires))
		return false;
	if (rest.len == 0)
		return url->expires == 0;
	if (!str_starts_nocase(rest, STR(";URLAUTH=")))
		return false;
	mechanism = str_skip(rest, 9);
	url->access = str_cut(&mechanism, ':');
	url->rump = str_from(whole.data, (size_t)(url->access.data + url->access.len - whole.data));
	if (mechanism.data != NULL) {
		url->mechanism = str_cut(&mechanism, ':');
		url->token = mechanism.data != NULL ? mechanism : STR("");
	}
	return url->access.len != 0;
}

/* "/" mailbox, up to ";UIDVALIDITY=" or "/;UID=". */
static bool take_mailbox(struct session *session, struct str *rest, struct imap_url *url)
{
	struct str text = *rest;
	size_t len = 0;

	if (!str_starts(text, STR("/")))
		return !url->is_absolute;
	if (str_starts(text, STR("/;")))
		return !url->is_absolute;
	text = str_skip(text, 1);
	while (len < text.len && text.data[len] != ';')
		len++;
	*rest = str_skip(text, len);
	if (len > 0 && text.data[len - 1] == '/' && !str_starts_nocase(*rest, STR(";UIDVALIDITY="))) {
		len--;
		*rest = str_skip(text, len);
	}
	if (!decode(session, str_sub(text, 0, len), &url->mailbox) || url->mailbox.len == 0)
		return false;
	url->mailbox = imap_mailbox_name(url->mailbox, &session->arena);
	return true;
}

bool url_parse(struct session *session, struct str text, struct imap_url *url)
{
	static const struct str empty = {"", 0};
	struct str rest = text, value;

	*url = (struct imap_url){.user = empty, .mailbox = empty, .rump = empty, .access = empty, .mechanism = empty};
	url->token = empty;
	if (text.len > URL_MAX || !take_server(session, &rest, url) || !take_mailbox(session, &rest, url))
		return false;
	if (take_parameter(&rest, ";UIDVALIDITY=", &value) && !take_number(value, &url->uidvalidity))
		return false;
	if (!(take_parameter(&rest, "/;UID=", &value) || take_parameter(&rest, ";UID=", &value)) ||
	    !take_number(value, &url->uid))
		return false;
	if (take_parameter(&rest, "/;SECTION=", &value) && !take_section(session, value, &url->section))
		return false;
	if (take_parameter(&rest, "/;PARTIAL=", &value) && !take_partial(value, &url->section))
		return false;
	return take_authorisation(session, text, rest, url);
}

static int find_folder(struct session *session, const struct imap_url *url, int64_t *id, struct err *err)
{
	struct mailbox_folder folder;

	if (url->user.len != 0 && !str_equal_nocase(url->user, str_of(session->user)))
		return err_set(err, ERR_NOT_FOUND, "the URL is of another user's mailbox");
	if (url->mailbox.len == 0 && session->view == NULL)
		return err_set(err, ERR_NOT_FOUND, "no folder is selected");
	if (url->mailbox.len == 0) {
		*id = session->view->folder;
		return url->uidvalidity == 0 || url->uidvalidity == session->view->state.uidvalidity
		           ? 0
		           : err_set(err, ERR_NOT_FOUND, "the folder has another UIDVALIDITY");
	}
	if (mailbox_folder_find(session->mailbox, url->mailbox, &folder, err) != 0)
		return -1;
	if (url->uidvalidity != 0 && url->uidvalidity != folder.uidvalidity)
		return err_set(err, ERR_NOT_FOUND, "the folder has another UIDVALIDITY");
	*id = folder.id;
	return 0;
}

int url_open(struct session *session, const struct imap_url *url, struct url_target *target, struct err *err)
{
	*target = (struct url_target){.fetch = {.session = session}};
	target->message.fd = -1;
	target->message.uid = url->uid;
	arena_init(&target->message.arena);
	target->item = (struct fetch_item){.what = FETCH_SECTION, .section = url->section};
	if (find_folder(session, url, &target->fetch.folder, err) != 0 ||
	    fetch_prepare(&target->fetch, &target->message, &target->item, err) != 0 ||
	    fetch_open(&target->fetch, &target->message, err) != 0) {
		url_close(target);
		return -1;
	}
	return 0;
}

void url_close(struct url_target *target)
{
	if (target->message.fd >= 0)
		close(target->message.fd);
	if (target->fetch.in_turn)
		status_release(&target->fetch.session->statusd, STATUS_IMAP_FETCH);
	arena_free(&target->message.arena);
}

int url_send(struct url_target *target, struct mime_sink *sink, struct err *err)
{
	return section_send(&target->message, &target->item.section, sink, err);
}
