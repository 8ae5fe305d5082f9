#include "fetchd/fetchd.h"

#include "common/base/memory.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	DNS_MS = 20000,
	ADDRESSES_MAX = 4,
	CPU_SECONDS = 20,
	DESCRIPTORS_MAX = 64,
	HTTP_OK = 200,
};

/* The fields of a token server's answer that mean something (RFC 6749 5.1, 5.2; RFC 8628 3.2). Google calls the fourth
 * last of them as it stands here. */
static const char *const token_texts[] = {"access_token",      "refresh_token",    "error",
                                          "error_description", "device_code",      "user_code",
                                          "verification_uri",  "verification_url", "token_type"};
static const char *const token_numbers[] = {"expires_in", "interval"};

struct errand *errand_new(struct fetchd *fetchd, enum errand_kind kind)
{
	struct errand *errand = memory_get(sizeof *errand);

	errand->fetchd = fetchd;
	errand->kind = kind;
	buf_init(&errand->body, kind == ERRAND_POST ? WEB_POST_MAX : WEB_BODY_MAX);
	return errand;
}

void errand_free(struct errand *errand)
{
	if (errand->body.data != NULL)
		memory_wipe(errand->body.data, errand->body.capacity);
	buf_free(&errand->body);
	memory_free(errand);
}

/* The text is an address itself. */
static bool is_address(const char *host)
{
	unsigned char binary[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, binary) == 1 || inet_pton(AF_INET6, host, binary) == 1;
}

/* By dnsd, which validates what can be validated. */
static int find_addresses(struct ipc_channel *dnsd, const char *host, struct ipc_message *reply, struct str *addresses,
                          size_t *count_out, struct err *err)
{
	struct ipc_message request;
	struct str key, value;
	int result;

	if (is_address(host)) {
		addresses[(*count_out)++] = str_of(host);
		return 0;
	}
	ipc_message_init(&request);
	ipc_request(&request, "address");
	ipc_add_text(&request, "host", host);
	result = ipc_call(dnsd, &request, reply, DNS_MS, err);
	for (size_t position = 0; result == 0 && ipc_next(reply, &position, &key, &value);)
		if (str_equal(key, STR("address")) && *count_out < ADDRESSES_MAX)
			addresses[(*count_out)++] = value;
	ipc_message_free(&request);
	return result;
}

/* RFC 8461 3.3: text/plain by 200 alone. */
static int read_policy(const struct web_answer *answer, struct ipc_message *reply, struct err *err)
{
	struct sts_policy policy;
	struct arena arena;
	int result;

	if (answer->status != HTTP_OK)
		return err_set(err, ERR_NOT_FOUND, "the web server answers %ld", answer->status);
	if (strcmp(answer->type, "text/plain") != 0)
		return err_set(err, ERR_SYNTAX, "the policy is \"%s\", not text/plain", answer->type);
	arena_init(&arena);
	result = sts_parse_policy(buf_str(&answer->body), &arena, &policy, err);
	if (result == 0) {
		ipc_add_text(reply, "mode", sts_mode_word(policy.mode));
		ipc_add_number(reply, "max-age", policy.max_age);
		for (size_t i = 0; i < policy.mx_count; i++)
			ipc_add(reply, "mx", policy.mx[i]);
	}
	arena_free(&arena);
	return result;
}

/* Errors of the token server are answers, too: what they mean is authd's to decide. */
static int read_token(const struct web_answer *answer, struct ipc_message *reply, struct err *err)
{
	json_t *root = json_loadb(answer->body.len > 0 ? answer->body.data : "", answer->body.len, 0, NULL);

	if (!json_is_object(root)) {
		json_decref(root);
		return err_set(err, ERR_TEMPORARY, "the token server answers %ld, and not in JSON", answer->status);
	}
	ipc_add_number(reply, "http", answer->status);
	for (size_t i = 0; i < sizeof token_texts / sizeof token_texts[0]; i++) {
		const json_t *value = json_object_get(root, token_texts[i]);

		if (json_is_string(value))
			ipc_add(reply, token_texts[i], str_from(json_string_value(value), json_string_length(value)));
	}
	for (size_t i = 0; i < sizeof token_numbers / sizeof token_numbers[0]; i++) {
		const json_t *value = json_object_get(root, token_numbers[i]);

		if (json_is_integer(value))
			ipc_add_number(reply, token_numbers[i], json_integer_value(value));
	}
	json_decref(root);
	return 0;
}

/* What a web server says to a report matters only so far as it took it: any success (RFC 8460 5.4). */
static int read_taken(const struct web_answer *answer, struct err *err)
{
	return answer->status >= HTTP_OK && answer->status < HTTP_OK + 100
	           ? 0
	           : err_set(err, ERR_TEMPORARY, "the web server answers %ld", answer->status);
}

static int ask(const struct errand *errand, struct ipc_channel *dnsd, struct web_answer *answer, struct err *err)
{
	struct str addresses[ADDRESSES_MAX];
	char host[256];
	struct web_request request = {.url = errand->url, .host = host, .addresses = addresses};
	const struct settings *settings = &errand->fetchd->settings;
	const char *proxy = settings_text(settings, SETTING_PROXY_HTTP_SERVER);
	struct ipc_message reply;
	int result;

	if (proxy[0] != '\0')
		request.proxy_port = (unsigned)settings_number(settings, SETTING_PROXY_HTTP_PORT);
	if (errand->kind != ERRAND_POLICY)
		request.body = buf_str(&errand->body);
	if (errand->kind == ERRAND_POST)
		request.type = errand->type;
	ipc_message_init(&reply);
	result = web_parse_url(str_of(errand->url), host, &request.port, err);
	if (result == 0)
		result = find_addresses(dnsd, proxy[0] != '\0' ? proxy : host, &reply, addresses, &request.address_count, err);
	if (result == 0)
		result = web_ask(&request, answer, err);
	ipc_message_free(&reply);
	return result;
}

/* In the process of its own. */
static int run(struct ipc_message *reply, void *context, struct err *err)
{
	const struct errand *errand = context;
	const struct fetchd *fetchd = errand->fetchd;
	struct ipc_channel dnsd = {.fd = -1};
	struct web_answer answer = {0};
	int result;

	if (ipc_connect(&dnsd, &fetchd->daemon.instance, "dnsd", "fetchd", err) != 0 ||
	    sandbox_limit(0, CPU_SECONDS, DESCRIPTORS_MAX, err) != 0 || sandbox_enter(&fetchd->worker_sandbox, err) != 0)
		return -1;
	result = ask(errand, &dnsd, &answer, err);
	if (result == 0)
		result = errand->kind == ERRAND_POLICY  ? read_policy(&answer, reply, err)
		         : errand->kind == ERRAND_TOKEN ? read_token(&answer, reply, err)
		                                        : read_taken(&answer, err);
	buf_free(&answer.body);
	return result;
}

static void finish(struct ipc_message *reply, const struct err *err, void *context)
{
	struct errand *errand = context;

	errand->done(errand, reply, err);
	errand_free(errand);
}

void errand_start(struct errand *errand)
{
	const struct worker_job job = {
	    .run = run,
	    .done = finish,
	    .context = errand,
	    .keep = {errand->fetchd->worker_sandbox.ruleset, -1, -1, -1, -1, -1, -1, -1},
	};

	worker_start(errand->fetchd->workers, &job);
}

int errand_allow_files(struct sandbox *sandbox, struct err *err)
{
	static const char *const files[] = {"/etc/ssl", "/usr/share/ca-certificates", "/usr/lib/ssl"};
	const char *bundle = getenv("SSL_CERT_FILE");

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		if (access(files[i], F_OK) == 0 && sandbox_allow(sandbox, files[i], SANDBOX_READ, err) != 0)
			return -1;
	return bundle != NULL ? sandbox_allow(sandbox, bundle, SANDBOX_READ, err) : 0;
}

int errand_prepare(struct fetchd *fetchd, struct err *err)
{
	fetchd->workers = worker_pool_new(fetchd->base, ERRANDS_AT_ONCE, ERRAND_LIMIT_MS);
	if (sandbox_init(&fetchd->worker_sandbox, SANDBOX_CONNECT, err) != 0 ||
	    errand_allow_files(&fetchd->worker_sandbox, err) != 0)
		return -1;
	return sandbox_prepare(&fetchd->worker_sandbox, err);
}
