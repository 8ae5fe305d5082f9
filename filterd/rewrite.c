/* rewrite: addresses and fields of mail that leaves. */
#include "filterd/look.h"

#include "common/addr/addr.h"
#include "common/mime/header.h"
#include "common/mime/modify.h"
#include "common/mime/spans.h"

/* Where addresses stand that are ours to change (specification 07, "Domain mappings"). */
static const char *const address_fields[] = {
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Resent-From",
    "Resent-To",
    "Resent-Cc",
    "Resent-Bcc",
    "Resent-Sender",
    "Resent-Reply-To",
    "Errors-To",
    "Mail-Followup-To",
    "Mail-Reply-To",
    "Disposition-Notification-To",
    "Return-Receipt-To",
    NULL,
};

struct str rewrite_domain(const struct settings *settings, struct str domain, struct arena *arena)
{
	struct str pairs = str_of(settings_text(settings, SETTING_DOMAIN_MAPPINGS)), normal;

	if (pairs.len == 0 || addr_normalise_domain(domain, arena, &normal, NULL) != 0)
		return STR("");
	while (pairs.data != NULL) {
		struct str to = str_cut(&pairs, ',');

		if (str_equal(str_cut(&to, '='), normal))
			return to;
	}
	return STR("");
}

/* What stands in the place of an address; data NULL: it stays. *part_out: the part of it that goes. */
typedef struct str replacement(struct look *look, const struct mime_span *span, struct str *part_out);

static struct str map_domain(struct look *look, const struct mime_span *span, struct str *part_out)
{
	struct str to = span->domain.len != 0 ? rewrite_domain(look->settings, span->domain, &look->arena) : STR("");

	*part_out = span->domain;
	return to.len != 0 ? to : (struct str){NULL, 0};
}

/* The sender's own address for outside: as it stands, or his name at a domain. */
static struct str reply_address(struct look *look, const struct mime_span *span, struct str *part_out)
{
	struct str address = str_of(attributes_text(&look->attributes, ATTRIBUTE_REPLY_ADDRESS));

	*part_out = span->whole;
	if (str_starts(address, STR("*@")))
		return addr_format(look->user, str_skip(address, 2), &look->arena);
	return address;
}

static void rewrite_field(struct look *look, struct mime_fields *header, size_t index, replacement *replace)
{
	struct str value = header->list[index].value;
	struct mime_spans spans;
	struct buf out;
	size_t at = 0;

	mime_find_spans(value, &look->arena, &spans);
	buf_init(&out, MIME_HEADER_MAX);
	for (size_t i = 0; i < spans.count; i++) {
		struct str part, text = replace(look, &spans.list[i], &part);

		if (text.data == NULL)
			continue;
		buf_add(&out, value.data + at, (size_t)(part.data - value.data) - at);
		buf_add_str(&out, text);
		at = (size_t)(part.data - value.data) + part.len;
	}
	buf_add_str(&out, str_skip(value, at));
	if (at != 0 && !out.overflow && !str_equal(buf_str(&out), value))
		mime_fields_replace(header, index, arena_copy(&look->arena, buf_str(&out)));
	buf_free(&out);
}

static void rewrite_fields(struct look *look, struct mime_fields *header, struct str name, replacement *replace)
{
	ptrdiff_t at = -1;

	while ((at = mime_fields_find(header, name, (size_t)(at + 1))) >= 0)
		rewrite_field(look, header, (size_t)at, replace);
}

/* The codes of header modifiers: the sender as he leaves. */
struct sender {
	struct str address, name;
};

static bool expand(char code, void *context, struct buf *out)
{
	const struct sender *sender = context;

	if (code != 'O' && code != 'N')
		return false;
	buf_add_str(out, code == 'O' ? sender->address : sender->name);
	return true;
}

static struct sender find_sender(struct look *look, const struct mime_fields *header)
{
	struct str from = mime_fields_value(header, STR("From"));
	struct sender sender = {look->job->envelope.from, STR("")};
	struct mime_addresses addresses;

	mime_parse_addresses(from, &look->arena, &addresses);
	for (size_t i = 0; i < addresses.count; i++) {
		const struct mime_address *address = &addresses.list[i];

		if (address->kind != MIME_ADDRESS || address->host.len == 0)
			continue;
		sender.address = addr_format(address->mailbox, address->host, &look->arena);
		sender.name = mime_decode_words(address->name, &look->arena);
		break;
	}
	return sender;
}

void rewrite_outgoing(struct look *look, struct mime_edit *edit)
{
	struct mime_fields *header = &edit->header;
	struct str modifiers = str_of(settings_text(look->settings, SETTING_HEADER_MODIFIERS));
	struct sender sender;

	if (look->job->own && !look->job->made && look->uid != 0 &&
	    attributes_text(&look->attributes, ATTRIBUTE_REPLY_ADDRESS)[0] != '\0') {
		rewrite_fields(look, header, STR("From"), reply_address);
		rewrite_fields(look, header, STR("Reply-To"), reply_address);
	}
	for (const char *const *name = address_fields; *name != NULL; name++)
		rewrite_fields(look, header, str_of(*name), map_domain);
	if (modifiers.len == 0)
		return;
	sender = find_sender(look, header);
	modifiers_apply(header, modifiers, expand, &sender);
}
