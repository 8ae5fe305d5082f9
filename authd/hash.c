#include "authd/hash.h"

#include "common/base/io.h"
#include "common/base/memory.h"

#include <errno.h>
#include <gsasl.h>

enum { PREPARED_MAX = CRYPT_MAX_PASSPHRASE_SIZE };

int hash_dummy(unsigned cost, char *out, struct err *err)
{
	char random[16];

	io_random(random, sizeof random);
	if (crypt_gensalt_rn("$y$", cost, random, sizeof random, out, HASH_TEXT_MAX) == NULL)
		return err_system(err, "cannot make a yescrypt salt of cost %u", cost);
	return 0;
}

/*
 * SASLprep into out (PREPARED_MAX bytes, terminated). False: the password is not allowed; out then holds it as it came,
 * so that the work that follows takes its time all the same.
 */
static bool prepare(const struct hash_request *request, char *out)
{
	char raw[HASH_PASSWORD_MAX + 1];
	char *prepared = NULL;
	bool allowed;

	if (!str_copy(str_from(request->password, request->password_len), raw, sizeof raw))
		allowed = false; /* a NUL in it */
	else /* characters newer than SASLprep's Unicode 3.2 are let through as they are, for new passwords too */
		allowed = gsasl_saslprep(raw, GSASL_ALLOW_UNASSIGNED, &prepared, NULL) == GSASL_OK && prepared[0] != '\0' &&
		          str_copy(str_of(prepared), out, PREPARED_MAX);
	if (!allowed)
		str_copy(str_of(raw), out, PREPARED_MAX);
	if (prepared != NULL)
		memory_wipe(prepared, strlen(prepared));
	gsasl_free(prepared);
	memory_wipe(raw, sizeof raw);
	return allowed;
}

/* crypt with memory kept from job to job: yescrypt's own working memory is the library's. */
static const char *yescrypt(const char *password, const char *setting)
{
	static struct crypt_data data;

	memory_wipe(&data, sizeof data);
	return crypt_rn(password, setting, &data, sizeof data);
}

static enum hash_result check(const char *password, bool allowed, const char *hash)
{
	const char *result = yescrypt(password, hash);

	if (result == NULL)
		return HASH_FAILED;
	return allowed && io_equal_secret(str_of(result), str_of(hash)) ? HASH_RIGHT : HASH_WRONG;
}

static enum hash_result make(const char *password, unsigned cost, struct hash_reply *reply)
{
	char setting[HASH_TEXT_MAX];
	const char *result;

	if (hash_dummy(cost, setting, NULL) != 0)
		return HASH_FAILED;
	result = yescrypt(password, setting);
	if (result == NULL || !str_copy(str_of(result), reply->hash, sizeof reply->hash))
		return HASH_FAILED;
	reply->scram.iterations = SCRAM_ITERATIONS;
	io_random(reply->scram.salt, sizeof reply->scram.salt);
	return scram_derive(str_of(password), &reply->scram, NULL) == 0 ? HASH_RIGHT : HASH_FAILED;
}

void hash_run(struct hash_request *request, struct hash_reply *reply)
{
	char password[PREPARED_MAX];
	bool allowed;

	*reply = (struct hash_reply){.sequence = request->sequence};
	if (request->password_len > sizeof request->password)
		request->password_len = sizeof request->password;
	request->hash[sizeof request->hash - 1] = '\0';
	allowed = prepare(request, password);
	if (request->kind == HASH_CHECK)
		reply->result = check(password, allowed, request->hash);
	else if (request->kind == HASH_TRY)
		reply->result = allowed ? HASH_RIGHT : HASH_REFUSED;
	else
		reply->result = allowed ? make(password, request->cost, reply) : HASH_REFUSED;
	memory_wipe(password, sizeof password);
	memory_wipe(request->password, sizeof request->password);
}
