#include "common/mailauth/arc/arc.h"

#include "common/mailauth/arc/member.h"

enum { COMMENTS_MAX = 10 }; /* inside one another */

/* Behind blanks, folding and comments (RFC 5322 3.2.2 CFWS). */
static struct str skip_cfws(struct str text)
{
	int depth = 0;

	while (text.len != 0) {
		char c = text.data[0];

		if (c == '(' && depth < COMMENTS_MAX)
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (c == '\\' && depth > 0)
			text = str_skip(text, 1);
		else if (depth == 0 && c != ' ' && c != '\t' && c != '\r' && c != '\n')
			break;
		text = str_skip(text, 1);
	}
	return text;
}

/* arc-info = instance [CFWS] ";" authres-payload (RFC 8617 4.1.1). 0: it is not that. */
static unsigned read_results(struct str value, struct str *payload_out)
{
	size_t digits = 0;
	uint64_t number;

	value = skip_cfws(value);
	if (!str_starts(value, STR("i")))
		return 0;
	value = skip_cfws(str_skip(value, 1));
	if (!str_starts(value, STR("=")))
		return 0;
	value = skip_cfws(str_skip(value, 1));
	while (digits < value.len && value.data[digits] >= '0' && value.data[digits] <= '9')
		digits++;
	if (!str_to_u64(str_sub(value, 0, digits), DKIM_INSTANCE_MAX, &number))
		return 0;
	value = skip_cfws(str_skip(value, digits));
	if (!str_starts(value, STR(";")))
		return 0;
	*payload_out = str_trim(str_skip(value, 1));
	return (unsigned)number;
}

/* The set that a field belongs to. NULL: there can be none. */
static struct arc_member *member_of(struct arc_chain *chain, unsigned instance)
{
	if (instance == 0)
		return NULL;
	if (instance > chain->count)
		chain->count = instance;
	return &chain->sets[instance - 1];
}

/* Put a field in its place, which must be free. */
static int place(const struct dkim_field *field, const struct dkim_field **slot, struct err *err)
{
	if (*slot != NULL)
		return err_set(err, DKIM_UNFIT, "a set has a field twice");
	*slot = field;
	return 0;
}

static int take_results(struct arc_chain *chain, const struct dkim_field *field, struct err *err)
{
	struct str payload = STR("");
	struct arc_member *member = member_of(chain, read_results(dkim_field_value(field), &payload));

	if (member == NULL)
		return err_set(err, DKIM_BROKEN, "an ARC-Authentication-Results field belongs to no set");
	member->payload = payload;
	return place(field, &member->results, err);
}

/* A signature of the message that is broken by itself breaks the chain only where it is the last. */
static int take_message(struct dkim_message *message, struct arc_chain *chain, const struct dkim_field *field,
                        struct err *err)
{
	struct dkim_signature signature;
	struct err why = {0};
	struct arc_member *member;

	dkim_signature_parse(field, DKIM_ARC_MESSAGE, message->arena, &signature, &why);
	member = member_of(chain, signature.instance);
	if (member == NULL)
		return err_set(err, DKIM_BROKEN, "an ARC-Message-Signature belongs to no set: %.200s", why.text);
	member->message_signature = signature;
	member->message_err = why;
	return place(field, &member->message, err);
}

static int take_seal(struct dkim_message *message, struct arc_chain *chain, const struct dkim_field *field,
                     struct err *err)
{
	struct dkim_signature signature;
	struct err why = {0};
	struct arc_member *member;

	dkim_signature_parse(field, DKIM_ARC_SEAL, message->arena, &signature, &why);
	member = member_of(chain, signature.instance);
	if (member == NULL || why.code != ERR_NONE)
		return err_set(err, DKIM_BROKEN, "an ARC-Seal is broken: %.200s", why.text);
	member->seal_signature = signature;
	return place(field, &member->seal, err);
}

/* Every field in its set; the first fault is kept, but the highest instance is known in any case. */
static void collect(struct dkim_message *message, struct arc_chain *chain)
{
	for (size_t i = 0; i < message->fields.count; i++) {
		const struct dkim_field *field = &message->fields.list[i];
		struct err *err = chain->err.code == ERR_NONE ? &chain->err : NULL;

		if (!str_starts_nocase(field->name, STR("arc-")))
			continue;
		if (dkim_field_is(field, STR("arc-authentication-results")))
			take_results(chain, field, err);
		else if (dkim_field_is(field, STR("arc-message-signature")))
			take_message(message, chain, field, err);
		else if (dkim_field_is(field, STR("arc-seal")))
			take_seal(message, chain, field, err);
	}
}

/* RFC 8617 5.2 step 3. */
static int check_structure(const struct arc_chain *chain, struct err *err)
{
	for (unsigned i = 0; i < chain->count; i++) {
		const struct arc_member *member = &chain->sets[i];

		if (member->results == NULL || member->message == NULL || member->seal == NULL)
			return err_set(err, DKIM_UNFIT, "set %u is not complete", i + 1);
		if (!str_equal(member->seal_signature.chain, i == 0 ? STR("none") : STR("pass")))
			return err_set(err, DKIM_UNFIT, "seal %u has the wrong cv=", i + 1);
	}
	return 0;
}

static bool has_sets(const struct dkim_message *message)
{
	for (size_t i = 0; i < message->fields.count; i++)
		if (str_starts_nocase(message->fields.list[i].name, STR("arc-")))
			return true;
	return false;
}

void arc_find(struct dkim_message *message, struct arc_chain *chain_out)
{
	struct arc_chain *chain = chain_out;

	*chain = (struct arc_chain){0};
	if (!has_sets(message))
		return;
	chain->sets = arena_get(message->arena, DKIM_INSTANCE_MAX * sizeof *chain->sets);
	collect(message, chain);
	chain->is_dead = chain->count != 0 && str_equal(chain->sets[chain->count - 1].seal_signature.chain, STR("fail"));
	if (chain->err.code == ERR_NONE)
		check_structure(chain, &chain->err);
	if (chain->err.code != ERR_NONE)
		return;
	/* The last one first: there is room for its hash of the body in any case. */
	for (unsigned i = chain->count; i-- > 0;)
		if (chain->sets[i].message_err.code == ERR_NONE)
			chain->sets[i].body_hash = dkim_want_body(message, &chain->sets[i].message_signature);
}
