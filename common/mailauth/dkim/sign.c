#include "common/mailauth/dkim/sign.h"

#include "common/base/base64.h"
#include "common/mailauth/dkim/check.h"

/* RFC 6376 5.4.1, with MIME's fields; in the order of h=. */
static const struct signed_field {
	const char *name;
	bool once_more; /* named once more than it is there */
	bool for_arc;   /* in an ARC-Message-Signature only (RFC 8617 4.1.2) */
} signed_fields[] = {
    {.name = "From", .once_more = true},
    {.name = "Subject", .once_more = true},
    {.name = "Date", .once_more = true},
    {.name = "To"},
    {.name = "Cc"},
    {.name = "Reply-To"},
    {.name = "Sender"},
    {.name = "Message-ID"},
    {.name = "In-Reply-To"},
    {.name = "References"},
    {.name = "MIME-Version"},
    {.name = "Content-Type"},
    {.name = "Content-Transfer-Encoding"},
    {.name = "Content-ID"},
    {.name = "Content-Description"},
    {.name = "Content-Disposition"},
    {.name = "Resent-Date"},
    {.name = "Resent-From"},
    {.name = "Resent-Sender"},
    {.name = "Resent-To"},
    {.name = "Resent-Cc"},
    {.name = "Resent-Message-ID"},
    {.name = "List-Id"},
    {.name = "List-Help"},
    {.name = "List-Unsubscribe"},
    {.name = "List-Unsubscribe-Post"},
    {.name = "List-Subscribe"},
    {.name = "List-Post"},
    {.name = "List-Owner"},
    {.name = "List-Archive"},
    {.name = "DKIM-Signature", .for_arc = true},
};

static const char *const titles[] = {
    [DKIM_SIGNATURE] = "DKIM-Signature",
    [DKIM_ARC_MESSAGE] = "ARC-Message-Signature",
    [DKIM_ARC_SEAL] = "ARC-Seal",
};

static const char *canon_word(enum dkim_canon canon)
{
	return canon == DKIM_RELAXED ? "relaxed" : "simple";
}

void dkim_sign_head(const struct dkim_signer *signer, const struct dkim_signing *signing, struct buf *out)
{
	buf_printf(out, "%s: ", titles[signing->kind]);
	if (signing->kind == DKIM_SIGNATURE)
		buf_add_str(out, STR("v=1; "));
	else
		buf_printf(out, "i=%u; ", signing->instance);
	buf_printf(out, "a=%s; ", signer->key->type == DKIM_RSA ? "rsa-sha256" : "ed25519-sha256");
	if (signing->kind == DKIM_ARC_SEAL)
		buf_printf(out, "cv=%.*s;", STR_ARG(signing->chain));
	else
		buf_printf(out, "c=%s/%s;", canon_word(signer->header_canon), canon_word(signer->body_canon));
	buf_printf(out, "\r\n\td=%.*s; s=%.*s;\r\n\tt=%lld;", STR_ARG(signer->domain), STR_ARG(signer->selector),
	           (long long)signer->now);
	if (signer->expiry != 0 && signing->kind != DKIM_ARC_SEAL)
		buf_printf(out, " x=%lld;", (long long)signer->expiry);
}

/* Add h=: all names of signed fields, as often as they are there. */
static void add_names(const struct dkim_fields *fields, enum dkim_kind kind, struct buf *out)
{
	enum { LINE = 72 };
	size_t line = out->len, count = 0;

	buf_add_str(out, STR(" h="));
	for (size_t i = 0; i < sizeof signed_fields / sizeof signed_fields[0]; i++) {
		struct str name = str_of(signed_fields[i].name);
		size_t times = dkim_fields_count(fields, name) + signed_fields[i].once_more;

		if (signed_fields[i].for_arc && kind != DKIM_ARC_MESSAGE)
			continue;
		for (; times > 0 && count < DKIM_NAMES_MAX; times--, count++) {
			buf_add_str(out, count != 0 ? STR(":") : STR(""));
			if (out->len - line + name.len > LINE) {
				buf_add_str(out, STR("\r\n\t"));
				line = out->len;
			}
			buf_add_str(out, name);
		}
	}
	buf_add_str(out, STR(";"));
}

int dkim_sign_begin(struct dkim_message *message, const struct dkim_signer *signer, struct dkim_signing *signing,
                    struct err *err)
{
	signing->body_hash = dkim_body_want(&message->body, signer->body_canon, DKIM_WHOLE_BODY);
	return signing->body_hash >= 0 ? 0 : err_set(err, ERR_LIMIT, "too many different hashes of the body are wanted");
}

/* The field up to the value of b=, which has no end yet, and the hash that is to be signed. */
static void add_field(struct dkim_message *message, const struct dkim_signer *signer,
                      const struct dkim_signing *signing, struct buf *out, unsigned char hash_out[DKIM_HASH_SIZE])
{
	struct dkim_signature signature = {.header_canon = signer->header_canon};
	struct dkim_field field;
	struct buf text;
	size_t names;

	dkim_message_end(message);
	buf_init(&text, DKIM_FIELD_MAX);
	dkim_sign_head(signer, signing, &text);
	names = text.len + strlen(" h=");
	add_names(&message->fields, signing->kind, &text);
	signature.names = arena_copy(message->arena, str_sub(buf_str(&text), names, text.len - names - strlen(";")));
	buf_add_str(&text, STR("\r\n\tbh="));
	base64_encode(str_from((const char *)message->body.hashes[signing->body_hash].hash, DKIM_HASH_SIZE), &text);
	buf_add_str(&text, STR(";\r\n\tb="));
	/* What is signed has no value of b= yet, and so no end. */
	field = (struct dkim_field){.whole = buf_str(&text)};
	signature.field = &field;
	signature.b_raw = str_skip(field.whole, field.whole.len);
	dkim_hash_header(message, &signature, hash_out);
	buf_add_str(out, buf_str(&text));
	buf_free(&text);
}

int dkim_sign_value(const struct dkim_signer *signer, const unsigned char hash[DKIM_HASH_SIZE], struct buf *out,
                    struct err *err)
{
	if (out->overflow)
		return err_set(err, ERR_LIMIT, "the signature's field is too long");
	return signer->sign != NULL ? signer->sign(signer, hash, out, err) : dkim_sign_hash(signer->key, hash, out, err);
}

int dkim_sign(struct dkim_message *message, const struct dkim_signer *signer, const struct dkim_signing *signing,
              struct buf *out, struct err *err)
{
	unsigned char hash[DKIM_HASH_SIZE];

	add_field(message, signer, signing, out, hash);
	return dkim_sign_value(signer, hash, out, err);
}
