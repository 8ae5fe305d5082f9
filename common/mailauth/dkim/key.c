#include "common/mailauth/dkim/key.h"

#include "common/mailauth/tags/tags.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>

struct dkim_keys_entry {
	struct dkim_keys_entry *next;
	struct str name;
	struct dkim_key key;
	struct err err; /* code ERR_NONE: the key is there */
};

/* The content of the ASN.1 object that text begins with; *rest_out is what follows it. False: it is of another kind. */
static bool read_object(struct str text, int wanted, struct str *content_out, struct str *rest_out)
{
	const unsigned char *at = (const unsigned char *)text.data;
	int tag, class, flags;
	long len;

	flags = ASN1_get_object(&at, &len, &tag, &class, (long)text.len);
	if ((flags & 0x80) != 0 || (flags & 1) != 0 || tag != wanted || class != V_ASN1_UNIVERSAL)
		return false;
	*content_out = str_from((const char *)at, (size_t)len);
	*rest_out = str_skip(text, (size_t)((const char *)at - text.data) + (size_t)len);
	return true;
}

/*
 * The RSAPublicKey in a SubjectPublicKeyInfo (RFC 3279 2.3.1), which everybody publishes; RFC 6376 3.6.1 speaks of the
 * bare one. d2i_PUBKEY takes both apart, too, but five times as long as all else that a signature costs.
 */
static struct str bare_rsa(struct str bytes)
{
	static const char algorithm[] = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
	struct str info, id, key, rest, nothing;

	if (read_object(bytes, V_ASN1_SEQUENCE, &info, &nothing) && nothing.len == 0 &&
	    read_object(info, V_ASN1_SEQUENCE, &id, &rest) && str_equal(id, STR(algorithm)) &&
	    read_object(rest, V_ASN1_BIT_STRING, &key, &nothing) && nothing.len == 0 && str_starts(key, STR("\0")))
		return str_skip(key, 1);
	return bytes;
}

static EVP_PKEY *read_rsa(struct str bytes)
{
	struct str bare = bare_rsa(bytes);
	const unsigned char *begin = (const unsigned char *)bare.data, *at = begin;
	EVP_PKEY *pkey = d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, (long)bare.len);

	if (pkey != NULL && at != begin + bare.len) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	return pkey;
}

static EVP_PKEY *read_pkey(enum dkim_key_type type, struct str bytes)
{
	EVP_PKEY *pkey;

	/* What is no key must not be left in OpenSSL's queue of errors: TLS would take it for its own. */
	ERR_set_mark();
	pkey = type == DKIM_RSA
	           ? read_rsa(bytes)
	           : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)bytes.data, bytes.len);
	ERR_pop_to_mark();
	return pkey;
}

static int read_key(const struct mailauth_tags *tags, struct arena *arena, struct dkim_key *key, struct err *err)
{
	struct str type = mailauth_tag_value(tags, "k", STR("rsa")), bytes;
	const struct mailauth_tag *p = mailauth_tag(tags, "p");

	if (p == NULL)
		return err_set(err, DKIM_UNFIT, "the record has no p=");
	if (p->value.len == 0)
		return err_set(err, DKIM_UNFIT, "the key is revoked");
	if (!str_equal(type, STR("rsa")) && !str_equal(type, STR("ed25519")))
		return err_set(err, DKIM_UNFIT, "the key is of a kind that is not known");
	key->type = str_equal(type, STR("rsa")) ? DKIM_RSA : DKIM_ED25519;
	if (!mailauth_tag_base64(p->value, arena, &bytes))
		return err_set(err, DKIM_UNFIT, "p= is not base64");
	key->pkey = read_pkey(key->type, bytes);
	if (key->pkey == NULL)
		return err_set(err, DKIM_UNFIT, "p= is not a key");
	key->bits = (unsigned)EVP_PKEY_get_bits(key->pkey);
	if (key->type == DKIM_RSA && (key->bits < DKIM_RSA_BITS_MIN || key->bits > DKIM_RSA_BITS_MAX))
		return err_set(err, DKIM_REFUSED, "the key has %u bits", key->bits);
	return 0;
}

int dkim_key_parse(struct str record, struct arena *arena, struct dkim_key *key_out, struct err *err)
{
	struct mailauth_tags tags;
	struct str services, flags;

	*key_out = (struct dkim_key){0};
	if (mailauth_tags_parse(record, arena, &tags, NULL) != 0)
		return err_set(err, DKIM_UNFIT, "the record is not a key's");
	/* RFC 6376 3.6.1: where there is a version, it comes first */
	if (mailauth_tag(&tags, "v") != NULL &&
	    (!str_equal(tags.list[0].name, STR("v")) || !str_equal(tags.list[0].value, STR("DKIM1"))))
		return err_set(err, DKIM_UNFIT, "the record is of another version");
	key_out->takes_sha256 = mailauth_tag_lists(mailauth_tag_value(&tags, "h", STR("sha256")), STR("sha256"));
	services = mailauth_tag_value(&tags, "s", STR("*"));
	key_out->is_for_mail = mailauth_tag_lists(services, STR("*")) || mailauth_tag_lists(services, STR("email"));
	flags = mailauth_tag_value(&tags, "t", STR(""));
	key_out->is_testing = mailauth_tag_lists(flags, STR("y"));
	key_out->is_strict = mailauth_tag_lists(flags, STR("s"));
	if (read_key(&tags, arena, key_out, err) == 0)
		return 0;
	dkim_key_free(key_out);
	return -1;
}

void dkim_key_free(struct dkim_key *key)
{
	EVP_PKEY_free(key->pkey);
	key->pkey = NULL;
}

/* Ask, and take the first record that can be used; where there is none the first one's fault is told. */
static int fetch(struct str name, const struct mailauth_dns *dns, struct arena *arena, struct dkim_key *key,
                 struct err *err)
{
	enum { RECORDS_MAX = 8 };
	struct mailauth_answer answer;
	struct err later;

	if (mailauth_query(dns, name, MAILAUTH_TXT, arena, &answer, err) != 0)
		return err_set(err, DKIM_UNKNOWN_NOW, "the DNS does not give the key now");
	if (answer.status != MAILAUTH_FOUND || answer.count == 0)
		return err_set(err, DKIM_UNFIT, "there is no key");
	for (size_t i = 0; i < answer.count && i < RECORDS_MAX; i++) {
		struct err *whose = i == 0 ? err : &later;
		struct str text;

		if (mailauth_read_text(answer.records[i], arena, &text, whose) != 0)
			err_set(whose, DKIM_UNFIT, "the record is not a key's");
		else if (dkim_key_parse(text, arena, key, whose) == 0)
			return 0;
	}
	return -1;
}

struct str dkim_key_name(const struct dkim_signature *signature, struct arena *arena)
{
	return arena_printf(arena, "%.*s._domainkey.%.*s", STR_ARG(signature->selector), STR_ARG(signature->domain));
}

int dkim_keys_find(struct dkim_keys *keys, const struct dkim_signature *signature, const struct mailauth_dns *dns,
                   struct arena *arena, const struct dkim_key **key_out, struct err *err)
{
	struct str name = dkim_key_name(signature, arena);
	struct dkim_keys_entry *entry = keys->entries;

	while (entry != NULL && !str_equal(entry->name, name))
		entry = entry->next;
	if (entry == NULL) {
		entry = arena_get(arena, sizeof *entry);
		entry->name = name;
		entry->next = keys->entries;
		keys->entries = entry;
		if (fetch(name, dns, arena, &entry->key, &entry->err) == 0)
			entry->err.code = ERR_NONE;
	}
	*key_out = &entry->key;
	return entry->err.code == ERR_NONE ? 0 : err_set(err, entry->err.code, "%s", entry->err.text);
}

void dkim_keys_free(struct dkim_keys *keys)
{
	for (struct dkim_keys_entry *entry = keys->entries; entry != NULL; entry = entry->next)
		dkim_key_free(&entry->key);
	keys->entries = NULL;
}
