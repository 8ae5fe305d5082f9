#include "common/mailauth/dkim/signature.h"

#include "common/addr/addr.h"
#include "common/mailauth/dkim/body.h"
#include "common/mailauth/tags/tags.h"

static int broken(struct err *err, const char *what)
{
	return err_set(err, DKIM_BROKEN, "%s", what);
}

/* A tag that must be there. */
static int need(const struct mailauth_tags *tags, const char *name, struct str *value_out, struct err *err)
{
	*value_out = mailauth_tag_value(tags, name, STR(""));
	return value_out->len != 0 ? 0 : err_set(err, DKIM_BROKEN, "the tag %s= is missing", name);
}

static int read_number(const struct mailauth_tags *tags, const char *name, uint64_t *number_out, struct err *err)
{
	enum { DIGITS_MAX = 12 };
	const struct mailauth_tag *tag = mailauth_tag(tags, name);

	if (tag != NULL && (tag->value.len > DIGITS_MAX || !str_to_u64(tag->value, UINT64_MAX, number_out)))
		return err_set(err, DKIM_BROKEN, "%s= is not a number of at most 12 digits", name);
	return 0;
}

/* l=: what no message can have is as good as the largest number. */
static int read_limit(const struct mailauth_tags *tags, uint64_t *limit_out, struct err *err)
{
	enum { DIGITS_MAX = 76 };
	const struct mailauth_tag *tag = mailauth_tag(tags, "l");

	*limit_out = DKIM_WHOLE_BODY;
	if (tag == NULL || str_to_u64(tag->value, DKIM_WHOLE_BODY - 1, limit_out))
		return 0;
	for (size_t i = 0; i < tag->value.len; i++)
		if (tag->value.data[i] < '0' || tag->value.data[i] > '9')
			return broken(err, "l= is not a number");
	if (tag->value.len == 0 || tag->value.len > DIGITS_MAX)
		return broken(err, "l= is not a number of at most 76 digits");
	*limit_out = DKIM_WHOLE_BODY - 1;
	return 0;
}

static bool read_canon(struct str word, enum dkim_canon *canon_out)
{
	*canon_out = str_equal(word, STR("relaxed")) ? DKIM_RELAXED : DKIM_SIMPLE;
	return *canon_out == DKIM_RELAXED || str_equal(word, STR("simple"));
}

static int read_canons(const struct mailauth_tags *tags, struct dkim_signature *signature, struct err *err)
{
	struct str rest = mailauth_tag_value(tags, "c", STR("simple/simple"));
	struct str header = str_cut(&rest, '/');

	if (!read_canon(header, &signature->header_canon) ||
	    !read_canon(rest.data != NULL ? rest : STR("simple"), &signature->body_canon))
		return broken(err, "c= names a canonical form that is not known");
	return 0;
}

static int read_algorithm(struct dkim_signature *signature, struct err *err)
{
	if (str_equal(signature->algorithm, STR("rsa-sha256")))
		signature->key_type = DKIM_RSA;
	else if (str_equal(signature->algorithm, STR("ed25519-sha256")))
		signature->key_type = DKIM_ED25519;
	else if (str_equal(signature->algorithm, STR("rsa-sha1")))
		return err_set(err, DKIM_REFUSED, "rsa-sha1 proves nothing any more"); /* RFC 8301 3.1 */
	else
		return broken(err, "a= names an algorithm that is not known");
	return 0;
}

/* A domain name in the form in which it is compared and asked for; RFC 8616 4: U-labels may stand for A-labels. */
static bool read_domain(struct str text, struct arena *arena, struct str *domain_out)
{
	struct str domain;

	if (!addr_is_domain(text) || addr_normalise_domain(text, arena, &domain, NULL) != 0)
		return false;
	*domain_out = domain;
	return true;
}

/* d= has two labels at least (RFC 6376 3.5), s= one. */
static int read_domains(const struct mailauth_tags *tags, struct arena *arena, struct dkim_signature *signature,
                        struct err *err)
{
	struct str domain, selector;

	if (need(tags, "d", &domain, err) != 0 || need(tags, "s", &selector, err) != 0)
		return -1;
	if (!read_domain(domain, arena, &signature->domain) || str_find_char(signature->domain, '.') < 0)
		return broken(err, "d= is not a domain");
	if (!read_domain(selector, arena, &signature->selector))
		return broken(err, "s= is not a selector");
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* dkim-quoted-printable (RFC 6376 2.11). */
static bool decode(struct str value, struct arena *arena, struct str *text_out)
{
	struct str text = mailauth_tag_squeeze(value, arena);
	char *out = arena_get(arena, text.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] != '=') {
			out[len++] = text.data[i];
			continue;
		}
		if (i + 2 >= text.len || hex_digit(text.data[i + 1]) < 0 || hex_digit(text.data[i + 2]) < 0)
			return false;
		out[len++] = (char)(hex_digit(text.data[i + 1]) << 4 | hex_digit(text.data[i + 2]));
		i += 2;
	}
	*text_out = str_from(out, len);
	return true;
}

/* i=: an address in d= or in a domain below it; the local part may be missing. */
static int read_identity(const struct mailauth_tags *tags, struct arena *arena, struct dkim_signature *signature,
                         struct err *err)
{
	const struct mailauth_tag *tag = mailauth_tag(tags, "i");
	struct str text, domain;
	ptrdiff_t at;

	signature->identity_domain = signature->domain;
	signature->identity = arena_printf(arena, "@%.*s", STR_ARG(signature->domain));
	if (tag == NULL)
		return 0;
	if (!decode(tag->value, arena, &text) || (at = str_find_last_char(text, '@')) < 0 ||
	    !read_domain(str_skip(text, (size_t)at + 1), arena, &domain))
		return broken(err, "i= is not an address");
	signature->identity = text;
	signature->identity_domain = domain;
	if (!str_equal(domain, signature->domain) &&
	    !str_ends_nocase(domain, arena_printf(arena, ".%.*s", STR_ARG(signature->domain))))
		return err_set(err, DKIM_UNFIT, "i= is not in the domain of d=");
	return 0;
}

struct str dkim_signature_name(struct str *rest)
{
	return str_trim(str_cut(rest, ':'));
}

/* h=: names of fields, From among them. */
static int read_names(const struct mailauth_tags *tags, enum dkim_kind kind, struct dkim_signature *signature,
                      struct err *err)
{
	bool from = false, seal = false;
	size_t count = 0;

	if (need(tags, "h", &signature->names, err) != 0)
		return -1;
	for (struct str rest = signature->names; rest.data != NULL; count++) {
		struct str name = dkim_signature_name(&rest);

		if (name.len == 0 || count == DKIM_NAMES_MAX)
			return broken(err, "h= has an empty name, or too many");
		for (size_t i = 0; i < name.len; i++)
			if ((unsigned char)name.data[i] <= ' ' || (unsigned char)name.data[i] >= 0x7f)
				return broken(err, "h= is not a list of names");
		from = from || str_equal_nocase(name, STR("from"));
		seal = seal || str_equal_nocase(name, STR("arc-seal"));
	}
	if (!from)
		return err_set(err, DKIM_UNFIT, "the From field is not signed");
	/*
	 * RFC 8617 4.1.2 forbids to sign any field of ARC. Handlers that sign results of others are about, and that does no
	 * harm; a seal covers what is signed here, so it cannot be signed as well.
	 */
	if (kind == DKIM_ARC_MESSAGE && seal)
		return err_set(err, DKIM_UNFIT, "a seal is signed");
	return 0;
}

/* Tags of what covers a message: DKIM-Signature and ARC-Message-Signature. */
static int read_message_tags(const struct mailauth_tags *tags, enum dkim_kind kind, struct arena *arena,
                             struct dkim_signature *signature, struct err *err)
{
	struct str hash, query = mailauth_tag_value(tags, "q", STR("dns/txt"));

	if (need(tags, "bh", &hash, err) != 0 || read_canons(tags, signature, err) != 0 ||
	    read_limit(tags, &signature->body_limit, err) != 0 || read_number(tags, "x", &signature->expires, err) != 0)
		return -1;
	if (!mailauth_tag_base64(hash, arena, &signature->body_hash) || signature->body_hash.len != DKIM_HASH_SIZE)
		return broken(err, "bh= is not a hash");
	if (signature->expires != 0 && signature->created != 0 && signature->expires <= signature->created)
		return broken(err, "it expires before it was made");
	if (!mailauth_tag_lists(query, STR("dns/txt")))
		return broken(err, "q= names no way to the key that is known");
	return read_names(tags, kind, signature, err);
}

/* i= of ARC. */
static int read_instance(const struct mailauth_tags *tags, struct dkim_signature *signature, struct err *err)
{
	uint64_t number = 0;

	if (!str_to_u64(mailauth_tag_value(tags, "i", STR("")), DKIM_INSTANCE_MAX, &number) || number == 0)
		return broken(err, "i= is not a number from 1 to 50");
	signature->instance = (unsigned)number;
	return 0;
}

/* What is special about each kind. */
static int read_kind(const struct mailauth_tags *tags, enum dkim_kind kind, struct arena *arena,
                     struct dkim_signature *signature, struct err *err)
{
	switch (kind) {
	case DKIM_SIGNATURE:
		if (!str_equal(mailauth_tag_value(tags, "v", STR("")), STR("1")))
			return broken(err, "v= is not 1");
		return read_identity(tags, arena, signature, err) != 0 ? -1
		                                                       : read_message_tags(tags, kind, arena, signature, err);
	case DKIM_ARC_MESSAGE:
		return read_message_tags(tags, kind, arena, signature, err);
	case DKIM_ARC_SEAL:
		signature->header_canon = DKIM_RELAXED;
		if (mailauth_tag(tags, "h") != NULL)
			return err_set(err, DKIM_UNFIT, "a seal must not have h="); /* RFC 8617 4.1.3 */
		return need(tags, "cv", &signature->chain, err);
	}
	return -1;
}

int dkim_signature_parse(const struct dkim_field *field, enum dkim_kind kind, struct arena *arena,
                         struct dkim_signature *signature_out, struct err *err)
{
	struct dkim_signature *signature = signature_out;
	struct mailauth_tags tags;
	struct str b;

	*signature = (struct dkim_signature){.field = field,
	                                     .algorithm = STR(""),
	                                     .domain = STR(""),
	                                     .selector = STR(""),
	                                     .identity = STR(""),
	                                     .identity_domain = STR(""),
	                                     .b_shown = STR(""),
	                                     .chain = STR(""),
	                                     .body_limit = DKIM_WHOLE_BODY};
	if (field->whole.len > DKIM_FIELD_MAX)
		return broken(err, "the field is too long");
	if (mailauth_tags_parse(dkim_field_value(field), arena, &tags, err) != 0) {
		if (err != NULL)
			err->code = DKIM_BROKEN;
		return -1;
	}
	if (kind != DKIM_SIGNATURE && read_instance(&tags, signature, err) != 0)
		return -1;
	if (need(&tags, "a", &signature->algorithm, err) != 0 || read_domains(&tags, arena, signature, err) != 0 ||
	    need(&tags, "b", &b, err) != 0)
		return -1;
	signature->b_raw = mailauth_tag(&tags, "b")->raw;
	signature->b_shown = str_sub(mailauth_tag_squeeze(b, arena), 0, DKIM_B_SHOWN);
	if (!mailauth_tag_base64(b, arena, &signature->bytes))
		return broken(err, "b= is not base64");
	if (read_algorithm(signature, err) != 0 || read_number(&tags, "t", &signature->created, err) != 0)
		return -1;
	return read_kind(&tags, kind, arena, signature, err);
}

void dkim_signature_canon(const struct dkim_signature *signature, enum dkim_canon canon, struct arena *arena,
                          struct buf *out)
{
	struct str whole = signature->field->whole, b = signature->b_raw;
	size_t before = (size_t)(b.data - whole.data), after = whole.len - before - b.len;
	char *text = arena_get(arena, whole.len + 1);

	memcpy(text, whole.data, before);
	memcpy(text + before, b.data + b.len, after);
	dkim_field_canon(str_from(text, before + after), canon, out);
	if (!out->overflow)
		out->len -= 2;
}
