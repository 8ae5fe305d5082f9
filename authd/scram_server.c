#include "authd/scram_server.h"

#include "common/base/base64.h"
#include "common/base/io.h"
#include "common/base/memory.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

void scram_server_init(struct scram_server *server)
{
	*server = (struct scram_server){0};
	buf_init(&server->authzid, SCRAM_NAME_MAX);
	buf_init(&server->name, SCRAM_NAME_MAX);
	buf_init(&server->binding, SCRAM_MESSAGE_MAX + SCRAM_BINDING_MAX);
	buf_init(&server->nonce, 2 * SCRAM_MESSAGE_MAX);
	buf_init(&server->said, 4 * SCRAM_MESSAGE_MAX);
}

void scram_server_free(struct scram_server *server)
{
	buf_free(&server->authzid);
	buf_free(&server->name);
	buf_free(&server->binding);
	buf_free(&server->nonce);
	buf_free(&server->said);
	memory_wipe(&server->keys, sizeof server->keys);
}

/* RFC 5802 5.1: "," and "=" are written "=2C" and "=3D", nothing else is. */
static bool unescape_name(struct str text, struct buf *name)
{
	while (text.len > 0) {
		bool comma = str_starts(text, STR("=2C"));

		if (text.data[0] != '=') {
			buf_add_char(name, text.data[0]);
			text = str_skip(text, 1);
			continue;
		}
		if (!comma && !str_starts(text, STR("=3D")))
			return false;
		buf_add_char(name, comma ? ',' : '=');
		text = str_skip(text, 3);
	}
	return name->len > 0 && !name->overflow;
}

/* RFC 5802 7: printable ASCII without the comma. */
static bool is_nonce(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < 0x21 || text.data[i] > 0x7e || text.data[i] == ',')
			return false;
	return text.len > 0;
}

/* RFC 5802 6: the flag at the start of the GS2 header, and the data that belong to it. */
static enum scram_verdict take_flag(struct str flag, bool is_plus, const struct scram_bindings *bindings,
                                    struct str *data_out)
{
	bool can_bind = bindings->exporter_len > 0 || bindings->endpoint_len > 0;

	*data_out = STR("");
	if (is_plus) {
		if (str_equal(flag, STR("p=tls-exporter")))
			*data_out = str_from((const char *)bindings->exporter, bindings->exporter_len);
		else if (str_equal(flag, STR("p=tls-server-end-point")))
			*data_out = str_from((const char *)bindings->endpoint, bindings->endpoint_len);
		return data_out->len > 0 ? SCRAM_GOOD : SCRAM_MALFORMED;
	}
	if (str_equal(flag, STR("y")))
		return can_bind ? SCRAM_WRONG : SCRAM_GOOD;
	return str_equal(flag, STR("n")) ? SCRAM_GOOD : SCRAM_MALFORMED;
}

enum scram_verdict scram_server_first(struct scram_server *server, struct str message, bool is_plus,
                                      const struct scram_bindings *bindings)
{
	struct str rest = message, flag = str_cut(&rest, ','), authzid = str_cut(&rest, ','), bare = rest, name, nonce,
	           data;
	enum scram_verdict verdict;

	if (message.len > SCRAM_MESSAGE_MAX || bare.data == NULL || str_find_char(message, '\0') >= 0)
		return SCRAM_MALFORMED;
	name = str_cut(&rest, ',');
	nonce = str_cut(&rest, ','); /* extensions may follow; a mandatory one, "m=", would stand before the name */
	if (!str_starts(name, STR("n=")) || !str_starts(nonce, STR("r=")) || !is_nonce(str_skip(nonce, 2)) ||
	    !unescape_name(str_skip(name, 2), &server->name) ||
	    (authzid.len > 0 && !str_equal(authzid, STR("a=")) && /* as GNU SASL says that there is none */
	     (!str_starts(authzid, STR("a=")) || !unescape_name(str_skip(authzid, 2), &server->authzid))))
		return SCRAM_MALFORMED;
	verdict = take_flag(flag, is_plus, bindings, &data);
	buf_printf(&server->binding, "%.*s,%.*s,", STR_ARG(flag), STR_ARG(authzid));
	buf_add_str(&server->binding, data);
	buf_add_str(&server->nonce, str_skip(nonce, 2));
	buf_printf(&server->said, "%.*s,", STR_ARG(bare));
	return verdict;
}

void scram_server_challenge(struct scram_server *server, const struct scram_keys *keys, struct str nonce,
                            struct buf *challenge)
{
	struct buf salt;

	server->keys = *keys;
	buf_init(&salt, 2 * SCRAM_SALT_LEN);
	base64_encode(str_from((const char *)keys->salt, sizeof keys->salt), &salt);
	buf_add_str(&server->nonce, nonce);
	buf_printf(challenge, "r=%.*s,s=%s,i=%u", STR_ARG(buf_str(&server->nonce)), buf_text(&salt), keys->iterations);
	buf_add_str(&server->said, buf_str(challenge));
	buf_add_char(&server->said, ',');
	buf_free(&salt);
}

/* base64 that has to stand for just these octets. */
static bool decodes_to(struct str text, struct str wanted)
{
	struct buf bytes;
	bool same;

	buf_init(&bytes, SCRAM_MESSAGE_MAX);
	same = base64_decode(text, &bytes) == 0 && io_equal_secret(buf_str(&bytes), wanted);
	buf_free(&bytes);
	return same;
}

static bool hmac(const unsigned char *key, struct str text, unsigned char *out)
{
	unsigned len = SCRAM_KEY_LEN;

	return HMAC(EVP_sha256(), key, SCRAM_KEY_LEN, (const unsigned char *)text.data, text.len, out, &len) != NULL;
}

/* RFC 5802 3: does H(ClientProof XOR ClientSignature) give StoredKey? */
static bool is_proof(const struct scram_server *server, const unsigned char *proof)
{
	unsigned char key[SCRAM_KEY_LEN], stored[SCRAM_KEY_LEN];
	bool right;

	if (!hmac(server->keys.stored, buf_str(&server->said), key))
		return false;
	for (size_t i = 0; i < sizeof key; i++)
		key[i] ^= proof[i];
	right = SHA256(key, sizeof key, stored) != NULL &&
	        io_equal_secret(str_from((const char *)stored, sizeof stored),
	                        str_from((const char *)server->keys.stored, sizeof server->keys.stored));
	memory_wipe(key, sizeof key);
	return right;
}

static bool read_proof(struct str text, unsigned char *proof)
{
	struct buf bytes;
	bool good;

	buf_init(&bytes, SCRAM_MESSAGE_MAX);
	good = base64_decode(text, &bytes) == 0 && bytes.len == SCRAM_KEY_LEN;
	if (good)
		memcpy(proof, bytes.data, SCRAM_KEY_LEN);
	buf_free(&bytes);
	return good;
}

/* The proof is the last attribute; what it speaks of is all before its comma. False: it is not there. */
static bool cut_proof(struct str *message, struct str *proof)
{
	size_t at = message->len;

	while (at > 0 && message->data[at - 1] != ',')
		at--;
	*proof = str_skip(*message, at);
	*message = str_sub(*message, 0, at > 0 ? at - 1 : 0);
	return at > 0 && str_starts(*proof, STR("p="));
}

enum scram_verdict scram_server_last(struct scram_server *server, struct str message, struct buf *last)
{
	unsigned char proof[SCRAM_KEY_LEN], signature[SCRAM_KEY_LEN];
	struct str bare = message, proof_text, rest, binding, nonce;

	if (message.len > SCRAM_MESSAGE_MAX || str_find_char(message, '\0') >= 0 || !cut_proof(&bare, &proof_text))
		return SCRAM_MALFORMED;
	rest = bare;
	binding = str_cut(&rest, ',');
	nonce = str_cut(&rest, ',');
	if (!str_starts(binding, STR("c=")) || !str_starts(nonce, STR("r=")) || !read_proof(str_skip(proof_text, 2), proof))
		return SCRAM_MALFORMED;
	buf_add_str(&server->said, bare);
	if (server->said.overflow || !decodes_to(str_skip(binding, 2), buf_str(&server->binding)) ||
	    !str_equal(str_skip(nonce, 2), buf_str(&server->nonce)) || !is_proof(server, proof) ||
	    !hmac(server->keys.server, buf_str(&server->said), signature))
		return SCRAM_WRONG;
	buf_add_str(last, STR("v="));
	return base64_encode(str_from((const char *)signature, sizeof signature), last) == 0 ? SCRAM_GOOD : SCRAM_WRONG;
}
