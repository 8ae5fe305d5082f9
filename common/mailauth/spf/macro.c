#include "common/mailauth/spf/macro.h"

#include <arpa/inet.h>
#include <time.h>

enum {
	EXPANDED_MAX = 16384, /* octets */
	PARTS_MAX = 128,      /* of a value, RFC 7208 7.3; a name has no more labels */
};

/* A piece of a macro-string: octets that stand for themselves, or a macro. */
struct piece {
	struct str literal;
	char letter; /* of a macro in lower case; 0 of a literal */
	bool is_escaped, is_reversed;
	bool is_written; /* as "%%", "%_", "%-" */
	uint64_t parts;  /* rightmost ones to keep; 0: all */
	struct str delimiters;
};

static const struct str domain_letters = {"slodipvh", 8}, all_letters = {"slodipvhcrt", 11};

/* What stands between "%{" and "}". */
static bool read_macro(struct str inner, struct str letters, struct piece *piece)
{
	static const struct str delimiters = {".-+,/_=", 7};
	size_t at = 1;

	if (inner.len == 0)
		return false;
	piece->letter = (char)(inner.data[0] | 32);
	piece->is_escaped = inner.data[0] >= 'A' && inner.data[0] <= 'Z';
	if (str_find_char(letters, piece->letter) < 0)
		return false;
	while (at < inner.len && inner.data[at] >= '0' && inner.data[at] <= '9')
		at++;
	if (at > 1) {
		if (!str_to_u64(str_sub(inner, 1, at - 1), UINT64_MAX, &piece->parts))
			piece->parts = PARTS_MAX;
		if (piece->parts == 0)
			return false;
	}
	piece->is_reversed = at < inner.len && (inner.data[at] | 32) == 'r';
	piece->delimiters = str_skip(inner, at + piece->is_reversed);
	for (size_t i = 0; i < piece->delimiters.len; i++)
		if (str_find_char(delimiters, piece->delimiters.data[i]) < 0)
			return false;
	if (piece->delimiters.len == 0)
		piece->delimiters = STR(".");
	return true;
}

/* Cut the next piece off *rest, which is not empty. False: it follows no grammar. */
static bool next_piece(struct str *rest, struct str letters, struct piece *piece)
{
	ptrdiff_t percent = str_find_char(*rest, '%'), end;

	*piece = (struct piece){0};
	if (percent != 0) {
		piece->literal = percent < 0 ? *rest : str_sub(*rest, 0, (size_t)percent);
		*rest = str_skip(*rest, piece->literal.len);
		return true;
	}
	if (rest->len < 2)
		return false;
	piece->is_written = true;
	switch (rest->data[1]) {
	case '%':
		piece->literal = STR("%");
		break;
	case '_':
		piece->literal = STR(" ");
		break;
	case '-':
		piece->literal = STR("%20");
		break;
	case '{':
		end = str_find_char(*rest, '}');
		if (end < 0 || !read_macro(str_sub(*rest, 2, (size_t)end - 2), letters, piece))
			return false;
		*rest = str_skip(*rest, (size_t)end + 1);
		return true;
	default:
		return false;
	}
	*rest = str_skip(*rest, 2);
	return true;
}

bool spf_is_macro_string(struct str text)
{
	struct piece piece;

	while (text.len > 0)
		if (!next_piece(&text, all_letters, &piece))
			return false;
	return true;
}

static bool is_letter_or_digit(char c)
{
	return ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9');
}

/* RFC 7208 7.1: letters, digits and hyphens, no hyphen outside, not digits alone. */
static bool is_top_label(struct str label)
{
	bool only_digits = true;

	if (label.len == 0 || label.data[0] == '-' || label.data[label.len - 1] == '-')
		return false;
	for (size_t i = 0; i < label.len; i++) {
		if (!is_letter_or_digit(label.data[i]) && label.data[i] != '-')
			return false;
		only_digits = only_digits && label.data[i] >= '0' && label.data[i] <= '9';
	}
	return !only_digits;
}

bool spf_is_domain_spec(struct str text)
{
	struct piece piece = {0};
	struct str end;
	ptrdiff_t dot;

	if (text.len == 0)
		return false;
	while (text.len > 0)
		if (!next_piece(&text, domain_letters, &piece))
			return false;
	if (piece.is_written)
		return true;
	end = piece.literal;
	if (end.len > 0 && end.data[end.len - 1] == '.')
		end.len--;
	dot = str_find_last_char(end, '.');
	return dot >= 0 && is_top_label(str_skip(end, (size_t)dot + 1));
}

static struct str readable_address(const struct cidr *client, struct arena *arena)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(client->is_ipv6 ? AF_INET6 : AF_INET, client->address, text, sizeof text);
	return arena_copy(arena, str_of(text));
}

/* The client's address as %{i} has it: dotted quad, or the 32 digits with dots between (RFC 7208 7.3). */
static struct str dotted_address(const struct cidr *client, struct arena *arena)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = client->address;
	char text[4 * sizeof client->address];

	if (!client->is_ipv6)
		return readable_address(client, arena);
	for (size_t i = 0; i < sizeof client->address; i++) {
		text[4 * i] = digits[bytes[i] >> 4];
		text[4 * i + 2] = digits[bytes[i] & 15];
		text[4 * i + 1] = text[4 * i + 3] = '.';
	}
	return arena_copy(arena, str_from(text, sizeof text - 1));
}

/* %{p}: the domain itself where it is among the client's names, else one in it, else any, else "unknown". */
static struct str client_name(struct spf_run *run, struct str domain)
{
	struct str best = STR("unknown");

	spf_find_names(run);
	for (size_t i = run->name_count; i-- > 0;)
		best = run->names[i];
	for (size_t i = run->name_count; i-- > 0;)
		if (spf_name_is_in(run->names[i], domain))
			best = run->names[i];
	for (size_t i = 0; i < run->name_count; i++)
		if (str_equal_nocase(run->names[i], domain))
			best = run->names[i];
	return best;
}

static struct str macro_value(struct spf_run *run, char letter, struct str domain)
{
	const struct spf_check *check = run->check;

	switch (letter) {
	case 's':
		return arena_printf(run->arena, "%.*s@%.*s", STR_ARG(run->local_part), STR_ARG(run->domain));
	case 'l':
		return run->local_part;
	case 'o':
		return run->domain;
	case 'd':
		return domain;
	case 'i':
		return dotted_address(&check->client, run->arena);
	case 'p':
		return client_name(run, domain);
	case 'v':
		return check->client.is_ipv6 ? STR("ip6") : STR("in-addr");
	case 'h':
		return check->helo;
	case 'c':
		return readable_address(&check->client, run->arena);
	case 'r':
		return check->receiver.len > 0 ? check->receiver : STR("unknown");
	default: /* 't', the only one left */
		return arena_printf(run->arena, "%lld", (long long)time(NULL));
	}
}

/* RFC 7208 7.3: in upper case the value is escaped as in an URI (RFC 3986 2.3). */
static void add_part(struct buf *out, struct str part, bool is_escaped)
{
	for (size_t i = 0; i < part.len; i++) {
		char c = part.data[i];

		if (!is_escaped || is_letter_or_digit(c) || c == '-' || c == '.' || c == '_' || c == '~')
			buf_add_char(out, c);
		else
			buf_printf(out, "%%%02X", (unsigned char)c);
	}
}

/* Add the parts of a macro's value that are wanted, in their order, with dots between. */
static void add_value(struct buf *out, const struct piece *piece, struct str value)
{
	struct str parts[PARTS_MAX];
	size_t count = 0, from = 0, wanted;

	for (size_t i = 0; i < value.len && count < PARTS_MAX - 1; i++)
		if (str_find_char(piece->delimiters, value.data[i]) >= 0) {
			parts[count++] = str_sub(value, from, i - from);
			from = i + 1;
		}
	parts[count++] = str_skip(value, from);
	wanted = piece->parts != 0 && piece->parts < count ? (size_t)piece->parts : count;
	for (size_t i = count - wanted; i < count; i++) {
		if (i > count - wanted)
			buf_add_char(out, '.');
		add_part(out, parts[piece->is_reversed ? count - 1 - i : i], piece->is_escaped);
	}
}

static int expand(struct spf_run *run, struct str text, struct str domain, struct str letters, struct buf *out,
                  struct err *err)
{
	while (text.len > 0 && !out->overflow) {
		struct piece piece;

		if (!next_piece(&text, letters, &piece))
			return err_set(err, ERR_SYNTAX, "a wrong macro");
		if (piece.letter == 0)
			buf_add_str(out, piece.literal);
		else
			add_value(out, &piece, macro_value(run, piece.letter, domain));
	}
	return out->overflow ? err_set(err, ERR_LIMIT, "macros that expand to more than %zu octets", out->limit) : 0;
}

/* As many of the labels on the right as a name can hold. */
static struct str cut_to_name(struct str name)
{
	if (name.len > 0 && name.data[name.len - 1] == '.')
		name.len--;
	while (name.len > MAILAUTH_NAME_MAX && str_find_char(name, '.') >= 0)
		name = str_skip(name, (size_t)str_find_char(name, '.') + 1);
	return name;
}

int spf_expand_domain(struct spf_run *run, struct str spec, struct str domain, struct str *name_out, struct err *err)
{
	struct buf out;
	int result;

	buf_init(&out, EXPANDED_MAX);
	result = expand(run, spec, domain, domain_letters, &out, err);
	*name_out = arena_copy(run->arena, cut_to_name(buf_str(&out)));
	buf_free(&out);
	return result;
}

int spf_expand_explanation(struct spf_run *run, struct str text, struct str domain, struct str *text_out,
                           struct err *err)
{
	struct buf out;
	int result;

	buf_init(&out, SPF_EXPLANATION_MAX);
	result = expand(run, text, domain, all_letters, &out, err);
	*text_out = arena_copy(run->arena, buf_str(&out));
	buf_free(&out);
	return result;
}
