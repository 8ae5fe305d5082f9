/* monitor: which copies of a message are to be made, and what they look like (specification 07 "Message monitoring").
 */
#include "filterd/look.h"

#include "common/addr/addr.h"
#include "common/mime/header.h"
#include "common/mime/spans.h"

#include <unistd.h>

enum { FACTS_MAX = 2000, TEXT_MAX = 500, KB = 1024 };

static const enum setting choices[WAYS] = {SETTING_MONITOR_OUTGOING, SETTING_MONITOR_INTERNAL,
                                           SETTING_MONITOR_INCOMING};
static const enum setting prefixes[WAYS] = {SETTING_MONITOR_PREFIX_OUT, SETTING_MONITOR_PREFIX_WITHIN,
                                            SETTING_MONITOR_PREFIX_IN};

static bool is_selected_user(struct look *look, int64_t uid)
{
	struct attributes attributes;

	/* where they cannot be read now nobody is kept from his mail by it */
	return attributes_load(look->settings, uid, &look->arena, &attributes, NULL) == 0 &&
	       attributes_flag(&attributes, ATTRIBUTE_MONITOR);
}

/* "Selected" means who has the permission: the sender if he is ours, and recipients here. */
static bool is_selected(struct look *look, enum way way)
{
	const struct job *job = look->job;

	if (way != WAY_INCOMING && look->uid != 0 && attributes_flag(&look->attributes, ATTRIBUTE_MONITOR))
		return true;
	for (size_t i = 0; way != WAY_OUTGOING && i < job->user_count; i++)
		if (is_selected_user(look, job->users[i]))
			return true;
	return false;
}

static bool is_wanted(struct look *look, enum way way)
{
	const char *choice = settings_text(look->settings, choices[way]);

	if (look->job->copies[way] < 0 || strcmp(choice, "none") == 0 ||
	    look->job->size <= settings_number(look->settings, SETTING_MONITOR_SIZE) * KB)
		return false;
	return strcmp(choice, "all") == 0 || is_selected(look, way);
}

/* The addresses of a field, one field of the answer each. */
static struct str *add_addresses(struct look *look, const struct mime_fields *header, const char *name,
                                 size_t *count_out)
{
	struct str *list = arena_get(&look->arena, FACTS_MAX * sizeof *list);
	ptrdiff_t at = -1;

	*count_out = 0;
	while ((at = mime_fields_find(header, str_of(name), (size_t)(at + 1))) >= 0) {
		struct mime_spans spans;

		mime_find_spans(header->list[at].value, &look->arena, &spans);
		for (size_t i = 0; i < spans.count && *count_out < FACTS_MAX; i++)
			list[(*count_out)++] = mime_unfold(spans.list[i].whole, &look->arena);
	}
	return list;
}

static bool names(const struct str *list, size_t count, const struct addr *wanted, struct arena *arena)
{
	for (size_t i = 0; i < count; i++) {
		struct addr addr;

		if (addr_parse_mailbox(list[i], arena, &addr, NULL) == 0 ? addr_equal(&addr, wanted)
		                                                         : str_equal_nocase(list[i], wanted->text))
			return true;
	}
	return false;
}

static void add_list(struct ipc_message *reply, const char *key, const struct str *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ipc_add(reply, key, str_sub(list[i], 0, TEXT_MAX));
}

/* To, Cc, and who is in neither. Returns how many are hidden so. */
static size_t add_recipients(struct look *look, const struct mime_fields *header, struct ipc_message *reply)
{
	const struct spool_envelope *envelope = &look->job->envelope;
	size_t to_count, cc_count, hidden = 0;
	struct str *to = add_addresses(look, header, "To", &to_count), *cc = add_addresses(look, header, "Cc", &cc_count);

	add_list(reply, "to", to, to_count);
	add_list(reply, "cc", cc, cc_count);
	for (size_t i = 0; i < envelope->recipient_count && hidden < FACTS_MAX; i++) {
		struct addr addr;

		if (addr_parse_mailbox(envelope->recipients[i].address, &look->arena, &addr, NULL) != 0 ||
		    names(to, to_count, &addr, &look->arena) || names(cc, cc_count, &addr, &look->arena))
			continue;
		ipc_add(reply, "bcc", addr.text);
		hidden++;
	}
	return hidden;
}

/* Section, name, type, size, kind; separated by TAB. */
static void add_attachments(struct look *look, struct ipc_message *reply)
{
	size_t count = 0;

	for (const struct mime_part *part = look->root; part != NULL && count < FACTS_MAX; part = mime_next(part)) {
		struct str name = mime_file_name(part, &look->arena);

		if (part->kind != MIME_LEAF || (name.len == 0 && !str_equal_nocase(part->disposition.value, STR("attachment"))))
			continue;
		ipc_add(reply, "attachment",
		        arena_printf(&look->arena, "%zu\t%.*s\t%.*s/%.*s\t%lld\tMIME", ++count,
		                     STR_ARG(str_sub(name, 0, TEXT_MAX)), STR_ARG(part->type), STR_ARG(part->subtype),
		                     (long long)part->body_len));
	}
}

/* All recipients that are known, on one line. */
static struct str recipient_line(struct look *look)
{
	const struct spool_envelope *envelope = &look->job->envelope;
	struct str text;
	struct buf line;

	buf_init(&line, 16 * KB);
	for (size_t i = 0; i < envelope->recipient_count; i++) {
		if (line.len + envelope->recipients[i].address.len + 2 > line.limit)
			break;
		buf_printf(&line, "%s%.*s", i != 0 ? ", " : "", STR_ARG(envelope->recipients[i].address));
	}
	text = arena_copy(&look->arena, buf_str(&line));
	buf_free(&line);
	return text;
}

static int write_copy(struct look *look, enum way way, struct err *err)
{
	const struct spool_envelope *envelope = &look->job->envelope;
	struct str prefix = str_of(settings_text(look->settings, prefixes[way])), subject;
	struct mime_edit edit;

	if (look_edit(look, &edit, err) != 0)
		return -1;
	subject = mime_decode_words(mime_fields_value(&edit.header, STR("Subject")), &look->arena);
	if (prefix.len != 0)
		mime_fields_set(&edit.header, STR("Subject"),
		                arena_printf(&look->arena, "%.*s %.*s", STR_ARG(prefix), STR_ARG(subject)));
	mime_fields_set(&edit.header, STR("X-Postroom-Monitored-From"),
	                envelope->from.len != 0 ? envelope->from : STR("<>"));
	mime_fields_set(&edit.header, STR("X-Postroom-Monitored-To"), recipient_line(look));
	mime_fields_set(&edit.header, STR("X-Postroom-Monitored-Type"), str_of(way_names[way]));
	return mime_edit_write(&edit, look->job->copies[way], err);
}

int monitor_look(struct look *look, struct ipc_message *reply, struct err *err)
{
	const struct job *job = look->job;
	bool hidden_matters = job->own && settings_text(look->settings, SETTING_MONITOR_BCC)[0] != '\0';
	bool wanted[WAYS], any = hidden_matters;
	struct mime_edit edit;

	for (int way = 0; way < WAYS; way++)
		any |= wanted[way] = is_wanted(look, (enum way)way);
	if (!any)
		return 0;
	if (look_edit(look, &edit, err) != 0)
		return -1;
	if (add_recipients(look, &edit.header, reply) > 0 && hidden_matters) {
		enum way way = job->copies[WAY_OUTGOING] >= 0 ? WAY_OUTGOING : WAY_INTERNAL;

		ipc_add_text(reply, "hidden", way_names[way]);
		if (!wanted[way] && write_copy(look, way, err) != 0)
			return -1;
	}
	ipc_add(reply, "subject",
	        str_sub(mime_decode_words(mime_fields_value(&edit.header, STR("Subject")), &look->arena), 0, TEXT_MAX));
	add_attachments(look, reply);
	for (int way = 0; way < WAYS; way++) {
		if (!wanted[way])
			continue;
		ipc_add_text(reply, "copy", way_names[way]);
		if (write_copy(look, (enum way)way, err) != 0)
			return -1;
	}
	return 0;
}
