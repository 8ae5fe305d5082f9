/* DKIM-Signature, ARC-Message-Signature and ARC-Seal fields. */
#include "common/mailauth/dkim/body.h"
#include "common/mailauth/dkim/signature.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_domain(struct str domain)
{
	if (domain.len == 0 || domain.len > 255)
		abort();
	for (size_t i = 0; i < domain.len; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.", domain.data[i]) == NULL || domain.data[i] == '\0')
			abort();
}

/* A signature that is taken has all that is needed to verify it. */
static void check(const struct dkim_signature *signature, enum dkim_kind kind, struct arena *arena)
{
	struct str whole = signature->field->whole, rest = signature->names;
	struct buf text;
	size_t names = 0;

	check_domain(signature->domain);
	check_domain(signature->selector);
	if (signature->bytes.len == 0 || (kind == DKIM_SIGNATURE) != (signature->instance == 0))
		abort();
	if (signature->b_raw.data < whole.data || signature->b_raw.data + signature->b_raw.len > whole.data + whole.len)
		abort();
	if (kind != DKIM_ARC_SEAL && signature->body_hash.len != DKIM_HASH_SIZE)
		abort();
	while (rest.data != NULL && ++names <= DKIM_NAMES_MAX)
		if (dkim_signature_name(&rest).len == 0)
			abort();
	if (names > DKIM_NAMES_MAX)
		abort();
	for (int canon = DKIM_SIMPLE; canon <= DKIM_RELAXED; canon++) {
		buf_init(&text, 2 * (size_t)DKIM_FIELD_MAX);
		dkim_signature_canon(signature, canon, arena, &text);
		if (text.overflow || text.len > whole.len + 2 || str_ends_nocase(buf_str(&text), STR("\r\n")))
			abort();
		buf_free(&text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str header = str_from((const char *)data, size);
	struct dkim_signature signature;
	struct dkim_fields fields;
	struct arena arena;
	struct err err;

	arena_init(&arena);
	if (dkim_fields_read(header, &arena, &fields, &err) == 0)
		for (size_t i = 0; i < fields.count; i++)
			for (int kind = DKIM_SIGNATURE; kind <= DKIM_ARC_SEAL; kind++)
				if (dkim_signature_parse(&fields.list[i], kind, &arena, &signature, &err) == 0)
					check(&signature, kind, &arena);
	arena_free(&arena);
	return 0;
}
