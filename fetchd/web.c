#include "fetchd/fetchd.h"

#include "common/addr/server.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

enum { HTTPS_PORT = 443 };

int web_parse_url(struct str url, char host[256], unsigned *port_out, struct err *err)
{
	static const struct str scheme = {"https://", 8};
	struct server server = {0};
	struct arena arena;
	int result = -1;

	arena_init(&arena);
	if (str_starts_nocase(url, scheme) && url.len < WEB_URL_MAX) {
		struct str rest = str_skip(url, scheme.len);

		result = server_parse(str_cut(&rest, '/'), HTTPS_PORT, &arena, &server, NULL);
	}
	if (result == 0 && str_copy(server.host, host, 256))
		*port_out = server.port;
	else
		result = err_set(err, ERR_SYNTAX, "\"%.*s\" is not an address by HTTPS", STR_ARG(str_sub(url, 0, 100)));
	arena_free(&arena);
	return result;
}

static size_t take_part(char *data, size_t size, size_t count, void *context)
{
	struct web_answer *answer = context;

	return buf_add(&answer->body, data, size * count) == 0 ? size * count : 0;
}

static const char *bundle(void)
{
	const char *file = getenv("SSL_CERT_FILE");

	return file != NULL ? file : "/etc/ssl/certs/ca-certificates.crt";
}

/* What the proxy is called in resolved(). */
static const char proxy_name[] = "http-proxy";

/* "HOST:PORT:ADDRESS,ADDRESS": libcurl asks no DNS of its own. */
static struct curl_slist *resolved(const struct web_request *request)
{
	struct curl_slist *list;
	struct buf text;

	buf_init(&text, 4096);
	if (request->proxy_port != 0)
		buf_printf(&text, "%s:%u:", proxy_name, request->proxy_port);
	else
		buf_printf(&text, "%s:%u:", request->host, request->port);
	for (size_t i = 0; i < request->address_count; i++)
		buf_printf(&text, "%s%.*s", i > 0 ? "," : "", STR_ARG(request->addresses[i]));
	list = curl_slist_append(NULL, buf_text(&text));
	buf_free(&text);
	return list;
}

/* Fields of the header in place of libcurl's own. NULL: there are none. */
static struct curl_slist *fields(const struct web_request *request)
{
	char text[128];

	if (request->type == NULL)
		return NULL;
	snprintf(text, sizeof text, "Content-Type: %s", request->type);
	return curl_slist_append(NULL, text);
}

static void set_options(CURL *curl, const struct web_request *request, struct curl_slist *hosts,
                        struct curl_slist *header, struct web_answer *answer, char *reason)
{
	curl_easy_setopt(curl, CURLOPT_URL, request->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_PROXY, request->proxy_port != 0 ? proxy_name : "");
	curl_easy_setopt(curl, CURLOPT_PROXYPORT, (long)request->proxy_port);
	curl_easy_setopt(curl, CURLOPT_PROXYTYPE, (long)CURLPROXY_HTTP);
	curl_easy_setopt(curl, CURLOPT_RESOLVE, hosts);
	curl_easy_setopt(curl, CURLOPT_CAINFO, bundle());
	curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)WEB_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "Postroom");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_part);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, header);
	if (request->body.data != NULL) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)request->body.len);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.data);
	}
}

static void read_type(CURL *curl, struct web_answer *answer)
{
	struct str type;
	char *text = NULL;

	curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &text);
	type = str_of(text);
	str_copy(str_trim(str_cut(&type, ';')), answer->type, sizeof answer->type);
	for (char *c = answer->type; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
}

int web_ask(const struct web_request *request, struct web_answer *answer_out, struct err *err)
{
	struct curl_slist *hosts = resolved(request), *header = fields(request);
	char reason[CURL_ERROR_SIZE] = "";
	CURL *curl = curl_easy_init();
	CURLcode code = CURLE_FAILED_INIT;

	*answer_out = (struct web_answer){0};
	buf_init(&answer_out->body, WEB_ANSWER_MAX);
	if (curl != NULL && hosts != NULL) {
		set_options(curl, request, hosts, header, answer_out, reason);
		code = curl_easy_perform(curl);
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer_out->status);
		read_type(curl, answer_out);
	}
	curl_slist_free_all(hosts);
	curl_slist_free_all(header);
	curl_easy_cleanup(curl);
	if (answer_out->body.overflow)
		return err_set(err, ERR_LIMIT, "the answer of %s is longer than %d octets", request->host, WEB_ANSWER_MAX);
	if (code != CURLE_OK)
		return err_set(err, ERR_TEMPORARY, "%s: %s", request->host,
		               reason[0] != '\0' ? reason : curl_easy_strerror(code));
	return 0;
}
