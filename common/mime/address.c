/* Address fields as an ENVELOPE shows them (RFC 9051 7.5.2): groups, routes, and something for every broken one. */
#include "common/mime/header.h"

struct reader {
	struct str rest;
	struct arena *arena;
	struct mime_address *list;
	size_t count, capacity;
	bool in_group;
	bool blank;            /* there were blanks before rest */
	struct buf name;       /* the words of an element, one blank where there were some */
	struct buf local_part; /* the words that stand together at their end */
	struct buf comment;    /* the last comment */
	size_t name_len;       /* of name before local_part began */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0';
}

static struct str copy(struct reader *r, const struct buf *text)
{
	return arena_copy(r->arena, str_trim(buf_str(text)));
}

static void add(struct reader *r, struct mime_address address)
{
	if (r->count >= MIME_ADDRESSES_MAX)
		return;
	if (r->count == r->capacity) {
		struct mime_address *old = r->list;

		r->capacity = r->capacity != 0 ? 2 * r->capacity : 4;
		r->list = arena_get(r->arena, r->capacity * sizeof *old);
		if (r->count != 0)
			memcpy(r->list, old, r->count * sizeof *old);
	}
	r->list[r->count++] = address;
}

static char take(struct reader *r)
{
	char c = r->rest.data[0];

	r->rest = str_skip(r->rest, 1);
	return c;
}

/* Characters up to `close`, which is taken too, without backslashes and line ends; a comment's own comments stay. */
static void read_quoted(struct reader *r, char open, char close, struct buf *out)
{
	unsigned depth = 1;

	take(r);
	while (r->rest.len > 0) {
		char c = take(r);

		if (c == '\\' && r->rest.len > 0)
			c = take(r);
		else if (c == close && --depth == 0)
			return;
		else if (c == open && open != close)
			depth++;
		if (c != '\r' && c != '\n' && c != '\0')
			buf_add_char(out, c);
	}
}

static void skip_blanks(struct reader *r)
{
	r->blank = false;
	while (r->rest.len > 0 && (is_blank(r->rest.data[0]) || r->rest.data[0] == '(')) {
		r->blank = true;
		if (r->rest.data[0] == '(') {
			buf_reset(&r->comment);
			read_quoted(r, '(', ')', &r->comment);
		} else {
			r->rest = str_skip(r->rest, 1);
		}
	}
}

/* An atom, with the dots in it; a domain literal with its brackets. */
static struct str read_atom(struct reader *r)
{
	struct str rest = r->rest;
	size_t len = 0;

	if (rest.data[0] == '[') {
		ptrdiff_t end = str_find_char(str_sub(rest, 0, 64), ']');

		len = end > 0 ? (size_t)end + 1 : 1;
	}
	while (len < rest.len && !is_blank(rest.data[len]) && strchr("()<>@,;:\"", rest.data[len]) == NULL)
		len++;
	r->rest = str_skip(rest, len);
	return str_sub(rest, 0, len);
}

/* Blanks around a dot do not part a local part (RFC 5322 4.4). */
static bool joins(const struct reader *r, char next)
{
	const struct buf *local = &r->local_part;

	return !r->blank || next == '.' || (local->len != 0 && local->data[local->len - 1] == '.');
}

static void read_word(struct reader *r)
{
	char first = r->rest.data[0];
	size_t start;

	if (!joins(r, first)) {
		buf_reset(&r->local_part);
		r->name_len = r->name.len;
	}
	if (r->blank && r->name.len != 0)
		buf_add_char(&r->name, ' ');
	start = r->local_part.len;
	if (first == '"')
		read_quoted(r, '"', '"', &r->local_part);
	else
		buf_add_str(&r->local_part, read_atom(r));
	buf_add_str(&r->name, str_skip(buf_str(&r->local_part), start));
}

/* What follows an "@". */
static struct str read_host(struct reader *r)
{
	struct buf host;
	struct str result;

	buf_init(&host, MIME_FIELD_MAX);
	skip_blanks(r);
	while (r->rest.len > 0 && strchr("<>@,;:\")", r->rest.data[0]) == NULL) {
		struct str atom = read_atom(r);

		if (r->blank && host.len != 0 && host.data[host.len - 1] != '.' && atom.len != 0 && atom.data[0] != '.') {
			/* Another word behind the address. */
			break;
		}
		buf_add_str(&host, atom);
		skip_blanks(r);
	}
	result = copy(r, &host);
	buf_free(&host);
	return result;
}

/* "@a,@b:" of an old route; nothing where there is none. */
static struct str read_route(struct reader *r)
{
	struct str rest = r->rest, route;
	size_t len = 0;

	if (rest.len == 0 || (rest.data[0] != '@' && rest.data[0] != ','))
		return (struct str){NULL, 0};
	while (len < rest.len && strchr(":>\"<", rest.data[len]) == NULL)
		len++;
	if (len == rest.len || rest.data[len] != ':')
		return (struct str){NULL, 0};
	route = str_trim(mime_unfold(str_sub(rest, 0, len), r->arena));
	r->rest = str_skip(rest, len + 1);
	return route;
}

static void begin_words(struct reader *r)
{
	buf_reset(&r->name);
	buf_reset(&r->local_part);
	r->name_len = 0;
}

/* "<" route local-part "@" host ">" behind a display name. */
static void read_angle(struct reader *r)
{
	struct mime_address address = {.kind = MIME_ADDRESS, .name = copy(r, &r->name), .host = STR("")};

	if (address.name.len == 0)
		address.name.data = NULL;
	take(r);
	skip_blanks(r);
	address.route = read_route(r);
	begin_words(r);
	while (r->rest.len > 0 && r->rest.data[0] != '>' && r->rest.data[0] != ',') {
		skip_blanks(r);
		if (r->rest.len == 0)
			break;
		if (r->rest.data[0] == '@')
			take(r), address.host = read_host(r);
		else if (r->rest.data[0] == '"' || strchr("<>@,;:)", r->rest.data[0]) == NULL)
			read_word(r);
		else if (r->rest.data[0] != '>' && r->rest.data[0] != ',')
			take(r);
	}
	address.mailbox = copy(r, &r->name);
	if (r->rest.len > 0 && r->rest.data[0] == '>')
		take(r);
	add(r, address);
	/* What stands between here and the next comma says nothing. */
	while (r->rest.len > 0 && r->rest.data[0] != ',' && !(r->in_group && r->rest.data[0] == ';')) {
		skip_blanks(r);
		if (r->rest.len == 0 || r->rest.data[0] == ',' || r->rest.data[0] == '<')
			break;
		if (r->rest.data[0] == '"')
			read_quoted(r, '"', '"', &r->comment);
		else if (!(r->in_group && r->rest.data[0] == ';'))
			take(r);
	}
	begin_words(r);
}

/* An element that ended without an angle bracket: "local@host (Name)". */
static void finish_bare(struct reader *r, struct str host)
{
	struct mime_address address = {.kind = MIME_ADDRESS, .host = host.data != NULL ? host : STR("")};

	if (r->local_part.len == 0 && host.data == NULL)
		return;
	if (host.data == NULL) {
		address.mailbox = copy(r, &r->name);
	} else {
		address.mailbox = copy(r, &r->local_part);
		address.name = arena_copy(r->arena, str_trim(str_sub(buf_str(&r->name), 0, r->name_len)));
	}
	if (address.name.len == 0)
		address.name = copy(r, &r->comment);
	if (address.name.len == 0)
		address.name.data = NULL;
	add(r, address);
	begin_words(r);
}

static void end_group(struct reader *r)
{
	if (r->in_group)
		add(r, (struct mime_address){.kind = MIME_GROUP_END});
	r->in_group = false;
}

/* The words of one element up to what ends it: , ; : < or the end. */
static void read_element(struct reader *r)
{
	struct str host = {NULL, 0};

	buf_reset(&r->comment);
	begin_words(r);
	for (;;) {
		char c;

		skip_blanks(r);
		c = r->rest.len > 0 ? r->rest.data[0] : '\0';
		if (c == '\0' || c == ',' || c == ';') {
			finish_bare(r, host);
			if (c != '\0' && take(r) == ';')
				end_group(r);
			return;
		}
		if (c == '<') {
			/* "a@b.test <a@b.test>" is against the RFC, and common. */
			if (host.data != NULL)
				buf_printf(&r->name, "@%.*s", STR_ARG(host));
			read_angle(r);
			return;
		}
		if (c == ':' && !r->in_group && host.data == NULL) {
			take(r);
			r->in_group = true;
			add(r, (struct mime_address){.kind = MIME_GROUP_START, .mailbox = copy(r, &r->name)});
			return;
		}
		if (c == '@' && host.data == NULL)
			take(r), host = read_host(r);
		else if (strchr("@>:)", c) != NULL || (host.data != NULL && c == '"'))
			take(r);
		else if (host.data != NULL)
			read_atom(r);
		else
			read_word(r);
	}
}

void mime_parse_addresses(struct str value, struct arena *arena, struct mime_addresses *list_out)
{
	struct reader r = {.rest = value, .arena = arena};

	buf_init(&r.name, MIME_FIELD_MAX);
	buf_init(&r.local_part, MIME_FIELD_MAX);
	buf_init(&r.comment, MIME_FIELD_MAX);
	while (r.rest.len > 0 && r.count < MIME_ADDRESSES_MAX)
		read_element(&r);
	if (r.in_group) {
		r.count -= r.count == MIME_ADDRESSES_MAX;
		end_group(&r);
	}
	buf_free(&r.name);
	buf_free(&r.local_part);
	buf_free(&r.comment);
	*list_out = (struct mime_addresses){.list = r.list, .count = r.count};
}
