#include "common/mailauth/dkim/dkim.h"

#include "common/mailauth/dkim/check.h"

struct dkim_found {
	struct dkim_signature signature;
	struct err err; /* code ERR_NONE: it is well-formed */
	int body_hash;
};

int dkim_message_open(struct dkim_message *message, struct str header, struct arena *arena, struct err *err)
{
	*message = (struct dkim_message){.arena = arena};
	dkim_body_open(&message->body);
	return dkim_fields_read(header, arena, &message->fields, err);
}

void dkim_message_close(struct dkim_message *message)
{
	dkim_body_close(&message->body);
	dkim_keys_free(&message->keys);
}

bool dkim_message_wants_body(const struct dkim_message *message)
{
	return message->body.count != 0;
}

void dkim_message_body(struct dkim_message *message, struct str octets)
{
	dkim_body_feed(&message->body, octets);
}

const char *dkim_word(enum dkim_state state)
{
	static const char *const words[] = {
	    [DKIM_NONE] = "none",           [DKIM_PASS] = "pass",       [DKIM_FAIL] = "fail",
	    [DKIM_POLICY] = "policy",       [DKIM_NEUTRAL] = "neutral", [DKIM_TEMPERROR] = "temperror",
	    [DKIM_PERMERROR] = "permerror",
	};

	return words[state];
}

size_t dkim_find(struct dkim_message *message)
{
	const struct dkim_fields *fields = &message->fields;
	size_t capacity = dkim_fields_count(fields, STR("dkim-signature"));

	if (capacity > DKIM_SIGNATURES_MAX)
		capacity = DKIM_SIGNATURES_MAX;
	message->found = arena_get(message->arena, capacity * sizeof *message->found);
	message->found_count = 0;
	for (size_t i = 0; i < fields->count && message->found_count < capacity; i++) {
		struct dkim_found *found = &message->found[message->found_count];

		if (!dkim_field_is(&fields->list[i], STR("dkim-signature")))
			continue;
		message->found_count++;
		if (dkim_signature_parse(&fields->list[i], DKIM_SIGNATURE, message->arena, &found->signature, &found->err) == 0)
			found->body_hash = dkim_want_body(message, &found->signature);
	}
	return message->found_count;
}

static enum dkim_state state_of(int code)
{
	switch (code) {
	case ERR_NONE:
		return DKIM_PASS;
	case DKIM_UNFIT:
		return DKIM_PERMERROR;
	case DKIM_REFUSED:
		return DKIM_POLICY;
	case DKIM_FORGED:
		return DKIM_FAIL;
	case DKIM_UNKNOWN_NOW:
		return DKIM_TEMPERROR;
	default:
		return DKIM_NEUTRAL;
	}
}

static void verify(struct dkim_message *message, struct dkim_found *found, const struct mailauth_dns *dns, int64_t now,
                   struct dkim_result *result)
{
	const struct dkim_signature *signature = &found->signature;
	const struct dkim_key *key = NULL;

	if (found->err.code == ERR_NONE)
		dkim_check(message, signature, found->body_hash, dns, now, &key, &found->err);
	*result = (struct dkim_result){
	    .state = state_of(found->err.code),
	    .reason = arena_copy(message->arena, str_of(found->err.code != ERR_NONE ? found->err.text : "")),
	    .domain = signature->domain,
	    .selector = signature->selector,
	    .algorithm = signature->algorithm,
	    .identity = signature->identity,
	    .b = signature->b_shown,
	    .is_partial = signature->body_limit < message->body.forms[signature->body_canon].length,
	};
	if (key != NULL) {
		result->key_bits = key->bits;
		result->is_testing = key->is_testing;
	}
}

void dkim_foresee(struct dkim_message *message, const struct mailauth_dns *dns, int64_t now)
{
	dkim_message_end(message);
	for (size_t i = 0; i < message->found_count; i++) {
		const struct dkim_found *found = &message->found[i];

		if (found->err.code == ERR_NONE &&
		    dkim_check_message(message, &found->signature, found->body_hash, now, NULL) == 0)
			mailauth_foresee(dns, dkim_key_name(&found->signature, message->arena), MAILAUTH_TXT, message->arena);
	}
}

void dkim_verify(struct dkim_message *message, const struct mailauth_dns *dns, int64_t now,
                 struct dkim_results *results_out)
{
	dkim_message_end(message);
	*results_out = (struct dkim_results){
	    .list = arena_get(message->arena, message->found_count * sizeof *results_out->list),
	    .count = message->found_count,
	};
	for (size_t i = 0; i < message->found_count; i++)
		verify(message, &message->found[i], dns, now, &results_out->list[i]);
}
