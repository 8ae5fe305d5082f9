#include "common/smtp/evidence.h"

#include "common/mime/header.h"

#include <time.h>

enum {
	SEALERS_MAX = 5, /* of a chain, that are named */
	SLICE = 64 * 1024,
	B_SHOWN = 8, /* octets of a signature (RFC 6008 4) */
};

void evidence_remove_forged(struct message *message, struct str authserv_id)
{
	struct str rest = message_header(message);
	struct mime_field field;

	while (mime_field_next(&rest, &field))
		if (str_equal_nocase(field.name, STR("Authentication-Results")) && results_claims(field.value, authserv_id))
			message_remove(message, &field);
}

static int feed_body(const struct message *message, struct dkim_message *signed_message, struct err *err)
{
	struct mime_source source = message_source(message);
	uint64_t at = message->header_len + 2; /* behind the empty line */
	uint64_t left = message->size > at ? message->size - at : 0;
	char *slice = arena_get(signed_message->arena, left < SLICE ? (size_t)left : SLICE);

	while (at < message->size) {
		size_t want = message->size - at < SLICE ? (size_t)(message->size - at) : SLICE;

		if (mime_source_read(&source, (int64_t)at, slice, want, err) != 0)
			return -1;
		dkim_message_body(signed_message, str_from(slice, want));
		at += want;
	}
	return 0;
}

int evidence_read(struct evidence *evidence, const struct message *message, struct arena *arena,
                  struct results_list *list, struct err *err)
{
	struct dkim_message *signed_message = &evidence->message;

	*evidence = (struct evidence){.arena = arena};
	if (dkim_message_open(signed_message, message_header(message), arena, err) != 0) {
		results_add(list, "dkim", dkim_word(DKIM_NEUTRAL))->reason = arena_copy(arena, str_of(err->text));
		return 0;
	}
	dkim_find(signed_message);
	arc_find(signed_message, &evidence->chain);
	return dkim_message_wants_body(signed_message) ? feed_body(message, signed_message, err) : 0;
}

void evidence_close(struct evidence *evidence)
{
	dkim_message_close(&evidence->message);
}

static void add_signature(const struct dkim_result *result, struct results_list *list)
{
	struct results_entry *entry = results_add(list, "dkim", dkim_word(result->state));

	entry->reason = result->reason;
	if (result->state == DKIM_PASS && (result->is_testing || result->is_partial))
		entry->comment = result->is_testing ? STR("testing") : STR("not all of the body is signed");
	entry->properties[0] = (struct results_property){"header.d", result->domain};
	entry->properties[1] = (struct results_property){"header.s", result->selector};
	entry->properties[2] = (struct results_property){"header.a", result->algorithm};
	entry->properties[3] = (struct results_property){"header.b", str_sub(result->b, 0, B_SHOWN)};
}

void evidence_add_dkim(struct evidence *evidence, const struct mailauth_dns *dns, bool says_none,
                       struct results_list *list)
{
	struct dkim_results *results = &evidence->signatures;

	dkim_verify(&evidence->message, dns, time(NULL), results);
	for (size_t i = 0; i < results->count; i++)
		add_signature(&results->list[i], list);
	if (list->count == 0 && says_none)
		results_add(list, "dkim", dkim_word(DKIM_NONE));
}

void evidence_add_arc(struct evidence *evidence, const struct mailauth_dns *dns, struct str client,
                      struct results_list *list)
{
	struct arc_result arc;
	struct results_entry *entry;

	arc_verify(&evidence->message, &evidence->chain, dns, time(NULL), &arc);
	evidence->arc = arc.state;
	if (arc.state == ARC_NONE)
		return;
	entry = results_add(list, "arc", arc_word(arc.state));
	entry->reason = arc.reason;
	entry->properties[0] = (struct results_property){"smtp.remote-ip", client};
	if (arc.state != ARC_PASS)
		return;
	entry->comment = STR("sealed by");
	for (size_t i = 0; i < arc.count && i < SEALERS_MAX; i++)
		entry->comment = arena_printf(evidence->arena, "%.*s %.*s", STR_ARG(entry->comment),
		                              STR_ARG(arc.sets[arc.count - 1 - i].domain));
	entry->properties[1] =
	    (struct results_property){"header.oldest-pass", arena_printf(evidence->arena, "%u", arc.oldest_pass)};
}
